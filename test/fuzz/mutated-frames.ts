/**
 * T6 of reference/reliability.md, first tier: mutated frames into a target, each judged a second time by
 * frame-walk.ts.
 *
 *   whole       its handler is reached once, with the API and version of the frame
 *   malformed   no handler, not a byte of answer, and the connection ends
 *
 * Frames come whole, cut into two reads, or with a length that lies. Bytes of earlier frames lie
 * behind them in the receive arena, so that reading beyond the end would not fail by itself.
 */
import { handlers } from '../../net/handlers/index.ts'
import { FrameRandom } from './frame-random.ts'
import { FrameWalk } from './frame-walk.ts'
import {
  type Fate,
  FUZZ_FRAME_BYTES_MAX,
  FuzzFailure,
  type FuzzTarget,
  newFate,
  resetFate,
} from './fuzz-target.ts'
import { busyMs } from './memory.ts'
import { MUTATED_BYTES_MAX, MutatedFrame } from './mutate.ts'
import { type SeedGroup, servedVersions } from './seed-frames.ts'
import type { Tally } from './tally.ts'

const LENGTH_BYTES = 4
const FRAME_BYTES_MIN = 8
const REPEATS = 4

export class MutatedFrames {
  /** Longest time the target took for one, each of several times, in milliseconds. */
  slowestMs = 0
  private readonly groups: readonly SeedGroup[]
  private readonly tally: Tally
  private readonly random: FrameRandom
  private readonly walk = new FrameWalk(servedVersions(handlers))
  private readonly wire = Buffer.alloc(LENGTH_BYTES + MUTATED_BYTES_MAX)
  private readonly frame = new MutatedFrame(this.wire, LENGTH_BYTES)
  private readonly due = newFate()

  constructor(groups: readonly SeedGroup[], tally: Tally, seed: number) {
    this.groups = groups
    this.tally = tally
    this.random = new FrameRandom(seed)
  }

  /** The bytes of one frame of the run, length included: a view until the next call. */
  make(number: number): Buffer {
    const { random, groups, frame, wire } = this
    random.begin(number)
    const group = groups[number % groups.length]!
    frame.mutate(random, random.pick(group.frames), random.pick(random.pick(groups).frames))
    wire.writeInt32BE(random.once(50) ? this.lie(frame.size) : frame.size, 0)
    return wire.subarray(0, LENGTH_BYTES + frame.size)
  }

  /** Makes one frame and gives it to the target. Throws FuzzFailure. */
  step(number: number, target: FuzzTarget): void {
    const bytes = this.make(number)
    const cut = this.random.once(4) ? 1 + this.random.int(bytes.length) : 0
    const tally = this.tally.of(number % this.groups.length)
    tally.frames++
    if (this.send(target, bytes, cut).taken.length > 0) tally.whole++
  }

  /** Gives bytes to the target and compares; returns what was due. Throws FuzzFailure. */
  send(target: FuzzTarget, bytes: Buffer, cut: number): Fate {
    const due = this.foresee(bytes)
    const startedMs = performance.now()
    let fate: Fate
    try {
      fate = target.feed(bytes, bytes.length, cut)
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
      throw new FuzzFailure(`cut at ${cut}, the broker threw ${what}`, bytes)
    }
    const tookMs = performance.now() - startedMs
    const problem = differenceOf(due, fate)
    if (problem !== null) throw new FuzzFailure(`cut at ${cut}: ${problem}`, bytes)
    if (tookMs > this.slowestMs) this.slowestMs = this.quickest(target, bytes, tookMs)
    return due
  }

  /** Of several times: once may be the machine's doing. */
  private quickest(target: FuzzTarget, bytes: Buffer, firstMs: number): number {
    let ms = firstMs
    for (let again = 0; again < REPEATS && ms > this.slowestMs; again++)
      ms = Math.min(
        ms,
        busyMs(() => void target.feed(bytes, bytes.length, 0)),
      )
    return Math.max(ms, this.slowestMs)
  }

  /** What a broker must do with these bytes, by the second reading. */
  foresee(wire: Buffer): Fate {
    const { due } = this
    resetFate(due)
    for (let at = 0; at < wire.length; ) {
      due.partial = wire.length - at < LENGTH_BYTES
      if (due.partial) return due
      const length = wire.readInt32BE(at)
      due.closed = length < FRAME_BYTES_MIN || length > FUZZ_FRAME_BYTES_MAX
      if (due.closed) return due
      const end = at + LENGTH_BYTES + length
      due.partial = end > wire.length
      if (due.partial) return due
      const verdict = this.walk.judge(wire, at + LENGTH_BYTES, end)
      due.closed = verdict === 'malformed'
      if (due.closed) return due
      if (verdict === 'other-version') due.answers++
      else due.taken.push(wire.readInt16BE(at + 4) * 1_000 + wire.readInt16BE(at + 6))
      at = end
    }
    return due
  }

  /** A length that is not the frame's. */
  private lie(size: number): number {
    const { random } = this
    const lengths = [
      0,
      7,
      -1,
      -0x80000000,
      0x7fffffff,
      FUZZ_FRAME_BYTES_MAX + 1,
      size + 1,
      size + 70_000,
    ]
    return random.once(4) ? random.int(size + 1) : random.pick(lengths)
  }
}

function differenceOf(due: Fate, fate: Fate): string | null {
  const taken = due.taken.length
  if (fate.taken.length !== taken || fate.taken.some((call, at) => call !== due.taken[at]))
    return `handlers reached: ${fate.taken.join() || 'none'}; due: ${due.taken.join() || 'none'}`
  if (fate.closed !== due.closed)
    return due.closed ? 'the connection stays open' : 'the connection ended without cause'
  // An answer that is due may go down with what ended the connection behind it.
  const lost = due.closed ? due.answers - fate.answers : 0
  if (lost < 0 || fate.answers + lost !== due.answers)
    return `${fate.answers} answers where ${due.answers} are due`
  if (fate.partial !== due.partial) return `waits for more: ${fate.partial}; due: ${due.partial}`
  return null
}

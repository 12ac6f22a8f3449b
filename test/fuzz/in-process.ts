/** The checks of T6 that need no other process: each returns what it counted, or throws. */
import { handlers } from '../../net/handlers/index.ts'
import { require } from '../stress/lane-checks.ts'
import { ConnectionTarget } from './connection-target.ts'
import { corpus } from './corpus.ts'
import { DecoderTarget } from './decoder-target.ts'
import { FuzzFailure, type FuzzTarget, type Note, replayLines } from './fuzz-target.ts'
import { HandledFrames } from './handled-frames.ts'
import { inMib, residentBytes } from './memory.ts'
import { bombsOf, largestOf } from './message-bombs.ts'
import { MutatedFrames } from './mutated-frames.ts'
import { type SeedGroup, seedGroups } from './seed-frames.ts'
import { Tally } from './tally.ts'

/** One frame in so many goes through a whole connection, and one through the handlers. */
const CONNECTION_SHARE = 20
const HANDLER_SHARE = 400
/** The event loop goes on after so many frames. */
const FRAMES_AT_ONCE = 20_000
/** Before memory is first measured: by then code is compiled and pools are filled. */
const WARM_FRAMES = 300_000
const RSS_RISE_MAX = 64 * 1024 * 1024
export const STALL_MS_MAX = 100

export interface InProcessOptions {
  readonly frames: number
  readonly seconds: number
  readonly seed: number
  /** What is recorded of the run. */
  readonly note: Note
}

export class InProcessFuzz {
  readonly groups: readonly SeedGroup[] = seedGroups(handlers)
  readonly tally = new Tally(this.groups)
  private readonly options: InProcessOptions
  private readonly mutated: MutatedFrames
  private readonly decoder: FuzzTarget = new DecoderTarget(handlers)
  private readonly connection: FuzzTarget = new ConnectionTarget(handlers)

  constructor(options: InProcessOptions) {
    this.options = options
    this.mutated = new MutatedFrames(this.groups, this.tally, options.seed)
  }

  /** Everything that once found a defect. */
  async replayCorpus(): Promise<string> {
    const cases = corpus()
    for (const { frames } of cases)
      for (const bytes of frames)
        for (const target of [this.decoder, this.connection]) this.mutated.send(target, bytes, 0)
    const handled = new HandledFrames(this.mutated, new Tally(this.groups))
    for (const { frames } of cases) await handled.one(frames)
    await handled.stop()
    return `${cases.length} cases`
  }

  /** Every seed, cut into two reads at every byte. */
  splits(every: number): string {
    let splits = 0
    let at = 0
    for (const { frames } of this.groups)
      for (const { bytes } of frames) {
        const wire = withLength(bytes)
        for (let cut = 1; cut < wire.length; cut++) {
          if (at++ % every !== 0) continue
          this.mutated.send(this.decoder, wire, cut)
          if (splits++ % CONNECTION_SHARE === 0) this.mutated.send(this.connection, wire, cut)
        }
      }
    return `${splits} splits of every seed frame`
  }

  /**
   * Counts that their bytes back, in every array of every version (`every` 1) or of some; as many as fit
   * into the time, beginning elsewhere with each seed.
   */
  bombs(every: number, seconds: number): string {
    const untilMs = performance.now() + seconds * 1_000
    const { groups, options } = this
    let bombs = 0
    let versions = 0
    let slowestMs = 0
    let slowest = ''
    for (let at = 0; at < groups.length && performance.now() < untilMs; at += every) {
      const { apiKey, version, name } = groups[(at + options.seed) % groups.length]!
      versions++
      for (const list of [bombsOf(apiKey, version), largestOf(apiKey, version, LARGEST)])
        for (const bomb of list) {
          const ms = this.sendTimed(bomb.bytes)
          bombs++
          if (ms > slowestMs) slowest = `${name}, ${bomb.name}`
          slowestMs = Math.max(slowestMs, ms)
        }
    }
    require(slowestMs < STALL_MS_MAX, () => `${slowest} took ${slowestMs.toFixed(0)} ms`)
    options.note('bombs of counts and lengths', bombs)
    return `${bombs} bombs for ${versions} API versions, slowest ${slowestMs.toFixed(1)} ms (${slowest})`
  }

  /** The bulk: decoders and connections, until the frames or the seconds are used up. */
  async mutate(frames: number, seconds: number): Promise<string> {
    const { mutated, options } = this
    const untilMs = performance.now() + seconds * 1_000
    const stackTraceLimit = Error.stackTraceLimit
    // A refusal is an exception; its stack is the dearest part of it and nobody looks at it.
    Error.stackTraceLimit = 0
    let number = 0
    let warmBytes = 0
    try {
      while (number < frames && performance.now() < untilMs) {
        const end = Math.min(frames, number + FRAMES_AT_ONCE)
        for (; number < end; number++) this.step(number)
        if (warmBytes === 0 && number >= Math.min(WARM_FRAMES, frames)) warmBytes = residentBytes()
        await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
    const rise = residentBytes() - warmBytes
    require(rise < RSS_RISE_MAX, () => `resident memory rose by ${inMib(rise)}`)
    const slow = mutated.slowestMs
    require(slow < STALL_MS_MAX, () => `a frame took ${slow.toFixed(0)} ms each time`)
    requireHalf(number, frames, options)
    options.note('mutated frames in process', number)
    options.note('memory up by', inMib(rise))
    options.note('slowest frame', `${slow.toFixed(1)} ms`)
    return (
      `${number} mutated frames, one in ${CONNECTION_SHARE} through whole connections; ` +
      `memory ${inMib(rise)} up, slowest frame ${slow.toFixed(1)} ms`
    )
  }

  /** A share of the same frames through the handlers of a broker in this thread. */
  async handle(frames: number, seconds: number): Promise<string> {
    const handled = new HandledFrames(this.mutated, this.tally)
    const untilMs = performance.now() + seconds * 1_000
    const { counts } = handled
    let number = 0
    let warmBytes = 0
    while (counts.frames < frames && performance.now() < untilMs) {
      number = await this.orReplay(number, () => handled.step(number))
      if (warmBytes === 0 && counts.frames > frames / 3) warmBytes = residentBytes()
    }
    await handled.stop()
    const rise = residentBytes() - warmBytes
    require(rise < RSS_RISE_MAX, () => `resident memory rose by ${inMib(rise)}`)
    const slow = counts.slowestMs
    require(slow < STALL_MS_MAX, () =>
      `frame ${counts.slowest} held the loop for ${slow.toFixed(0)} ms`)
    requireHalf(counts.frames, frames, this.options)
    this.options.note('frames through the handlers', counts.frames)
    return (
      `${counts.frames} frames, ${counts.whole} whole: ${counts.answered} answered, ` +
      `${counts.waiting} waiting, ${counts.hungUp} hung up on; ${counts.leftOut} left out as too ` +
      `costly; memory ${inMib(rise)} up, longest turn ${slow.toFixed(1)} ms`
    )
  }

  coverage(): string {
    const { tally } = this
    const uncovered = tally.uncovered()
    require(uncovered.length === 0, () => `never whole, or never refused: ${uncovered.join(', ')}`)
    this.options.note('API versions', this.groups.length)
    return `${this.groups.length} API versions`
  }

  /** One frame of the run again, through everything. */
  async replay(number: number): Promise<string> {
    const bytes = Buffer.from(this.mutated.make(number))
    console.log(`frame ${number}: ${bytes.toString('hex')}`)
    for (const target of [this.decoder, this.connection]) this.mutated.step(number, target)
    const handled = new HandledFrames(this.mutated, this.tally)
    await handled.one([bytes])
    await handled.stop()
    return this.groups[number % this.groups.length]!.name
  }

  handlerFrames(): number {
    return Math.ceil(this.options.frames / HANDLER_SHARE)
  }

  private step(number: number): void {
    const target = number % CONNECTION_SHARE === 0 ? this.connection : this.decoder
    try {
      this.mutated.step(number, target)
    } catch (error) {
      throw explained(error, this.options.seed, number)
    }
  }

  private async orReplay<T>(number: number, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw explained(error, this.options.seed, number)
    }
  }

  private sendTimed(bytes: Buffer): number {
    this.mutated.slowestMs = 0
    this.mutated.send(this.decoder, bytes, 0)
    const { slowestMs } = this.mutated
    this.mutated.slowestMs = 0
    return slowestMs
  }
}

/** Elements of the largest requests that are in order. */
const LARGEST = 90_000

function explained(error: unknown, seed: number, number: number): Error {
  if (!(error instanceof FuzzFailure)) return error as Error
  return new Error(replayLines(seed, error.number ?? number, error))
}

/** Short of half of the target a run says too little; unless it was asked to be short. */
function requireHalf(reached: number, target: number, { seconds }: InProcessOptions): void {
  require(reached * 2 >= target, () =>
    `${reached} frames in ${seconds} s are less than half of ${target}`)
}

function withLength(bytes: Buffer): Buffer {
  const wire = Buffer.alloc(4 + bytes.length)
  wire.writeInt32BE(bytes.length)
  bytes.copy(wire, 4)
  return wire
}

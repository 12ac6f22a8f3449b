/** The checks of T6 against a broker of its own, with producers and consumers at work beside. */
import { handlers } from '../../net/handlers/index.ts'
import { Bystanders, type Latencies } from '../stress/bystanders.ts'
import { require } from '../stress/lane-checks.ts'
import { type KeptBytes, ProbedBroker } from '../stress/probed-broker.ts'
import { FUZZ_FRAME_BYTES_MAX, FuzzFailure, type Note, replayLines } from './fuzz-target.ts'
import { STALL_MS_MAX } from './in-process.ts'
import { inMib } from './memory.ts'
import { MutatedFrames } from './mutated-frames.ts'
import { seedGroups } from './seed-frames.ts'
import { SocketFrames } from './socket-frames.ts'
import { Tally } from './tally.ts'

const RSS_RISE_MAX = 64 * 1024 * 1024
/** Share of the frames after which memory is first measured: pools are filled by then. */
const WARM_SHARE = 0.15

export interface SocketOptions {
  readonly frames: number
  readonly seconds: number
  readonly seed: number
  readonly compiled: boolean
  readonly note: Note
}

export async function fuzzSockets(options: SocketOptions): Promise<string> {
  const { frames, seconds, seed, compiled } = options
  const broker = await ProbedBroker.launch({
    compiled,
    overrides: {
      'sluice.shards': '2',
      'auto.create.topics.enable': 'false',
      'socket.request.max.bytes': String(FUZZ_FRAME_BYTES_MAX),
    },
  })
  try {
    const bystanders = await Bystanders.start(broker.address)
    const groups = seedGroups(handlers)
    const mutated = new MutatedFrames(groups, new Tally(groups), seed)
    const sender = new SocketFrames(mutated, broker.address)
    const warm = Math.ceil(frames * WARM_SHARE)
    await orReplay(seed, () => sender.run(warm, seconds * WARM_SHARE))
    const before = await broker.keptBytes()
    bystanders.latencies()
    await orReplay(seed, () => sender.run(frames, seconds * (1 - WARM_SHARE)))
    const beside = bystanders.latencies()
    const records = await bystanders.stop()
    const rise = riseOf(before, await broker.keptBytes())
    const { counts } = sender
    judge(broker, rise)
    require(counts.frames * 2 >= frames, () =>
      `${counts.frames} frames are less than half of ${frames}`)
    await broker.stop()
    options.note('frames over sockets', counts.frames)
    options.note('records of others beside them', records)
    return (
      `${counts.frames} frames on ${counts.connections} connections: ${counts.closed} ended, ` +
      `${counts.answered} answered, ${counts.waited} waiting, ${counts.leftOut} left out; memory ` +
      `${riseInWords(rise)}, ${gapOf(broker)}; beside them ${records} records, ${latencyOf(beside)}`
    )
  } finally {
    await broker.remove()
  }
}

export function riseOf(before: KeptBytes, after: KeptBytes): KeptBytes {
  return { resident: after.resident - before.resident, kept: after.kept - before.kept }
}

export function riseInWords({ resident, kept }: KeptBytes): string {
  return `${inMib(kept)} up (${inMib(resident)} with V8's young generations)`
}

/** What must hold of a broker after any of this. */
export function judge(broker: ProbedBroker, { kept }: KeptBytes): void {
  const errors = broker.logLines('ERROR')
  require(errors.length === 0, () => `the log complains: ${errors.slice(0, 5).join('\n')}`)
  require(kept < RSS_RISE_MAX, () => `resident memory rose by ${inMib(kept)}`)
  const { ownMs } = broker.longestGap()
  require(ownMs < STALL_MS_MAX, () => `a loop was held for ${ownMs.toFixed(0)} ms`)
}

export function gapOf(broker: ProbedBroker): string {
  const { ownMs, gapMs } = broker.longestGap()
  return `longest loop gap ${ownMs.toFixed(0)} ms (${gapMs.toFixed(0)} with the machine's part)`
}

export function latencyOf({ answers, p50Ms, p99Ms, slowestMs }: Latencies): string {
  const ms = [p50Ms, p99Ms, slowestMs].map((each) => each.toFixed(1)).join('/')
  return `${answers} answers in ${ms} ms (p50/p99/max)`
}

async function orReplay(seed: number, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error
    throw new Error(replayLines(seed, error.number ?? 0, error))
  }
}

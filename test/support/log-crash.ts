/**
 * Crash testing of the log: a seeded workload on a simulated disk, a power loss at sampled calls with a
 * sampled legal outcome, recovery, and what must then hold:
 *
 *   - everything acknowledged is there, byte for byte; what is behind it is a prefix of what was written
 *   - segments, indexes, snapshots, transaction index and epochs are what the batches say (check.ts)
 *   - a second recovery changes nothing, and a crash during recovery is recovered like any other
 *   - the log opens, goes on, and closes clean
 *
 * A workload goes on from one of its own crash states for some generations.
 */
import { silentLogger } from '../../engine/base/logger.ts'
import { type Disk, DiskError } from '../../engine/log/disk.ts'
import { Log } from '../../engine/log/log.ts'
import type { LogOptions } from '../../engine/log/log-options.ts'
import { PageWindow } from '../../engine/log/page-window.ts'
import { recoverLog } from '../../engine/log/recovery.ts'
import { buildEndTransactionMarker } from '../../engine/record/control.ts'
import {
  CLIENT,
  LOG_DIR,
  labelled,
  logParameters,
  NOW_MS,
  problemsOf,
  readAll,
  SMALL,
  TestClock,
} from './log-rig.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import type { FaultKind } from './simulated-faults.ts'

export interface CrashPlan {
  readonly seed: number
  readonly flushMode: LogOptions['flushMode']
  /** Steps of the workload in each generation. */
  readonly steps: number
  readonly generations: number
  /** Crash states looked at per generation. */
  readonly states: number
  /** One call in each generation fails: error, full disk, short write, failed sync. */
  readonly faults?: boolean
  /** What the log runs on, for planted bugs; recovery always has the honest disk. */
  readonly wrap?: (disk: SimulatedDisk) => Disk
  /** Which end counts as acknowledged once a sync resolves; a planted bug says `written`. */
  readonly acknowledge?: 'synced' | 'written'
}

export interface CrashResult {
  states: number
  /** One line each; none when all is well. */
  readonly failures: string[]
}

/** What the world knows at one moment. */
interface Knowledge {
  /** Exclusive end of what was acknowledged. */
  acknowledged: number
  /** As in the checkpoint files. */
  recoveryPoint: number
  logStartCheckpoint: number
  /** Log start in memory: what is below may be gone. */
  logStart: number
}

interface CrashState {
  readonly disk: SimulatedDisk
  readonly known: Knowledge
  readonly call: string
}

const OPTIONS: LogOptions = {
  ...SMALL,
  segmentBytes: 700,
  indexIntervalBytes: 150,
  retentionBytes: 2_500,
  fileDeleteDelayMs: 10,
}

export async function runCrashPlan(plan: CrashPlan, result: CrashResult): Promise<void> {
  const random = seededRandom(plan.seed)
  const run = new Workload(plan, random)
  let disk = SimulatedDisk.holding({ '/data/meta.properties': '' }, { seed: plan.seed })
  for (let generation = 0; generation < plan.generations; generation++) {
    const crashes = await run.generation(disk)
    // Its own copy: judging a state goes on with it.
    const next = { disk: crashes.at(-1)!.disk.crash(1), known: crashes.at(-1)!.known }
    const kept = sample(crashes, plan.states, random)
    for (const crash of kept) {
      result.states++
      const failure = await judge(crash, run, random)
      if (failure === null) continue
      result.failures.push(
        `seed ${plan.seed} ${plan.flushMode} generation ${generation} at ${crash.call}: ${failure}`,
      )
      return
    }
    disk = next.disk
    await run.continueAfter(disk, next.known)
  }
}

class Workload {
  readonly options: LogOptions
  /** Whole batches as appended, by base offset, of the current history. */
  batches = new Map<number, Buffer>()
  private readonly plan: CrashPlan
  private readonly random: SeededRandom
  private readonly clock = new TestClock()
  private known: Knowledge = {
    acknowledged: 0,
    recoveryPoint: 0,
    logStartCheckpoint: 0,
    logStart: 0,
  }
  private label = 0
  /** Next sequence by producer, and those with an open transaction. */
  private sequences = new Map<number, number>()
  private readonly openTransactions = new Set<number>()
  private leaderEpoch = 0
  private log: Log | null = null
  /** The injected fault that ended the generation. */
  private fault: string | null = null

  constructor(plan: CrashPlan, random: SeededRandom) {
    this.plan = plan
    this.random = random
    this.options = { ...OPTIONS, flushMode: plan.flushMode }
  }

  /** Runs the steps, taking crash states on the way. */
  async generation(disk: SimulatedDisk): Promise<CrashState[]> {
    const { plan, random } = this
    const crashes: CrashState[] = []
    const chance = Math.min(1, (plan.states * 3) / (plan.steps * 12))
    disk.onCall = (operation, path) => {
      if (!random.chance(chance)) return
      const call = `call ${disk.calls} ${operation} ${path}`
      crashes.push({ disk: disk.crash(random.int(1 << 30)), known: { ...this.known }, call })
    }
    await this.work(disk, plan.wrap?.(disk) ?? disk)
    disk.clearFaults()
    const call = this.fault ?? 'the end'
    crashes.push({ disk: disk.crash(random.int(1 << 30)), known: { ...this.known }, call })
    disk.onCall = null
    await this.log?.close('abandon')
    return crashes
  }

  /** The steps; an injected fault may end them early. */
  private async work(disk: SimulatedDisk, under: Disk): Promise<void> {
    const { plan, random } = this
    this.fault = null
    try {
      this.log = await this.open(under)
      if (plan.faults === true) this.inject(disk)
      for (let step = 0; step < plan.steps; step++) {
        if (random.chance(0.04)) {
          await this.log.close('clean')
          this.note(this.log)
          this.log = await this.open(under)
        } else await this.step(this.log)
        if (this.log.suspended !== null && !(await this.log.resume())) break
      }
    } catch (error) {
      if (!(plan.faults === true && error instanceof DiskError)) throw error
      this.fault = `after ${error.message}`
    }
  }

  private inject(disk: SimulatedDisk): void {
    const { random } = this
    const faults: FaultKind[] = [
      { kind: 'error', code: 'EIO' },
      { kind: 'error', code: 'ENOSPC' },
      { kind: 'error', code: 'EROFS' },
      { kind: 'short-write', code: 'ENOSPC' },
      { kind: 'short-write', code: 'EIO', bytes: 10 },
      { kind: 'sync-failure', mode: 'kept' },
      { kind: 'sync-failure', mode: 'lost' },
    ]
    const fault = faults[random.int(faults.length)]!
    const at = 1 + random.int(40)
    if (fault.kind === 'short-write') disk.inject({ at, operation: 'write', fault })
    else if (fault.kind === 'sync-failure') disk.inject({ at, operation: 'sync', fault })
    else disk.inject({ at: at * 8, fault })
  }

  /** Recovers the disk and forgets what did not survive. */
  async continueAfter(disk: SimulatedDisk, known: Knowledge): Promise<void> {
    const found = await disk.stat(LOG_DIR)
    let end = 0
    if (found !== null) end = (await recoverAfter(disk, known, this.options)).logEndOffset
    for (const baseOffset of [...this.batches.keys()])
      if (baseOffset >= end) this.batches.delete(baseOffset)
    this.known = { ...known, acknowledged: end, recoveryPoint: Math.min(known.recoveryPoint, end) }
    this.leaderEpoch++
    // Fresh producers: what the old ones had in flight is none of this history.
    this.sequences = new Map()
    this.openTransactions.clear()
    this.producerBase += 10
  }

  private producerBase = 0

  private open(disk: Disk): Promise<Log> {
    // Small, so that it has something to say to the disk all the time.
    const pageWindow = new PageWindow(this.clock, 1_000, 200)
    const { clock } = this
    const more = { clock, pageWindow, logStartOffset: this.known.logStartCheckpoint }
    return Log.open(logParameters(disk, this.options, more))
  }

  private async step(log: Log): Promise<void> {
    const { random } = this
    this.clock.pass(random.int(20))
    const draw = random.int(100)
    if (draw < 55) this.turn(log)
    else if (draw < 70) this.startSync(log).catch((error: unknown) => this.tolerate(error))
    else if (draw < 78) await this.startSync(log)
    else if (draw < 82) log.rollNow()
    else if (draw < 86) this.checkpoint(log)
    else if (draw < 90) {
      const span = log.syncedEndOffset - log.logStartOffset
      if (span > 0) log.deleteRecordsBefore(log.logStartOffset + random.int(span + 1))
      this.known.logStart = Math.max(this.known.logStart, log.logStartOffset)
    } else if (draw < 94) await this.retention(log)
    else if (draw < 96) await log.purgeDeleted(this.clock.monotonicMs())
    else if (draw < 98) this.leaderEpoch++
    else await null
  }

  /** Some batches, written together. */
  private turn(log: Log): void {
    for (let count = 1 + this.random.int(4); count > 0; count--) {
      const batch = this.nextBatch()
      const control = (batch.readInt16BE(21) & 0x20) !== 0
      const origin = { ...CLIENT, leaderEpoch: this.leaderEpoch }
      const { errorCode, baseOffset } = log.append(
        batch,
        control ? { ...origin, kind: 'coordinator' } : origin,
      )
      const failed = log.failed ?? log.suspended
      if (errorCode !== 0) throw failed ?? new Error(`append answered ${errorCode}`)
      this.batches.set(baseOffset, Buffer.from(batch))
    }
    log.writeStaged()
  }

  private nextBatch(): Buffer {
    const { random } = this
    const label = `${this.label++}`.padEnd(4 + random.int(150), 'x')
    const timestamp = NOW_MS + random.int(100_000)
    const producerId = 1 + this.producerBase + random.int(3)
    const kind = random.int(10)
    if (this.openTransactions.has(producerId) && kind < 5) {
      this.openTransactions.delete(producerId)
      const type = random.chance(0.5) ? 'abort' : 'commit'
      const fields = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp }
      return buildEndTransactionMarker({ type, ...fields })
    }
    if (kind < 4) return labelled(label, 1 + random.int(3))
    if (kind < 5) return labelled(label, 1, { lastOffsetDelta: random.int(5) })
    const count = 1 + random.int(2)
    const baseSequence = this.sequences.get(producerId) ?? 0
    this.sequences.set(producerId, baseSequence + count)
    const isTransactional = this.openTransactions.has(producerId) || random.chance(0.5)
    if (isTransactional) this.openTransactions.add(producerId)
    return labelled(label, count, { producerId, producerEpoch: 0, baseSequence, isTransactional })
  }

  private async startSync(log: Log): Promise<void> {
    const written = log.logEndOffset
    await log.sync()
    const { acknowledge } = this.plan
    if (acknowledge === 'written') this.known.acknowledged = log.logEndOffset
    else this.note(log)
    if (log.syncedEndOffset < written) throw new Error('a sync left out what was written before it')
  }

  /** A failure that nobody waits for shows again at the next call. */
  private tolerate(error: unknown): void {
    if (!(this.plan.faults === true && error instanceof DiskError)) throw error
  }

  private note(log: Log): void {
    this.known.acknowledged = Math.max(this.known.acknowledged, log.syncedEndOffset)
  }

  private checkpoint(log: Log): void {
    this.known.recoveryPoint = log.recoveryPoint
    if (this.random.chance(0.5)) this.known.logStartCheckpoint = log.logStartOffset
  }

  private async retention(log: Log): Promise<void> {
    const running = log.runRetention(NOW_MS, log.syncedEndOffset)
    // The start moves while it runs; from the first removal on what is below may be gone.
    this.known.logStart = Number.MAX_SAFE_INTEGER
    await running
    this.known.logStart = log.logStartOffset
  }
}

function recoverAfter(disk: Disk, known: Knowledge, options: LogOptions) {
  return recoverLog(disk, LOG_DIR, {
    recoveryPoint: known.recoveryPoint,
    logStartOffset: known.logStartCheckpoint,
    indexIntervalBytes: options.indexIntervalBytes,
    segmentIndexBytes: options.segmentIndexBytes,
    producerIdExpirationMs: options.producerIdExpirationMs,
    nowMs: NOW_MS,
    logger: silentLogger,
  })
}

/** null, or what is wrong after the crash. */
async function judge(
  crash: CrashState,
  run: Workload,
  random: SeededRandom,
): Promise<string | null> {
  let { disk } = crash
  const { known } = crash
  try {
    if ((await disk.stat(LOG_DIR)) === null)
      return known.acknowledged === 0 ? null : `no folder, ${known.acknowledged} acknowledged`
    if (random.chance(0.2)) disk = await crashInRecovery(disk, known, run.options, random)
    const { logEndOffset } = await recoverAfter(disk, known, run.options)
    if (logEndOffset < known.acknowledged)
      return `the log ends at ${logEndOffset}, ${known.acknowledged} was acknowledged`
    const problems = await problemsOf(disk, {
      indexIntervalBytes: run.options.indexIntervalBytes,
    })
    if (problems.length > 0) return problems.join('; ')
    const first = disk.snapshot()
    await recoverAfter(disk, known, run.options)
    const changed = difference(first, disk.snapshot())
    if (changed !== null) return `a second recovery changed ${changed}`
    return await goOn(disk, known, run, logEndOffset)
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

/** Opens the recovered log, compares its batches with what was appended, appends, closes clean. */
async function goOn(
  disk: SimulatedDisk,
  known: Knowledge,
  run: Workload,
  logEndOffset: number,
): Promise<string | null> {
  const start = known.logStartCheckpoint
  const log = await Log.open(logParameters(disk, run.options, { logStartOffset: start }))
  if (log.logEndOffset !== logEndOffset)
    return `opens with end ${log.logEndOffset}, recovery said ${logEndOffset}`
  if (log.logStartOffset > Math.max(known.logStart, start))
    return `starts at ${log.logStartOffset}, only below ${known.logStart} may be gone`
  let next = -1
  for (const { baseOffset, lastOffset, bytes } of await readAll(log, log.logStartOffset, 500)) {
    if (next >= 0 && baseOffset !== next) return `offset ${baseOffset} follows ${next}`
    if (run.batches.get(baseOffset)?.equals(bytes) !== true)
      return `the batch at ${baseOffset} is not what was written`
    next = lastOffset + 1
  }
  if (next >= 0 && next !== logEndOffset) return `reading ends at ${next} of ${logEndOffset}`
  log.append(labelled('afterwards'), { ...CLIENT, leaderEpoch: 99 })
  log.writeStaged()
  await log.close('clean')
  const problems = await problemsOf(disk, { indexIntervalBytes: run.options.indexIntervalBytes })
  return problems.length > 0 ? `after going on: ${problems.join('; ')}` : null
}

/** A crash at a drawn call of the recovery itself. */
async function crashInRecovery(
  disk: SimulatedDisk,
  known: Knowledge,
  options: LogOptions,
  random: SeededRandom,
): Promise<SimulatedDisk> {
  const states: SimulatedDisk[] = []
  disk.onCall = () => {
    if (random.chance(0.2)) states.push(disk.crash(random.int(1 << 30)))
  }
  await recoverAfter(disk, known, options)
  disk.onCall = null
  return states[random.int(Math.max(1, states.length))] ?? disk.crash(random.int(1 << 30))
}

function difference(
  before: ReadonlyMap<string, Buffer>,
  after: ReadonlyMap<string, Buffer>,
): string | null {
  for (const [path, bytes] of before) {
    const now = after.get(path)
    if (now === undefined) return `${path} (removed)`
    if (!now.equals(bytes)) return `${path}: ${show(bytes)} became ${show(now)}`
  }
  for (const path of after.keys()) if (!before.has(path)) return `${path} (new)`
  return null
}

/** Short enough for one line; small files of text as text. */
function show(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 200).toString('latin1'))
}

function sample<T>(all: readonly T[], count: number, random: SeededRandom): T[] {
  if (all.length <= count) return [...all]
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(random.int(all.length))
  return [...chosen].sort((a, b) => a - b).map((index) => all[index]!)
}

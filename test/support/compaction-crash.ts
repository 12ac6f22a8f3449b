/**
 * Crash testing of compaction: keyed records, tombstones and transactions are written and compacted on a
 * simulated disk; at sampled calls the power goes, with a sampled legal outcome. After recovery
 *
 *   - nothing acknowledged is missing: a reader ends up with exactly what was written up to the log's end,
 *     every record at its offset, as it was
 *   - indexes are what the batches say, nothing half swapped is left, a second recovery changes nothing
 *   - the log opens, compacts, and closes clean, and a reader still ends up with the same
 */
import { type Disk, DiskError } from '../../engine/log/disk.ts'
import type { Log } from '../../engine/log/log.ts'
import type { LogOptions } from '../../engine/log/log-options.ts'
import {
  batchAttributes,
  batchProducerId,
  batchRecordCount,
  isControl,
} from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { buildEndTransactionMarker } from '../../engine/record/control.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { closeActive, compact, NotDone } from './compact-rig.ts'
import {
  CLIENT,
  LOG_DIR,
  NOW_MS,
  openLog,
  problemsOf,
  readAll,
  recover,
  TestClock,
} from './log-rig.ts'
import { type SeededRandom, seededRandom } from './seeded-random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import type { FaultKind } from './simulated-faults.ts'

export interface CompactionCrashPlan {
  readonly seed: number
  readonly steps: number
  readonly generations: number
  /** Crash states looked at per generation. */
  readonly states: number
  /** One call in each generation fails. */
  readonly faults?: boolean
  /** What the log runs on, for planted bugs; recovery always has the honest disk. */
  readonly wrap?: (disk: SimulatedDisk) => Disk
}

export interface CompactionCrashResult {
  states: number
  /** States taken while a pass or its swap ran. */
  compacting: number
  readonly failures: string[]
}

interface Written {
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
  /** -1 outside a transaction. */
  readonly producerId: number
}

interface Known {
  readonly acknowledged: number
  readonly recoveryPoint: number
}

interface CrashState {
  readonly disk: SimulatedDisk
  readonly known: Known
  readonly call: string
}

const RETENTION_MS = 500
const OPTIONS: Partial<LogOptions> = {
  segmentBytes: 900,
  indexIntervalBytes: 150,
  cleanupPolicy: { delete: false, compact: true },
  deleteRetentionMs: RETENTION_MS,
  fileDeleteDelayMs: 10,
}

export async function runCompactionCrashes(
  plan: CompactionCrashPlan,
  result: CompactionCrashResult,
): Promise<void> {
  const random = seededRandom(plan.seed)
  const run = new Workload(plan, random)
  let disk = SimulatedDisk.holding({ '/data/meta.properties': '' }, { seed: plan.seed })
  for (let generation = 0; generation < plan.generations; generation++) {
    const crashes = await run.generation(disk)
    const last = crashes.at(-1)!
    const next = last.disk.crash(1)
    for (const crash of sample(crashes, plan.states, random)) {
      result.states++
      if (/cleaned|swap|deleted/.test(crash.call)) result.compacting++
      const failure = await judge(crash, run.history, random)
      if (failure === null) continue
      result.failures.push(`seed ${plan.seed} generation ${generation} ${crash.call}: ${failure}`)
      return
    }
    disk = next
    await run.continueAfter(disk, last.known)
  }
}

/** What was written, by offset; ends of transactions too. */
class History {
  readonly records = new Map<number, Written>()
  readonly markers = new Map<number, { producerId: number; type: 'commit' | 'abort' }>()

  cut(end: number): void {
    for (const map of [this.records, this.markers])
      for (const offset of [...map.keys()]) if (offset >= end) map.delete(offset)
  }

  /** Key → value and offset, as readers of committed records end up with, up to `end`. */
  state(end: number): Map<string, string> {
    const state = new Map<string, string>()
    const offsets = [...this.records.keys()].filter((offset) => offset < end)
    for (const offset of offsets.sort((a, b) => a - b)) {
      const record = this.records.get(offset)!
      if (this.isCommitted(offset, record.producerId, end)) apply(state, offset, record)
    }
    return state
  }

  isCommitted(offset: number, producerId: number, end: number): boolean {
    if (producerId < 0) return true
    for (const at of [...this.markers.keys()].sort((a, b) => a - b)) {
      const marker = this.markers.get(at)!
      if (at > offset && at < end && marker.producerId === producerId)
        return marker.type === 'commit'
    }
    return false
  }
}

function apply(state: Map<string, string>, offset: number, { key, value }: Written): void {
  if (value === null) state.delete(key)
  else state.set(key, `${value}@${offset}`)
}

class Workload {
  readonly history = new History()
  private readonly plan: CompactionCrashPlan
  private readonly random: SeededRandom
  private readonly clock = new TestClock()
  private log: Log | null = null
  private acknowledged = 0
  private recoveryPoint = 0
  private label = 0
  private producerBase = 0
  private readonly open = new Set<number>()
  private readonly sequences = new Map<number, number>()

  constructor(plan: CompactionCrashPlan, random: SeededRandom) {
    this.plan = plan
    this.random = random
  }

  async generation(disk: SimulatedDisk): Promise<CrashState[]> {
    const { plan, random } = this
    const crashes: CrashState[] = []
    const chance = Math.min(1, (plan.states * 3) / (plan.steps * 25))
    const take = (call: string): void => {
      const known = { acknowledged: this.acknowledged, recoveryPoint: this.recoveryPoint }
      crashes.push({ disk: disk.crash(random.int(1 << 30)), known, call })
    }
    disk.onCall = (operation, path) => {
      // The swap is what this is about, and a small part of all calls.
      const wanted = /cleaned|swap|deleted/.test(path) ? chance * 4 : chance
      if (random.chance(wanted)) take(`call ${disk.calls} ${operation} ${path}`)
    }
    await this.work(disk)
    disk.clearFaults()
    take('the end')
    disk.onCall = null
    await this.log?.close('abandon')
    return crashes
  }

  /** Recovers the disk and forgets what did not survive. */
  async continueAfter(disk: SimulatedDisk, known: Known): Promise<void> {
    const found = await disk.stat(LOG_DIR)
    const end = found === null ? 0 : (await recoverAfter(disk, known)).logEndOffset
    this.history.cut(end)
    this.acknowledged = end
    this.recoveryPoint = Math.min(known.recoveryPoint, end)
    this.producerBase += 10
    this.open.clear()
    this.sequences.clear()
  }

  private async work(disk: SimulatedDisk): Promise<void> {
    const { plan } = this
    try {
      const under = plan.wrap?.(disk) ?? disk
      this.log = await openLog(under, OPTIONS, { clock: this.clock })
      if (plan.faults === true) this.inject(disk)
      for (let step = 0; step < plan.steps; step++) await this.step(under, this.log)
    } catch (error) {
      const isFault = error instanceof DiskError || error instanceof NotDone
      if (plan.faults !== true || !isFault) throw error
    }
  }

  private inject(disk: SimulatedDisk): void {
    const { random } = this
    const faults: FaultKind[] = [
      { kind: 'error', code: 'EIO' },
      { kind: 'error', code: 'ENOSPC' },
      { kind: 'sync-failure', mode: 'lost' },
    ]
    const fault = faults[random.int(faults.length)]!
    const at = 1 + random.int(60)
    const path = /cleaned|swap/
    if (fault.kind === 'sync-failure') disk.inject({ at, operation: 'sync', fault })
    else disk.inject(random.chance(0.5) ? { at, path, fault } : { at: at * 8, fault })
  }

  private async step(disk: Disk, log: Log): Promise<void> {
    const { random } = this
    this.clock.pass(random.int(60))
    const draw = random.int(100)
    if (draw < 55) this.write(log)
    else if (draw < 65) await this.sync(log)
    else if (draw < 75) {
      await closeActive(log)
      this.acknowledged = Math.max(this.acknowledged, log.syncedEndOffset)
    } else if (draw < 80) this.recoveryPoint = log.recoveryPoint
    else if (draw < 95) {
      const mapBytes = [48, 120, 100_000][random.int(3)]!
      await compact(log, disk, { mapBytes, nowMs: this.clock.wallMs() })
    } else await log.purgeDeleted(this.clock.monotonicMs())
  }

  private async sync(log: Log): Promise<void> {
    await log.sync()
    this.acknowledged = Math.max(this.acknowledged, log.syncedEndOffset)
  }

  private write(log: Log): void {
    for (let count = 1 + this.random.int(3); count > 0; count--) this.append(log)
    log.writeStaged()
    log.onHighWatermark(log.logEndOffset)
  }

  private append(log: Log): void {
    const { random, history } = this
    const producerId = this.producerBase + random.int(3)
    const timestamp = NOW_MS + this.label
    if (this.open.has(producerId) && random.chance(0.5)) {
      this.open.delete(producerId)
      const type = random.chance(0.5) ? 'abort' : 'commit'
      const fields = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp }
      const marker = buildEndTransactionMarker({ type, ...fields })
      const { baseOffset } = log.append(marker, { ...CLIENT, kind: 'coordinator' })
      history.markers.set(baseOffset, { producerId, type })
      return
    }
    const records = Array.from({ length: 1 + random.int(3) }, () => ({
      key: Buffer.from(`key-${random.int(8)}`),
      value: random.chance(0.25) ? null : Buffer.from(`${this.label++}`.padEnd(random.int(60))),
      timestamp,
    }))
    const isPlain = random.chance(0.5)
    const baseSequence = this.sequences.get(producerId) ?? 0
    const more = { producerId, producerEpoch: 0, baseSequence, isTransactional: true }
    const batch = buildBatch({ records, ...(isPlain ? null : more) })
    const { errorCode, baseOffset } = log.append(batch, CLIENT)
    if (errorCode !== 0) throw log.failed ?? log.suspended ?? new Error(`refused: ${errorCode}`)
    if (!isPlain) {
      this.open.add(producerId)
      this.sequences.set(producerId, baseSequence + records.length)
    }
    for (const [index, { key, value }] of records.entries())
      history.records.set(baseOffset + index, {
        key: String(key),
        value: value === null ? null : String(value),
        timestamp,
        producerId: isPlain ? -1 : producerId,
      })
  }
}

function recoverAfter(disk: SimulatedDisk, known: Known) {
  return recover(disk, {
    recoveryPoint: known.recoveryPoint,
    indexIntervalBytes: 150,
    gapsAllowed: true,
  })
}

async function judge(
  crash: CrashState,
  history: History,
  random: SeededRandom,
): Promise<string | null> {
  const { known } = crash
  let { disk } = crash
  try {
    if ((await disk.stat(LOG_DIR)) === null)
      return known.acknowledged === 0 ? null : `no folder, ${known.acknowledged} acknowledged`
    if (random.chance(0.25)) disk = await crashInRecovery(disk, known, random)
    const { logEndOffset } = await recoverAfter(disk, known)
    if (logEndOffset < known.acknowledged)
      return `the log ends at ${logEndOffset}, ${known.acknowledged} was acknowledged`
    const left = (await disk.list(LOG_DIR)).filter((name) => /cleaned|swap|deleted/.test(name))
    if (left.length > 0) return `${left} are left`
    const problems = await folderProblems(disk)
    if (problems !== null) return problems
    const first = disk.snapshot()
    await recoverAfter(disk, known)
    for (const [path, bytes] of disk.snapshot())
      if (first.get(path)?.equals(bytes) !== true) return `a second recovery changed ${path}`
    return await goOn(disk, history, logEndOffset)
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

async function folderProblems(disk: SimulatedDisk): Promise<string | null> {
  const options = { indexIntervalBytes: 150, gapsAllowed: true, producers: false }
  const problems = await problemsOf(disk, options)
  return problems.length > 0 ? problems.join('; ') : null
}

async function goOn(
  disk: SimulatedDisk,
  history: History,
  logEndOffset: number,
): Promise<string | null> {
  const log = await openLog(disk, OPTIONS)
  if (log.logEndOffset !== logEndOffset) return `opens with end ${log.logEndOffset}`
  const expected = history.state(logEndOffset)
  const before = await difference(log, history, expected)
  if (before !== null) return before
  await closeActive(log)
  await compact(log, disk, { nowMs: NOW_MS + 1_000_000 })
  const after = await difference(log, history, expected)
  if (after !== null) return `after one more pass: ${after}`
  await log.close('clean')
  return await folderProblems(disk)
}

/** What a reader finds other than expected; null when all is well. */
async function difference(
  log: Log,
  history: History,
  expected: ReadonlyMap<string, string>,
): Promise<string | null> {
  const end = log.logEndOffset
  const aborted = log.abortedTransactions(0, end)
  const state = new Map<string, string>()
  for (const { bytes, baseOffset } of await readAll(log, log.logStartOffset, 500)) {
    const control = isControl(batchAttributes(bytes, 0))
    if (control || batchRecordCount(bytes, 0) === 0) continue
    const producerId = batchProducerId(bytes, 0)
    const isAborted = aborted.some(
      (each) =>
        each.producerId === producerId &&
        each.firstOffset <= baseOffset &&
        baseOffset < each.lastOffset,
    )
    for (const { offset, key, value, timestamp } of readRecords(bytes)) {
      const written = history.records.get(offset)
      const text = value === null ? null : String(value)
      if (written?.key !== String(key) || written.value !== text || written.timestamp !== timestamp)
        return `the record at ${offset} is not what was written`
      if (!isAborted && history.isCommitted(offset, producerId, end)) apply(state, offset, written)
    }
  }
  const [found, wanted] = [state, expected].map((map) => JSON.stringify([...map].sort()))
  return found === wanted ? null : `a reader ends up with ${found}, not ${wanted}`
}

async function crashInRecovery(
  disk: SimulatedDisk,
  known: Known,
  random: SeededRandom,
): Promise<SimulatedDisk> {
  const states: SimulatedDisk[] = []
  disk.onCall = () => {
    if (random.chance(0.2)) states.push(disk.crash(random.int(1 << 30)))
  }
  await recoverAfter(disk, known)
  disk.onCall = null
  return states[random.int(Math.max(1, states.length))] ?? disk.crash(random.int(1 << 30))
}

function sample<T>(all: readonly T[], count: number, random: SeededRandom): T[] {
  if (all.length <= count) return [...all]
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(random.int(all.length))
  return [...chosen].sort((a, b) => a - b).map((index) => all[index]!)
}

/**
 * T3: a disk that fails at any call. A workload is made once; then its second part, a start and some
 * operations, is run again for every k-th of its calls and every way to fail there (fault-kinds.ts). Held
 * against each run:
 *
 *   - no sync is asked for again after it failed
 *   - a write or sync that failed for good takes the whole data folder offline in the same tick: no log in it
 *     is written any more, its partitions answer KAFKA_STORAGE_ERROR
 *   - the other folders serve as if nothing had happened; without the first one the broker ends
 *   - a full disk refuses appends with a retriable error, everything else goes on, and so do appends when
 *     there is room again
 *   - whatever failed, the next start on an honest disk has what was promised (judge.ts)
 */
import { InvariantError } from '../../engine/base/assert.ts'
import { ApiError, ErrorCode } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import { type Logger, silentLogger } from '../../engine/base/logger.ts'
import { CorruptFile } from '../../engine/log/corrupt-file.ts'
import { DiskError } from '../../engine/log/disk.ts'
import { MetaStoreCorrupt } from '../../engine/metastore/embedded-store.ts'
import { StartRefused } from '../../net/data-folders.ts'
import { TestClock } from '../support/log-rig.ts'
import { type SeededRandom, seededRandom } from '../support/seeded-random.ts'
import { settled } from '../support/simulated-broker.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import type { Operation } from '../support/simulated-faults.ts'
import { drawKept } from '../support/simulated-tree.ts'
import { Driver } from './driver.ts'
import { FAULT_SORTS, type FaultSort } from './fault-kinds.ts'
import { judge } from './judge.ts'
import { RecoveryMemo } from './recovery-memo.ts'
import { drawOperations, drawShape, type PlannedOperation, type Shape } from './shape.ts'
import type { Failure } from './suite.ts'
import { World } from './world.ts'

export interface FaultPlanOptions {
  readonly seed: number
  /** Before the faults. */
  readonly preparation: number
  /** Run again for each fault. */
  readonly operations: number
  /** Faults tried, at calls spread over the run. */
  readonly points: number
  readonly only?: ReadonlySet<number>
  /** What the broker under the faults says, for a look at a failure. */
  readonly logger?: Logger
}

export interface FaultCounts {
  workloads: number
  points: number
  readonly bySort: Record<string, number>
}

export const FAULT_PLAN = { preparation: 20, operations: 10, points: 150 } as const

export function newFaultCounts(): FaultCounts {
  return { workloads: 0, points: 0, bySort: {} }
}

/** null when every run of the workload was in order. */
export async function runFaults(
  plan: FaultPlanOptions,
  counts: FaultCounts,
): Promise<Failure | null> {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    const message = await new FaultRun(plan, counts).run()
    counts.workloads++
    const all = Array.from({ length: plan.operations }, (_, index) => index)
    const operations = all.filter((index) => plan.only?.has(index) !== false)
    return message === null ? null : { message, operations }
  } finally {
    Error.stackTraceLimit = limit
  }
}

interface Call {
  readonly operation: Operation
  readonly path: string
}

class FaultRun {
  private readonly plan: FaultPlanOptions
  private readonly counts: FaultCounts
  private readonly shape: Shape
  private readonly random: SeededRandom
  private readonly memo = new RecoveryMemo()
  private readonly operations: PlannedOperation[]
  private base!: SimulatedDisk
  private world!: World
  private nowMs = 0

  constructor(plan: FaultPlanOptions, counts: FaultCounts) {
    this.plan = plan
    this.counts = counts
    const shape = drawShape(plan.seed)
    // Two folders, so that there is always one that must go on; restarts are the suite's own.
    const weights = { ...shape.weights, stop: 0, kill: 0, fetch: shape.weights.fetch + 10 }
    this.shape = { ...shape, folders: ['/d0', '/d1'], weights }
    this.random = seededRandom(plan.seed)
    this.operations = drawOperations(plan.seed * 11, plan.operations, this.shape).filter(
      (_, index) => plan.only?.has(index) !== false,
    )
  }

  async run(): Promise<string | null> {
    await this.prepare()
    const calls: Call[] = []
    const honest = new FaultPoint(this.parts(), null)
    honest.onCall = (operation, path) => void calls.push({ operation, path })
    const problem = await honest.run()
    if (problem !== null) return `without a fault: ${problem}`
    for (const { at, sort } of this.drawPoints(calls)) {
      const call = calls[at - 1]!
      this.counts.points++
      this.counts.bySort[sort.name] = (this.counts.bySort[sort.name] ?? 0) + 1
      const failure = await new FaultPoint(this.parts(), { at, sort, call }).run()
      if (failure !== null)
        return `${sort.name} at call ${at}, ${call.operation} ${call.path}: ${failure}`
    }
    return null
  }

  /** Some history on the disk, and what is known of it. */
  private async prepare(): Promise<void> {
    const { plan, shape } = this
    const disk = SimulatedDisk.holding({}, { seed: plan.seed })
    for (const folder of shape.folders) await disk.makeDir(folder)
    const world = new World()
    const clock = new TestClock()
    const more = { shape, world, seed: plan.seed, producerBase: 1_000 }
    const driver = new Driver({ disk, clock, logger: silentLogger, ...more })
    await driver.start()
    for (const operation of drawOperations(plan.seed * 7, plan.preparation, shape))
      await driver.run(operation)
    await driver.quiesce()
    if (this.random.chance(0.7)) await driver.broker.stop()
    const units = disk.tree.units()
    this.base = disk.crashKeeping(
      units,
      units.map(() => true),
    )
    for (const known of world.partitions.values()) known.durableEnd = known.ackedEnd
    for (const rising of world.offsets.values()) rising.durable = rising.acked
    this.world = world
    this.nowMs = clock.wall
  }

  private parts(): PointParts {
    const { base, world, shape, operations, memo, plan } = this
    const disk = base.crashKeeping([], [])
    const clock = new TestClock()
    clock.wall = this.nowMs
    const random = seededRandom(plan.seed + this.counts.points)
    const { seed, logger = silentLogger } = plan
    return { disk, world: world.fork(), clock, shape, operations, memo, random, seed, logger }
  }

  /** Spread evenly over calls and sorts, in a drawn order of sorts. */
  private drawPoints(calls: readonly Call[]): { at: number; sort: FaultSort }[] {
    const all: { at: number; sort: FaultSort }[] = []
    for (const [index, { operation }] of calls.entries())
      for (const sort of FAULT_SORTS) {
        if (sort.hits?.has(operation) === false) continue
        all.push({ at: index + 1, sort })
      }
    const stride = Math.max(1, all.length / this.plan.points)
    const chosen: { at: number; sort: FaultSort }[] = []
    for (let at = this.random.fraction() * stride; at < all.length; at += stride)
      chosen.push(all[Math.floor(at)]!)
    return chosen
  }
}

interface PointParts {
  readonly disk: SimulatedDisk
  readonly world: World
  readonly clock: TestClock
  readonly shape: Shape
  readonly operations: readonly PlannedOperation[]
  readonly memo: RecoveryMemo
  readonly random: SeededRandom
  readonly seed: number
  readonly logger: Logger
}

interface Planned {
  readonly at: number
  readonly sort: FaultSort
  readonly call: Call
}

/** Microtask turns within which a failure must have been drawn the consequences of. */
const SAME_TICK_TURNS = 12
/** What holds records: a failed write or sync of it condemns the data folder at once. */
const SEGMENT_PATH = /\/\d{20}\.(log|index|timeindex|txnindex)$/
const LOG_PATH = /\/\d{20}\.log$/

class FaultPoint {
  onCall: ((operation: Operation, path: string) => void) | null = null
  private readonly parts: PointParts
  private readonly planned: Planned | null
  private readonly driver: Driver
  private readonly folder: string
  /** The folder must be offline: set some turns after the call failed. */
  private condemned = false
  private problem: string | null = null

  constructor(parts: PointParts, planned: Planned | null) {
    this.parts = parts
    this.planned = planned
    this.folder = /^\/d\d/.exec(planned?.call.path ?? '')?.[0] ?? '/d0'
    const { disk, world, clock, shape, seed, logger } = parts
    this.driver = new Driver({
      disk,
      clock,
      logger,
      shape,
      world,
      seed: seed + 500,
      producerBase: 5_000,
      tolerates: (errorCode, folder) => this.tolerates(errorCode, folder),
    })
  }

  async run(): Promise<string | null> {
    const { disk } = this.parts
    disk.onCall = (operation, path) => {
      this.onCall?.(operation, path)
      if (this.condemned && operation === 'write' && this.liesInFolder(path) && LOG_PATH.test(path))
        this.problem ??= `${path} is written after its folder failed`
    }
    disk.onFault = (operation, path) => void this.afterFault(operation, path)
    if (this.planned !== null)
      for (const plan of this.planned.sort.plans(this.planned.at, this.folder)) disk.inject(plan)
    const isStarted = await this.drive()
    this.problem ??= this.driver.surprises[0] ?? null
    if (isStarted) await this.epilogue()
    disk.onCall = null
    const [retried] = disk.retriedSyncs
    if (retried !== undefined) this.problem ??= `${retried} is synced again after a failed sync`
    return this.problem ?? (await this.startAgain())
  }

  /** False when there is no broker to look at any more. */
  private async drive(): Promise<boolean> {
    const { driver } = this
    try {
      await driver.start()
    } catch (error) {
      if (!isRefusal(error) || this.planned === null)
        this.problem = `the start: ${error instanceof Error ? error.stack : error}`
      return false
    }
    for (const operation of this.parts.operations) {
      if (driver.broker.exitCode !== null || driver.surprises.length > 0) break
      try {
        await driver.run(operation)
      } catch (error) {
        if (error instanceof ApiError && this.tolerates(error.code, null)) continue
        // An index that was read wrong is noticed by the next entry, and ends the process.
        if (error instanceof InvariantError && this.planned?.sort.isFlip === true) return false
        this.problem = `${operation.kind}: ${error instanceof Error ? error.stack : error}`
        return false
      }
    }
    await driver.quiesce()
    if (this.planned === null) this.onCall = null
    return true
  }

  /** What must hold of the broker as it stands now. */
  private async epilogue(): Promise<void> {
    const { driver, planned } = this
    if (planned === null || driver.broker.exitCode !== null) return
    await driver.appendToAll()
    this.problem ??= this.folderProblem()
    if (planned.sort.isFull) {
      this.parts.disk.clearFaults()
      // Folders may wait for checkpoints.
      driver.broker.pass(2 * limits.checkpointRetryMs)
      await settled()
      // The first append finds that there is room; from then on all are taken.
      await driver.appendToAll()
      this.roomAgain = true
      await driver.appendToAll()
      driver.broker.pass(2_000)
      await settled()
    }
    this.problem ??= driver.surprises[0] ?? null
  }

  private roomAgain = false

  private folderProblem(): string | null {
    const { shard, controller } = this.driver.broker
    for (const { partition, topicId, name } of this.parts.world.partitions.values()) {
      const isHere = shard.partition(partition.identity.key) !== undefined
      // One that was never written to may be in the folder that failed, for all a start can know.
      const isOwed = controller.image.topicsById.has(topicId) && !isHere && partition.log.hasFolder
      if (isOwed && partition.log.dataFolder !== this.folder)
        return `${name} is not served although ${this.folder} is the folder that failed`
    }
    if (!this.condemned) return null
    for (const { partition } of this.parts.world.partitions.values())
      if (
        partition.log.dataFolder === this.folder &&
        partition.offline === null &&
        shard.partition(partition.identity.key) === partition
      )
        return `${partition.name} is not offline although ${this.folder} failed`
    return null
  }

  private liesInFolder(path: string): boolean {
    return path.startsWith(`${this.folder}/`)
  }

  private async afterFault(operation: Operation, path: string): Promise<void> {
    const { planned } = this
    if (planned === null || planned.sort.isFull || planned.sort.isFlip) return
    const isChange = operation === 'write' || operation === 'sync'
    if (!isChange || !SEGMENT_PATH.test(path) || !this.isServed(path)) return
    for (let turns = 0; turns < SAME_TICK_TURNS; turns++) await null
    this.condemned = true
  }

  /** In the folder of a partition that is served, not of one being made, moved, deleted. */
  private isServed(path: string): boolean {
    if (this.driver.broker === undefined) return false
    for (const { partition } of this.parts.world.partitions.values()) {
      const { log } = partition
      const isOpen = this.driver.broker.shard.partition(partition.identity.key) === partition
      if (isOpen && log.hasFolder && path.startsWith(`${log.dataFolder}/${log.topicPartition}/`))
        return true
    }
    return false
  }

  private tolerates(errorCode: number, folder: string | null): boolean {
    const { planned } = this
    if (planned === null) return false
    // A gap in a producer's sequence follows a batch that was refused before.
    if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) return folder === this.folder
    if (planned.sort.isFlip) return true
    if (this.roomAgain && folder !== null) return false
    return folder === null ? this.folder === '/d0' || true : folder === this.folder
  }

  /** On an honest disk, after the process died or the power went too. */
  private async startAgain(): Promise<string | null> {
    const { disk, world, shape, memo, random, seed } = this.parts
    disk.clearFaults()
    await settled()
    const units = disk.tree.units()
    const isKill = random.chance(0.5)
    const kept = isKill ? units.map(() => true) : drawKept(units, random)
    const after = disk.crashKeeping(units, kept, true)
    // Pages of a failed sync are gone: only what was durable is owed.
    const name = this.planned?.sort.name ?? ''
    const state = {
      disk: after,
      known: world.know(),
      isKill: isKill && !name.startsWith('failed sync'),
      call: 'the end',
    }
    // What a wrong read of an index says decides which entries it gets.
    const isFlip = this.planned?.sort.isFlip === true
    const tolerates = (problem: string): boolean => isFlip && /\.(time)?index/.test(problem)
    const found = await judge(state, { shape, memo, seed, tolerates, strays: true })
    return found === null ? null : `after the next start: ${found}`
  }
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof DiskError ||
    error instanceof StartRefused ||
    error instanceof MetaStoreCorrupt ||
    error instanceof CorruptFile ||
    error instanceof ApiError
  )
}

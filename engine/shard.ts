/**
 * Everything one thread owns: its partitions, who waits on them, its coordinators. A shard is the
 * broker without sockets and threads; time, disk, chance and log lines are handed in, so that whole
 * brokers run in one thread under a test.
 *
 * A turn: requests call append() and read() as they arrive; flush() at the end of the turn writes
 * what was appended with one write per segment, moves the high watermarks, answers the appends and
 * the parked fetches that this satisfied.
 */
import { assert } from './base/assert.ts'
import type { Clock } from './base/clock.ts'
import { ErrorCode } from './base/errors.ts'
import type { Logger } from './base/logger.ts'
import { TimerWheel } from './base/timer-wheel.ts'
import type { MetadataImage } from './metadata/image.ts'
import { ParkedReads, type ReadAttempt, type ReadDone } from './partition/parked-reads.ts'
import type { Partition } from './partition/partition.ts'
import { failedRead } from './partition/read-result.ts'
import type {
  AppendDone,
  AppendOptions,
  ReadHandle,
  ReadRequest,
  ReadResult,
  ShardCalls,
  ShardPort,
} from './shard-port.ts'

/** Resolution of deadlines: long polls, sessions, background work. */
const TIMER_TICK_MS = 1

const ANSWERED: ReadHandle = { expire() {}, cancel() {} }

export class Shard implements ShardPort {
  readonly clock: Clock
  readonly logger: Logger
  readonly timers: TimerWheel
  readonly partitions = new Map<number, Partition>()
  /** Owned partitions that could not be opened, and why. */
  readonly offline = new Map<number, string>()
  /** Set once by whoever assembles the shard (engine/assemble-shard.ts), before the first call. */
  calls!: ShardCalls
  image: MetadataImage
  private readonly parked: ParkedReads
  /** Partitions with bytes staged in this turn. */
  private staged: Partition[] = []

  constructor(clock: Clock, logger: Logger, image: MetadataImage) {
    this.clock = clock
    this.logger = logger
    this.image = image
    this.timers = new TimerWheel(clock.monotonicMs(), TIMER_TICK_MS)
    this.parked = new ParkedReads(this.timers, (request) => this.attempt(request))
  }

  append(key: number, records: Buffer, options: AppendOptions, done: AppendDone): void {
    const partition = this.partitions.get(key)
    if (partition === undefined) {
      done(this.absence(key), -1, -1, -1, this.offline.get(key) ?? null)
      return
    }
    if (partition.holdsAppends && partition.offline === null) {
      if (partition.heldFull) {
        const message = `too many appends wait for the folder of ${partition.name}`
        done(ErrorCode.NOT_ENOUGH_REPLICAS, -1, -1, -1, message)
        return
      }
      // Before a partition's first record, or at the end of a move: the bytes must outlive this turn.
      const copy = Buffer.from(records)
      partition.whenFolder(() => this.append(key, copy, options, done), copy.length)
      return
    }
    if (partition.append(records, options, done)) this.markStaged(partition)
  }

  /** Appends a batch of the broker's own. */
  appendInternal(partition: Partition, batch: Buffer, done: AppendDone): void {
    if (partition.holdsAppends && partition.offline === null) {
      partition.whenFolder(() => this.appendInternal(partition, batch, done))
      return
    }
    if (partition.appendInternal(batch, done)) this.markStaged(partition)
  }

  /** Why there is no partition under this key. */
  absence(key: number): ErrorCode {
    return this.offline.has(key)
      ? ErrorCode.KAFKA_STORAGE_ERROR
      : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }

  /** Takes a deleted partition out: whoever waits on it learns that it is gone. */
  remove(partition: Partition): void {
    this.partitions.delete(partition.identity.key)
    partition.retire()
    this.parked.wake(partition.identity.key)
    this.onRemoved(partition)
  }

  onRemoved: (partition: Partition) => void = () => {}

  private markStaged(partition: Partition): void {
    if (partition.staged) return
    partition.staged = true
    this.staged.push(partition)
    if (this.staged.length === 1) this.onStaged()
  }

  /** Called when the first bytes of a turn are staged, so that whoever drives the turns ends this one. */
  onStaged: () => void = () => {}

  flush(): void {
    // Answers may append in turn (a coordinator's next record): those are written in a further round.
    while (this.staged.length > 0) {
      const round = this.staged
      this.staged = []
      for (const partition of round) {
        partition.staged = false
        partition.writeStaged()
      }
    }
  }

  read(request: ReadRequest, done: ReadDone): ReadHandle {
    if (this.isCold(request)) return this.readCold(request, done)
    const { results, satisfied } = this.attempt(request)
    if (satisfied || request.deadlineMs <= this.clock.monotonicMs() || this.parked.full) {
      done(results)
      return ANSWERED
    }
    for (const result of results) result.release()
    return this.parked.park(request, done)
  }

  private isCold({ partitions }: ReadRequest): boolean {
    for (const { key, fetchOffset } of partitions)
      if (this.partitions.get(key)?.isCold(fetchOffset) === true) return true
    return false
  }

  /** Old data: there is some, so nothing parks; the loop goes on while the device is asked. */
  private readCold(request: ReadRequest, done: ReadDone): ReadHandle {
    let cancelled = false
    const run = async (): Promise<void> => {
      const results: ReadResult[] = []
      let budget = request.maxBytes
      for (const wanted of request.partitions) {
        const partition = this.partitions.get(wanted.key)
        const maxBytes = Math.min(wanted.maxBytes, budget)
        const whole = budget === request.maxBytes
        const result =
          partition === undefined
            ? failedRead(this.absence(wanted.key), -1)
            : await partition.readCold(wanted, request.isolation, maxBytes, whole)
        budget = Math.max(0, budget - result.length)
        results.push(result)
      }
      if (cancelled) for (const result of results) result.release()
      else done(results)
    }
    // Disk errors come back as error codes of the slice; anything else is our own broken invariant.
    void run()
    return {
      expire() {},
      cancel() {
        cancelled = true
      },
    }
  }

  /** The partition shows more, or failed. */
  readonly onVisible = (partition: Partition, most: number): boolean =>
    this.parked.wake(partition.identity.key, most)

  /** One pass over the request's partitions, in order, within its byte budget (kafka-map §2.5). */
  private attempt(request: ReadRequest): ReadAttempt {
    const results: ReadResult[] = []
    let budget = request.maxBytes
    let bytes = 0
    let urgent = request.partitions.length === 0
    for (const wanted of request.partitions) {
      const partition = this.partitions.get(wanted.key)
      if (partition === undefined) {
        results.push(failedRead(this.absence(wanted.key), -1))
        urgent = true
        continue
      }
      const maxBytes = Math.min(wanted.maxBytes, budget)
      const result = partition.read(wanted, request.isolation, maxBytes, bytes === 0)
      if (result.errorCode !== 0 || result.divergingEpoch !== null) urgent = true
      bytes += result.length
      budget = Math.max(0, budget - result.length)
      results.push(result)
    }
    return { results, satisfied: urgent || bytes >= request.minBytes }
  }

  partition(key: number): Partition | undefined {
    return this.partitions.get(key)
  }

  /** Fires what is due; whoever drives the shard calls it at nextDueMs(). */
  tick(): void {
    this.timers.advance(this.clock.monotonicMs())
  }

  /** Monotonic milliseconds of the next tick that has something to do; null: nothing is armed. */
  nextDueMs(): number | null {
    return this.timers.nextDueMs()
  }

  /** Before a stop: everyone who waits gets an answer now. */
  answerParked(): void {
    this.parked.finishAll()
    assert(this.parked.size === 0, `${this.parked.size} fetches still parked after the last answer`)
  }
}

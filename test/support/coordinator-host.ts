/**
 * A CoordinatorHost in plain memory with a virtual clock: appends commit at once, or wait in hand
 * until the test commits or fails them; timers fire in order of time when the test advances it.
 */
import type { Logger } from '../../engine/base/logger.ts'
import type {
  BatchOrigin,
  CoordinatorHost,
  CoordinatorRecord,
  KnownTopic,
  TimerHandle,
  TopicDirectory,
} from '../../engine/coordinator/state-machine.ts'

export interface StoredRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly batch: BatchOrigin
}

const PLAIN_BATCH: BatchOrigin = {
  producerId: -1,
  producerEpoch: -1,
  isTransactional: false,
  isControl: false,
}

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly run: () => void
}

interface HeldAppend {
  readonly partition: number
  readonly records: readonly CoordinatorRecord[]
  readonly done: (errorCode: number) => void
}

/** Lets promise callbacks run; the virtual clock stands still meanwhile. */
export function flush(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export class VirtualHost implements CoordinatorHost {
  nowMs = 1_700_000_000_000
  /** True: appends wait for commitNext() or failNext(). */
  holding = false
  /** What appends that are not held end with. */
  appendError = 0
  readonly warnings: string[] = []
  readonly logs = new Map<number, StoredRecord[]>()
  readonly batches: (readonly CoordinatorRecord[])[] = []
  readonly held: HeldAppend[] = []
  readonly topics = new Map<string, KnownTopic>()
  readonly topicsById = new Map<string, KnownTopic>()
  readonly groupConfigs = new Map<string, ReadonlyMap<string, string>>()
  readonly features = new Map<string, number>()
  /** Runs before a load ends; lets a test look at the loading state. */
  beforeLoaded: () => Promise<void> = () => Promise.resolve()
  private readonly timers = new Set<Timer>()
  private timerCount = 0
  private uuidCount = 0
  private published: TopicDirectory | null = null

  readonly clock = { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs }
  readonly random = {
    uuid: () => {
      const bytes = Buffer.alloc(16)
      bytes.writeUInt32BE(++this.uuidCount, 12)
      return bytes.toString('base64url')
    },
    int: (bound: number) => this.uuidCount % bound,
  }
  readonly logger: Logger = {
    info() {},
    warn: (message) => this.warnings.push(message),
    error: (message) => this.warnings.push(message),
  }

  get timersArmed(): number {
    return this.timers.size
  }

  /** A copy made anew after each change, as a published image is. */
  image() {
    this.published ??= {
      topics: new Map(this.topics),
      topicsById: new Map(this.topicsById),
      groupConfigs: this.groupConfigs,
      features: this.features,
    }
    return this.published
  }

  addTopic(name: string, partitionCount: number, topicId = this.random.uuid()): string {
    const partitions = Array.from({ length: partitionCount }, (_, index) => ({ index }))
    const topic = { name, topicId, partitions }
    this.topics.set(name, topic)
    this.topicsById.set(topicId, topic)
    this.published = null
    return topicId
  }

  removeTopic(name: string): void {
    const topic = this.topics.get(name)
    this.topics.delete(name)
    if (topic !== undefined) this.topicsById.delete(topic.topicId)
    this.published = null
  }

  append(
    partition: number,
    records: readonly CoordinatorRecord[],
    done: (errorCode: number) => void,
  ): void {
    this.held.push({ partition, records, done })
    if (this.holding) return
    if (this.appendError === 0) this.commitNext()
    else this.failNext(this.appendError)
  }

  /** Commits the oldest append in hand. */
  commitNext(): void {
    const append = this.held.shift()
    if (append === undefined) throw new Error('no append in hand')
    this.batches.push(append.records)
    for (const { key, value } of append.records)
      this.store(append.partition, { key, value, batch: PLAIN_BATCH })
    append.done(0)
  }

  /** Fails the oldest append in hand; nothing of it is stored. */
  failNext(errorCode: number): void {
    const append = this.held.shift()
    if (append === undefined) throw new Error('no append in hand')
    append.done(errorCode)
  }

  commitAll(): void {
    while (this.held.length > 0) this.commitNext()
  }

  store(partition: number, record: StoredRecord): void {
    const log = this.logs.get(partition)
    if (log === undefined) this.logs.set(partition, [record])
    else log.push(record)
  }

  /** Puts a record of a producer's open transaction into the log, as another node would. */
  storeTransactional(partition: number, record: CoordinatorRecord, producerId: number): void {
    this.store(partition, {
      ...record,
      batch: { producerId, producerEpoch: 0, isTransactional: true, isControl: false },
    })
  }

  storeMarker(partition: number, producerId: number, committed: boolean): void {
    const key = Buffer.from([0, 0, 0, committed ? 1 : 0])
    this.store(partition, {
      key,
      value: Buffer.alloc(6),
      batch: { producerId, producerEpoch: 0, isTransactional: true, isControl: true },
    })
  }

  async load(
    partition: number,
    onRecord: (
      key: Buffer | null,
      value: Buffer | null,
      offset: number,
      batch: BatchOrigin,
    ) => void,
  ): Promise<void> {
    await this.beforeLoaded()
    const log = this.logs.get(partition) ?? []
    for (const [offset, { key, value, batch }] of log.entries()) onRecord(key, value, offset, batch)
  }

  schedule(delayMs: number, run: () => void): TimerHandle {
    const timer = { dueMs: this.nowMs + delayMs, order: this.timerCount++, run }
    this.timers.add(timer)
    return { cancel: () => void this.timers.delete(timer) }
  }

  /** Moves the clock on, firing what is due on the way in order of time. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    for (let next = this.nextTimer(endMs); next !== null; next = this.nextTimer(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs)
      this.timers.delete(next)
      next.run()
      await flush()
    }
    this.nowMs = endMs
    await flush()
  }

  private nextTimer(endMs: number): Timer | null {
    let next: Timer | null = null
    for (const timer of this.timers) {
      if (timer.dueMs > endMs) continue
      if (next === null || timer.dueMs < next.dueMs) next = timer
      else if (timer.dueMs === next.dueMs && timer.order < next.order) next = timer
    }
    return next
  }
}

/**
 * The offsets of all groups of one internal partition, in three layers. Source: Kafka's
 * OffsetMetadataManager.
 *
 *   committed   what OffsetFetch answers; changed by replay only
 *   pending     commits of open transactions, per producer, until its marker decides (replay only)
 *   in flight   keys of commits appended and not yet replayed: deletion must reach them as well
 *
 * When a marker commits a producer's offsets, an offset committed later in the log stays: the
 * position of the record decides, not that of the marker, so that compaction changes nothing.
 * Iteration is in the order of first commit.
 */
import { assert } from '../../base/assert.ts'

export interface CommittedOffset {
  readonly offset: number
  /** -1: the client did not say. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** Wall clock at which it expires; -1: by the broker's retention. */
  readonly expireTimestampMs: number
  /** ZERO_UUID in what Kafka wrote for clients that name topics, and where the record cannot say. */
  readonly topicId: string
  /** Position of the record in the log, see StateMachine.replay. */
  readonly position: number
}

type Visit<Value> = (topic: string, partition: number, value: Value) => void

/** Values by group, topic and partition; empty levels are removed. */
export class OffsetTable<Value> {
  private readonly groups: Map<string, Map<string, Map<number, Value>>>
  private readonly counts: Map<string, number>

  constructor() {
    this.groups = new Map()
    this.counts = new Map()
  }

  topics(groupId: string): ReadonlyMap<string, ReadonlyMap<number, Value>> | undefined {
    return this.groups.get(groupId)
  }

  groupIds(): IterableIterator<string> {
    return this.groups.keys()
  }

  /** Entries of one group. */
  count(groupId: string): number {
    return this.counts.get(groupId) ?? 0
  }

  get(groupId: string, topic: string, partition: number): Value | undefined {
    return this.groups.get(groupId)?.get(topic)?.get(partition)
  }

  put(groupId: string, topic: string, partition: number, value: Value): void {
    let topics = this.groups.get(groupId)
    if (topics === undefined) {
      topics = new Map()
      this.groups.set(groupId, topics)
    }
    let partitions = topics.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      topics.set(topic, partitions)
    }
    if (!partitions.has(partition)) this.counts.set(groupId, this.count(groupId) + 1)
    partitions.set(partition, value)
  }

  remove(groupId: string, topic: string, partition: number): void {
    const topics = this.groups.get(groupId)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions === undefined || !partitions.delete(partition)) return
    const count = this.count(groupId) - 1
    if (count === 0) this.counts.delete(groupId)
    else this.counts.set(groupId, count)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.groups.delete(groupId)
  }

  forEach(groupId: string, visit: Visit<Value>): void {
    for (const [topic, partitions] of this.groups.get(groupId) ?? [])
      for (const [partition, value] of partitions) visit(topic, partition, value)
  }
}

export class GroupOffsets {
  readonly committed: OffsetTable<CommittedOffset>
  private readonly pending: Map<number, OffsetTable<CommittedOffset>>
  /** Producers with a pending commit, per partition; same keys as `pending` has. */
  private readonly openProducers: OffsetTable<Set<number>>
  /** How many commits of a partition are between append and replay. */
  private readonly inFlight: OffsetTable<number>

  constructor() {
    this.committed = new OffsetTable()
    this.pending = new Map()
    this.openProducers = new OffsetTable()
    this.inFlight = new OffsetTable()
  }

  /** Everything kept or about to be kept for the group, for its bound. */
  count(groupId: string): number {
    const open = this.openProducers.count(groupId) + this.inFlight.count(groupId)
    return this.committed.count(groupId) + open
  }

  /** An open transaction has a commit for the partition: its offset is not stable. */
  isUnstable(groupId: string, topic: string, partition: number): boolean {
    return this.openProducers.get(groupId, topic, partition) !== undefined
  }

  hasOpenTransactions(groupId: string): boolean {
    return this.openProducers.topics(groupId) !== undefined
  }

  hasInFlight(groupId: string): boolean {
    return this.inFlight.topics(groupId) !== undefined
  }

  isInFlight(groupId: string, topic: string, partition: number): boolean {
    return this.inFlight.get(groupId, topic, partition) !== undefined
  }

  /** Any of the three layers knows the partition. */
  has(groupId: string, topic: string, partition: number): boolean {
    return (
      this.committed.get(groupId, topic, partition) !== undefined ||
      this.isUnstable(groupId, topic, partition) ||
      this.isInFlight(groupId, topic, partition)
    )
  }

  /** Groups with an entry in any layer, each once. */
  groupIds(): Set<string> {
    const ids = new Set(this.committed.groupIds())
    for (const groupId of this.openProducers.groupIds()) ids.add(groupId)
    for (const groupId of this.inFlight.groupIds()) ids.add(groupId)
    return ids
  }

  /** Each partition that has() answers for, once. */
  forEachKey(groupId: string, visit: (topic: string, partition: number) => void): void {
    this.committed.forEach(groupId, visit)
    this.openProducers.forEach(groupId, (topic, partition) => {
      if (this.committed.get(groupId, topic, partition) === undefined) visit(topic, partition)
    })
    this.inFlight.forEach(groupId, (topic, partition) => {
      if (this.committed.get(groupId, topic, partition) !== undefined) return
      if (!this.isUnstable(groupId, topic, partition)) visit(topic, partition)
    })
  }

  enterFlight(groupId: string, topic: string, partition: number): void {
    const count = this.inFlight.get(groupId, topic, partition) ?? 0
    this.inFlight.put(groupId, topic, partition, count + 1)
  }

  leaveFlight(groupId: string, topic: string, partition: number): void {
    const count = this.inFlight.get(groupId, topic, partition) ?? 0
    assert(count > 0, `commit of ${groupId} ${topic}-${partition} in flight`)
    if (count === 1) this.inFlight.remove(groupId, topic, partition)
    else this.inFlight.put(groupId, topic, partition, count - 1)
  }

  /** Replays a commit: at once, or pending when `producerId` is not -1. */
  commit(
    groupId: string,
    topic: string,
    partition: number,
    value: CommittedOffset,
    producerId: number,
  ): void {
    if (producerId === -1) {
      this.committed.put(groupId, topic, partition, value)
      return
    }
    let table = this.pending.get(producerId)
    if (table === undefined) {
      table = new OffsetTable()
      this.pending.set(producerId, table)
    }
    table.put(groupId, topic, partition, value)
    const producers = this.openProducers.get(groupId, topic, partition)
    if (producers === undefined)
      this.openProducers.put(groupId, topic, partition, new Set([producerId]))
    else producers.add(producerId)
  }

  /** Replays a tombstone: pending commits of the partition go too. */
  remove(groupId: string, topic: string, partition: number): void {
    this.committed.remove(groupId, topic, partition)
    for (const producerId of this.openProducers.get(groupId, topic, partition) ?? []) {
      const table = this.pending.get(producerId)
      table?.remove(groupId, topic, partition)
      if (table?.groupIds().next().done === true) this.pending.delete(producerId)
    }
    this.openProducers.remove(groupId, topic, partition)
  }

  /** Replays a transaction marker; nothing happens without pending commits of the producer. */
  endTransaction(producerId: number, isCommit: boolean): void {
    const table = this.pending.get(producerId)
    if (table === undefined) return
    this.pending.delete(producerId)
    for (const groupId of table.groupIds())
      table.forEach(groupId, (topic, partition, value) => {
        const producers = this.openProducers.get(groupId, topic, partition)
        producers?.delete(producerId)
        if (producers?.size === 0) this.openProducers.remove(groupId, topic, partition)
        if (!isCommit) return
        const current = this.committed.get(groupId, topic, partition)
        if (current === undefined || value.position > current.position)
          this.committed.put(groupId, topic, partition, value)
      })
  }
}

/**
 * What the world knows of a broker under test: every batch it took, what it acknowledged and as what,
 * what control requests were answered. A crash freezes the knowledge of its moment (`know`), and the
 * judge holds what a restart shows against it.
 *
 *   acked    answered; survives the death of the process (P1)
 *   durable  answered while the topic's flush mode was group (P2), or acknowledged so long ago that the
 *            background sync is over: survives a power cut
 *   visible  below the high watermark: a reader may have it, so no other bytes may ever stand there
 */

import type { Partition } from '../../engine/partition/partition.ts'
import { batchBaseOffset, batchLastOffset } from '../../engine/record/batch.ts'

export interface KnownBatch {
  readonly baseOffset: number
  /** Exclusive. */
  readonly endOffset: number
  /** As it stands in the log. */
  readonly bytes: Buffer
  /** Moments of the world's clock of events. */
  readonly stagedAt: number
  droppedAt: number
}

/** One partition, over the restarts of its topic. */
export class KnownPartition {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  /** All batches ever staged at an offset, the newest last. */
  readonly batches = new Map<number, KnownBatch[]>()
  ackedEnd = 0
  durableEnd = 0
  /** Log start as deletions asked for it. */
  partition: Partition
  private live: KnownBatch[] = []
  /** Acknowledgements that wait for the background sync, oldest first. */
  private readonly waiting: { readonly atMs: number; readonly endOffset: number }[] = []

  constructor(topic: string, topicId: string, index: number, partition: Partition) {
    this.topic = topic
    this.topicId = topicId
    this.index = index
    this.partition = partition
  }

  get name(): string {
    return `${this.topic}-${this.index}`
  }

  /** A copy that goes its own way. */
  fork(): KnownPartition {
    const copy = new KnownPartition(this.topic, this.topicId, this.index, this.partition)
    for (const batch of this.live) copy.take({ ...batch })
    copy.ackedEnd = this.ackedEnd
    copy.durableEnd = this.durableEnd
    return copy
  }

  /** A batch was given its place; whatever stood there was refused before. */
  staged(batch: Buffer, moment: number): void {
    const baseOffset = batchBaseOffset(batch, 0)
    const endOffset = batchLastOffset(batch, 0) + 1
    while ((this.live.at(-1)?.baseOffset ?? -1) >= baseOffset) this.live.pop()!.droppedAt = moment
    const known = {
      baseOffset,
      endOffset,
      bytes: Buffer.from(batch),
      stagedAt: moment,
      droppedAt: Number.POSITIVE_INFINITY,
    }
    this.take(known)
  }

  private take(known: KnownBatch): void {
    this.live.push(known)
    const before = this.batches.get(known.baseOffset)
    if (before === undefined) this.batches.set(known.baseOffset, [known])
    else before.push(known)
  }

  acked(endOffset: number, isGroup: boolean, nowMs: number): void {
    this.ackedEnd = Math.max(this.ackedEnd, endOffset)
    if (isGroup) this.durableEnd = Math.max(this.durableEnd, endOffset)
    else this.waiting.push({ atMs: nowMs, endOffset })
  }

  /** Nothing is under way at `nowMs`: what was acknowledged before `syncedBeforeMs` is synced. */
  quiet(syncedBeforeMs: number): void {
    while (this.waiting.length > 0 && this.waiting[0]!.atMs <= syncedBeforeMs)
      this.durableEnd = Math.max(this.durableEnd, this.waiting.shift()!.endOffset)
  }

  /** What a restart found is all there is, and on the disk. */
  restarted(partition: Partition, moment: number): void {
    const { logEndOffset } = partition.log
    this.partition = partition
    this.waiting.length = 0
    while ((this.live.at(-1)?.baseOffset ?? -1) >= logEndOffset) this.live.pop()!.droppedAt = moment
    this.ackedEnd = logEndOffset
    this.durableEnd = logEndOffset
  }

  /** The power went: what was not durable may be gone, and only a restart can tell. */
  powerLost({ durable }: PartitionKnowledge): void {
    this.ackedEnd = durable
    this.durableEnd = durable
    this.waiting.length = 0
  }

  know(): PartitionKnowledge {
    const { partition } = this
    return {
      known: this,
      acked: this.ackedEnd,
      durable: this.durableEnd,
      visibleEnd: partition.highWatermark,
      logStart: partition.log.logStartOffset,
    }
  }
}

export interface PartitionKnowledge {
  readonly known: KnownPartition
  readonly acked: number
  readonly durable: number
  readonly visibleEnd: number
  /** What is below may be gone. */
  readonly logStart: number
}

/** A value that only rises, as committed offsets here do. */
export interface Rising {
  acked: number
  durable: number
  issued: number
}

export interface Knowledge {
  readonly moment: number
  readonly partitions: readonly PartitionKnowledge[]
  /** Texts of control state that may be found, see control-model.ts. */
  readonly control: readonly string[]
  readonly offsets: ReadonlyMap<string, Readonly<Rising>>
  /** First producer id that nobody was given. */
  readonly producerIdEnd: number
  readonly incarnation: number
}

export class World {
  /** Counts events. */
  moment = 0
  readonly partitions = new Map<string, KnownPartition>()
  /** By group/topic/partition. */
  readonly offsets = new Map<string, Rising>()
  producerIdEnd = 0
  incarnation = 0
  /** Texts of control state: as answered, and as it will be if what is under way is done. */
  control: string[] = []

  /** The power went at that moment: what came after it never was. */
  powerLost(known: Knowledge): void {
    this.partitions.clear()
    for (const partition of known.partitions) {
      const { topicId, index } = partition.known
      partition.known.powerLost(partition)
      this.partitions.set(`${topicId}-${index}`, partition.known)
    }
    this.offsets.clear()
    for (const [key, rising] of known.offsets)
      this.offsets.set(key, { ...rising, acked: rising.durable })
    this.producerIdEnd = known.producerIdEnd
    this.control = [...known.control]
  }

  /** A copy that goes its own way. */
  fork(): World {
    const copy = new World()
    copy.moment = this.moment
    for (const [key, partition] of this.partitions) copy.partitions.set(key, partition.fork())
    for (const [key, rising] of this.offsets) copy.offsets.set(key, { ...rising })
    copy.producerIdEnd = this.producerIdEnd
    copy.incarnation = this.incarnation
    copy.control = [...this.control]
    return copy
  }

  know(): Knowledge {
    return {
      moment: this.moment,
      partitions: [...this.partitions.values()].map((partition) => partition.know()),
      control: [...this.control],
      offsets: new Map([...this.offsets].map(([key, value]) => [key, { ...value }])),
      producerIdEnd: this.producerIdEnd,
      incarnation: this.incarnation,
    }
  }
}

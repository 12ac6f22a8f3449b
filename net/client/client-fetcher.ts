/**
 * Reads partitions with the own client: one fetch at a time per broker, records handed over in order.
 * No group here: positions are the caller's (client-group.ts adds them).
 */
import { ErrorCode, isRetriable } from '../../engine/base/errors.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../engine/protocol/02-list-offsets.ts'
import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchBaseOffset,
  batchCrc,
  batchLastOffsetDelta,
  batchLeaderEpoch,
  batchProducerId,
  batchSizeInBytes,
  computeBatchCrc,
  isControl,
  isTransactional,
  TimestampType,
  timestampTypeOf,
} from '../../engine/record/batch.ts'
import { readEndTransactionMarker } from '../../engine/record/control.ts'
import { readRecords, type StoredRecord } from '../../engine/record/iterate.ts'
import type { Client } from './client.ts'
import { RequestFailed } from './client-errors.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface FetchedRecord extends StoredRecord, TopicPartition {
  /** Whose clock the timestamp is of: the producer's or the broker's. */
  readonly timestampOf: 'create' | 'append'
}

export interface FetchOptions {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  /** Of one partition in one answer. */
  readonly partitionBytes: number
  readonly isolation: 0 | 1
}

export const defaultFetchOptions: FetchOptions = {
  maxWaitMs: 500,
  minBytes: 1,
  maxBytes: 8 * 1024 * 1024,
  partitionBytes: 1024 * 1024,
  isolation: 0,
}

const OFFSET_LATEST = -1
const OFFSET_EARLIEST = -2

/** A partition that gives nothing but errors is given up after so long, in milliseconds. */
const RECOVERY_MS = 30_000
const RETRY_PAUSE_MS = 100

interface Position extends TopicPartition {
  offset: number
  /** Of the batch read last, -1 before the first: it is committed beside the offset. */
  leaderEpoch: number
  readonly topicId: string
  leader: number
  /** Monotonic time of the first of the errors in a row that may pass; null while all is well. */
  failingSince: number | null
}

export class ClientFetcher {
  private readonly client: Client
  private readonly options: FetchOptions
  private positions: Position[] = []

  constructor(client: Client, options: Partial<FetchOptions> = {}) {
    this.client = client
    this.options = { ...defaultFetchOptions, ...options }
  }

  /** Starts over with these partitions; `offset` may be 'earliest' or 'latest'. */
  async assign(
    wanted: readonly (TopicPartition & {
      offset: number | 'earliest' | 'latest'
      leaderEpoch?: number
    })[],
  ): Promise<void> {
    const names = [...new Set(wanted.map(({ topic }) => topic))]
    const { topics } = await this.client.metadata(names)
    const positions: Position[] = []
    for (const { topic, partition, offset, leaderEpoch = -1 } of wanted) {
      const description = topics.find(({ name }) => name === topic)
      const leader = description?.partitions.find(
        ({ partitionIndex }) => partitionIndex === partition,
      )?.leaderId
      if (description === undefined || leader === undefined)
        throw new RequestFailed(
          ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
          `there is no partition ${partition} of topic '${topic}'`,
        )
      const start =
        typeof offset === 'number'
          ? offset
          : await this.listOffset(leader, topic, partition, offset)
      const { topicId } = description
      const at = { topic, partition, offset: start, leaderEpoch }
      positions.push({ ...at, topicId, leader, failingSince: null })
    }
    this.positions = positions
  }

  /** Next offset to be read per assigned partition. */
  get assigned(): readonly Readonly<TopicPartition & { offset: number; leaderEpoch: number }>[] {
    return this.positions
  }

  /** The offset behind the last (latest) or of the first (earliest) record. */
  async listOffset(
    leader: number,
    topic: string,
    partitionIndex: number,
    which: 'earliest' | 'latest',
  ): Promise<number> {
    const timestamp = which === 'earliest' ? OFFSET_EARLIEST : OFFSET_LATEST
    const answer = await this.client.sendTo(leader, ListOffsetsRequest, ListOffsetsResponse, {
      replicaId: -1,
      isolationLevel: this.options.isolation,
      topics: [{ name: topic, partitions: [{ partitionIndex, timestamp }] }],
    })
    const found = answer.topics[0]?.partitions[0]
    if (found === undefined || found.errorCode !== 0)
      throw new RequestFailed(found?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, null)
    return found.offset
  }

  /** One round of fetches; returns the records behind the positions and moves these. */
  async poll(): Promise<FetchedRecord[]> {
    if (this.positions.some(({ failingSince }) => failingSince !== null)) await this.findLeaders()
    const leaders = new Set(this.positions.map(({ leader }) => leader))
    const rounds = await Promise.all([...leaders].map((leader) => this.pollLeader(leader)))
    return rounds.flat()
  }

  private async pollLeader(leader: number): Promise<FetchedRecord[]> {
    const mine = this.positions.filter((position) => position.leader === leader)
    const byTopic = new Map<string, Position[]>()
    for (const position of mine) {
      const list = byTopic.get(position.topic)
      if (list === undefined) byTopic.set(position.topic, [position])
      else list.push(position)
    }
    const { maxWaitMs, minBytes, maxBytes, partitionBytes, isolation } = this.options
    const answer = await this.client.sendTo(leader, FetchRequest, FetchResponse, {
      maxWaitMs,
      minBytes,
      maxBytes,
      isolationLevel: isolation,
      topics: [...byTopic].map(([topic, list]) => ({
        topic,
        topicId: list[0]?.topicId ?? '',
        partitions: list.map(({ partition, offset }) => ({
          partition,
          fetchOffset: offset,
          partitionMaxBytes: partitionBytes,
        })),
      })),
    })
    if (answer.errorCode !== 0) throw new RequestFailed(answer.errorCode, null)
    const records: FetchedRecord[] = []
    for (const topic of answer.responses)
      for (const data of topic.partitions) {
        const position = mine.find(
          (candidate) =>
            candidate.partition === data.partitionIndex &&
            (candidate.topic === topic.topic || candidate.topicId === topic.topicId),
        )
        if (position === undefined) continue
        if (data.errorCode === 0) {
          position.failingSince = null
          take(position, data.records, data.abortedTransactions ?? [], records)
        } else await this.recover(position, data.errorCode)
      }
    return records
  }

  /** Out of range starts over at the log's beginning; what may pass is left for the next poll. */
  private async recover(position: Position, errorCode: number): Promise<void> {
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      const { leader, topic, partition } = position
      position.offset = await this.listOffset(leader, topic, partition, 'earliest')
      return
    }
    const now = performance.now()
    position.failingSince ??= now
    if (!isRetriable(errorCode) || now - position.failingSince > RECOVERY_MS)
      throw new RequestFailed(errorCode, null)
  }

  /** After errors that may pass: a pause, then whoever leads now. */
  private async findLeaders(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
    const names = [...new Set(this.positions.map(({ topic }) => topic))]
    const { topics } = await this.client.metadata(names)
    for (const position of this.positions) {
      const leader = topics
        .find(({ name }) => name === position.topic)
        ?.partitions.find(({ partitionIndex }) => partitionIndex === position.partition)?.leaderId
      if (leader !== undefined && leader >= 0) position.leader = leader
    }
  }
}

/** Records of one partition's answer from its position on, aborted transactions left out. */
function take(
  position: Position,
  bytes: Buffer | null,
  aborted: readonly { producerId: number; firstOffset: number }[],
  into: FetchedRecord[],
): void {
  if (bytes === null) return
  const { topic, partition } = position
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  let at = 0
  while (
    at + BATCH_HEADER_BYTES <= bytes.length &&
    at + batchSizeInBytes(bytes, at) <= bytes.length
  ) {
    if (computeBatchCrc(bytes, at) !== batchCrc(bytes, at))
      throw new RequestFailed(
        ErrorCode.CORRUPT_MESSAGE,
        `the batch at offset ${batchBaseOffset(bytes, at)} of ${topic}-${partition} is damaged: ` +
          'its checksum does not match',
      )
    const attributes = batchAttributes(bytes, at)
    const producerId = batchProducerId(bytes, at)
    const lastOffset = batchBaseOffset(bytes, at) + batchLastOffsetDelta(bytes, at)
    while (waiting[0] !== undefined && waiting[0].firstOffset <= lastOffset)
      aborting.add(waiting.shift()?.producerId ?? -1)
    if (isControl(attributes)) {
      if (readEndTransactionMarker(bytes, at) !== null) aborting.delete(producerId)
    } else if (!isTransactional(attributes) || !aborting.has(producerId)) {
      const appended = timestampTypeOf(attributes) === TimestampType.logAppendTime
      const timestampOf = appended ? 'append' : 'create'
      for (const { offset, timestamp, sequence, key, value, headers } of readRecords(bytes, at))
        if (offset >= position.offset)
          into.push({
            offset,
            timestamp,
            sequence,
            key,
            value,
            headers,
            topic,
            partition,
            timestampOf,
          })
    }
    position.offset = Math.max(position.offset, lastOffset + 1)
    position.leaderEpoch = batchLeaderEpoch(bytes, at)
    at += batchSizeInBytes(bytes, at)
  }
}

/**
 * Writes records with the own client: batches per partition, one request in flight per broker, so
 * that order per partition is the order of send(). Errors that may pass and broken connections are
 * tried again until the timeout: at least once, not exactly once.
 *
 * Bounds: BUFFERED_BYTES_MAX of unsent records; send() resolves when there is room again.
 */
import { randomInt } from 'node:crypto'
import { ErrorCode, errorName, isRetriable } from '../../engine/base/errors.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { buildBatch, type HeaderToWrite, type RecordToWrite } from '../../engine/record/build.ts'
import { Codec } from '../../engine/record/compression.ts'
import type { Client, TopicMetadata } from './client.ts'
import { ConnectionFailed, RequestFailed } from './client-errors.ts'
import { partitionForKey } from './partitioner.ts'

export interface ProducerOptions {
  readonly acks: -1 | 0 | 1
  readonly codec: Codec
  /** Bytes of one partition's batch before it is sent. */
  readonly batchBytes: number
  /** Milliseconds a record may wait for company. */
  readonly lingerMs: number
  readonly timeoutMs: number
}

export const defaultProducerOptions: ProducerOptions = {
  acks: -1,
  codec: Codec.none,
  batchBytes: 256 * 1024,
  lingerMs: 20,
  timeoutMs: 30_000,
}

export interface OutgoingRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly HeaderToWrite[]
  readonly timestamp?: number
  readonly partition?: number
}

const BUFFERED_BYTES_MAX = 8 * 1024 * 1024
/** Rough size of a record beside key and value. */
const RECORD_OVERHEAD = 32
const RETRY_PAUSE_MS = 100
const STICKY_START_BOUND = 1 << 30
/** How long a topic may take to come into being; then it is not created on request here. */
const TOPIC_WAIT_MS = 5_000

interface Pending {
  readonly records: RecordToWrite[]
  bytes: number
}

export class ClientProducer {
  private readonly client: Client
  private readonly topic: string
  private readonly options: ProducerOptions
  private description: TopicMetadata | null = null
  private pending = new Map<number, Pending>()
  private bufferedBytes = 0
  /** Where records without a key go until the next batch; several short runs shall spread. */
  private sticky = randomInt(STICKY_START_BOUND)
  private timer: NodeJS.Timeout | null = null
  private sending: Promise<void> = Promise.resolve()
  private failure: unknown = null

  constructor(client: Client, topic: string, options: Partial<ProducerOptions> = {}) {
    this.client = client
    this.topic = topic
    this.options = { ...defaultProducerOptions, ...options }
  }

  /** Looks the topic up, creating it when the broker does so on request. */
  async start(): Promise<void> {
    const until = performance.now() + Math.min(this.options.timeoutMs, TOPIC_WAIT_MS)
    for (;;) {
      const { topics } = await this.client.metadata([this.topic], true)
      const found = topics[0]
      if (found !== undefined && found.errorCode === 0 && found.partitions.length > 0) {
        this.description = found
        return
      }
      const code = found?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      if (!isRetriable(code) || performance.now() > until)
        throw new RequestFailed(code, `topic '${this.topic}': ${errorName(code)}`)
      await pause()
    }
  }

  /** Takes a record; resolves at once while there is room. Rejects with the first failed send. */
  async send(record: OutgoingRecord): Promise<void> {
    if (this.failure !== null) throw this.failure
    const partition = record.partition ?? this.partitionOf(record.key)
    let batch = this.pending.get(partition)
    if (batch === undefined) {
      batch = { records: [], bytes: 0 }
      this.pending.set(partition, batch)
    }
    batch.records.push({
      key: record.key,
      value: record.value,
      headers: record.headers ?? [],
      timestamp: record.timestamp ?? Date.now(),
    })
    const bytes = RECORD_OVERHEAD + (record.key?.length ?? 0) + (record.value?.length ?? 0)
    batch.bytes += bytes
    this.bufferedBytes += bytes
    if (batch.bytes >= this.options.batchBytes || this.bufferedBytes >= BUFFERED_BYTES_MAX)
      await this.flush()
    else if (this.timer === null)
      this.timer = setTimeout(() => void this.flush().catch(() => {}), this.options.lingerMs)
  }

  /** Resolves when everything handed over so far is acknowledged. */
  flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    const batches = this.pending
    this.pending = new Map()
    this.bufferedBytes = 0
    this.sticky++
    if (batches.size > 0)
      this.sending = this.sending
        .then(() => this.sendBatches(batches))
        .catch((error: unknown) => {
          this.failure ??= error
          throw error
        })
    return this.sending
  }

  private partitionOf(key: Buffer | null): number {
    const partitions = this.description?.partitions.length ?? 1
    return key === null ? this.sticky % partitions : partitionForKey(key, partitions)
  }

  private async sendBatches(batches: ReadonlyMap<number, Pending>): Promise<void> {
    const until = performance.now() + this.options.timeoutMs
    let left = batches
    for (;;) {
      try {
        left = await this.sendRound(left)
        if (left.size === 0) return
        if (performance.now() > until)
          throw new RequestFailed(ErrorCode.REQUEST_TIMED_OUT, `'${this.topic}' took no records`)
      } catch (error) {
        if (!(error instanceof ConnectionFailed) || performance.now() > until) throw error
      }
      await pause()
      await this.findLeaders(until)
    }
  }

  /** Whoever leads now, as far as anybody answers. */
  private async findLeaders(until: number): Promise<void> {
    try {
      await this.start()
    } catch (error) {
      if (!(error instanceof ConnectionFailed) || performance.now() > until) throw error
    }
  }

  /** One request per leader; returns what may be tried again. */
  private async sendRound(batches: ReadonlyMap<number, Pending>): Promise<Map<number, Pending>> {
    const again = new Map<number, Pending>()
    for (const [leader, indexes] of this.byLeader(batches.keys())) {
      const connection = await this.client.broker(leader)
      const body = this.requestFor(indexes, batches)
      if (this.options.acks === 0) {
        connection.post(ProduceRequest, body)
        continue
      }
      const answer = await connection.send(ProduceRequest, ProduceResponse, body)
      for (const partition of answer.responses.flatMap((topic) => topic.partitionResponses)) {
        if (partition.errorCode === 0) continue
        const batch = batches.get(partition.index)
        if (!isRetriable(partition.errorCode) || batch === undefined)
          throw new RequestFailed(partition.errorCode, partition.errorMessage)
        again.set(partition.index, batch)
      }
    }
    return again
  }

  private requestFor(indexes: readonly number[], batches: ReadonlyMap<number, Pending>) {
    const { acks, timeoutMs, codec } = this.options
    const partitionData = indexes.map((index) => ({
      index,
      records: buildBatch({ records: batches.get(index)?.records ?? [], codec }),
    }))
    const topic = this.description
    return {
      acks,
      timeoutMs,
      topicData: [{ name: this.topic, topicId: topic?.topicId ?? '', partitionData }],
    }
  }

  private byLeader(partitions: Iterable<number>): Map<number, number[]> {
    const leaders = new Map<number, number[]>()
    for (const index of partitions) {
      const leader =
        this.description?.partitions.find((partition) => partition.partitionIndex === index)
          ?.leaderId ?? -1
      if (leader < 0)
        throw new RequestFailed(
          ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
          `'${this.topic}' has no partition ${index} with a leader`,
        )
      const indexes = leaders.get(leader)
      if (indexes === undefined) leaders.set(leader, [index])
      else indexes.push(index)
    }
    return leaders
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
}

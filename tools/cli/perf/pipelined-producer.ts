/**
 * Writes one topic with several requests on their way at once, telling of every batch when it was
 * acknowledged: what the measuring and verifying tools need, and `sluice produce` does not.
 *
 * Records without a key fill a batch for one partition, then for the next. Refusals that may pass and
 * broken connections are tried again until the delivery time-out; then order may differ, and a record
 * may be there twice. Neither is so in transactions (pipelined-transactions.ts), which the caller ends.
 *
 * Bounds: BUFFERED_BYTES_MAX of records not acknowledged (`full` says so, `room` waits), and
 * `inFlight` requests a broker.
 */
import { ErrorCode, errorName, isRetriable } from '../../../engine/base/errors.ts'
import { ProduceRequest, ProduceResponse } from '../../../engine/protocol/00-produce.ts'
import { buildBatch, type RecordToWrite } from '../../../engine/record/build.ts'
import type { Codec } from '../../../engine/record/compression.ts'
import type { Client, TopicMetadata } from '../../../net/client/client.ts'
import { ConnectionFailed, RequestFailed } from '../../../net/client/client-errors.ts'
import { partitionForKey } from '../../../net/client/partitioner.ts'
import { TRANSACTION_RETRY_PAUSE_MS } from '../../../net/client/transaction-form.ts'
import type { BatchPlace, PipelinedTransactions } from './pipelined-transactions.ts'

export interface PipelineOptions {
  readonly acks: -1 | 0 | 1
  readonly codec: Codec
  readonly batchBytes: number
  readonly lingerMs: number
  readonly inFlight: number
  readonly requestTimeoutMs: number
  readonly deliveryTimeoutMs: number
}

export interface ProducedBatch {
  readonly partition: number
  readonly records: RecordToWrite[]
  /** When each was handed over, in wall-clock milliseconds. */
  readonly handedOverAt: number[]
  bytes: number
}

export interface BatchOutcome {
  /** -1 without acknowledgements. */
  readonly baseOffset: number
  /** Null: it is written. */
  readonly failure: Error | null
}

export type OnBatch = (batch: ProducedBatch, outcome: BatchOutcome) => void

const BUFFERED_BYTES_MAX = 32 * 1024 * 1024
const RECORD_OVERHEAD = 16
const RETRY_PAUSE_MS = 100
const TOPIC_WAIT_MS = 10_000

export class PipelinedProducer {
  private readonly client: Client
  private readonly topic: string
  private readonly options: PipelineOptions
  private readonly onBatch: OnBatch
  private readonly transactions: PipelinedTransactions | null
  private description: TopicMetadata | null = null
  /** By partition, still taking records. */
  private readonly open = new Map<number, ProducedBatch>()
  private ready: ProducedBatch[] = []
  private readonly inFlight = new Map<number, number>()
  private bufferedBytes = 0
  private unfinished = 0
  private sticky = 0
  private linger: NodeJS.Timeout | null = null
  private waiting: (() => void)[] = []
  requests = 0
  retries = 0

  /** Transactions are begun by the first batch and ended by the caller, behind `flush`. */
  constructor(
    client: Client,
    topic: string,
    options: PipelineOptions,
    onBatch: OnBatch,
    transactions: PipelinedTransactions | null = null,
  ) {
    this.client = client
    this.transactions = transactions
    this.topic = topic
    this.options = options
    this.onBatch = onBatch
  }

  /** Looks the topic up, creating it when the broker does so on request. */
  async start(): Promise<void> {
    const until = performance.now() + TOPIC_WAIT_MS
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
      await pause(RETRY_PAUSE_MS)
    }
  }

  get full(): boolean {
    return this.bufferedBytes >= BUFFERED_BYTES_MAX
  }

  add(record: RecordToWrite, handedOverAt: number): void {
    const partition = this.partitionOf(record.key)
    let batch = this.open.get(partition)
    if (batch === undefined) {
      batch = { partition, records: [], handedOverAt: [], bytes: 0 }
      this.open.set(partition, batch)
    }
    const bytes = RECORD_OVERHEAD + (record.key?.length ?? 0) + (record.value?.length ?? 0)
    batch.records.push(record)
    batch.handedOverAt.push(handedOverAt)
    batch.bytes += bytes
    this.bufferedBytes += bytes
    if (batch.bytes >= this.options.batchBytes) this.seal(partition, batch)
    else
      this.linger ??= setTimeout(() => {
        this.linger = null
        this.sealAll()
      }, this.options.lingerMs)
  }

  /** Resolves as soon as records may be added. */
  async room(): Promise<void> {
    while (this.full) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  /** Resolves when everything handed over so far has an outcome. */
  async flush(): Promise<void> {
    this.sealAll()
    while (this.unfinished > 0) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private partitionOf(key: Buffer | null): number {
    const partitions = this.description?.partitions.length ?? 1
    return key === null ? this.sticky % partitions : partitionForKey(key, partitions)
  }

  private sealAll(): void {
    if (this.linger !== null) clearTimeout(this.linger)
    this.linger = null
    for (const [partition, batch] of this.open) this.seal(partition, batch)
  }

  private seal(partition: number, batch: ProducedBatch): void {
    this.open.delete(partition)
    this.sticky++
    this.unfinished++
    this.ready.push(batch)
    this.pump()
  }

  private pump(): void {
    const later: ProducedBatch[] = []
    for (const batch of this.ready) {
      const leader = this.leaderOf(batch.partition)
      const flying = this.inFlight.get(leader) ?? 0
      if (flying >= this.options.inFlight) {
        later.push(batch)
        continue
      }
      this.inFlight.set(leader, flying + 1)
      void this.deliver(leader, batch)
    }
    this.ready = later
  }

  private leaderOf(partition: number): number {
    const found = this.description?.partitions.find(
      ({ partitionIndex }) => partitionIndex === partition,
    )
    return found?.leaderId ?? -1
  }

  private async deliver(leader: number, batch: ProducedBatch): Promise<void> {
    const until = performance.now() + this.options.deliveryTimeoutMs
    const place = this.transactions?.place(batch.partition, batch.records.length) ?? null
    let outcome: BatchOutcome | null = null
    for (let to = leader; outcome === null; to = this.leaderOf(batch.partition)) {
      outcome = await this.attempt(to, batch, place, performance.now() > until)
      if (outcome === null) await this.beforeNext(place)
    }
    place?.settle()
    this.inFlight.set(leader, (this.inFlight.get(leader) ?? 1) - 1)
    this.bufferedBytes -= batch.bytes
    this.unfinished--
    this.onBatch(batch, outcome)
    this.pump()
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  /** After a refusal that may pass. */
  private async beforeNext(place: BatchPlace | null): Promise<void> {
    this.retries++
    if (place !== null) {
      await place.previous
      place.inOrder = true
    }
    await pause(place === null ? RETRY_PAUSE_MS : TRANSACTION_RETRY_PAUSE_MS)
    // Whoever leads now, as far as anybody answers.
    await this.start().catch(() => {})
  }

  /** Null: may be tried again. */
  private async attempt(
    leader: number,
    batch: ProducedBatch,
    place: BatchPlace | null,
    last: boolean,
  ): Promise<BatchOutcome | null> {
    try {
      return await this.send(leader, batch, place)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const mayPass =
        error instanceof ConnectionFailed ||
        (error instanceof RequestFailed && (isRetriable(error.code) || outOfTurn(error, place)))
      return mayPass && !last ? null : { baseOffset: -1, failure: error }
    }
  }

  private async send(
    leader: number,
    batch: ProducedBatch,
    place: BatchPlace | null,
  ): Promise<BatchOutcome> {
    const { acks, codec, requestTimeoutMs } = this.options
    const { transactions } = this
    await transactions?.join(batch.partition)
    const connection = await this.client.broker(leader)
    const isTransactional = place !== null
    const records = buildBatch({ records: batch.records, codec, isTransactional, ...place })
    const body = {
      transactionalId: transactions?.transactionalId ?? null,
      acks,
      timeoutMs: requestTimeoutMs,
      topicData: [
        {
          name: this.topic,
          topicId: this.description?.topicId ?? '',
          partitionData: [{ index: batch.partition, records }],
        },
      ],
    }
    this.requests++
    if (acks === 0) {
      connection.post(ProduceRequest, body)
      return { baseOffset: -1, failure: null }
    }
    const version = transactions?.versionOf(connection, ProduceRequest)
    const options = version === undefined ? {} : { version }
    const answer = await connection.send(ProduceRequest, ProduceResponse, body, options)
    const result = answer.responses[0]?.partitionResponses[0]
    const code = result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    // It was written before its connection broke.
    if (code === ErrorCode.DUPLICATE_SEQUENCE_NUMBER && place !== null)
      return { baseOffset: -1, failure: null }
    if (code !== 0) throw new RequestFailed(code, result?.errorMessage ?? null)
    return { baseOffset: result?.baseOffset ?? -1, failure: null }
  }
}

/** Refused for its number because one before it was: it goes again behind that one. */
function outOfTurn(error: RequestFailed, place: BatchPlace | null): boolean {
  const early = error.code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
  return early && place !== null && !place.inOrder
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/**
 * Clients that work beside whatever else is done to a broker: producers of numbered records, one per
 * partition and one batch at a time, and consumers that read them as they come. They tell how long
 * answers took, and throw when a record is lost, doubled or out of order, or when an answer does not come.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ErrorCode, errorName } from '../../engine/base/errors.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import { batchBaseOffset, batchLastOffset, batchSizeInBytes } from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { parseAddress } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'

const TOPIC = 'bystanders'
const PARTITIONS = 2
const RECORDS_PER_BATCH = 5
const PAUSE_MS = 4
const ANSWER_LIMIT_MS = 30_000
const FETCH_WAIT_MS = 300
const FETCH_BYTES = 1 << 20
const CATCH_UP_MS = 30_000

export interface Latencies {
  readonly answers: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly slowestMs: number
}

export class Bystanders {
  private readonly connections: ClientConnection[] = []
  private readonly work: Promise<void>[] = []
  private running = true
  private produceMs: number[] = []
  /** Per partition: records acknowledged, and records read. */
  private readonly written = new Array<number>(PARTITIONS).fill(0)
  private readonly readUpTo = new Array<number>(PARTITIONS).fill(0)

  static async start(address: string): Promise<Bystanders> {
    const bystanders = new Bystanders()
    const admin = await bystanders.connect(address)
    await createTopic(admin, TOPIC, PARTITIONS, { 'retention.ms': '-1' })
    for (let partition = 0; partition < PARTITIONS; partition++) {
      bystanders.begin(bystanders.produce(await bystanders.connect(address), partition))
      bystanders.begin(bystanders.consume(await bystanders.connect(address), partition))
    }
    return bystanders
  }

  /** Times since the last call. */
  latencies(): Latencies {
    const sorted = this.produceMs.sort((a, b) => a - b)
    this.produceMs = []
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
    return { answers: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), slowestMs: at(1) }
  }

  /** Ends the producers, lets the consumers catch up; throws if anything was amiss. Returns records. */
  async stop(): Promise<number> {
    this.running = false
    await Promise.all(this.work)
    for (const connection of this.connections) connection.close()
    this.written.forEach((written, partition) => {
      const read = this.readUpTo[partition]
      if (read !== written) throw new Error(`${written} records acknowledged, ${read} read`)
    })
    return this.written.reduce((sum, written) => sum + written, 0)
  }

  private begin(work: Promise<void>): void {
    // Heard of at the stop.
    work.catch(() => {})
    this.work.push(work)
  }

  private async connect(address: string): Promise<ClientConnection> {
    const options = { clientId: 'bystander', timeoutMs: ANSWER_LIMIT_MS }
    const connection = await ClientConnection.connect(parseAddress(address), options)
    this.connections.push(connection)
    return connection
  }

  private async produce(connection: ClientConnection, partition: number): Promise<void> {
    while (this.running) {
      const next = this.written[partition]!
      const startedMs = performance.now()
      const values = Array.from({ length: RECORDS_PER_BATCH }, (_, at) => String(next + at))
      const baseOffset = await produceBatch(connection, TOPIC, partition, values)
      this.produceMs.push(performance.now() - startedMs)
      if (baseOffset !== next) throw new Error(`appended at ${baseOffset} instead of ${next}`)
      this.written[partition] = next + RECORDS_PER_BATCH
      await sleep(PAUSE_MS)
    }
  }

  private async consume(connection: ClientConnection, partition: number): Promise<void> {
    let untilMs = Number.POSITIVE_INFINITY
    while (this.running || this.readUpTo[partition]! < this.written[partition]!) {
      if (!this.running && untilMs === Number.POSITIVE_INFINITY)
        untilMs = performance.now() + CATCH_UP_MS
      if (performance.now() > untilMs) throw new Error('a consumer does not catch up')
      const records = await fetchRecords(connection, TOPIC, partition, this.readUpTo[partition]!)
      for (let at = 0; at < records.length; at += batchSizeInBytes(records, at))
        this.take(records, at, partition)
    }
  }

  private take(records: Buffer, at: number, partition: number): void {
    for (const { offset, value } of readRecords(records, at)) {
      if (offset < this.readUpTo[partition]!) continue
      if (offset !== this.readUpTo[partition] || String(value) !== String(offset))
        throw new Error(`read "${value}" at ${offset}, due is ${this.readUpTo[partition]}`)
      this.readUpTo[partition] = offset + 1
    }
    const last = batchLastOffset(records, at)
    if (last < batchBaseOffset(records, at)) throw new Error('a batch ends before it begins')
  }
}

export async function createTopic(
  connection: ClientConnection,
  name: string,
  numPartitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  const answer = await connection.send(CreateTopicsRequest, CreateTopicsResponse, {
    timeoutMs: 10_000,
    topics: [
      {
        name,
        numPartitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
  })
  const code = answer.topics[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
  if (code !== ErrorCode.NONE) throw new Error(`creating ${name}: ${errorName(code)}`)
}

/** Appends one batch; its base offset. */
export async function produceBatch(
  connection: ClientConnection,
  topic: string,
  index: number,
  values: readonly string[],
): Promise<number> {
  const timestamp = Date.now()
  const records = buildBatch({
    records: values.map((value) => ({ key: null, value: Buffer.from(value), timestamp })),
  })
  const topicData = [{ name: topic, partitionData: [{ index, records }] }]
  const body = { acks: -1, timeoutMs: 10_000, topicData }
  const answer = await connection.send(ProduceRequest, ProduceResponse, body, { version: 9 })
  const partition = answer.responses[0]?.partitionResponses[0]
  if (partition?.errorCode !== ErrorCode.NONE)
    throw new Error(`producing: ${errorName(partition?.errorCode ?? -1)}`)
  return partition.baseOffset
}

/** Record batches from an offset on; empty when none come within a moment. */
export async function fetchRecords(
  connection: ClientConnection,
  topic: string,
  partition: number,
  fetchOffset: number,
): Promise<Buffer> {
  const partitions = [{ partition, fetchOffset, partitionMaxBytes: FETCH_BYTES }]
  const body = { maxWaitMs: FETCH_WAIT_MS, minBytes: 1, topics: [{ topic, partitions }] }
  const answer = await connection.send(FetchRequest, FetchResponse, body, { version: 12 })
  const told = answer.responses[0]?.partitions[0]
  if (told !== undefined && told.errorCode !== ErrorCode.NONE)
    throw new Error(`fetching: ${errorName(told.errorCode)}`)
  return told?.records ?? Buffer.alloc(0)
}

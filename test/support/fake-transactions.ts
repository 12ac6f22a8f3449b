/**
 * A broker of one partition and one transaction coordinator, in memory, for clients that write
 * transactions: it holds them to the protocol (sequence numbers, epochs, partitions added before they
 * are written to, an end only of what was begun) and keeps what a read_committed consumer would see.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  batchAttributes,
  batchBaseSequence,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  isTransactional,
} from '../../engine/record/batch.ts'
import { type FakeBroker, type FakeRequest, startFakeBroker } from './fake-broker.ts'

export const FakeApi = {
  produce: 0,
  metadata: 3,
  findCoordinator: 10,
  initProducerId: 22,
  addPartitions: 24,
  endTxn: 26,
} as const

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const FIRST_PRODUCER_ID = 1000
const PRODUCE_IMPLICIT = 12

interface Producer {
  readonly id: string
  producerId: number
  epoch: number
  nextSequence: number
  added: boolean
  /** Records of the transaction at hand. */
  open: number
}

export interface FakeTransactionOptions {
  /** transaction.version of the cluster. */
  readonly version: 1 | 2
  readonly topic?: string
  /** Asked of each request; not 0: it is refused with that code and nothing else happens. */
  readonly refuse?: (apiKey: number, count: number) => number
}

export class FakeTransactions {
  private readonly options: FakeTransactionOptions
  private broker: FakeBroker | null = null
  private readonly producers = new Map<string, Producer>()
  private readonly counts = new Map<number, number>()
  /** Transactions that were committed, by their records. */
  readonly committed: number[] = []
  aborted = 0
  /** What the client did that no client may. */
  readonly problems: string[] = []
  readonly asked: FakeRequest[] = []

  private constructor(options: FakeTransactionOptions) {
    this.options = options
  }

  static async start(options: FakeTransactionOptions): Promise<FakeTransactions> {
    const fake = new FakeTransactions(options)
    fake.broker = await startFakeBroker(
      (request) => fake.answer(request),
      {},
      { 'transaction.version': options.version },
    )
    return fake
  }

  get port(): number {
    return this.broker?.port ?? 0
  }

  get address(): string {
    return this.broker?.address ?? ''
  }

  /** Of what is still open, by transactional id. */
  get open(): string[] {
    return [...this.producers.values()].filter(({ open }) => open > 0).map(({ id }) => id)
  }

  /** Transactional ids that asked for a producer id. */
  get ids(): string[] {
    return [...this.producers.keys()].sort()
  }

  get committedRecords(): number {
    return this.committed.reduce((sum, records) => sum + records, 0)
  }

  count(apiKey: number): number {
    return this.counts.get(apiKey) ?? 0
  }

  async close(): Promise<void> {
    await this.broker?.close()
  }

  private answer(request: FakeRequest): object | null {
    const { apiKey, body } = request
    this.asked.push(request)
    const count = this.count(apiKey)
    this.counts.set(apiKey, count + 1)
    const refusal = this.options.refuse?.(apiKey, count) ?? 0
    switch (apiKey) {
      case FakeApi.metadata:
        return this.metadata()
      case FakeApi.findCoordinator:
        return this.coordinator(String((body['coordinatorKeys'] as string[])[0]), refusal)
      case FakeApi.initProducerId:
        return this.init(String(body['transactionalId']), refusal)
      case FakeApi.addPartitions:
        return this.add(body, refusal)
      case FakeApi.endTxn:
        return this.end(request, refusal)
      case FakeApi.produce:
        return this.produce(request, refusal)
      default:
        throw new Error(`the client asks for API ${apiKey}`)
    }
  }

  private metadata(): object {
    const partitions = [
      { errorCode: 0, partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1] },
    ]
    const name = this.options.topic ?? 'load'
    return {
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: this.port }],
      controllerId: 1,
      topics: [{ errorCode: 0, name, topicId: TOPIC_ID, partitions }],
    }
  }

  private coordinator(key: string, errorCode: number): object {
    const found = { key, nodeId: 1, host: '127.0.0.1', port: this.port, errorCode }
    return { coordinators: [{ ...found, errorMessage: null }] }
  }

  private init(id: string, errorCode: number): object {
    if (errorCode !== 0) return { errorCode, producerId: -1, producerEpoch: -1 }
    const known = this.producers.get(id)
    const producerId = known?.producerId ?? FIRST_PRODUCER_ID + this.producers.size
    const epoch = known === undefined ? 0 : known.epoch + 1
    this.producers.set(id, { id, producerId, epoch, nextSequence: 0, added: false, open: 0 })
    return { errorCode: 0, producerId, producerEpoch: epoch }
  }

  private add(body: Record<string, unknown>, refusal: number): object {
    const producer = this.found(String(body['v3AndBelowTransactionalId']))
    if (this.options.version === 2) this.problems.push('partitions added under version 2')
    if (refusal === 0) producer.added = true
    const topics = body['v3AndBelowTopics'] as { name: string; partitions: number[] }[]
    return {
      resultsByTopicV3AndBelow: topics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => {
          return { partitionIndex, partitionErrorCode: refusal }
        }),
      })),
    }
  }

  private end({ body, version }: FakeRequest, refusal: number): object {
    if (refusal !== 0) return { errorCode: refusal }
    const producer = this.found(String(body['transactionalId']))
    if (version >= 5 !== (this.options.version === 2)) this.problems.push(`EndTxn v${version}`)
    if (body['producerEpoch'] !== producer.epoch) return { errorCode: ErrorCode.PRODUCER_FENCED }
    if (!producer.added) this.problems.push('the end of nothing')
    if (body['committed'] === true) this.committed.push(producer.open)
    else this.aborted++
    producer.open = 0
    producer.added = false
    if (this.options.version === 1) return { errorCode: 0 }
    producer.epoch++
    producer.nextSequence = 0
    return { errorCode: 0, producerId: producer.producerId, producerEpoch: producer.epoch }
  }

  private produce({ body, version }: FakeRequest, refusal: number): object {
    const topic = (body['topicData'] as ProducedTopic[])[0]
    const partition = topic?.partitionData[0]
    const id = String(body['transactionalId'])
    const errorCode =
      refusal !== 0 ? refusal : this.written(this.found(id), partition?.records ?? null, version)
    const answer = { index: partition?.index ?? 0, errorCode, baseOffset: 0 }
    const { name = '', topicId = TOPIC_ID } = topic ?? {}
    return { responses: [{ name, topicId, partitionResponses: [answer] }] }
  }

  /** An error code. */
  private written(producer: Producer, batch: Buffer | null, version: number): number {
    if (batch === null) return ErrorCode.INVALID_RECORD
    if (!isTransactional(batchAttributes(batch, 0))) this.problems.push('a plain batch')
    if (batchProducerId(batch, 0) !== producer.producerId) return ErrorCode.UNKNOWN_PRODUCER_ID
    if (batchProducerEpoch(batch, 0) !== producer.epoch) return ErrorCode.PRODUCER_FENCED
    if (batchBaseSequence(batch, 0) !== producer.nextSequence)
      return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    if (version >= PRODUCE_IMPLICIT) producer.added = true
    if (!producer.added) return ErrorCode.INVALID_TXN_STATE
    const records = batchRecordCount(batch, 0)
    producer.nextSequence += records
    producer.open += records
    return 0
  }

  private found(id: string): Producer {
    const producer = this.producers.get(id)
    if (producer === undefined) throw new Error(`'${id}' has no producer id`)
    return producer
  }
}

interface ProducedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitionData: readonly { readonly index: number; readonly records: Buffer | null }[]
}

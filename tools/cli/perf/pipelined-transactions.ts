/**
 * What a pipelined producer needs to write in transactions: the place of each batch among those of its
 * partition, partitions added once per transaction, commit.
 *
 * Batches of a partition are on their way together, numbered as they left. When one is refused, those
 * behind it are refused for their numbers (OUT_OF_ORDER_SEQUENCE_NUMBER): each then waits for the one
 * before it and goes again in its place, so that order and numbers hold.
 */
import type { Message } from '../../../engine/schema/fields.ts'
import type { ClientConnection } from '../../../net/client/client-connection.ts'
import type { TransactionSession } from '../../../net/client/client-transactions.ts'
import {
  PRODUCE_VERSION_EXPLICIT,
  type ProducerMark,
} from '../../../net/client/transaction-form.ts'

const SEQUENCES = 2 ** 31

export interface BatchPlace extends ProducerMark {
  readonly baseSequence: number
  /** Resolves when the batch before it has an outcome. */
  readonly previous: Promise<void>
  /** True once that was waited for: its number is the next one. */
  inOrder: boolean
  /** Lets the next one go again. */
  settle(): void
}

interface PartitionOrder {
  nextSequence: number
  last: Promise<void>
}

export class PipelinedTransactions {
  private readonly session: TransactionSession
  private readonly topic: string
  private readonly orders = new Map<number, PartitionOrder>()
  /** Partitions of the transaction at hand, some still being added. */
  private readonly joined = new Map<number, Promise<void>>()
  committed = 0
  /** Milliseconds that commits took. */
  commitMs = 0

  constructor(session: TransactionSession, topic: string) {
    this.session = session
    this.topic = topic
  }

  get transactionalId(): string {
    return this.session.transactionalId
  }

  versionOf(connection: ClientConnection, produce: Message): number {
    return connection.versionOf(
      produce,
      this.session.implicit ? produce.maxVersion : PRODUCE_VERSION_EXPLICIT,
    )
  }

  /** Of a batch that leaves next to its partition. */
  place(partition: number, records: number): BatchPlace {
    const order = this.orders.get(partition) ?? { nextSequence: 0, last: Promise.resolve() }
    this.orders.set(partition, order)
    let settle = (): void => {}
    const previous = order.last
    order.last = new Promise((resolve) => {
      settle = resolve
    })
    const baseSequence = order.nextSequence
    order.nextSequence = (baseSequence + records) % SEQUENCES
    return { ...this.session.mark, baseSequence, previous, inOrder: false, settle }
  }

  /** Resolves when the partition is in the transaction. */
  async join(partition: number): Promise<void> {
    const known = this.joined.get(partition)
    const joining = known ?? this.session.add(this.topic, [partition])
    this.joined.set(partition, joining)
    await joining
  }

  /** Of a transaction whose batches all have their outcome. */
  async commit(): Promise<void> {
    const before = performance.now()
    await this.end(true)
    this.committed++
    this.commitMs += performance.now() - before
  }

  /** Tried once. */
  async abort(): Promise<void> {
    this.session.close()
    await this.end(false)
  }

  private async end(committed: boolean): Promise<void> {
    if (this.joined.size === 0) return
    const { producerEpoch } = this.session.mark
    await this.session.end(committed)
    this.joined.clear()
    if (this.session.mark.producerEpoch !== producerEpoch) this.orders.clear()
  }
}

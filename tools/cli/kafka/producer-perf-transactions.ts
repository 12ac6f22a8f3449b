/**
 * Transactions of kafka-producer-perf-test (ProducerPerformance, 4.2): an id or a duration is enough; a
 * transaction begins with a record and is committed behind the first one that is so much later, and the
 * last one behind the last record.
 */
import { randomUUID } from 'node:crypto'
import type { Client } from '../../../net/client/client.ts'
import { TransactionSession } from '../../../net/client/client-transactions.ts'
import type { PipelinedProducer } from '../perf/pipelined-producer.ts'
import { PipelinedTransactions } from '../perf/pipelined-transactions.ts'
import { acksOf, whole } from '../perf/producer-config.ts'
import { type Flags, KafkaToolExit } from './flags.ts'

const DURATION_MS = 3_000
const ID_PREFIX = 'performance-producer-'
const TIMEOUT_MS = 60_000
const BLOCK_MS_MAX = 60_000
const IN_FLIGHT_MAX = 5

export interface TransactionPlan {
  readonly transactionalId: string
  readonly durationMs: number
  readonly timeoutMs: number
  readonly retryLimitMs: number
}

/** Null: none are asked for. Throws KafkaToolExit for settings that transactions do not allow. */
export function transactionPlan(
  flags: Flags,
  config: ReadonlyMap<string, string>,
): TransactionPlan | null {
  const given = flags.value('transactional-id') ?? config.get('transactional.id')
  const duration = flags.value('transaction-duration-ms')
  if (given === undefined && duration === undefined) return null
  if (acksOf(config.get('acks') ?? 'all') !== -1)
    throw new KafkaToolExit(
      'Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee ' +
        'idempotence.',
    )
  if (whole(config, 'max.in.flight.requests.per.connection', IN_FLIGHT_MAX) > IN_FLIGHT_MAX)
    throw new KafkaToolExit(
      `Must set max.in.flight.requests.per.connection to at most ${IN_FLIGHT_MAX} to use the ` +
        'idempotent producer.',
    )
  return {
    transactionalId: given === undefined || given === '' ? ID_PREFIX + randomUUID() : given,
    durationMs: Number(duration ?? DURATION_MS),
    timeoutMs: whole(config, 'transaction.timeout.ms', TIMEOUT_MS),
    retryLimitMs: whole(config, 'max.block.ms', BLOCK_MS_MAX),
  }
}

/** Null without a plan. Rejects with the broker's refusal. */
export async function openTransactions(
  client: Client,
  plan: TransactionPlan | null,
  topic: string,
): Promise<PipelinedTransactions | null> {
  if (plan === null) return null
  const session = await TransactionSession.open(client, {
    transactionalId: plan.transactionalId,
    transactionTimeoutMs: plan.timeoutMs,
    retryLimitMs: plan.retryLimitMs,
  })
  return new PipelinedTransactions(session, topic)
}

/** When transactions end; without any it only waits for what was handed over. */
export class TransactionEnds {
  private readonly producer: PipelinedProducer
  private readonly transactions: PipelinedTransactions | null
  private readonly durationMs: number
  private readonly failure: () => Error | null
  /** Wall clock, as of records; null between two transactions. */
  private beganAt: number | null = null

  constructor(
    producer: PipelinedProducer,
    transactions: PipelinedTransactions | null,
    plan: TransactionPlan | null,
    failure: () => Error | null,
  ) {
    this.producer = producer
    this.transactions = transactions
    this.durationMs = plan?.durationMs ?? Number.POSITIVE_INFINITY
    this.failure = failure
  }

  wrote(now: number): void {
    this.beganAt ??= now
  }

  isDue(now: number): boolean {
    return this.beganAt !== null && now - this.beganAt >= this.durationMs
  }

  /** Waits for everything handed over. Rejects when some of it failed, before anything is committed. */
  async commit(): Promise<void> {
    await this.producer.flush()
    const failure = this.failure()
    if (failure !== null) throw failure
    if (this.beganAt !== null) await this.transactions?.commit()
    this.beganAt = null
  }

  /** Aborts what `body` leaves open when it fails, as far as somebody answers. */
  async abortedOnFailure(body: () => Promise<void>): Promise<void> {
    try {
      await body()
    } catch (error) {
      await this.transactions?.abort().catch(() => {})
      throw error
    }
  }
}

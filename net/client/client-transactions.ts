/**
 * The coordinator's side of one transactional producer: its id and epoch, the partitions of the
 * transaction at hand, commit and abort. Batches are the caller's to write, under `mark`.
 *
 * Two forms (KIP-890). `implicit`, where the cluster has transaction.version at 2: a partition joins a
 * transaction with its first Produce (v12), and each EndTxn (v5) hands out the next epoch, so that
 * sequence numbers begin at 0 again. Else partitions are added by `add` before anything is written to
 * them (Produce at most v11, EndTxn at most v4), and the epoch stays.
 *
 * Answers that may pass (CONCURRENT_TRANSACTIONS, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR and
 * their like) and broken connections are tried again for `retryLimitMs`, the coordinator looked up anew
 * where it moved. Whatever else, or longer, is a RequestFailed by its error's name.
 */
import { ErrorCode, errorName, isRetriable } from '../../engine/base/errors.ts'
import {
  InitProducerIdRequest,
  InitProducerIdResponse,
} from '../../engine/protocol/22-init-producer-id.ts'
import {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnResponse,
} from '../../engine/protocol/24-add-partitions-to-txn.ts'
import { EndTxnRequest, EndTxnResponse } from '../../engine/protocol/26-end-txn.ts'
import type { Client } from './client.ts'
import type { ClientConnection } from './client-connection.ts'
import { ConnectionFailed, RequestFailed } from './client-errors.ts'
import { type ProducerMark, TRANSACTION_RETRY_PAUSE_MS } from './transaction-form.ts'

const ADD_PARTITIONS_VERSION_MAX = 3
const END_VERSION_EXPLICIT = 4
const KEY_TYPE_TRANSACTION = 1
const FEATURE = 'transaction.version'
const IMPLICIT_SINCE = 2
const MOVED: readonly number[] = [ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE]

export interface TransactionOptions {
  readonly transactionalId: string
  /** A transaction open for longer is aborted by its coordinator, in milliseconds. */
  readonly transactionTimeoutMs: number
  /** How long answers that may pass are tried again, in milliseconds. */
  readonly retryLimitMs: number
}

export class TransactionSession {
  readonly transactionalId: string
  private readonly client: Client
  private readonly options: TransactionOptions
  private coordinator: ClientConnection | null = null
  private current: ProducerMark = { producerId: -1, producerEpoch: -1 }
  private implicitForm = false
  private closed = false
  /** Answers that were asked for again. */
  retries = 0

  private constructor(client: Client, options: TransactionOptions) {
    this.client = client
    this.options = options
    this.transactionalId = options.transactionalId
  }

  /** Fences whoever had the id before and ends what that left open. */
  static async open(client: Client, options: TransactionOptions): Promise<TransactionSession> {
    const session = new TransactionSession(client, options)
    await session.init()
    return session
  }

  /** Partitions need not be added. */
  get implicit(): boolean {
    return this.implicitForm
  }

  /** Of the next batch; another one after each `end` of the implicit form. */
  get mark(): ProducerMark {
    return this.current
  }

  /** Adds partitions to the transaction at hand; nothing in the implicit form. */
  async add(topic: string, partitions: readonly number[]): Promise<void> {
    if (this.implicitForm) return
    await this.untilDone(
      `adding ${topic}-${partitions.join(',')} to the transaction`,
      async (at) => {
        const answer = await at.send(
          AddPartitionsToTxnRequest,
          AddPartitionsToTxnResponse,
          {
            v3AndBelowTransactionalId: this.transactionalId,
            v3AndBelowProducerId: this.current.producerId,
            v3AndBelowProducerEpoch: this.current.producerEpoch,
            v3AndBelowTopics: [{ name: topic, partitions: [...partitions] }],
          },
          { version: at.versionOf(AddPartitionsToTxnRequest, ADD_PARTITIONS_VERSION_MAX) },
        )
        const results = answer.resultsByTopicV3AndBelow.flatMap((each) => each.resultsByPartition)
        const codes = results.map(({ partitionErrorCode }) => partitionErrorCode)
        // Beside the one that is refused all others say that they were not tried.
        const refused = codes.filter((code) => code !== 0)
        return refused.find((code) => code !== ErrorCode.OPERATION_NOT_ATTEMPTED) ?? refused[0] ?? 0
      },
    )
  }

  /** Commits or aborts; at least one partition must be in the transaction. */
  async end(committed: boolean): Promise<void> {
    await this.untilDone(committed ? 'the commit' : 'the abort', async (at) => {
      const highest = this.implicitForm ? EndTxnRequest.maxVersion : END_VERSION_EXPLICIT
      const version = at.versionOf(EndTxnRequest, highest)
      const body = { transactionalId: this.transactionalId, ...this.current, committed }
      const answer = await at.send(EndTxnRequest, EndTxnResponse, body, { version })
      const { errorCode, producerId, producerEpoch } = answer
      if (errorCode === 0 && producerId >= 0) this.current = { producerId, producerEpoch }
      return errorCode
    })
  }

  /** What is being tried again ends; the client is the caller's to close. */
  close(): void {
    this.closed = true
  }

  private async init(): Promise<void> {
    await this.untilDone('a producer id', async (at) => {
      const { transactionalId, transactionTimeoutMs } = this.options
      const answer = await at.send(InitProducerIdRequest, InitProducerIdResponse, {
        transactionalId,
        transactionTimeoutMs,
      })
      const { errorCode, producerId, producerEpoch } = answer
      if (errorCode === 0) {
        this.current = { producerId, producerEpoch }
        this.implicitForm = at.featureLevel(FEATURE) >= IMPLICIT_SINCE
      }
      return errorCode
    })
  }

  /** `attempt` resolves with an error code. */
  private async untilDone(
    what: string,
    attempt: (coordinator: ClientConnection) => Promise<number>,
  ): Promise<void> {
    const until = performance.now() + this.options.retryLimitMs
    for (;;) {
      const problem = await this.tried(attempt)
      if (problem === null) return
      const code = problem instanceof Error ? null : problem
      const mayPass = code === null ? problem instanceof ConnectionFailed : isRetriable(code)
      if (this.closed || !mayPass || performance.now() > until)
        throw code === null
          ? problem
          : new RequestFailed(code, `${what} of '${this.transactionalId}': ${errorName(code)}`)
      this.retries++
      if (code === null || MOVED.includes(code)) this.coordinator = null
      await new Promise((resolve) => setTimeout(resolve, TRANSACTION_RETRY_PAUSE_MS))
    }
  }

  /** An error code, what was thrown, or null when it is done. */
  private async tried(
    attempt: (coordinator: ClientConnection) => Promise<number>,
  ): Promise<number | Error | null> {
    try {
      this.coordinator ??= await this.client.coordinator(this.transactionalId, KEY_TYPE_TRANSACTION)
      const code = await attempt(this.coordinator)
      return code === 0 ? null : code
    } catch (error) {
      if (error instanceof Error) return error
      throw error
    }
  }
}

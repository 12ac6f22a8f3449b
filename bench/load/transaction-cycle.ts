/**
 * One connection's transactions, one after the other: a first batch alone, since a coordinator that
 * still writes the markers of the last transaction may refuse it (CONCURRENT_TRANSACTIONS), then all
 * others, and after the plan's time a pause in which everything sent is answered and EndTxn commits.
 */
import { ErrorCode, errorName } from '../../engine/base/errors.ts'
import type { TransactionSession } from '../../net/client/client-transactions.ts'
import { type ProducerMark, TRANSACTION_RETRY_PAUSE_MS } from '../../net/client/transaction-form.ts'
import type { LoadWindow } from './load-window.ts'

/** How long a first batch, or a coordinator, may answer with what may pass. */
export const TRANSACTION_RETRY_MS_MAX = 30_000
/** Of the abort of what a failed load leaves open; its coordinator would do it later by itself. */
const ABANDON_MS_MAX = 2_000

/** Of a first batch: its coordinator is not ready, in these words or those for older clients. */
const MAY_PASS: ReadonlySet<number> = new Set([
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NETWORK_EXCEPTION,
])

/** True: the same first batch may be sent again; everything else ends the load. */
export function firstMayPass(errorCode: number): boolean {
  return MAY_PASS.has(errorCode)
}

/** What sends a connection's requests, in a closed or an open loop. */
export interface TransactionLane {
  /**
   * Sends one request under `mark`, or the refused one `again`. Resolves with its error code, 0 or one
   * that may pass; null where nothing is left to send.
   */
  first(mark: ProducerMark, again: boolean): Promise<number | null>
  /** Lets the others follow. */
  open(): void
  /** Holds others back; resolves when everything sent is answered. */
  hold(): Promise<void>
  /** Everything was sent: who waits for a first request waits no more. */
  withdraw(): void
}

export interface CyclePlan {
  readonly topic: string
  readonly partition: number
  readonly durationMs: number
}

export class TransactionCycle {
  private readonly session: TransactionSession
  private readonly lane: TransactionLane
  private readonly plan: CyclePlan
  private readonly window: LoadWindow
  private running: Promise<void> = Promise.resolve()
  private finishing = false
  private wake: (() => void) | null = null
  /** There is something to abort, and nobody commits it at this moment. */
  private inTransaction = false
  private retries = 0

  constructor(
    session: TransactionSession,
    lane: TransactionLane,
    plan: CyclePlan,
    window: LoadWindow,
  ) {
    this.session = session
    this.lane = lane
    this.plan = plan
    this.window = window
  }

  /** The first failure ends the load. */
  start(): void {
    this.running = this.run().catch((error: unknown) => {
      this.window.fail(error instanceof Error ? error : new Error(String(error)))
    })
  }

  /** Commits what is open; resolves when that is done, and after a failure. */
  async finish(): Promise<void> {
    this.finishing = true
    this.wake?.()
    this.lane.withdraw()
    await this.running
  }

  /** Aborts what a failed load leaves open, as far as somebody answers. */
  async abandon(): Promise<void> {
    this.session.close()
    if (!this.inTransaction) return
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ABANDON_MS_MAX)
    })
    await Promise.race([this.session.end(false).catch(() => {}), limit])
    clearTimeout(timer)
  }

  private async run(): Promise<void> {
    const { session, lane, plan } = this
    while (!this.finishing) {
      await session.add(plan.topic, [plan.partition])
      this.inTransaction = !session.implicit
      const begun = await this.begin()
      // Of the explicit form a partition is in the transaction, though nothing was written to it.
      if (!begun && session.implicit) return
      this.inTransaction = true
      if (begun && !this.finishing) {
        lane.open()
        await this.elapsed()
      }
      await lane.hold()
      await this.commit()
    }
  }

  /** False: nothing is left to send. */
  private async begin(): Promise<boolean> {
    const until = performance.now() + TRANSACTION_RETRY_MS_MAX
    for (let again = false; ; again = true) {
      const code = await this.lane.first(this.session.mark, again)
      if (code === null || code === 0) return code === 0
      if (performance.now() > until)
        throw new Error(
          `${errorName(code)} for ${TRANSACTION_RETRY_MS_MAX / 1000} s at the first batch of a ` +
            `transaction of '${this.session.transactionalId}'`,
        )
      this.retries++
      await new Promise((resolve) => setTimeout(resolve, TRANSACTION_RETRY_PAUSE_MS))
    }
  }

  private async elapsed(): Promise<void> {
    if (this.finishing) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.wake = resolve
      timer = setTimeout(resolve, this.plan.durationMs)
    })
    clearTimeout(timer)
    this.wake = null
  }

  private async commit(): Promise<void> {
    this.inTransaction = false
    const before = performance.now()
    await this.session.end(true)
    const retries = this.retries + this.session.retries
    this.window.recordCommit(performance.now() - before, retries)
    this.retries = 0
    this.session.retries = 0
  }
}

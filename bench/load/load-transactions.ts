/**
 * The transactional producers of one load: a session per connection, with connections to the
 * coordinator of its own, as producers have them; opened before the load, closed behind it.
 */

import { formatAddress } from '../../net/client/address.ts'
import { Client } from '../../net/client/client.ts'
import { TransactionSession } from '../../net/client/client-transactions.ts'
import type { TransactionForm } from './frames.ts'
import type { PacedLoad, ProduceLoad } from './load-plan.ts'
import type { LoadWindow } from './load-window.ts'
import {
  TRANSACTION_RETRY_MS_MAX,
  TransactionCycle,
  type TransactionLane,
} from './transaction-cycle.ts'

const OPENING_AT_ONCE = 16
const ANSWER_MS_MAX = 30_000

export class LoadTransactions {
  private readonly plan: ProduceLoad | PacedLoad
  private readonly window: LoadWindow
  private readonly clients: Client[] = []
  private readonly sessions: TransactionSession[] = []
  private readonly cycles: TransactionCycle[] = []

  private constructor(plan: ProduceLoad | PacedLoad, window: LoadWindow) {
    this.plan = plan
    this.window = window
  }

  /** Null for a load without transactions. Rejects with the broker's refusal. */
  static async open(
    plan: ProduceLoad | PacedLoad,
    window: LoadWindow,
  ): Promise<LoadTransactions | null> {
    const { transactions } = plan
    if (transactions === null) return null
    const load = new LoadTransactions(plan, window)
    try {
      await load.openSessions(transactions.idPrefix, transactions.timeoutMs)
    } catch (error) {
      await load.close()
      throw error
    }
    return load
  }

  /** How the requests of a connection of this process are framed. */
  form(connection: number): TransactionForm {
    const { transactionalId, implicit } = this.sessions[connection]!
    return { transactionalId, implicit }
  }

  /** Hands a connection's sending to its transactions, from `start` on. */
  add(connection: number, partition: number, lane: TransactionLane): void {
    const { topic, transactions } = this.plan
    const plan = { topic, partition, durationMs: transactions?.durationMs ?? 0 }
    const session = this.sessions[connection]!
    this.cycles.push(new TransactionCycle(session, lane, plan, this.window))
  }

  start(): void {
    for (const cycle of this.cycles) cycle.start()
  }

  /** Commits what is open on all connections. */
  async finish(): Promise<void> {
    await Promise.all(this.cycles.map((cycle) => cycle.finish()))
  }

  /** Aborts what is still open; for loads that failed. */
  async abandon(): Promise<void> {
    await Promise.all(this.cycles.map((cycle) => cycle.abandon()))
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session?.close()
    await Promise.all(this.clients.map((client) => client.close()))
  }

  private async openSessions(idPrefix: string, transactionTimeoutMs: number): Promise<void> {
    const { connections, firstConnection, leaders } = this.plan
    const bootstrap = [...new Set(leaders.map(formatAddress))].join(',')
    let next = 0
    const opener = async (): Promise<void> => {
      while (next < connections) {
        const connection = next++
        const client = new Client({ bootstrap, clientId: 'sluice-perf', timeoutMs: ANSWER_MS_MAX })
        this.clients.push(client)
        this.sessions[connection] = await TransactionSession.open(client, {
          transactionalId: `${idPrefix}-${firstConnection + connection}`,
          transactionTimeoutMs,
          retryLimitMs: TRANSACTION_RETRY_MS_MAX,
        })
      }
    }
    const openers = Math.min(OPENING_AT_ONCE, connections)
    await Promise.all(Array.from({ length: openers }, opener))
  }
}

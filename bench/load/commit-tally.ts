/** Transactions that were committed, and how long their ends took: of a window or a piece of it. */
import {
  encodeHistogram,
  type Histogram,
  mergeHistograms,
  newHistogram,
  recordMs,
} from './histogram.ts'
import type { TransactionFigures } from './load-plan.ts'

export class CommitTally {
  private readonly times: Histogram = newHistogram()
  private retries = 0

  record(commitMs: number, retries: number): void {
    recordMs(this.times, commitMs)
    this.retries += retries
  }

  figures(): TransactionFigures {
    const { times, retries } = this
    return { committed: times.totalCount, retries, commit: encodeHistogram(times) }
  }

  reset(): void {
    this.times.reset()
    this.retries = 0
  }
}

/** Of several clients, each seen for its own share of the time; null when none had transactions. */
export function sumOfTransactions(
  parts: readonly { readonly transactions: TransactionFigures | null; readonly scale: number }[],
): TransactionFigures | null {
  const given = parts.filter(({ transactions }) => transactions !== null)
  if (given.length === 0) return null
  const sum = (of: (figures: TransactionFigures) => number): number =>
    Math.round(
      given.reduce((total, { transactions, scale }) => total + of(transactions!) * scale, 0),
    )
  return {
    committed: sum(({ committed }) => committed),
    retries: sum(({ retries }) => retries),
    commit: mergeHistograms(given.map(({ transactions }) => transactions?.commit ?? null)),
  }
}

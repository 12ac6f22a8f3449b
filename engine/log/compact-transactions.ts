/**
 * What compaction knows of transactions while it walks a log from its start
 * (org.apache.kafka.storage.internals.log.CleanedTransactionMetadata): which data was aborted, and
 * which markers still have data in front of them.
 *
 *   aborted data      goes at once
 *   a marker          may go once a walk met no batch of its transaction before it; the caller then
 *                     gives it its horizon, and drops it after that
 */
import {
  batchAttributes,
  batchLastOffset,
  batchProducerId,
  batchRecordCount,
  isTransactional,
} from '../record/batch.ts'
import { readEndTransactionMarker } from '../record/control.ts'
import type { AbortedTransaction } from './transaction-index.ts'

interface Aborting {
  readonly transaction: AbortedTransaction
  seen: boolean
}

export class CompactTransactions {
  /** By first offset, not yet reached. */
  private waiting: AbortedTransaction[] = []
  private next = 0
  private readonly aborting = new Map<number, Aborting>()
  private readonly committing = new Set<number>()

  /** Those with data from here on; one that is known already counts once. */
  expect(aborted: readonly AbortedTransaction[]): void {
    this.waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
    this.next = 0
  }

  /** A data batch is met: true when it is of an aborted transaction. */
  onData(buffer: Buffer, at: number): boolean {
    if (!isTransactional(batchAttributes(buffer, at))) return false
    this.beginUpTo(batchLastOffset(buffer, at))
    const producerId = batchProducerId(buffer, at)
    const aborting = this.aborting.get(producerId)
    if (aborting === undefined) {
      this.committing.add(producerId)
      return false
    }
    aborting.seen = true
    return true
  }

  /**
   * A control batch is met: whether all data of its transaction is gone, and the aborted transaction
   * that it ends when that still has data.
   */
  onMarker(buffer: Buffer, at: number): { empty: boolean; aborted: AbortedTransaction | null } {
    this.beginUpTo(batchLastOffset(buffer, at))
    if (batchRecordCount(buffer, at) === 0) return { empty: true, aborted: null }
    const marker = readEndTransactionMarker(buffer, at)
    // Of a kind that ends no transaction: not ours to remove.
    if (marker === null) return { empty: false, aborted: null }
    const producerId = batchProducerId(buffer, at)
    if (marker.type === 'commit')
      return { empty: !this.committing.delete(producerId), aborted: null }
    const aborting = this.aborting.get(producerId)
    this.aborting.delete(producerId)
    if (aborting?.seen !== true) return { empty: true, aborted: null }
    return { empty: false, aborted: aborting.transaction }
  }

  private beginUpTo(offset: number): void {
    for (;;) {
      const transaction = this.waiting[this.next]
      if (transaction === undefined || transaction.firstOffset > offset) return
      this.next++
      const { producerId } = transaction
      if (!this.aborting.has(producerId))
        this.aborting.set(producerId, { transaction, seen: false })
    }
  }
}

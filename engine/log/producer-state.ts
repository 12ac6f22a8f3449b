/**
 * Idempotence and transactions of one partition
 * (org.apache.kafka.storage.internals.log.ProducerStateManager, ProducerAppendInfo): recognises
 * duplicates, refuses gaps and fenced epochs, knows which transactions are open and so where the
 * last stable offset is. `check` judges a batch, `replay` takes it in once it has its offsets;
 * recovery replays without checking.
 *
 * One producer id, per event:
 *   data, same epoch, sequences of one of the last 5 batches → duplicate, answered as the original
 *   data, same epoch, next sequence (2147483647 → 0)         → taken
 *   data, higher epoch, sequence 0                           → taken, earlier batches forgotten
 *   data, no state, any sequence (0 when the caller says so) → taken
 *   data, lower epoch → 47; any other sequence → 45; plain while its transaction is open → 48
 *   marker, epoch not lower, coordinator epoch not lower     → ends the open transaction, if any
 *   marker, lower epoch → 47, lower coordinator epoch → 52
 *
 * Differs from Kafka: at limits.producersPerPartitionMax the longest idle ids are forgotten, as if
 * they had expired; not those with an open transaction, which their coordinator's timeout bounds.
 */
import { assert } from '../base/assert.ts'
import { ErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchLastOffset,
  batchLastSequence,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  isControl,
  isTransactional,
} from '../record/batch.ts'
import { readEndTransactionMarker } from '../record/control.ts'
import { NO_PRODUCER_EPOCH, NO_TRANSACTION, ProducerEntry } from './producer-entry.ts'
import type { ProducerSnapshotEntry } from './producer-snapshot.ts'

/** The part of the producers forgotten at once when there are too many. */
const EVICTED_SHARE = 0.01

/**
 * Who appends: clients are held to sequences, coordinators only to epochs, replication to nothing.
 */
export type AppendOrigin = 'client' | 'coordinator' | 'replication'

/** Answer of `check`, reused: copy out before the next call. */
export interface ProducerCheck {
  errorCode: number
  /** Success without an append: answer with the offsets and timestamp of the original. */
  duplicate: boolean
  firstOffset: number
  lastOffset: number
  timestamp: number
}

/**
 * A transaction that a marker has just ended; an aborted one goes into the transaction index as it
 * is.
 */
export interface EndedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Offset of the marker. */
  readonly lastOffset: number
  /** Of the partition just after the marker. */
  readonly lastStableOffset: number
  readonly isAborted: boolean
}

export class ProducerStateManager {
  private expirationMs: number
  private readonly producers = new Map<number, ProducerEntry>()
  /**
   * Open transactions: producer id by first offset. Appends come in offset order, so it is sorted.
   */
  private readonly open = new Map<number, number>()
  /** Ended ones whose marker is not below the high watermark: marker offset by first offset. */
  private readonly unreplicated = new Map<number, number>()
  private firstUnstable = NO_TRANSACTION
  private highWatermark = 0
  private readonly checked: ProducerCheck = {
    errorCode: ErrorCode.NONE,
    duplicate: false,
    firstOffset: -1,
    lastOffset: -1,
    timestamp: -1,
  }

  /** `expirationMs` is producer.id.expiration.ms. */
  constructor(expirationMs: number) {
    this.expirationMs = expirationMs
  }

  setExpiration(expirationMs: number): void {
    this.expirationMs = expirationMs
  }

  get count(): number {
    return this.producers.size
  }

  /** For DescribeProducers. */
  entries(): IterableIterator<ProducerEntry> {
    return this.producers.values()
  }

  entry(producerId: number): ProducerEntry | null {
    return this.producers.get(producerId) ?? null
  }

  hasOpenTransaction(producerId: number): boolean {
    const entry = this.producers.get(producerId)
    return entry !== undefined && entry.transactionFirstOffset !== NO_TRANSACTION
  }

  /**
   * Whether the data batch at `at` may be appended. `zeroFirst`: an id without batches must start
   * at sequence 0; set on an empty partition and for transactions of version 2, where a lost state
   * is a lost write. Batches without a producer id pass.
   */
  check(batch: Buffer, at: number, origin: AppendOrigin, zeroFirst: boolean): ProducerCheck {
    const result = this.checked
    result.errorCode = ErrorCode.NONE
    result.duplicate = false
    result.firstOffset = -1
    result.lastOffset = -1
    result.timestamp = -1
    const producerId = batchProducerId(batch, at)
    if (producerId < 0 || origin === 'replication') return result
    const entry = this.producers.get(producerId)
    const epoch = batchProducerEpoch(batch, at)
    const sequence = batchBaseSequence(batch, at)
    if (entry === undefined || entry.producerEpoch === NO_PRODUCER_EPOCH) {
      if (origin === 'client' && zeroFirst && sequence !== 0)
        result.errorCode = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
      return result
    }
    if (origin === 'client' && entry.producerEpoch === epoch) {
      const back = entry.findBatch(sequence, batchLastSequence(batch, at))
      if (back >= 0) {
        result.duplicate = true
        result.firstOffset = entry.firstOffset(back)
        result.lastOffset = entry.lastOffset(back)
        result.timestamp = entry.timestamp(back)
        return result
      }
    }
    result.errorCode = checkKnown(entry, epoch, sequence, origin)
    const plain = !isTransactional(batchAttributes(batch, at))
    if (
      result.errorCode === ErrorCode.NONE &&
      plain &&
      entry.transactionFirstOffset !== NO_TRANSACTION
    )
      result.errorCode = ErrorCode.INVALID_TXN_STATE
    return result
  }

  /**
   * Whether a coordinator may write this marker. With transactions of version 2 every marker raises
   * the epoch; the same epoch again is a retry, fine once its transaction is over.
   */
  checkMarker(
    producerId: number,
    producerEpoch: number,
    coordinatorEpoch: number,
    transactionVersion: number,
  ): ErrorCode {
    const entry = this.producers.get(producerId)
    if (entry === undefined) return ErrorCode.NONE
    const known = entry.producerEpoch
    const isRetry =
      producerEpoch === known &&
      (transactionVersion < 2 || entry.transactionFirstOffset === NO_TRANSACTION)
    if (producerEpoch <= known && !isRetry) return ErrorCode.INVALID_PRODUCER_EPOCH
    if (entry.coordinatorEpoch > coordinatorEpoch) return ErrorCode.TRANSACTION_COORDINATOR_FENCED
    return ErrorCode.NONE
  }

  /**
   * Takes in the batch at `at`, whose base offset is final. Returns the transaction a marker ended,
   * else null. Batches come in offset order.
   */
  replay(batch: Buffer, at: number): EndedTransaction | null {
    const producerId = batchProducerId(batch, at)
    if (producerId < 0) return null
    const attributes = batchAttributes(batch, at)
    if (isControl(attributes)) return this.replayMarker(batch, at, producerId)
    const entry = this.entryFor(producerId)
    const baseOffset = batchBaseOffset(batch, at)
    const lastOffset = batchLastOffset(batch, at)
    entry.setEpoch(batchProducerEpoch(batch, at))
    entry.addBatch(
      batchLastSequence(batch, at),
      lastOffset,
      lastOffset - baseOffset,
      batchMaxTimestamp(batch, at),
    )
    if (isTransactional(attributes) && entry.transactionFirstOffset === NO_TRANSACTION) {
      entry.transactionFirstOffset = baseOffset
      this.open.set(baseOffset, producerId)
      if (this.firstUnstable === NO_TRANSACTION) this.firstUnstable = baseOffset
    }
    return null
  }

  /**
   * First offset of the oldest transaction that is open, or ended above the high watermark; or
   * null.
   */
  firstUnstableOffset(): number | null {
    return this.firstUnstable === NO_TRANSACTION ? null : this.firstUnstable
  }

  /** First offset of the oldest open transaction, wherever the high watermark is; or null. */
  firstUndecidedOffset(): number | null {
    return this.open.keys().next().value ?? null
  }

  /**
   * Transactions that ended below the high watermark no longer hold back the last stable offset.
   * Before a replay of old batches set it to Infinity, after it to what it is.
   */
  onHighWatermark(highWatermark: number): void {
    this.highWatermark = highWatermark
    if (this.unreplicated.size === 0) return
    for (const [firstOffset, markerOffset] of this.unreplicated)
      if (markerOffset < highWatermark) this.unreplicated.delete(firstOffset)
    this.findFirstUnstable()
  }

  /** Forgets ids idle for longer than the expiration; never one with an open transaction. */
  removeExpired(nowMs: number): void {
    for (const [producerId, entry] of this.producers)
      if (
        entry.transactionFirstOffset === NO_TRANSACTION &&
        nowMs - entry.lastTimestamp >= this.expirationMs
      )
        this.producers.delete(producerId)
  }

  /** Replaces the state by a snapshot's, without ids that have expired by `nowMs`. */
  load(entries: readonly ProducerSnapshotEntry[], nowMs: number): void {
    this.clear()
    const open = entries.filter((entry) => entry.transactionFirstOffset !== NO_TRANSACTION)
    open.sort((a, b) => a.transactionFirstOffset - b.transactionFirstOffset)
    for (const entry of open) this.open.set(entry.transactionFirstOffset, entry.producerId)
    for (const stored of entries) {
      const entry = this.entryFor(stored.producerId)
      entry.producerEpoch = stored.producerEpoch
      entry.coordinatorEpoch = stored.coordinatorEpoch
      entry.transactionFirstOffset = stored.transactionFirstOffset
      if (stored.lastOffset >= 0)
        entry.addBatch(stored.lastSequence, stored.lastOffset, stored.offsetDelta, stored.timestamp)
      entry.lastTimestamp = stored.timestamp
    }
    this.removeExpired(nowMs)
    this.findFirstUnstable()
  }

  /** What a snapshot file holds, in the order in which ids became known. */
  snapshot(): ProducerSnapshotEntry[] {
    return Array.from(this.producers.values(), (entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.producerEpoch,
      lastSequence: entry.lastSequence(),
      lastOffset: entry.lastOffset(),
      offsetDelta: entry.offsetDelta(),
      timestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      transactionFirstOffset: entry.transactionFirstOffset,
    }))
  }

  /** Forgets everything: the log was emptied, or is about to be replayed. */
  clear(): void {
    this.producers.clear()
    this.open.clear()
    this.unreplicated.clear()
    this.firstUnstable = NO_TRANSACTION
  }

  private replayMarker(batch: Buffer, at: number, producerId: number): EndedTransaction | null {
    const marker = readEndTransactionMarker(batch, at)
    // Emptied by compaction: the whole transaction is gone from the log.
    if (marker === null) return null
    const entry = this.entryFor(producerId)
    const firstOffset = entry.transactionFirstOffset
    const lastOffset = batchBaseOffset(batch, at)
    entry.setEpoch(batchProducerEpoch(batch, at))
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.lastTimestamp = batchMaxTimestamp(batch, at)
    entry.transactionFirstOffset = NO_TRANSACTION
    if (firstOffset === NO_TRANSACTION) return null
    assert(
      this.open.delete(firstOffset),
      `transaction of ${producerId} from ${firstOffset} was open`,
    )
    if (lastOffset >= this.highWatermark) this.unreplicated.set(firstOffset, lastOffset)
    this.findFirstUnstable()
    const lastStableOffset = this.firstUndecidedOffset() ?? lastOffset + 1
    const isAborted = marker.type === 'abort'
    return { producerId, firstOffset, lastOffset, lastStableOffset, isAborted }
  }

  private findFirstUnstable(): void {
    let first = this.firstUndecidedOffset() ?? Number.POSITIVE_INFINITY
    for (const firstOffset of this.unreplicated.keys()) first = Math.min(first, firstOffset)
    this.firstUnstable = first === Number.POSITIVE_INFINITY ? NO_TRANSACTION : first
  }

  private entryFor(producerId: number): ProducerEntry {
    const known = this.producers.get(producerId)
    if (known !== undefined) return known
    if (this.producers.size >= limits.producersPerPartitionMax) this.evict()
    const entry = new ProducerEntry(producerId)
    this.producers.set(producerId, entry)
    return entry
  }

  private evict(): void {
    const idle = [...this.producers.values()].filter(
      (entry) => entry.transactionFirstOffset === NO_TRANSACTION,
    )
    idle.sort((a, b) => a.lastTimestamp - b.lastTimestamp)
    const count = Math.ceil(limits.producersPerPartitionMax * EVICTED_SHARE)
    for (const entry of idle.slice(0, count)) this.producers.delete(entry.producerId)
  }
}

/** Epoch and sequence of a batch that is no duplicate, against the state of its id. */
function checkKnown(
  entry: ProducerEntry,
  epoch: number,
  sequence: number,
  origin: AppendOrigin,
): ErrorCode {
  if (epoch < entry.producerEpoch) return ErrorCode.INVALID_PRODUCER_EPOCH
  if (origin !== 'client') return ErrorCode.NONE
  const inOrder = epoch === entry.producerEpoch ? entry.isNext(sequence) : sequence === 0
  return inOrder ? ErrorCode.NONE : ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
}

/**
 * What a partition remembers of one producer id
 * (org.apache.kafka.storage.internals.log.ProducerStateEntry): its epoch, its open transaction, and
 * its last five batches as a ring of numbers, since an idempotent producer keeps at most five in
 * flight.
 */

const BATCHES_MAX = 5
/** Numbers kept per batch: see the readers below. */
const FIELDS = 4

/** No transaction is open. */
export const NO_TRANSACTION = -1
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1

const SEQUENCE_MAX = 0x7fffffff

export class ProducerEntry {
  readonly producerId: number
  producerEpoch = NO_PRODUCER_EPOCH
  /** Of the coordinator that wrote the last marker, -1 before one. */
  coordinatorEpoch = -1
  /**
   * Largest timestamp of the newest batch or marker. Data, not a clock: drives expiry as in Kafka.
   */
  lastTimestamp = -1
  /** First offset of the open transaction, -1 when none is open. */
  transactionFirstOffset = NO_TRANSACTION
  batchCount = 0
  private readonly batches = new Float64Array(BATCHES_MAX * FIELDS)
  /** Slot of the newest batch. */
  private newest = BATCHES_MAX - 1

  constructor(producerId: number) {
    this.producerId = producerId
  }

  /** A new epoch starts with no batches. */
  setEpoch(producerEpoch: number): void {
    if (this.producerEpoch === producerEpoch) return
    this.producerEpoch = producerEpoch
    this.batchCount = 0
  }

  addBatch(
    lastSequence: number,
    lastOffset: number,
    offsetDelta: number,
    maxTimestamp: number,
  ): void {
    this.newest = (this.newest + 1) % BATCHES_MAX
    const at = this.newest * FIELDS
    this.batches[at] = lastSequence
    this.batches[at + 1] = lastOffset
    this.batches[at + 2] = offsetDelta
    this.batches[at + 3] = maxTimestamp
    if (this.batchCount < BATCHES_MAX) this.batchCount++
    this.lastTimestamp = maxTimestamp
  }

  /**
   * How many batches back (0 = newest) the one with exactly these sequences is; -1 = not among
   * them.
   */
  findBatch(firstSequence: number, lastSequence: number): number {
    for (let back = 0; back < this.batchCount; back++)
      if (this.lastSequence(back) === lastSequence && this.firstSequence(back) === firstSequence)
        return back
    return -1
  }

  /** -1 when there is no batch. */
  lastSequence(back = 0): number {
    return back < this.batchCount ? this.field(back, 0) : NO_SEQUENCE
  }

  firstSequence(back = 0): number {
    const last = this.lastSequence(back)
    if (last === NO_SEQUENCE) return NO_SEQUENCE
    const delta = this.offsetDelta(back)
    return last >= delta ? last - delta : last - delta + SEQUENCE_MAX + 1
  }

  /** -1 when there is no batch. */
  lastOffset(back = 0): number {
    return back < this.batchCount ? this.field(back, 1) : -1
  }

  firstOffset(back = 0): number {
    return back < this.batchCount ? this.field(back, 1) - this.field(back, 2) : -1
  }

  /** Last minus first offset; 0 when there is no batch. */
  offsetDelta(back = 0): number {
    return back < this.batchCount ? this.field(back, 2) : 0
  }

  timestamp(back = 0): number {
    return back < this.batchCount ? this.field(back, 3) : -1
  }

  /** True when `sequence` is the one after the newest batch's last; 0 is what follows none. */
  isNext(sequence: number): boolean {
    const last = this.lastSequence()
    return sequence === last + 1 || (sequence === 0 && last === SEQUENCE_MAX)
  }

  private field(back: number, field: number): number {
    const slot = (this.newest - back + BATCHES_MAX) % BATCHES_MAX
    return this.batches[slot * FIELDS + field]!
  }
}

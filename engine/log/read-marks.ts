/**
 * Where reads of old data ended, in memory: a reader that goes on begins there, and needs neither a
 * look-up in the index nor a look at headers to find its start. The newest of them, as many as readers
 * that take turns, in a ring of numbers; behind the tail (tail-positions.ts) only.
 *
 * A mark is made of what a batch header and an index entry say alike: a wrong read makes none.
 * `byte` orders across segments, as in tail-positions.ts.
 */

/** Readers of one log that find their place again; a power of two. 512 bytes a log that was read so. */
const CAPACITY = 16
const MASK = CAPACITY - 1
const NOTHING = new Float64Array(0)

export class ReadMarks {
  private baseOffsets = NOTHING
  private lastOffsets = NOTHING
  private bytes = NOTHING
  private ends = NOTHING
  /** Marks ever made. */
  private next = 0

  /** A batch: its first and last offset, its first byte, and the byte behind it. */
  add(baseOffset: number, lastOffset: number, byte: number, end: number): void {
    if (this.baseOffsets.length === 0) this.make()
    const known = this.find(baseOffset)
    const slot = known < 0 ? this.next++ & MASK : known
    this.baseOffsets[slot] = baseOffset
    this.lastOffsets[slot] = lastOffset
    this.bytes[slot] = byte
    this.ends[slot] = end
  }

  /** Slot of the batch that begins with `offset`, -1 when it is not known. */
  find(offset: number): number {
    const { baseOffsets } = this
    for (let slot = 0; slot < baseOffsets.length; slot++)
      if (baseOffsets[slot] === offset) return slot
    return -1
  }

  byteOf(slot: number): number {
    return this.bytes[slot]!
  }

  endOf(slot: number): number {
    return this.ends[slot]!
  }

  lastOffsetOf(slot: number): number {
    return this.lastOffsets[slot]!
  }

  /** Forgets batches that begin before `byte`: their segments were replaced. Without it: all. */
  forgetBelow(byte = Number.POSITIVE_INFINITY): void {
    for (let slot = 0; slot < this.bytes.length; slot++)
      if (this.bytes[slot]! < byte) this.baseOffsets[slot] = -1
  }

  private make(): void {
    this.baseOffsets = new Float64Array(CAPACITY).fill(-1)
    this.lastOffsets = new Float64Array(CAPACITY)
    this.bytes = new Float64Array(CAPACITY)
    this.ends = new Float64Array(CAPACITY)
  }
}

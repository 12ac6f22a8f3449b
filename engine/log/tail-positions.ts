/**
 * Where the newest batches of a log lie, in memory: a fetch at the tail needs no disk scan, neither for
 * its start nor for its end. A ring of numbers; older batches are found through the offset index.
 *
 * `byte` orders across segments: bytes of all earlier segments (Segment.startByte) plus the position.
 */
import { unreachable } from '../base/assert.ts'

/** Batches remembered per log; a power of two. 24 bytes each, allocated on the first append. */
const CAPACITY = 512
const MASK = CAPACITY - 1
const NOTHING = new Float64Array(0)

export class TailPositions {
  private lastOffsets = NOTHING
  private bytes = NOTHING
  private ends = NOTHING
  /** Batches ever noted; the ring holds the newest of them. */
  private next = 0
  private first = 0

  /** Appends come in offset order. `end` is the byte behind the batch. */
  add(lastOffset: number, byte: number, end: number): void {
    if (this.lastOffsets.length === 0) {
      this.lastOffsets = new Float64Array(CAPACITY)
      this.bytes = new Float64Array(CAPACITY)
      this.ends = new Float64Array(CAPACITY)
    }
    const slot = this.next & MASK
    this.lastOffsets[slot] = lastOffset
    this.bytes[slot] = byte
    this.ends[slot] = end
    this.next++
    if (this.next - this.first > CAPACITY) this.first = this.next - CAPACITY
  }

  /** Forgets batches that begin before `byte`: their segments were replaced. Infinity: everything. */
  forgetBelow(byte: number): void {
    while (this.first < this.next && this.bytes[this.first & MASK]! < byte) this.first++
  }

  /**
   * Number of the first remembered batch that ends at or above `offset`; -1 when it may lie before what
   * is remembered or behind all of it.
   */
  find(offset: number): number {
    if (this.first === this.next) return -1
    // The oldest one is no answer: a batch before it may hold the offset as well.
    if (offset <= this.lastOffsets[this.first & MASK]!) return -1
    let low = this.first + 1
    let high = this.next
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.lastOffsets[middle & MASK]! < offset) low = middle + 1
      else high = middle
    }
    return low === this.next ? -1 : low
  }

  byteOf(number: number): number {
    return this.bytes[this.checked(number) & MASK]!
  }

  endOf(number: number): number {
    return this.ends[this.checked(number) & MASK]!
  }

  lastOffsetOf(number: number): number {
    return this.lastOffsets[this.checked(number) & MASK]!
  }

  /**
   * Number of the last batch from `from` on that ends at or before `endByte` and whose offsets all lie
   * below `endOffset`; from - 1 when not even that one does.
   */
  lastWithin(from: number, endByte: number, endOffset: number): number {
    let low = from
    let high = this.next
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const slot = middle & MASK
      if (this.ends[slot]! <= endByte && this.lastOffsets[slot]! < endOffset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  private checked(number: number): number {
    if (number < this.first || number >= this.next)
      unreachable(`batch ${number} of ${this.first}..${this.next}`)
    return number
  }
}

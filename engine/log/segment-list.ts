/** The segments of a log by base offset, ascending and never empty once the log is open. */
import { assert, unreachable } from '../base/assert.ts'
import type { Segment } from './segment.ts'

export class SegmentList {
  private readonly segments: Segment[] = []

  get count(): number {
    return this.segments.length
  }

  /** The one that is appended to. */
  get active(): Segment {
    return this.segments[this.segments.length - 1] ?? unreachable('a log without a segment')
  }

  get first(): Segment {
    const first = this.segments[0]
    assert(first !== undefined, 'a log has a segment')
    return first
  }

  all(): readonly Segment[] {
    return this.segments
  }

  at(index: number): Segment {
    return this.segments[index] ?? unreachable(`segment ${index} of ${this.segments.length}`)
  }

  /** The segment behind `segment`, null for the last one. */
  after(segment: Segment): Segment | null {
    const index = this.indexFor(segment.baseOffset)
    // A removed segment is followed by the first one left.
    const isBehind = this.segments[index]!.baseOffset > segment.baseOffset
    return this.segments[isBehind ? index : index + 1] ?? null
  }

  /** Adds behind the last one; positions of different segments compare through startByte. */
  push(segment: Segment): void {
    const last = this.segments.at(-1)
    if (last !== undefined) {
      assert(
        segment.baseOffset > last.baseOffset,
        `segment ${segment.baseOffset} follows ${last.baseOffset}`,
      )
      segment.startByte = last.startByte + last.stagedSize
    }
    this.segments.push(segment)
  }

  /** Index of the last segment whose base is at or below `offset`; 0 when all lie above. */
  indexFor(offset: number): number {
    const { segments } = this
    let low = 0
    let high = segments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (segments[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  /** Takes other segments for the same offsets; returns those it had. */
  replaceAll(segments: readonly Segment[]): readonly Segment[] {
    const before = this.segments.splice(0)
    for (const segment of segments) this.push(segment)
    return before
  }

  removeFirst(): Segment {
    const segment = this.segments.shift()
    assert(segment !== undefined, 'there is a segment to remove')
    return segment
  }

  removeLast(): Segment {
    const segment = this.segments.pop()
    assert(segment !== undefined, 'there is a segment to remove')
    return segment
  }

  /** Bytes in all log files. */
  sizeBytes(): number {
    let bytes = 0
    for (const segment of this.segments) bytes += segment.size
    return bytes
  }
}

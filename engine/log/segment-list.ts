/** The segments of a log by base offset, ascending and never empty once the log is open. */
import { assert, unreachable } from '../base/assert.ts'
import type { Segment } from './segment.ts'

export class SegmentList {
  private readonly segments: Segment[] = []
  /** Rises whenever a segment goes: what was looked up across a wait may be gone then. */
  generation = 0

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

  /** The last segment that starts at or before `byte` (Segment.startByte). */
  atByte(byte: number): Segment {
    const { segments } = this
    let low = 0
    let high = segments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (segments[middle]!.startByte <= byte) low = middle + 1
      else high = middle
    }
    return this.at(Math.max(0, low - 1))
  }

  /** Whether `segments` are neighbours in it. */
  holds(segments: readonly Segment[]): boolean {
    const first = segments[0]
    if (first === undefined || this.segments.length === 0) return false
    const at = this.indexFor(first.baseOffset)
    return segments.every((segment, index) => this.segments[at + index] === segment)
  }

  /** One segment for neighbours that are not the last; positions behind it stay what they are. */
  replace(segments: readonly Segment[], segment: Segment): void {
    assert(this.holds(segments), `the segments that ${segment.baseOffset} replaces are neighbours`)
    const at = this.indexFor(segments[0]!.baseOffset)
    assert(at + segments.length < this.segments.length, 'the active segment is not replaced')
    segment.startByte = segments[0]!.startByte
    this.segments.splice(at, segments.length, segment)
    this.generation++
  }

  /** Takes other segments for the same offsets; returns those it had. */
  replaceAll(segments: readonly Segment[]): readonly Segment[] {
    this.generation++
    const before = this.segments.splice(0)
    for (const segment of segments) this.push(segment)
    return before
  }

  removeFirst(): Segment {
    this.generation++
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

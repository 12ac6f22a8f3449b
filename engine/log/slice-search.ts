/**
 * The search for the bytes of a fetch behind the tail: from an offset through the index to a batch, and
 * on to the last batch within the byte limit and below the visible end. It says what it needs next and
 * goes on with it, so that it is written once for bytes in memory and for bytes that a device has to
 * give (log-reader.ts).
 *
 *   enter   the segment's files are open: its index gives a position at or before the offset, or a
 *           mark of an earlier read gives the very place
 *   walk    bytes at `position`: batch headers, first to the one that holds the offset, then to the
 *           first one that is too much
 *
 * The second walk begins where the index says that the limit lies, with one header: where batches are as
 * large as the index is dense, that is the border, and nothing more is read.
 */
import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchLastOffset,
  batchSizeInBytes,
} from '../record/batch.ts'
import { DiskError } from './disk.ts'
import type { LogState } from './log-state.ts'
import type { OffsetIndex } from './offset-index.ts'
import { leasedSlice, NOTHING, type ReadLimits, type ReadSlice, visibleEnd } from './read-slice.ts'
import type { Segment } from './segment.ts'

/** Bytes looked at per step when walking headers: about what lies between two index entries. */
export const WALK_BYTES = 8 * 1024

/** Where the search for `offset` begins; `mark` is its slot in the log's marks, -1 without one. */
export function segmentFor({ segments, marks }: LogState, offset: number, mark: number): Segment {
  return mark < 0 ? segments.at(segments.indexFor(offset)) : segments.atByte(marks.byteOf(mark))
}

export class SliceSearch {
  /** Where the next step takes place. */
  segment: Segment
  /** Bytes are needed from here; -1 = none yet, `enter` is due. */
  position = -1
  /** How many, at most; less only at the end of the file. */
  bytes = WALK_BYTES
  private readonly state: LogState
  private readonly wanted: ReadLimits
  /** Where an earlier read ended and this one begins, its batch's end and last offset; -1 without one. */
  private markByte = -1
  private markEnd = -1
  private markLastOffset = -1
  /** The entry that gave the position, -1 when none did. */
  private entryPosition = -1
  private entryOffset = -1
  private firstPosition = -1
  private firstBytes = 0
  private firstEnd = 0
  private firstLastOffset = -1
  private endOffset = 0

  constructor(state: LogState, wanted: ReadLimits) {
    const { marks } = state
    this.state = state
    this.wanted = wanted
    const mark = marks.find(wanted.offset)
    this.segment = segmentFor(state, wanted.offset, mark)
    if (mark < 0) return
    this.markByte = marks.byteOf(mark)
    this.markEnd = marks.endOf(mark)
    this.markLastOffset = marks.lastOffsetOf(mark)
  }

  /** Begins in `segment`, whose files are open. null: bytes or another segment are needed. */
  enter(): ReadSlice | null {
    const { segment, markByte } = this
    if (markByte >= 0) {
      const bytes = this.markEnd - markByte
      return this.foundFirst(markByte - segment.startByte, bytes, this.markLastOffset)
    }
    if (segment.size === 0) return this.leave()
    const { position, offset } = segment
      .opened()
      .offsetIndex.lookup(this.wanted.offset, segment.size)
    this.position = position
    this.entryPosition = position > 0 ? position : -1
    this.entryOffset = offset
    return null
  }

  /** Goes on with the bytes at `position` of the segment. null: more is needed. */
  walk(chunk: Buffer): ReadSlice | null {
    if (chunk.length < BATCH_HEADER_BYTES)
      throw this.damage(`${chunk.length} bytes at ${this.position} read from`)
    return this.firstPosition < 0 ? this.walkToFirst(chunk) : this.walkToEnd(chunk)
  }

  private walkToFirst(chunk: Buffer): ReadSlice | null {
    for (let at = 0; this.isWithin(chunk, at); ) {
      const bytes = this.batchBytes(chunk, at)
      const lastOffset = batchLastOffset(chunk, at)
      if (this.position === this.entryPosition && lastOffset > this.entryOffset) {
        // An index has no sum. Its entry names the last offset of the batch at its position, or a later one.
        this.position = 0
        this.entryPosition = -1
        return null
      }
      if (lastOffset >= this.wanted.offset) return this.foundFirst(this.position, bytes, lastOffset)
      at += bytes
      this.position += bytes
    }
    return this.position < this.segment.size ? null : this.leave()
  }

  /** The segment holds nothing at or above the offset (compaction took it). */
  private leave(): ReadSlice | null {
    const next = this.state.segments.after(this.segment)
    if (next === null) return NOTHING
    this.segment = next
    this.position = -1
    return null
  }

  private foundFirst(position: number, bytes: number, lastOffset: number): ReadSlice | null {
    const { state, segment, wanted } = this
    this.endOffset = visibleEnd(state, wanted)
    if (lastOffset >= this.endOffset) return NOTHING
    this.firstPosition = position
    this.firstBytes = bytes
    this.firstEnd = position + bytes
    this.firstLastOffset = lastOffset
    const limit = position + wanted.maxBytes
    if (this.firstEnd > limit)
      return wanted.wholeFirstBatch ? this.slice(this.firstEnd, lastOffset + 1) : NOTHING
    // Behind the last batch there is nothing to look at, whatever the next segment's base says: this turn
    // may have begun it.
    const isLast = this.firstEnd >= segment.size
    if (isLast || (limit >= segment.size && this.segmentEndOffset() <= this.endOffset))
      return this.wholeSegment()
    this.seekBorder(segment.opened().offsetIndex, limit)
    return null
  }

  /** Goes to the last indexed batch that starts at or before `limit` and ends below the visible end. */
  private seekBorder(index: OffsetIndex, limit: number): void {
    const entry = index.lastWithin(limit, this.endOffset)
    const isAhead = entry !== null && entry.position >= this.firstEnd
    this.position = isAhead ? entry.position : this.firstEnd
    this.entryPosition = isAhead ? entry.position : -1
    this.entryOffset = isAhead ? entry.offset : -1
    this.bytes = isAhead ? BATCH_HEADER_BYTES : WALK_BYTES
  }

  private walkToEnd(chunk: Buffer): ReadSlice | null {
    this.bytes = WALK_BYTES
    if (this.position === this.entryPosition && !this.isAsIndexed(chunk)) {
      this.position = this.firstEnd
      this.entryPosition = -1
      return null
    }
    const limit = this.firstPosition + this.wanted.maxBytes
    for (let at = 0; this.isWithin(chunk, at); ) {
      const { position } = this
      const bytes = this.batchBytes(chunk, at)
      const lastOffset = batchLastOffset(chunk, at)
      if (position + bytes > limit || lastOffset >= this.endOffset) {
        const baseOffset = batchBaseOffset(chunk, at)
        if (position === this.entryPosition && lastOffset === this.entryOffset)
          this.remember(baseOffset, lastOffset, bytes)
        return this.slice(position, baseOffset)
      }
      at += bytes
      this.position += bytes
    }
    return this.position < this.segment.size ? null : this.wholeSegment()
  }

  /** The entry leads to a batch: an index has no sum, and what it says wrong must not cut or skip one. */
  private isAsIndexed(chunk: Buffer): boolean {
    const bytes = batchSizeInBytes(chunk, 0)
    const lastOffset = batchLastOffset(chunk, 0)
    if (bytes < BATCH_HEADER_BYTES || this.position + bytes > this.segment.size) return false
    return batchBaseOffset(chunk, 0) > this.firstLastOffset && lastOffset <= this.entryOffset
  }

  /** The batch at `position` is where the reader goes on. */
  private remember(baseOffset: number, lastOffset: number, bytes: number): void {
    const byte = this.segment.startByte + this.position
    if (!this.segment.removed) this.state.marks.add(baseOffset, lastOffset, byte, byte + bytes)
  }

  private isWithin(chunk: Buffer, at: number): boolean {
    return at + BATCH_HEADER_BYTES <= chunk.length && this.position < this.segment.size
  }

  private batchBytes(chunk: Buffer, at: number): number {
    const bytes = batchSizeInBytes(chunk, at)
    if (bytes < BATCH_HEADER_BYTES || this.position + bytes > this.segment.size)
      throw this.damage(`no batch at ${this.position} read from`)
    return bytes
  }

  private slice(end: number, endOffset: number): ReadSlice {
    const { state, segment, firstPosition, firstBytes } = this
    return leasedSlice(state, segment, firstPosition, end, firstBytes, endOffset)
  }

  private wholeSegment(): ReadSlice {
    return this.slice(this.segment.size, Math.min(this.segmentEndOffset(), this.endOffset))
  }

  private segmentEndOffset(): number {
    const { segments, offsets } = this.state
    return segments.after(this.segment)?.baseOffset ?? offsets.logEndOffset
  }

  private damage(what: string): DiskError {
    return new DiskError('EIO', this.segment.opened().log.path, what)
  }
}

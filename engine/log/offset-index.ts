/**
 * The offset index of a segment (N.index; org.apache.kafka.storage.internals.log.OffsetIndex): from
 * an offset to a position in N.log at or before it. Sparse, sorted, 8 bytes an entry:
 *
 *   0  relativeOffset  int32   last offset of a batch, minus N
 *   4  position        int32   first byte of that batch in N.log
 *
 * Both rise strictly. The file is a cache of the log: it is rebuilt when missing or wrong (S9), so
 * a failed check is an answer, not an error.
 */
import { broken } from '../base/assert.ts'
import { readInt32, writeInt32 } from '../base/big-endian.ts'
import type { Disk } from './disk.ts'
import { EntryFile } from './entry-file.ts'

export const OFFSET_INDEX_ENTRY_BYTES = 8
/** Offsets and positions of a segment must fit int32. */
export const RELATIVE_OFFSET_MAX = 0x7fffffff

/** Reused by the index that returned it: copy the numbers out before the next call. */
export interface OffsetPosition {
  offset: number
  position: number
}

export class OffsetIndex {
  readonly path: string
  readonly baseOffset: number
  /** Offset of the newest entry, baseOffset when there is none. */
  lastOffset: number
  private readonly entries: EntryFile
  private readonly entriesMax: number
  private readonly found: OffsetPosition

  private constructor(entries: EntryFile, baseOffset: number, maxBytes: number) {
    this.path = entries.path
    this.baseOffset = baseOffset
    this.entries = entries
    this.entriesMax = Math.floor(maxBytes / OFFSET_INDEX_ENTRY_BYTES)
    this.found = { offset: baseOffset, position: 0 }
    this.lastOffset = baseOffset
    this.loadLast()
  }

  /** Opens or creates the file; `maxBytes` is segment.index.bytes. */
  static async open(
    disk: Disk,
    path: string,
    baseOffset: number,
    maxBytes: number,
  ): Promise<OffsetIndex> {
    const entries = await EntryFile.open(disk, path, OFFSET_INDEX_ENTRY_BYTES, false)
    return new OffsetIndex(entries, baseOffset, maxBytes)
  }

  /** As open, for the roll of a segment. */
  static createSync(disk: Disk, path: string, baseOffset: number, maxBytes: number): OffsetIndex {
    const entries = EntryFile.createSync(disk, path, OFFSET_INDEX_ENTRY_BYTES)
    return new OffsetIndex(entries, baseOffset, maxBytes)
  }

  static openSync(disk: Disk, path: string, baseOffset: number, maxBytes: number): OffsetIndex {
    const entries = EntryFile.openSync(disk, path, OFFSET_INDEX_ENTRY_BYTES, false)
    return new OffsetIndex(entries, baseOffset, maxBytes)
  }

  get count(): number {
    return this.entries.count
  }

  /** No room for another entry: the segment must roll first. */
  isFull(): boolean {
    return this.entries.count >= this.entriesMax
  }

  /**
   * Adds the batch that ends with `lastOffset` and starts at `position`. In memory, until flushed.
   */
  append(lastOffset: number, position: number): void {
    const relative = lastOffset - this.baseOffset
    if (this.isFull()) broken(`${this.path} is full`)
    if (relative < 0 || relative > RELATIVE_OFFSET_MAX || position > RELATIVE_OFFSET_MAX)
      broken(`entry ${lastOffset} at ${position} does not fit ${this.path}`)
    if (this.entries.count > 0 && lastOffset <= this.lastOffset)
      broken(`${lastOffset} is not above ${this.lastOffset} in ${this.path}`)
    const at = this.entries.append()
    writeInt32(this.entries.bytes, at, relative)
    writeInt32(this.entries.bytes, at + 4, position)
    this.lastOffset = lastOffset
  }

  /**
   * The newest entry at or below `offset`; baseOffset at 0 when there is none, or when it lies outside a log
   * of `logBytes`, as one that was read wrong.
   */
  lookup(offset: number, logBytes = Number.POSITIVE_INFINITY): OffsetPosition {
    const { position } = this.entryBefore(this.countUpTo(offset))
    return position < 0 || position >= logBytes ? this.entryBefore(0) : this.found
  }

  /**
   * The first entry above `offset` whose batch starts at or behind `position`; null when none does.
   */
  lookupEnd(offset: number, position: number): OffsetPosition | null {
    let low = this.countUpTo(offset)
    let high = this.entries.count
    while (low < high) {
      const middle = (low + high) >> 1
      const at = this.entries.locate(middle)
      if (readInt32(this.entries.bytes, at + 4) < position) low = middle + 1
      else high = middle
    }
    return low === this.entries.count ? null : this.entry(low)
  }

  /** The newest entry at or before `position` whose offset lies below `endOffset`; null when none does. */
  lastWithin(position: number, endOffset: number): OffsetPosition | null {
    const end = endOffset - this.baseOffset
    let low = 0
    let high = this.entries.count
    while (low < high) {
      const middle = (low + high) >> 1
      const at = this.entries.locate(middle)
      const { bytes } = this.entries
      if (readInt32(bytes, at + 4) <= position && readInt32(bytes, at) < end) low = middle + 1
      else high = middle
    }
    return low === 0 ? null : this.entry(low - 1)
  }

  /** Entry `index`, for checks and dumps. */
  entry(index: number): OffsetPosition {
    const at = this.entries.locate(index)
    this.found.offset = this.baseOffset + readInt32(this.entries.bytes, at)
    this.found.position = readInt32(this.entries.bytes, at + 4)
    return this.found
  }

  /** Forgets entries at or above `offset`. */
  truncateTo(offset: number): void {
    this.entries.truncate(this.countUpTo(offset - 1))
    this.loadLast()
  }

  /** Forgets all entries and empties the file. */
  reset(): void {
    this.entries.clear()
    this.loadLast()
  }

  /**
   * What is wrong with the file as an index of a log of this size; null = nothing. Reads it all.
   */
  sanityCheck(logEndOffset: number, logBytes: number): string | null {
    const { entries } = this
    if (entries.oddBytes > 0) return `${this.path}: ${entries.oddBytes} bytes behind the last entry`
    if (entries.zeroEntries > 0) return `${this.path}: ends in ${entries.zeroEntries} zero entries`
    let offset = -1
    let position = -1
    for (let i = 0; i < entries.count; i++) {
      const entry = this.entry(i)
      if (entry.offset < this.baseOffset || entry.position < 0)
        return `${this.path}: entry ${i} is negative`
      if (entry.offset <= offset || entry.position <= position)
        return `${this.path}: entry ${i} (${entry.offset} at ${entry.position}) does not rise`
      offset = entry.offset
      position = entry.position
    }
    if (offset >= logEndOffset || position >= logBytes)
      return `${this.path}: last entry ${offset} at ${position} lies past the log`
    return null
  }

  /** Puts pending entries into the file without waiting for the device. */
  writeTail(): void {
    this.entries.writeTail()
  }

  /** Writes pending entries, cuts off a zero tail, syncs. */
  flush(): Promise<void> {
    return this.entries.flush()
  }

  close(): Promise<void> {
    return this.entries.close()
  }

  /** Closes without writing, for a segment that failed or is deleted. */
  abandon(): Promise<void> {
    return this.entries.abandon()
  }

  /** The file's bytes once flushed. */
  encode(): Buffer {
    return this.entries.encode()
  }

  /** Number of entries with an offset at or below `offset`. */
  private countUpTo(offset: number): number {
    const relative = offset - this.baseOffset
    let low = 0
    let high = this.entries.count
    while (low < high) {
      const middle = (low + high) >> 1
      const at = this.entries.locate(middle)
      if (readInt32(this.entries.bytes, at) <= relative) low = middle + 1
      else high = middle
    }
    return low
  }

  private entryBefore(count: number): OffsetPosition {
    if (count > 0) return this.entry(count - 1)
    this.found.offset = this.baseOffset
    this.found.position = 0
    return this.found
  }

  private loadLast(): void {
    this.lastOffset = this.entryBefore(this.entries.count).offset
  }
}

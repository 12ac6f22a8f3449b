/**
 * The time index of a segment (N.timeindex; org.apache.kafka.storage.internals.log.TimeIndex): from
 * a timestamp to an offset before which nothing is as new. Sparse, sorted, 12 bytes an entry:
 *
 *   0  timestamp       int64   largest so far in the segment, milliseconds
 *   8  relativeOffset  int32   last offset of the batch that holds it, minus N
 *
 * Timestamps rise strictly, offsets never fall. A cache of the log, like the offset index (S9).
 */
import { broken } from '../base/assert.ts'
import { readInt32, readInt64, writeInt32, writeInt64 } from '../base/big-endian.ts'
import type { Disk } from './disk.ts'
import { EntryFile } from './entry-file.ts'
import { RELATIVE_OFFSET_MAX } from './offset-index.ts'

export const TIME_INDEX_ENTRY_BYTES = 12

/** Timestamp of "no entry yet". */
const NO_TIMESTAMP = -1

/** Reused by the index that returned it: copy the numbers out before the next call. */
export interface TimestampOffset {
  timestamp: number
  offset: number
}

export class TimeIndex {
  readonly path: string
  readonly baseOffset: number
  /** Timestamp of the newest entry, -1 when there is none. */
  lastTimestamp = NO_TIMESTAMP
  /** Offset of the newest entry, baseOffset when there is none. */
  lastOffset: number
  private readonly entries: EntryFile
  private readonly entriesMax: number
  private readonly found: TimestampOffset

  private constructor(entries: EntryFile, baseOffset: number, maxBytes: number) {
    this.path = entries.path
    this.baseOffset = baseOffset
    this.entries = entries
    this.entriesMax = Math.floor(maxBytes / TIME_INDEX_ENTRY_BYTES)
    this.found = { timestamp: NO_TIMESTAMP, offset: baseOffset }
    this.lastOffset = baseOffset
    this.loadLast()
  }

  /** Opens or creates the file; `maxBytes` is segment.index.bytes. */
  static async open(
    disk: Disk,
    path: string,
    baseOffset: number,
    maxBytes: number,
  ): Promise<TimeIndex> {
    const entries = await EntryFile.open(disk, path, TIME_INDEX_ENTRY_BYTES, false)
    return new TimeIndex(entries, baseOffset, maxBytes)
  }

  /** As open, for the roll of a segment. */
  static createSync(disk: Disk, path: string, baseOffset: number, maxBytes: number): TimeIndex {
    const entries = EntryFile.createSync(disk, path, TIME_INDEX_ENTRY_BYTES)
    return new TimeIndex(entries, baseOffset, maxBytes)
  }

  static openSync(disk: Disk, path: string, baseOffset: number, maxBytes: number): TimeIndex {
    const entries = EntryFile.openSync(disk, path, TIME_INDEX_ENTRY_BYTES, false)
    return new TimeIndex(entries, baseOffset, maxBytes)
  }

  get count(): number {
    return this.entries.count
  }

  /** The segment must roll first. One entry of room is kept for the last one, added at the roll. */
  isFull(): boolean {
    return this.entries.count >= this.entriesMax - 1
  }

  /**
   * Adds (timestamp, offset) when the timestamp is above the newest one; returns whether it was. In
   * memory, until flushed. The entry at a roll may use the last room that isFull keeps.
   */
  maybeAppend(timestamp: number, offset: number): boolean {
    if (timestamp <= this.lastTimestamp) return false
    const relative = offset - this.baseOffset
    if (this.entries.count >= this.entriesMax) broken(`${this.path} is full`)
    if (relative < 0 || relative > RELATIVE_OFFSET_MAX)
      broken(`${offset} does not fit ${this.path}`)
    if (offset < this.lastOffset) broken(`${offset} is below ${this.lastOffset} in ${this.path}`)
    const at = this.entries.append()
    writeInt64(this.entries.bytes, at, timestamp)
    writeInt32(this.entries.bytes, at + 8, relative)
    this.lastTimestamp = timestamp
    this.lastOffset = offset
    return true
  }

  /** The newest entry at or below `timestamp`; -1 at baseOffset when there is none. */
  lookup(timestamp: number): TimestampOffset {
    let low = 0
    let high = this.entries.count
    while (low < high) {
      const middle = (low + high) >> 1
      const at = this.entries.locate(middle)
      if (readInt64(this.entries.bytes, at) <= timestamp) low = middle + 1
      else high = middle
    }
    return this.entryBefore(low)
  }

  /** Entry `index`, for checks and dumps. */
  entry(index: number): TimestampOffset {
    const at = this.entries.locate(index)
    this.found.timestamp = readInt64(this.entries.bytes, at)
    this.found.offset = this.baseOffset + readInt32(this.entries.bytes, at + 8)
    return this.found
  }

  /** Forgets entries at or above `offset`. */
  truncateTo(offset: number): void {
    const relative = offset - this.baseOffset
    let low = 0
    let high = this.entries.count
    while (low < high) {
      const middle = (low + high) >> 1
      const at = this.entries.locate(middle)
      if (readInt32(this.entries.bytes, at + 8) < relative) low = middle + 1
      else high = middle
    }
    this.entries.truncate(low)
    this.loadLast()
  }

  /** Forgets all entries and empties the file. */
  reset(): void {
    this.entries.clear()
    this.loadLast()
  }

  /**
   * What is wrong with the file as an index of a log that ends there; null = nothing. Reads it all.
   */
  sanityCheck(logEndOffset: number): string | null {
    const { entries } = this
    if (entries.oddBytes > 0) return `${this.path}: ${entries.oddBytes} bytes behind the last entry`
    if (entries.zeroEntries > 0) return `${this.path}: ends in ${entries.zeroEntries} zero entries`
    let timestamp = NO_TIMESTAMP
    let offset = this.baseOffset
    for (let i = 0; i < entries.count; i++) {
      const entry = this.entry(i)
      if (entry.timestamp <= timestamp || entry.offset < offset)
        return `${this.path}: entry ${i} (${entry.timestamp} at ${entry.offset}) does not rise`
      if (!Number.isSafeInteger(entry.timestamp))
        return `${this.path}: entry ${i} has no timestamp but ${entry.timestamp}`
      timestamp = entry.timestamp
      offset = entry.offset
    }
    if (entries.count > 0 && offset >= logEndOffset)
      return `${this.path}: last entry ${timestamp} at ${offset} lies past the log`
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

  private entryBefore(count: number): TimestampOffset {
    if (count > 0) return this.entry(count - 1)
    this.found.timestamp = NO_TIMESTAMP
    this.found.offset = this.baseOffset
    return this.found
  }

  private loadLast(): void {
    const last = this.entryBefore(this.entries.count)
    this.lastTimestamp = last.timestamp
    this.lastOffset = last.offset
  }
}

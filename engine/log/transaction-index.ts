/**
 * The index of aborted transactions of a segment (N.txnindex;
 * org.apache.kafka.storage.internals.log.TransactionIndex): one entry per abort marker in the
 * segment, in the order of the markers, 34 bytes:
 *
 *    0  version           int16   0
 *    2  producerId        int64
 *   10  firstOffset       int64   first offset of the transaction, maybe in an earlier segment
 *   18  lastOffset        int64   offset of the abort marker
 *   26  lastStableOffset  int64   of the partition just after the abort
 *
 * The file exists only once a transaction was aborted. A cache of the log (S9).
 */
import { assert } from '../base/assert.ts'
import { readInt64, writeInt64 } from '../base/big-endian.ts'
import type { Disk } from './disk.ts'
import { EntryFile } from './entry-file.ts'

export const TRANSACTION_INDEX_ENTRY_BYTES = 34
const VERSION = 0

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

export class TransactionIndex {
  readonly path: string
  readonly baseOffset: number
  private readonly entries: EntryFile

  private constructor(entries: EntryFile, baseOffset: number) {
    this.path = entries.path
    this.baseOffset = baseOffset
    this.entries = entries
  }

  /** A missing file is an empty index and is created by the flush after the first append. */
  static async open(disk: Disk, path: string, baseOffset: number): Promise<TransactionIndex> {
    const entries = await EntryFile.open(disk, path, TRANSACTION_INDEX_ENTRY_BYTES, true)
    return new TransactionIndex(entries, baseOffset)
  }

  /** Of a file that is not there, as a list of the folder says. */
  static absent(disk: Disk, path: string, baseOffset: number): TransactionIndex {
    const entries = EntryFile.absent(disk, path, TRANSACTION_INDEX_ENTRY_BYTES)
    return new TransactionIndex(entries, baseOffset)
  }

  /** As open, for the roll of a segment. */
  static openSync(disk: Disk, path: string, baseOffset: number): TransactionIndex {
    const entries = EntryFile.openSync(disk, path, TRANSACTION_INDEX_ENTRY_BYTES, true)
    return new TransactionIndex(entries, baseOffset)
  }

  get count(): number {
    return this.entries.count
  }

  /** Adds an abort; markers come in offset order. In memory, until flushed. */
  append(aborted: AbortedTransaction): void {
    const last = this.entries.count === 0 ? -1 : this.entry(this.entries.count - 1).lastOffset
    assert(
      aborted.lastOffset > last && aborted.firstOffset <= aborted.lastOffset,
      `abort ${aborted.firstOffset}..${aborted.lastOffset} follows ${last} in ${this.path}`,
    )
    const at = this.entries.append()
    const { bytes } = this.entries
    bytes.writeInt16BE(VERSION, at)
    writeInt64(bytes, at + 2, aborted.producerId)
    writeInt64(bytes, at + 10, aborted.firstOffset)
    writeInt64(bytes, at + 18, aborted.lastOffset)
    writeInt64(bytes, at + 26, aborted.lastStableOffset)
  }

  entry(index: number): AbortedTransaction {
    const at = this.entries.locate(index)
    const { bytes } = this.entries
    return {
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    }
  }

  /**
   * Adds to `into` the aborted transactions that have data in [fromOffset, upToOffset). True when
   * no later segment can hold another one, so the search may end.
   */
  collectAborted(fromOffset: number, upToOffset: number, into: AbortedTransaction[]): boolean {
    for (let i = this.firstEndingAt(fromOffset); i < this.entries.count; i++) {
      const aborted = this.entry(i)
      if (aborted.firstOffset < upToOffset) into.push(aborted)
      if (aborted.lastStableOffset >= upToOffset) return true
    }
    return false
  }

  /** Forgets aborts whose marker is at or above `offset`. */
  truncateTo(offset: number): void {
    this.entries.truncate(this.firstEndingAt(offset))
  }

  /** Forgets all entries and empties the file. */
  reset(): void {
    this.entries.clear()
  }

  /**
   * What is wrong with the file as an index of a log that ends there; null = nothing. Reads it all.
   */
  sanityCheck(logEndOffset: number): string | null {
    const { entries } = this
    if (entries.oddBytes > 0) return `${this.path}: ${entries.oddBytes} bytes behind the last entry`
    if (entries.zeroEntries > 0) return `${this.path}: ends in ${entries.zeroEntries} zero entries`
    let last = this.baseOffset - 1
    for (let i = 0; i < entries.count; i++) {
      const at = entries.locate(i)
      const version = entries.bytes.readInt16BE(at)
      if (version !== VERSION) return `${this.path}: entry ${i} has version ${version}`
      const aborted = this.entry(i)
      if (aborted.lastOffset <= last || aborted.firstOffset > aborted.lastOffset)
        return `${this.path}: entry ${i} (${aborted.lastOffset}) does not rise`
      last = aborted.lastOffset
    }
    return last >= logEndOffset ? `${this.path}: last abort ${last} lies past the log` : null
  }

  /** Writes pending entries and syncs, the directory too when this made the file. */
  flush(): Promise<void> {
    return this.entries.flush()
  }

  /** Puts pending entries into the file without waiting for the device. */
  writeTail(): void {
    this.entries.writeTail()
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

  /** Index of the first abort whose marker is at or above `offset`. */
  private firstEndingAt(offset: number): number {
    let low = 0
    let high = this.entries.count
    while (low < high) {
      const middle = (low + high) >> 1
      const at = this.entries.locate(middle)
      if (readInt64(this.entries.bytes, at + 18) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

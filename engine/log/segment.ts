/**
 * One segment: N.log with its three indexes (org.apache.kafka.storage.internals.log.LogSegment). Keeps
 * the rules of what goes into the indexes; bytes are written by staged-writes.ts.
 *
 *   index rule   a batch that starts more than index.interval.bytes behind the last indexed one gets
 *                an entry (last offset, position), and the time index one if the maximum grew
 *   time index   (largest timestamp so far, last offset of the batch that brought it); a last entry is
 *                added when the segment is left (roll, close)
 *
 * "Behind the last indexed batch" is counted from that batch's position, as Kafka's recovery does, so
 * that a rebuild gives the same entries. Closed segments open their files on demand (open-segments.ts).
 *
 *   size ≤ stagedSize; equal but for the bytes of the current turn
 */
import { unreachable } from '../base/assert.ts'
import { BATCH_HEADER_BYTES, batchMaxTimestamp } from '../record/batch.ts'
import type { Disk, DiskFile } from './disk.ts'
import { OffsetIndex, RELATIVE_OFFSET_MAX } from './offset-index.ts'
import { SegmentSuffix, segmentFileName } from './segment-files.ts'
import { SegmentLease } from './segment-lease.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

/** No record with a timestamp yet. */
export const NO_TIMESTAMP = -1

/** Index entries that may wait in memory before a sync puts them into the files. */
const INDEX_ENTRIES_WAITING_MAX = 512

export interface SegmentOptions {
  readonly disk: Disk
  readonly dir: string
  readonly baseOffset: number
  readonly indexIntervalBytes: number
  /** segment.index.bytes. */
  readonly indexBytesMax: number
  /** Wall clock, for the roll of segments without timestamps. */
  readonly createdMs: number
  /** `.cleaned` for a segment that compaction makes; default: none. */
  readonly mark?: string
  /** Behind the names of the indexes alone: `.tmp` while they are made again. */
  readonly indexMark?: string
}

/** The files of an open segment. */
export interface SegmentFiles {
  readonly log: DiskFile
  readonly offsetIndex: OffsetIndex
  readonly timeIndex: TimeIndex
  readonly transactionIndex: TransactionIndex
}

export class Segment {
  readonly options: SegmentOptions
  readonly baseOffset: number
  readonly lease = new SegmentLease()
  /** Bytes in the file; the staged ones of this turn come on top. */
  size: number
  stagedSize: number
  /** Bytes of all segments before this one since the log was opened: orders positions across segments. */
  startByte = 0
  /** First byte that this process wrote, hence is in the page cache until proven otherwise. */
  cachedFrom: number
  /** Bytes before it were handed to the page window (page-window.ts), or written by another process. */
  windowEnd: number
  /** Largest timestamp, NO_TIMESTAMP without one, and the last offset of the batch that has it. */
  maxTimestamp = NO_TIMESTAMP
  maxTimestampOffset: number
  /** maxTimestamp is known: closed segments learn it from their time index when asked. */
  summarized: boolean
  /** Of the first batch, NO_TIMESTAMP before it: age counts from here. */
  firstTimestamp = NO_TIMESTAMP
  /** Bytes were written since the last sync of the log file. */
  unsynced = false
  /** Active, or left and not finished: its files stay open. */
  pinned = false
  /** Deleted: its names are gone, its files close with the last lease. */
  removed = false
  /** Wall clock of the file's last change; for segments without timestamps. */
  modifiedMs: number
  hasTransactionIndex = false
  /** The folder was listed and had none: the first open does not ask again. */
  transactionIndexAbsent = false
  /** What stands behind its names on the disk while compaction swaps it in. */
  mark: string
  files: SegmentFiles | null = null
  private lastIndexedPosition = 0
  private indexEntriesWaiting = 0
  private opening: Promise<SegmentFiles> | null = null

  /** A segment whose log holds `size` bytes; `load` reads what its indexes know. */
  constructor(options: SegmentOptions, size: number, modifiedMs: number) {
    this.options = options
    this.baseOffset = options.baseOffset
    this.size = size
    this.stagedSize = size
    this.cachedFrom = size
    this.windowEnd = size
    this.modifiedMs = modifiedMs
    this.maxTimestampOffset = options.baseOffset
    this.summarized = size === 0
    this.mark = options.mark ?? ''
  }

  /**
   * Makes the files of a new segment, all or none: the log last, and what was made before an error is
   * taken back. A log without its indexes would stand in the way of what goes on before it. The names
   * are durable after a sync of the directory.
   */
  static createSync(options: SegmentOptions): Segment {
    const segment = new Segment(options, 0, options.createdMs)
    segment.files = segment.createFilesSync()
    segment.summarized = true
    segment.cachedFrom = 0
    return segment
  }

  path(suffix: string): string {
    const indexMark = suffix === SegmentSuffix.log ? '' : (this.options.indexMark ?? '')
    return `${this.options.dir}/${segmentFileName(this.baseOffset, suffix)}${this.mark}${indexMark}`
  }

  /** The open files; asserts that they are open. */
  opened(): SegmentFiles {
    const { files } = this
    return files ?? unreachable(`${this.path(SegmentSuffix.log)} is used while closed`)
  }

  /** Opens the files in the calling thread: for cached segments, and where nothing can wait. */
  openSync(): SegmentFiles {
    if (this.files !== null) return this.files
    const log = this.options.disk.openSync(this.path(SegmentSuffix.log), 'read-write')
    this.files = this.openIndexesSync(log)
    return this.files
  }

  async open(): Promise<SegmentFiles> {
    if (this.files !== null) return this.files
    this.opening ??= this.openFiles().finally(() => {
      this.opening = null
    })
    return await this.opening
  }

  /**
   * Takes the state of an open segment's indexes: what they cover, and the first batch's timestamp.
   * Needs the log's header page only.
   */
  load(firstHeader: Buffer | null): void {
    const { offsetIndex, timeIndex } = this.opened()
    this.maxTimestamp = timeIndex.lastTimestamp
    this.maxTimestampOffset = timeIndex.lastOffset
    this.summarized = true
    const count = offsetIndex.count
    this.lastIndexedPosition = count === 0 ? 0 : offsetIndex.entry(count - 1).position
    if (firstHeader !== null && firstHeader.length >= BATCH_HEADER_BYTES)
      this.firstTimestamp = batchMaxTimestamp(firstHeader, 0)
  }

  /** The batches know better than the time index did. */
  correctNewest({ timestamp, offset }: TimestampMark): void {
    this.maxTimestamp = timestamp
    this.maxTimestampOffset = offset
  }

  /** What another object for the same bytes knows; the active one is open and goes on from there. */
  takeCounters(other: Segment, isActive: boolean): void {
    if (isActive) {
      this.load(null)
      this.pinned = true
    }
    this.summarized = other.summarized
    this.maxTimestamp = other.maxTimestamp
    this.maxTimestampOffset = other.maxTimestampOffset
    this.firstTimestamp = other.firstTimestamp
  }

  /** Whether a batch with these properties must go to the next segment. */
  mustRollFor(lastOffset: number, maxTimestamp: number, bytes: number, rules: RollRules): boolean {
    if (this.stagedSize === 0) return lastOffset - this.baseOffset > RELATIVE_OFFSET_MAX
    const { offsetIndex, timeIndex } = this.opened()
    return (
      this.stagedSize > rules.segmentBytes - bytes ||
      this.ageMs(rules.nowMs, maxTimestamp) > rules.segmentMs ||
      offsetIndex.isFull() ||
      timeIndex.isFull() ||
      lastOffset - this.baseOffset > RELATIVE_OFFSET_MAX
    )
  }

  /** By record time when the first batch has one, by wall clock otherwise. */
  ageMs(nowMs: number, timestamp: number): number {
    return this.firstTimestamp >= 0
      ? timestamp - this.firstTimestamp
      : nowMs - this.options.createdMs
  }

  /** Notes a batch that is staged (or found by a scan) at the end; returns its position. */
  add(lastOffset: number, maxTimestamp: number, bytes: number): number {
    const position = this.stagedSize
    const relative = lastOffset - this.baseOffset
    if (relative < 0 || relative > RELATIVE_OFFSET_MAX)
      unreachable(`offset ${lastOffset} in the segment at ${this.baseOffset}`)
    if (position === 0) this.firstTimestamp = maxTimestamp
    if (maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = maxTimestamp
      this.maxTimestampOffset = lastOffset
    }
    if (position - this.lastIndexedPosition > this.options.indexIntervalBytes) {
      const { offsetIndex, timeIndex } = this.opened()
      // A rebuild may meet a segment made with larger indexes: it then stays sparser at its end.
      if (!offsetIndex.isFull()) offsetIndex.append(lastOffset, position)
      if (!timeIndex.isFull()) timeIndex.maybeAppend(this.maxTimestamp, this.maxTimestampOffset)
      this.lastIndexedPosition = position
      this.indexEntriesWaiting++
    }
    this.stagedSize = position + bytes
    return position
  }

  /** The last entry of the time index, due when the segment is left. */
  finishTimeIndex(): void {
    if (this.maxTimestamp === NO_TIMESTAMP) return
    this.opened().timeIndex.maybeAppend(this.maxTimestamp, this.maxTimestampOffset)
  }

  /** Puts index entries into the files now and then, so that tools and memory see some order. */
  writeIndexTails(): void {
    if (this.files === null || this.indexEntriesWaiting < INDEX_ENTRIES_WAITING_MAX) return
    this.writeIndexes()
  }

  /** Puts all index entries into the files, to be synced by flushIndexes. Throws DiskError. */
  writeIndexes(): void {
    const { offsetIndex, timeIndex, transactionIndex } = this.opened()
    this.indexEntriesWaiting = 0
    offsetIndex.writeTail()
    timeIndex.writeTail()
    transactionIndex.writeTail()
  }

  /** Writes and syncs the three indexes. */
  async flushIndexes(): Promise<void> {
    const { offsetIndex, timeIndex, transactionIndex } = this.opened()
    this.indexEntriesWaiting = 0
    await offsetIndex.flush()
    await timeIndex.flush()
    await transactionIndex.flush()
    if (transactionIndex.count > 0) this.hasTransactionIndex = true
  }

  /** Forgets what the indexes and the counters know of offsets from `endOffset` on. */
  truncateTo(endOffset: number, size: number, previousMax: TimestampMark): void {
    const { offsetIndex, timeIndex, transactionIndex } = this.opened()
    offsetIndex.truncateTo(endOffset)
    timeIndex.truncateTo(endOffset)
    transactionIndex.truncateTo(endOffset)
    this.stagedSize = size
    this.size = size
    if (this.cachedFrom > size) this.cachedFrom = size
    if (this.windowEnd > size) this.windowEnd = size
    this.maxTimestamp = previousMax.timestamp
    this.maxTimestampOffset = previousMax.offset
    const count = offsetIndex.count
    this.lastIndexedPosition = count === 0 ? 0 : offsetIndex.entry(count - 1).position
    if (size === 0) this.firstTimestamp = NO_TIMESTAMP
  }

  /** Empties the index files, which is no state of an index: see hasLostIndexes. Not synced. */
  emptyIndexes(): void {
    const { offsetIndex, timeIndex, transactionIndex } = this.opened()
    offsetIndex.reset()
    timeIndex.reset()
    transactionIndex.reset()
  }

  /** The files are empty beside a log that is not: recovery had no room for them. */
  get hasLostIndexes(): boolean {
    const { offsetIndex, timeIndex } = this.opened()
    return this.size > 0 && offsetIndex.count === 0 && timeIndex.count === 0
  }

  /** Starts over, for a rebuild: indexes empty, nothing counted. The log file stays as it is. */
  resetIndexes(): void {
    this.emptyIndexes()
    this.size = 0
    this.stagedSize = 0
    this.lastIndexedPosition = 0
    this.maxTimestamp = NO_TIMESTAMP
    this.maxTimestampOffset = this.baseOffset
    this.firstTimestamp = NO_TIMESTAMP
    this.summarized = true
  }

  /** Gives the files back, with `write` after writing pending index entries. */
  async close(write: boolean): Promise<void> {
    if (this.opening !== null) await this.opening.catch(() => null)
    const { files } = this
    if (files === null) return
    this.files = null
    for (const index of [files.offsetIndex, files.timeIndex, files.transactionIndex])
      await (write ? index.close() : index.abandon())
    await files.log.close()
  }

  private async openFiles(): Promise<SegmentFiles> {
    const { disk, baseOffset, indexBytesMax } = this.options
    const log = await disk.open(this.path(SegmentSuffix.log), 'read-write')
    const path = (suffix: string) => this.path(suffix)
    const offsetIndex = await OffsetIndex.open(
      disk,
      path(SegmentSuffix.offsetIndex),
      baseOffset,
      indexBytesMax,
    )
    const timeIndex = await TimeIndex.open(
      disk,
      path(SegmentSuffix.timeIndex),
      baseOffset,
      indexBytesMax,
    )
    const transactions = path(SegmentSuffix.transactionIndex)
    const transactionIndex = this.transactionIndexAbsent
      ? TransactionIndex.absent(disk, transactions, baseOffset)
      : await TransactionIndex.open(disk, transactions, baseOffset)
    this.transactionIndexAbsent = false
    // Someone may have opened it in the calling thread meanwhile.
    if (this.files !== null) {
      for (const index of [offsetIndex, timeIndex, transactionIndex]) await index.abandon()
      await log.close()
      return this.files
    }
    this.files = { log, offsetIndex, timeIndex, transactionIndex }
    return this.files
  }

  private openIndexesSync(log: DiskFile): SegmentFiles {
    const { disk, baseOffset, indexBytesMax } = this.options
    const [offsets, times, transactions] = this.indexPaths()
    return {
      log,
      offsetIndex: OffsetIndex.openSync(disk, offsets, baseOffset, indexBytesMax),
      timeIndex: TimeIndex.openSync(disk, times, baseOffset, indexBytesMax),
      transactionIndex: TransactionIndex.openSync(disk, transactions, baseOffset),
    }
  }

  private createFilesSync(): SegmentFiles {
    const { disk, baseOffset, indexBytesMax } = this.options
    const [offsets, times, transactions] = this.indexPaths()
    const made: string[] = []
    try {
      const offsetIndex = OffsetIndex.createSync(disk, offsets, baseOffset, indexBytesMax)
      made.push(offsets)
      const timeIndex = TimeIndex.createSync(disk, times, baseOffset, indexBytesMax)
      made.push(times)
      const transactionIndex = TransactionIndex.openSync(disk, transactions, baseOffset)
      const log = disk.openSync(this.path(SegmentSuffix.log), 'create-new')
      return { log, offsetIndex, timeIndex, transactionIndex }
    } catch (error) {
      // Empty index files keep no descriptor, so the names are all there is.
      for (const path of made) disk.unlinkSync(path)
      throw error
    }
  }

  /** Offset index, time index, transaction index. */
  private indexPaths(): readonly [string, string, string] {
    const { offsetIndex, timeIndex, transactionIndex } = SegmentSuffix
    return [this.path(offsetIndex), this.path(timeIndex), this.path(transactionIndex)]
  }
}

/** When a segment is full. */
export interface RollRules {
  readonly segmentBytes: number
  /** segment.ms less the jitter. */
  readonly segmentMs: number
  readonly nowMs: number
}

export interface TimestampMark {
  readonly timestamp: number
  readonly offset: number
}

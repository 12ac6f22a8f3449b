/**
 * The log of one partition (org.apache.kafka.storage.internals.log.UnifiedLog): batches in segments,
 * found by offset and by time. The front of the parts in this folder; one owner thread.
 *
 * A turn: `append` takes batches as they arrive (judged, numbered, staged, no I/O but the creation of a
 * segment's files), `writeStaged` puts them into the files, `sync` makes them durable.
 *
 *   logStartOffset ≤ … ≤ syncedEndOffset ≤ logEndOffset ≤ stagedEndOffset     (log-offsets.ts)
 *
 * Batches may leave gaps and hold no records. Nothing here knows time or timers: the owner asks
 * `syncDueAtMs` and `purgeDueAtMs` and calls. A disk error ends the log for this process (`failed`); a
 * full disk stops appends until `resume`.
 */
import type { Clock } from '../base/clock.ts'
import type { Lanes } from '../base/lanes.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { type Disk, type DiskError, isOutOfRoom } from './disk.ts'
import { LogFlush } from './flush.ts'
import { type AppendOrigin, type AppendResult, LogAppender } from './log-append.ts'
import { closeFiles, completeFolder } from './log-close.ts'
import { LogCompaction } from './log-compaction.ts'
import { putAside } from './log-delete.ts'
import { type LeaveOldFolder, LogMove, MoveCancelled } from './log-move.ts'
import {
  createFolder,
  folderLanesOf,
  type LogPlace,
  makeFolder,
  openFolder,
  parentOf,
  unmadeLog,
  waitForRoom,
} from './log-open.ts'
import type { LogOptions } from './log-options.ts'
import { isCold, readSlice, readSliceAsync } from './log-reader.ts'
import { undone } from './log-resume.ts'
import { rollIfRoom, rollOrFail } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import { maxTimestampOffset, offsetForTimestamp, type TimestampedOffset } from './log-timestamps.ts'
import { OpenSegments } from './open-segments.ts'
import type { PageWindow } from './page-window.ts'
import type { ProducerStateManager } from './producer-state.ts'
import type { ReadSlice } from './read-slice.ts'
import { LogRetention, type RetentionResult } from './retention.ts'
import type { AbortedTransaction } from './transaction-index.ts'
import { WallClockGuard } from './wall-clock-guard.ts'

export interface LogParameters extends LogPlace {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly options: LogOptions
  /** Without a folder: make it durably now (default), or leave that, or all, to `createFolder`. */
  readonly newFolder?: 'durable' | 'made' | 'later'
  /** Shared by the logs of a shard. */
  readonly openSegments?: OpenSegments
  /** Default: lanes of its own. */
  readonly folderLanes?: Lanes
  /** Default: never. */
  readonly isFolderHeld?: (dataFolder: string) => boolean
  /** Shared by the logs of a shard; default: the page cache is left to the system. */
  readonly pageWindow?: PageWindow | null
  readonly wallClockGuard?: WallClockGuard
  /** The log ended by a disk error; called once. */
  readonly onFailed?: (error: DiskError) => void
}

export class Log {
  readonly topicPartition: string
  readonly compaction: LogCompaction
  private place: LogPlace
  private readonly state: LogState
  private readonly appender: LogAppender
  private readonly flush: LogFlush
  private readonly retention: LogRetention
  private creating: Promise<void> | null = null
  private resuming: Promise<void> | null = null
  private changingOver: Promise<unknown> | null = null

  private constructor(place: LogPlace, state: LogState, guard: WallClockGuard) {
    this.topicPartition = place.topicPartition
    this.place = place
    this.state = state
    this.appender = new LogAppender(state)
    this.flush = new LogFlush(state)
    this.retention = new LogRetention(state, this.flush, guard)
    this.compaction = new LogCompaction(state, this.flush, this.retention)
  }

  /**
   * Opens the folder `dir`, or makes it. The folder was left by a clean stop or has been through
   * recoverLog. Throws CorruptLog, WrongTopicId, DiskError.
   */
  static async open(parameters: LogParameters): Promise<Log> {
    const { disk, clock, random, logger, options } = parameters
    const openSegments = parameters.openSegments ?? new OpenSegments()
    const folderLanes = parameters.folderLanes ?? folderLanesOf()
    const { onFailed } = parameters
    const pageWindow = parameters.pageWindow ?? null
    const isFolderHeld = parameters.isFolderHeld ?? (() => false)
    const shared = { openSegments, folderLanes, pageWindow, isFolderHeld }
    const ports = { disk, clock, random, logger, onFailed, ...shared }
    const guard = parameters.wallClockGuard ?? new WallClockGuard(clock, logger)
    const { dir, topicPartition, topicId, logStartOffset } = parameters
    const place = { dir, topicPartition, topicId, logStartOffset }
    const found = await openFolder(ports, place, options)
    const log = new Log(place, found ?? unmadeLog(ports, place, options), guard)
    const { newFolder } = parameters
    if (newFolder === 'later' || (newFolder === 'made' && found !== null)) return log
    const made = newFolder === 'made' ? makeFolder(log.state, place) : log.createFolder()
    await made.catch((error: unknown) => waitForRoom(place, logger, error))
    return log
  }

  // --- what it is

  get options(): LogOptions {
    return this.state.options
  }

  /** From a change of the topic's configuration; sizes and intervals count from the next segment. */
  setOptions(options: LogOptions): void {
    this.state.options = options
    this.state.producers.setExpiration(options.producerIdExpirationMs)
  }

  get logStartOffset(): number {
    return this.state.offsets.logStartOffset
  }

  /** Exclusive end of what was written. */
  get logEndOffset(): number {
    return this.state.offsets.logEndOffset
  }

  /** Exclusive end of what was appended, written or not. */
  get stagedEndOffset(): number {
    return this.state.offsets.stagedEndOffset
  }

  /** Exclusive end of what is durable. */
  get syncedEndOffset(): number {
    return this.state.offsets.syncedEndOffset
  }

  /** For the checkpoint: all below is durable, indexes and snapshots included. */
  get recoveryPoint(): number {
    return this.state.offsets.recoveryPoint
  }

  /** The error that ended this log in this process. */
  get failed(): DiskError | null {
    return this.state.failed
  }

  /** The full disk that stopped appends; `resume` clears it. */
  get suspended(): DiskError | null {
    return this.state.suspended
  }

  get sizeBytes(): number {
    return this.state.segments.sizeBytes()
  }

  /** Wants its own entry in log-start-offset-checkpoint: it starts inside a segment. */
  get startsInsideSegment(): boolean {
    const { segments, offsets } = this.state
    return segments.count > 0 && offsets.logStartOffset > segments.first.baseOffset
  }

  /** Of the segments, ascending. */
  segmentBaseOffsets(): number[] {
    return this.state.segments.all().map(({ baseOffset }) => baseOffset)
  }

  /** Producer ids and transactions; read only. */
  get producers(): ProducerStateManager {
    return this.state.producers
  }

  get dir(): string {
    return this.state.dir
  }

  /** The data folder that holds it. */
  get dataFolder(): string {
    return parentOf(this.hasFolder ? this.state.dir : this.place.dir)
  }

  /** Its data folder failed: no more writes and no attempt at them. Says nothing. */
  abandon(error: DiskError): void {
    this.state.failed ??= error
  }

  // --- writing

  /** The folder is there. */
  get hasFolder(): boolean {
    return this.state.segments.count > 0
  }

  /** It is there for good. */
  get takesAppends(): boolean {
    return this.hasFolder && !this.state.folderUnsynced
  }

  /** Makes the folder, unless it is there, and makes it durable; await it before the first append. */
  createFolder(): Promise<void> {
    if (this.takesAppends) return Promise.resolve()
    this.creating ??= this.state.ports.folderLanes
      .run(() => createFolder(this.state, this.place))
      .catch((error: unknown) => {
        // Without room nothing is there yet, and it can be tried again.
        throw isOutOfRoom(error) ? error : this.state.fail(error)
      })
      .finally(() => {
        this.creating = null
      })
    return this.creating
  }

  /**
   * Takes one batch, whose bytes were validated: patches base offset and leader epoch in place and keeps
   * a view until writeStaged. Answers 0, KAFKA_STORAGE_ERROR, RECORD_LIST_TOO_LARGE, or what producer
   * state says. Throws DiskError when a new segment cannot be made.
   */
  append(batch: Buffer, origin: AppendOrigin): AppendResult {
    return this.appender.append(batch, origin)
  }

  /**
   * Writes what was appended since the last call, one write per segment, and moves logEndOffset. Throws
   * DiskError: none of it may be acknowledged; on a full disk the log is suspended, else failed.
   */
  writeStaged(): void {
    this.appender.writeStaged()
  }

  /** Durable when it resolves: all that was written before the call. Shared by concurrent callers. */
  sync(): Promise<void> {
    return this.flush.sync()
  }

  /** Monotonic time at which sync() is due by flush.ms and flush.messages; Infinity when it is not. */
  syncDueAtMs(): number {
    return this.flush.syncDueAtMs()
  }

  /** After a full disk: puts the log back to what is written. True when appends may go on. */
  async resume(): Promise<boolean> {
    if (this.state.failed !== null) return false
    if (this.state.suspended === null) return true
    this.resuming ??= this.undo().finally(() => {
      this.resuming = null
    })
    await this.resuming
    return this.state.suspended === null
  }

  /** This leader's epoch starts at the log's end (C1); durable with the next sync of all. */
  assignLeaderEpoch(epoch: number): void {
    const { epochs, offsets } = this.state
    if (epoch > epochs.latestEpoch()) epochs.assign(epoch, offsets.stagedEndOffset)
  }

  /** Starts a new segment if the active one is older than segment.ms by wall clock and has content. */
  rollIfOld(nowMs: number): boolean {
    const { segments, options, rollJitterMs, failed, offsets } = this.state
    if (segments.count === 0 || failed !== null) return false
    if (this.state.moving) return false
    if (offsets.stagedEndOffset !== offsets.logEndOffset) return false
    const { active } = segments
    if (active.size === 0 || active.ageMs(nowMs, nowMs) <= options.segmentMs - rollJitterMs)
      return false
    return rollIfRoom(this.state)
  }

  /** Leaves the active segment, if it has content. Nothing may be staged. */
  rollNow(): void {
    if (this.state.segments.active.stagedSize === 0) return
    rollOrFail(this.state)
  }

  // --- reading

  /**
   * Where the bytes from `offset` on are; in the calling thread, without touching a device for what
   * `isCold` denies. A slice with bytes holds a lease: release it once.
   */
  read(
    offset: number,
    maxBytes: number,
    visibleEndOffset: number,
    wholeFirstBatch: boolean,
  ): ReadSlice {
    return readSlice(this.state, { offset, maxBytes, visibleEndOffset, wholeFirstBatch })
  }

  /** As read, with the search done in the pool. */
  readAsync(
    offset: number,
    maxBytes: number,
    visibleEndOffset: number,
    wholeFirstBatch: boolean,
  ): Promise<ReadSlice> {
    return readSliceAsync(this.state, { offset, maxBytes, visibleEndOffset, wholeFirstBatch })
  }

  /** Whether finding the bytes at `offset` may wait for a device: use readAsync then. */
  isCold(offset: number): boolean {
    return this.hasFolder && isCold(this.state, offset)
  }

  /** Aborted transactions with data in [fromOffset, upToOffset); take ReadSlice.endOffset for the end. */
  abortedTransactions(fromOffset: number, upToOffset: number): AbortedTransaction[] {
    const { segments, ports } = this.state
    const found: AbortedTransaction[] = []
    if (segments.count === 0) return found
    for (let i = segments.indexFor(fromOffset); i < segments.count; i++) {
      const segment = segments.at(i)
      if (!segment.hasTransactionIndex) continue
      const { transactionIndex } = segment.openSync()
      ports.openSegments.touch(segment)
      if (transactionIndex.collectAborted(fromOffset, upToOffset, found)) break
    }
    return found
  }

  /** First offset of the oldest transaction that holds back the last stable offset; null without one. */
  firstUnstableOffset(): number | null {
    return this.state.producers.firstUnstableOffset()
  }

  /** The owner's high watermark rose: transactions ended below it no longer hold anything back. */
  onHighWatermark(highWatermark: number): void {
    this.state.producers.onHighWatermark(highWatermark)
  }

  /** First record at or after `timestamp` below the visible end; null when there is none. */
  offsetForTimestamp(
    timestamp: number,
    visibleEndOffset: number,
  ): Promise<TimestampedOffset | null> {
    return offsetForTimestamp(this.state, timestamp, visibleEndOffset)
  }

  /** The record with the largest timestamp, if below the visible end. */
  maxTimestampOffset(visibleEndOffset: number): Promise<TimestampedOffset | null> {
    return maxTimestampOffset(this.state, visibleEndOffset)
  }

  /** Epoch that wrote `offset`; null when unknown. */
  leaderEpochAt(offset: number): number | null {
    const epoch = this.state.epochs.epochAt(offset)
    return epoch < 0 ? null : epoch
  }

  latestLeaderEpoch(): number {
    return this.state.epochs.latestEpoch()
  }

  /**
   * Largest known epoch at or below the requested one and where it ended (exclusive); {-1, -1} when the
   * request is above all. Knows the leader's own epoch once it was assigned or appended with.
   */
  endOffsetForEpoch(requestedEpoch: number): { epoch: number; endOffset: number } {
    const { epochs, offsets } = this.state
    return epochs.endOffsetFor(requestedEpoch, offsets.logEndOffset)
  }

  // --- deleting

  /** Raises the log start; the owner has checked it against the high watermark. Bytes go by retention. */
  deleteRecordsBefore(offset: number): void {
    const { offsets, epochs } = this.state
    if (offset <= offsets.logStartOffset) return
    offsets.setLogStart(offset)
    epochs.truncateFromStart(offset)
  }

  /** Deletes segments by the rules of retention.ts; `nowMs` is wall clock. */
  runRetention(nowMs: number, highWatermark = this.logEndOffset): Promise<RetentionResult> {
    return this.retention.run(nowMs, highWatermark)
  }

  /** Monotonic time at which `purgeDeleted` has work; Infinity when it has none. */
  purgeDueAtMs(): number {
    return this.retention.purgeDueAtMs()
  }

  /** Unlinks deleted files whose delay is over and that nobody reads. */
  purgeDeleted(nowMs: number): Promise<void> {
    return this.retention.purge(nowMs)
  }

  /** Forgets producer ids idle beyond producer.id.expiration.ms. */
  removeExpiredProducers(nowMs: number): void {
    this.state.producers.removeExpired(nowMs)
  }

  // --- moving

  /** Begins to copy the log to another data folder, log-move.ts; end it with finishMove or cancel it. */
  async startMove(target: string): Promise<LogMove> {
    const { state, flush, retention } = this
    const move = new LogMove({ state, flush, retention, topicId: this.place.topicId }, target)
    await move.prepare()
    return move
  }

  /** A log without a folder is moved by name alone; false when it has one. */
  placeElsewhere(target: string): boolean {
    if (this.hasFolder || this.creating !== null) return false
    const dir = `${target}/${this.topicPartition}`
    this.place = { ...this.place, dir }
    this.state.dir = dir
    return true
  }

  /** The change-over: appends must be held back until it resolves. See LogMove.finish. */
  finishMove(move: LogMove): Promise<LeaveOldFolder> {
    const done = this.resume().then((isWhole) => {
      if (!isWhole) throw new MoveCancelled(`${this.topicPartition} takes no appends`)
      return move.finish()
    })
    this.changingOver = done.catch(() => {})
    return done
  }

  // --- ending

  /**
   * clean: everything durable, a snapshot at the log's end, so that the next start trusts the folder.
   * abandon: files are given back as they are. Waits for what is under way; leases are the caller's.
   */
  async close(kind: 'clean' | 'abandon'): Promise<void> {
    const { state } = this
    if (state.closed) return
    try {
      if (kind === 'clean' && state.failed === null && state.segments.count > 0)
        await this.closeClean()
    } finally {
      state.closed = true
      await this.settled()
      await closeFiles(state)
    }
  }

  /**
   * The topic is gone: the folder gets a `-delete` name, durably. Returns its path, to be removed with
   * `removeDir` when the delay is over (or at the next start) once no lease is held.
   */
  async delete(): Promise<string | null> {
    const { state } = this
    state.closed = true
    await this.settled()
    return await putAside(state)
  }

  private async closeClean(): Promise<void> {
    const { state, flush } = this
    if (!this.appender.empty) this.appender.writeStaged()
    try {
      // Without room even now, memory and files differ: the next start reads the files.
      if (!(await this.resume())) throw this.state.suspended ?? state.failed
      await flush.syncAll()
      await completeFolder(state)
    } catch (error) {
      throw state.fail(error)
    }
  }

  private async settled(): Promise<void> {
    await this.creating?.catch(() => {})
    await this.resuming?.catch(() => {})
    await this.changingOver
    await this.retention.settled()
    await this.compaction.settled()
    await this.flush.settled()
    await this.state.ports.openSegments.settled()
  }

  private async undo(): Promise<void> {
    const { state, flush } = this
    if (state.isTurnLost) {
      await flush.settled()
      // No deletion and no swap of segments beside it.
      if (!(await state.exclusive(() => undone(state)))) return
      state.isTurnLost = false
    }
    state.suspended = null
  }
}

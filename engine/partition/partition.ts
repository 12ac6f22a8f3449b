/**
 * A partition as its leader sees it: what may be appended, what is visible, who waits. One per owned
 * partition, touched by its owner's thread alone, hence no locks.
 *
 *   logStartOffset ≤ lastStableOffset ≤ highWatermark ≤ logEndOffset
 *
 * The high watermark is the end of what recovery would rebuild and so of what may be answered: with
 * `async` flushing the end of what was written, with `group` the end of what was synced. Appends wait
 * in the ack queue until it passes them; reads never see beyond it. Source: Kafka's Partition and
 * UnifiedLog (append, read, offset checks), KIP-320 (epoch checks), KIP-595 (diverging epoch).
 *
 * A disk error takes the partition offline for good: KAFKA_STORAGE_ERROR until the next start (S5).
 */
import { broken } from '../base/assert.ts'
import { ErrorCode, errorName } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Logger } from '../base/logger.ts'
import { DiskError, isOutOfDescriptors, isOutOfRoom } from '../log/disk.ts'
import type { Log } from '../log/log.ts'
import type { AppendOrigin } from '../log/log-append.ts'
import { type Admission, type BatchRules, newAdmission } from '../record/admission.ts'
import { admitBatch } from '../record/validate.ts'
import type {
  AppendDone,
  AppendOptions,
  Isolation,
  ReadPartition,
  ReadResult,
} from '../shard-port.ts'
import { AckQueue } from './ack-queue.ts'
import { failedRead, sliceRead } from './read-result.ts'

const ALL = Number.POSITIVE_INFINITY

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

export interface PartitionIdentity {
  readonly key: number
  readonly topic: string
  readonly index: number
  readonly topicId: string
  readonly internal: boolean
}

export interface PartitionPorts {
  readonly logger: Logger
  wallMs(): number
  /** Bytes were written: syncs and retention may become due. */
  onWritten(partition: Partition): void
  /** A write or sync failed. True: the whole data folder was taken offline for it, with a log line. */
  onDiskError(partition: Partition, error: DiskError): boolean
  /** It went offline. */
  onOffline(partition: Partition): void
  /**
   * The high watermark rose or the partition failed: up to `most` parked reads are looked at, which may be
   * due. True: there are more.
   */
  onVisible(partition: Partition, most: number): boolean
}

/** One admission, reused: appends are synchronous and each reads it before the next writes it. */
const admission: Admission = newAdmission()
/** Likewise. */
const origin: Mutable<AppendOrigin> = { kind: 'client', leaderEpoch: 0, appendTimeMs: 0 }

export class Partition {
  readonly identity: PartitionIdentity
  readonly log: Log
  leaderEpoch: number
  rules: BatchRules
  private readonly ports: PartitionPorts
  private readonly acks = new AckQueue()
  private visibleEndOffset: number
  private offlineReason: string | null = null
  /** What waits for the folder of a partition that was never written to; null: nothing does. */
  private awaitingFolder: (() => void)[] | null = null
  private folderMade = Promise.resolve()
  private heldBytes = 0
  /** The sync that moves the high watermark next. */
  private syncing: Promise<void> | null = null
  private diskFull = false
  /** Why the folder could not be made, while those who waited for it are told. */
  private folderRefusal: string | null = null
  /** Between the first append of a turn and its write: the shard keeps such partitions in a list. */
  staged = false

  constructor(
    identity: PartitionIdentity,
    log: Log,
    leaderEpoch: number,
    rules: BatchRules,
    ports: PartitionPorts,
  ) {
    this.identity = identity
    this.log = log
    this.leaderEpoch = leaderEpoch
    this.rules = rules
    this.ports = ports
    // All that recovery rebuilt is stored: a single node's high watermark starts at the log's end.
    this.visibleEndOffset = log.logEndOffset
  }

  get name(): string {
    return `${this.identity.topic}-${this.identity.index}`
  }

  get highWatermark(): number {
    return this.visibleEndOffset
  }

  get offline(): string | null {
    return this.offlineReason
  }

  /** Exclusive end of what read-committed readers may see: below the first open transaction (R9). */
  get lastStableOffset(): number {
    const unstable = this.log.firstUnstableOffset()
    return unstable === null ? this.visibleEndOffset : Math.min(unstable, this.visibleEndOffset)
  }

  /**
   * Checks and stages one client batch; returns true when bytes were staged, which the shard then
   * writes in flush(). `records` is patched in place and must stay valid until then.
   */
  append(records: Buffer, options: AppendOptions, done: AppendDone): boolean {
    if (this.offlineReason !== null)
      return refuse(done, ErrorCode.KAFKA_STORAGE_ERROR, this.offlineReason)
    if (this.identity.internal && !options.internalAllowed)
      return refuse(done, ErrorCode.INVALID_TOPIC_EXCEPTION, `${this.identity.topic} is internal`)
    if (this.acks.size >= limits.pendingAcksMax)
      return refuse(done, ErrorCode.NOT_ENOUGH_REPLICAS, 'too many appends wait for their sync')
    const now = this.ports.wallMs()
    const version = options.produceVersion
    if (admitBatch(records, 0, records.length, this.rules, version, now, admission) !== 0) {
      const { errorCode, message, recordErrors } = admission
      done(errorCode, -1, -1, this.log.logStartOffset, message, recordErrors)
      return false
    }
    const { replacement, logAppendTimeMs } = admission
    return this.stage(replacement ?? records, 'client', now, logAppendTimeMs, done)
  }

  /** Stages a batch of our own making (coordinator records): it needs no admission. */
  appendInternal(batch: Buffer, done: AppendDone): boolean {
    if (this.offlineReason !== null)
      return refuse(done, ErrorCode.KAFKA_STORAGE_ERROR, this.offlineReason)
    return this.stage(batch, 'coordinator', this.ports.wallMs(), -1, done)
  }

  private stage(
    batch: Buffer,
    kind: AppendOrigin['kind'],
    appendTimeMs: number,
    logAppendTimeMs: number,
    done: AppendDone,
  ): boolean {
    if (this.folderRefusal !== null)
      return refuse(done, ErrorCode.KAFKA_STORAGE_ERROR, this.folderRefusal)
    let result: ReturnType<Log['append']>
    try {
      origin.kind = kind
      origin.leaderEpoch = this.leaderEpoch
      origin.appendTimeMs = appendTimeMs
      result = this.log.append(batch, origin)
    } catch (error) {
      this.fail(error)
      return refuse(done, ErrorCode.KAFKA_STORAGE_ERROR, this.offlineReason ?? 'offline')
    }
    if (result.errorCode !== 0) {
      const { suspended } = this.log
      if (suspended !== null) return this.refuseForRoom(suspended, done)
      return refuse(done, result.errorCode, `${this.name}: ${errorName(result.errorCode)}`)
    }
    this.acks.push(result.lastOffset + 1, result.baseOffset, logAppendTimeMs, done)
    if (!result.duplicate) return true
    // The original may be stored long ago; then nothing of this turn would release the answer.
    this.acks.release(this.visibleEndOffset, this.log.logStartOffset)
    return false
  }

  /** Runs in order of calls, once the folder is there or could not be made. */
  whenFolder(run: () => void, bytes = 0): void {
    this.heldBytes += bytes
    if (this.awaitingFolder !== null) {
      this.awaitingFolder.push(run)
      return
    }
    this.awaitingFolder = [run]
    const go = (): void => this.releaseHeld()
    this.folderMade = this.log.createFolder().then(go, (error: unknown) => {
      if (isOutOfRoom(error)) this.folderRefusal = this.sayNoRoom(error as DiskError)
      else this.fail(error)
      go()
      this.folderRefusal = null
    })
  }

  /** Nothing waits for the folder to be made any more: before this the log cannot be closed. */
  folderSettled(): Promise<void> {
    return this.folderMade
  }

  /** Appends go through whenFolder: there is no durable folder yet, or it is being changed for another. */
  get holdsAppends(): boolean {
    if (this.folderRefusal !== null) return false
    return this.awaitingFolder !== null || !this.log.takesAppends
  }

  /** No room for another append that is held back. */
  get heldFull(): boolean {
    const { heldAppendsMax, heldAppendBytesMax } = limits
    const count = this.awaitingFolder?.length ?? 0
    return count >= heldAppendsMax || this.heldBytes >= heldAppendBytesMax
  }

  /** Holds back appends from now on, with all taken so far written; `releaseHeld` ends it. */
  holdAppends(): void {
    this.writeStaged()
    this.awaitingFolder ??= []
  }

  releaseHeld(): void {
    const waiting = this.awaitingFolder ?? []
    this.awaitingFolder = null
    this.heldBytes = 0
    for (const next of waiting) next()
  }

  /** Writes what the turn staged; then, by flush mode, makes it visible or starts the sync. */
  writeStaged(): void {
    if (this.offlineReason !== null) return
    try {
      this.log.writeStaged()
    } catch (error) {
      if (this.log.failed === null && error instanceof DiskError) this.refuseFullDisk(error)
      else this.fail(error)
      return
    }
    // The turn may have ended early, for want of room for a further segment.
    if (this.log.suspended === null) this.diskFull = false
    else this.regainRoom()
    this.ports.onWritten(this)
    if (this.log.options.flushMode === 'group') this.syncThenAdvance()
    else this.advance(this.log.logEndOffset)
  }

  /** No room: what was staged is refused, what is stored stays readable, and appends may try again. */
  private refuseFullDisk(error: DiskError): void {
    const message = this.sayNoRoom(error)
    this.acks.failAbove(this.log.logEndOffset, ErrorCode.KAFKA_STORAGE_ERROR, message)
    this.regainRoom()
  }

  /** One append has no room; the log tries again, once what the turn staged before is written. */
  private refuseForRoom(error: DiskError, done: AppendDone): false {
    if (this.log.stagedEndOffset === this.log.logEndOffset) this.regainRoom()
    return refuse(done, ErrorCode.KAFKA_STORAGE_ERROR, this.sayNoRoom(error))
  }

  private regainRoom(): void {
    this.log.resume().catch((failure: unknown) => this.fail(failure))
  }

  /** What to answer; the operator is told once until there is room again. */
  private sayNoRoom(error: DiskError): string {
    const ofFiles = isOutOfDescriptors(error)
    const what = ofFiles ? 'no room for another open file' : 'no room on the disk'
    const next = ofFiles
      ? 'Raise the limit of open files (ulimit -n, LimitNOFILE=).'
      : 'Free space, or lower retention.bytes or retention.ms of large topics.'
    const message = `${what} for ${this.name}: ${error.message}`
    if (!this.diskFull)
      this.ports.logger.error(
        `${message}. Appends are refused until there is room; stored records are served. ${next}`,
      )
    this.diskFull = true
    return message
  }

  /** One fdatasync for all that waits, and one waiter for it; failures take the partition offline. */
  private syncThenAdvance(): void {
    const syncing = this.log.sync()
    // Several turns share the next sync.
    if (syncing === this.syncing) return
    this.syncing = syncing
    syncing.then(
      () => {
        if (this.offlineReason === null) this.advance(this.log.syncedEndOffset)
      },
      (error: unknown) => this.fail(error),
    )
  }

  private advance(highWatermark: number): void {
    if (highWatermark <= this.visibleEndOffset) return
    if (highWatermark > this.log.logEndOffset)
      broken(`${this.name}: high watermark ${highWatermark} above ${this.log.logEndOffset}`)
    this.visibleEndOffset = highWatermark
    this.log.onHighWatermark(highWatermark)
    // Readers first: records have two threads to wake on their way, an answer one. But a crowd of readers
    // holds up no answer.
    const more = this.ports.onVisible(this, limits.readersBeforeAcksMax)
    this.acks.release(highWatermark, this.log.logStartOffset)
    if (more) this.ports.onVisible(this, ALL)
  }

  /** The topic is deleted: whoever waits is told that it is unknown. */
  retire(): void {
    this.offlineReason = `${this.name} is deleted`
    this.acks.fail(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, this.offlineReason)
  }

  /** Sticks until the next start: answers all that waits and refuses what comes (S5, R26). */
  fail(error: unknown): void {
    if (!(error instanceof DiskError)) throw error
    // Even of a partition that is offline already: the folder may be condemned only now.
    if (this.ports.onDiskError(this, error) || this.offlineReason !== null) return
    this.goOffline(error)
  }

  /** Takes this partition alone offline: what is stored of it cannot be read. */
  private goOffline(error: DiskError): void {
    if (this.offlineReason !== null) return
    this.takeOffline(`the log of ${this.name} is offline: ${error.message}`, error)
    this.ports.logger.error(
      `${this.offlineReason}. Stored records are safe; free or mend the disk, then restart.`,
    )
  }

  /** As fail, without a line in the log: its data folder failed, which was told. */
  takeOffline(reason: string, error: DiskError): void {
    if (this.offlineReason !== null) return
    this.offlineReason = reason
    this.log.abandon(error)
    this.acks.fail(ErrorCode.KAFKA_STORAGE_ERROR, reason)
    this.ports.onVisible(this, ALL)
    this.ports.onOffline(this)
  }

  /** 0, or why a request that names `currentLeaderEpoch` (-1 = does not) must not be served. */
  checkLeaderEpoch(currentLeaderEpoch: number): ErrorCode {
    if (this.offlineReason !== null) return ErrorCode.KAFKA_STORAGE_ERROR
    if (currentLeaderEpoch < 0 || currentLeaderEpoch === this.leaderEpoch) return ErrorCode.NONE
    return currentLeaderEpoch < this.leaderEpoch
      ? ErrorCode.FENCED_LEADER_EPOCH
      : ErrorCode.UNKNOWN_LEADER_EPOCH
  }

  /** End of what a reader of this isolation may see. */
  visibleEnd(isolation: Isolation): number {
    return isolation === 1 ? this.lastStableOffset : this.visibleEndOffset
  }

  /** Finding the bytes at this offset may wait for a device: readCold is due. */
  isCold(fetchOffset: number): boolean {
    const { log } = this
    const isInside = fetchOffset >= log.logStartOffset && fetchOffset < this.visibleEndOffset
    if (!isInside || this.offlineReason !== null) return false
    try {
      return log.isCold(fetchOffset)
    } catch (error) {
      // The read itself will meet it again, and answers for it.
      if (!(error instanceof DiskError)) throw error
      return true
    }
  }

  /** Finds the bytes for one partition of a fetch. Length 0 when there is nothing. */
  read(
    request: ReadPartition,
    isolation: Isolation,
    maxBytes: number,
    wholeFirstBatch: boolean,
  ): ReadResult {
    const refusal = this.refuseRead(request)
    if (refusal !== null) return refusal
    const { fetchOffset } = request
    const end = this.visibleEnd(isolation)
    if (fetchOffset >= end) return sliceRead(this, null, isolation, fetchOffset)
    try {
      const slice = this.log.read(fetchOffset, maxBytes, end, wholeFirstBatch)
      return sliceRead(this, slice, isolation, fetchOffset)
    } catch (error) {
      return this.unreadable(error)
    }
  }

  /** As read, with the search for the bytes done in the pool. */
  async readCold(
    request: ReadPartition,
    isolation: Isolation,
    maxBytes: number,
    wholeFirstBatch: boolean,
  ): Promise<ReadResult> {
    const refusal = this.refuseRead(request)
    if (refusal !== null) return refusal
    const { fetchOffset } = request
    const end = this.visibleEnd(isolation)
    if (fetchOffset >= end) return sliceRead(this, null, isolation, fetchOffset)
    try {
      const slice = await this.log.readAsync(fetchOffset, maxBytes, end, wholeFirstBatch)
      return sliceRead(this, slice, isolation, fetchOffset)
    } catch (error) {
      return this.unreadable(error)
    }
  }

  /** A read that fails is neither an end nor a gap (S12). */
  private unreadable(error: unknown): ReadResult {
    if (!(error instanceof DiskError)) throw error
    // For want of a descriptor nothing was read yet, and the client asks again.
    if (!isOutOfDescriptors(error)) this.goOffline(error)
    return failedRead(ErrorCode.KAFKA_STORAGE_ERROR, this.leaderEpoch)
  }

  /** The answer without data when the offset or the epochs of the request do not fit; else null. */
  private refuseRead(request: ReadPartition): ReadResult | null {
    const epochError = this.checkLeaderEpoch(request.currentLeaderEpoch)
    if (epochError !== 0) return failedRead(epochError, this.leaderEpoch)
    const { log } = this
    if (request.lastFetchedEpoch >= 0) {
      const diverging = this.divergence(request)
      if (diverging !== null) return { ...failedRead(0, this.leaderEpoch, this), ...diverging }
    }
    if (request.fetchOffset < log.logStartOffset || request.fetchOffset > log.logEndOffset)
      return failedRead(ErrorCode.OFFSET_OUT_OF_RANGE, this.leaderEpoch, this)
    return null
  }

  /** The largest epoch at or below `epoch` and its exclusive end; -1 and -1 when all are older. */
  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number } {
    // The current epoch may have no record yet; it ends where the log does all the same.
    if (epoch === this.leaderEpoch) return { epoch, endOffset: this.log.logEndOffset }
    return this.log.endOffsetForEpoch(epoch)
  }

  /** Where the reader's history ends in ours, when its last fetched epoch says that it parted (KIP-595). */
  private divergence(
    request: ReadPartition,
  ): Pick<ReadResult, 'divergingEpoch' | 'errorCode'> | null {
    const end = this.endOffsetForEpoch(request.lastFetchedEpoch)
    if (end.epoch < 0) return { divergingEpoch: null, errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }
    if (end.epoch === request.lastFetchedEpoch && end.endOffset >= request.fetchOffset) return null
    return { divergingEpoch: end, errorCode: ErrorCode.NONE }
  }
}

function refuse(done: AppendDone, errorCode: ErrorCode, message: string): false {
  done(errorCode, -1, -1, -1, message)
  return false
}

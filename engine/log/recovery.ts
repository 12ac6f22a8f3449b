/**
 * Start after a crash: makes a partition folder what a clean stop would have left, so that Log.open may
 * trust it (org.apache.kafka.storage.internals.log.LogLoader, LogSegment.recover; S1–S3, S9, S10, S12).
 * Runs in a job of the pool, before the log is opened.
 *
 * From the segment that holds the recovery point on, every batch is read with its full sum, and
 * indexes, producer state, epochs and snapshots are made anew. The first batch that is not intact is
 *
 *   above the recovery point   the torn end of what was never promised: it is cut off with all behind
 *   below it                   corruption of what was synced: CorruptLog, the partition stays offline
 *                              (salvage.ts saves the rest and has it read with `salvaged`)
 *
 * What follows a cut goes first, then the file is cut and synced (S3): a crash in between finds the same
 * bad batch again. Above the recovery point batches follow each other without gaps, unless
 * `gapsAllowed`. A gap in front of a segment is one that compaction left when that segment has a
 * snapshot at its base, since a roll writes it only after all before it was synced; without one the
 * crash took the end of the segment before, and the log ends there. So compaction keeps the snapshots
 * at the bases of segments until those are gone for certain.
 *
 * Repeating a recovery changes nothing. On a full disk one needs no room, as a rule: what it would write for
 * the active segment is left out.
 */
import type { Logger } from '../base/logger.ts'
import { batchBaseOffset, batchLastOffset, batchLeaderEpoch } from '../record/batch.ts'
import { CorruptFile } from './corrupt-file.ts'
import { type Disk, DiskError, isOutOfRoom } from './disk.ts'
import { type EpochEntry, LEADER_EPOCH_FILE, LeaderEpochs } from './leader-epochs.ts'
import { loadSegments, removeSegmentFiles, tidyPartitionFolder } from './partition-folder.ts'
import {
  encodeProducerSnapshot,
  listProducerSnapshots,
  readProducerSnapshot,
  snapshotFileName,
  unneededSnapshots,
} from './producer-snapshot.ts'
import { ProducerStateManager } from './producer-state.ts'
import { Segment, type SegmentOptions } from './segment.ts'
import { CorruptLog, loadProducers, rebuildSegment } from './segment-rebuild.ts'
import { brokenIndex, repairSegment } from './segment-repair.ts'
import { scanBatches } from './segment-scan.ts'

export interface RecoveryOptions {
  /** Everything below was synced; 0 when the checkpoint is missing. */
  readonly recoveryPoint: number
  readonly logStartOffset: number
  readonly indexIntervalBytes: number
  readonly segmentIndexBytes: number
  readonly producerIdExpirationMs: number
  /** Wall clock: decides which producer ids of old snapshots have expired. */
  readonly nowMs: number
  readonly logger: Logger
  /** Batches above the recovery point may leave gaps: logs that are compacted. */
  readonly gapsAllowed?: boolean
  /** salvage.ts left only whole batches: all are read, and gaps, wherever they are, are what was lost. */
  readonly salvaged?: boolean
}

export interface RecoverySummary {
  readonly logStartOffset: number
  /** Also the recovery point now. */
  readonly logEndOffset: number
  readonly segments: number
  readonly scannedSegments: number
  readonly scannedBytes: number
  /** Bytes cut off behind the last good batch, whole later segments included. */
  readonly truncatedBytes: number
}

/** Throws CorruptLog (see above) and DiskError. */
export async function recoverLog(
  disk: Disk,
  dir: string,
  options: RecoveryOptions,
): Promise<RecoverySummary> {
  const recovery = new Recovery(disk, dir, options)
  try {
    return await recovery.run()
  } finally {
    await recovery.closeAll()
  }
}

class Recovery {
  private readonly disk: Disk
  private readonly dir: string
  private readonly options: RecoveryOptions
  private readonly producers: ProducerStateManager
  private epochs = new LeaderEpochs()
  /** The newest epoch of the file: its leader may have written nothing, or all of it was deleted. */
  private storedEpoch: EpochEntry | null = null
  /** Segments before this one are read only because the epoch file is no good, or after a salvage. */
  private trustedEnd = 0
  private names = new Set<string>()
  private segments: Segment[] = []
  /** Snapshots that were there and readable before this run. */
  private trusted = new Set<number>()
  /** Offset the next batch should have. */
  private expected = 0
  private previousEpoch = -1
  private scannedBytes = 0
  private truncatedBytes = 0

  constructor(disk: Disk, dir: string, options: RecoveryOptions) {
    this.disk = disk
    this.dir = dir
    this.options = options
    this.producers = new ProducerStateManager(options.producerIdExpirationMs)
  }

  async run(): Promise<RecoverySummary> {
    const { disk, dir, options } = this
    this.names = await tidyPartitionFolder(disk, dir, options.logger)
    this.segments = await loadSegments(this.names, (baseOffset) => this.segmentOptions(baseOffset))
    this.trusted = await this.readableSnapshots()
    const isEpochFileGood = await this.loadEpochs()
    this.trustedEnd = this.startIndex()
    const start = isEpochFileGood && options.salvaged !== true ? this.trustedEnd : 0
    await this.repairTrusted(start)
    let scannedSegments = 0
    if (this.segments.length > 0) {
      this.expected = this.segments[start]!.baseOffset
      await this.loadStateBefore(start)
      for (let i = start; i < this.segments.length; i++) {
        if (!(await this.joins(i, i === start))) break
        await this.recoverSegment(i)
        scannedSegments++
      }
    }
    const logEndOffset = await this.settleStart()
    await this.finish(logEndOffset)
    return {
      logStartOffset: Math.max(options.logStartOffset, this.segments[0]?.baseOffset ?? 0),
      logEndOffset,
      segments: this.segments.length,
      scannedSegments,
      scannedBytes: this.scannedBytes,
      truncatedBytes: this.truncatedBytes,
    }
  }

  async closeAll(): Promise<void> {
    for (const segment of this.segments) await segment.close(false)
  }

  private segmentOptions(baseOffset: number): SegmentOptions {
    const { indexIntervalBytes, segmentIndexBytes, nowMs } = this.options
    const { disk, dir } = this
    return {
      disk,
      dir,
      baseOffset,
      indexIntervalBytes,
      indexBytesMax: segmentIndexBytes,
      createdMs: nowMs,
    }
  }

  /** Unreadable ones are removed: nothing may take them for the sign of a finished roll. */
  private async readableSnapshots(): Promise<Set<number>> {
    const readable = new Set<number>()
    for (const offset of await listProducerSnapshots(this.disk, this.dir)) {
      const path = `${this.dir}/${snapshotFileName(offset)}`
      try {
        if ((await readProducerSnapshot(this.disk, path)) !== null) readable.add(offset)
      } catch (error) {
        if (!(error instanceof CorruptFile)) throw error
        this.options.logger.warn(`${error.message}; removing this snapshot`)
        await this.disk.unlink(path)
      }
    }
    return readable
  }

  /** False when the file is not usable: then all batches are read to make it again. */
  private async loadEpochs(): Promise<boolean> {
    try {
      this.epochs = await LeaderEpochs.load(this.disk, this.dir)
      return this.epochs.all().length > 0 || (this.segments[0]?.size ?? 0) === 0
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error
      this.options.logger.warn(`${error.message}; making it again from the log`)
      return false
    }
  }

  /**
   * The segment that holds the recovery point, or an earlier one while the roll into that segment has
   * not left its snapshot: then the indexes before it may be unfinished.
   */
  private startIndex(): number {
    const { segments, trusted } = this
    let start = segments.findLastIndex(({ baseOffset }) => baseOffset <= this.options.recoveryPoint)
    start = Math.max(start, 0)
    while (start > 0 && !trusted.has(segments[start]!.baseOffset)) start--
    return start
  }

  /** Segments before the scan are trusted, their indexes only when present and whole. */
  private async repairTrusted(start: number): Promise<void> {
    for (let i = 0; i < start; i++) {
      const segment = this.segments[i]!
      const reason = await brokenIndex(segment, this.names)
      if (reason === null) continue
      this.options.logger.warn(`${reason}; making the indexes again`)
      await repairSegment(segment, this.source(i), this.options)
      this.scannedBytes += segment.size
    }
  }

  private async loadStateBefore(start: number): Promise<void> {
    const { baseOffset } = this.segments[start]!
    await loadProducers(this.source(start), this.producers, baseOffset)
    // From here on the batches say when epochs began; the file's last word counts if none of them does.
    this.storedEpoch = this.epochs.all().at(-1) ?? null
    this.epochs.truncateFromEnd(baseOffset)
    this.previousEpoch = this.epochs.latestEpoch()
  }

  private source(before: number) {
    const { disk, dir, options } = this
    const { logger, nowMs } = options
    return { disk, dir, segments: this.segments.slice(0, before), logger, nowMs }
  }

  /** Whether segment `i` continues the log; else it and all behind it are gone when this returns. */
  private async joins(i: number, isFirst: boolean): Promise<boolean> {
    const { recoveryPoint, salvaged } = this.options
    const segment = this.segments[i]!
    const { baseOffset } = segment
    if (isFirst || baseOffset === this.expected) return true
    if (baseOffset > this.expected && salvaged === true) return true
    if (baseOffset > this.expected && (baseOffset <= recoveryPoint || this.trusted.has(baseOffset)))
      return true
    const reason =
      baseOffset > this.expected
        ? `the log ends at ${this.expected} in front of the segment at ${baseOffset}`
        : `the segment at ${baseOffset} overlaps the log that ends at ${this.expected}`
    if (baseOffset < recoveryPoint) throw new CorruptLog(segment, 0, reason)
    this.options.logger.warn(`${this.dir}: ${reason}; dropping it and what follows`)
    await this.dropFrom(i)
    return false
  }

  private async recoverSegment(i: number): Promise<void> {
    const segment = this.segments[i]!
    const stored = segment.size
    const { baseOffset } = segment
    // A snapshot at a base says that all before it is complete and synced, the epoch file too. Before
    // the trusted ones are through, an epoch file that is good would have the next start trust them.
    if (i > 0 && baseOffset >= this.expected) {
      if (i >= this.trustedEnd) await this.storeEpochs()
      await this.storeSnapshot(baseOffset)
    }
    this.expected = baseOffset
    await segment.open()
    const result = await rebuildSegment(segment, stored, {
      producers: this.producers,
      epochs: this.epochs,
      check: (buffer, at) => this.checkBatch(buffer, at, baseOffset),
    })
    this.scannedBytes += result.end
    if (result.problem !== null) {
      await this.readAgain(segment, result.end, stored)
      await this.cut(i, stored, result.end, result.problem)
    }
    segment.finishTimeIndex()
    await segment.opened().log.sync()
    await this.storeIndexes(segment)
  }

  /** Those of the active segment need no room: an opened log has them in memory, made again (log-open.ts). */
  private async storeIndexes(segment: Segment): Promise<void> {
    try {
      segment.writeIndexes()
    } catch (error) {
      if (!isOutOfRoom(error) || segment !== this.segments.at(-1)) throw error
      segment.emptyIndexes()
      this.options.logger.warn(`no room for the indexes of ${segment.path('.log')}: kept in memory`)
    }
    await segment.flushIndexes()
  }

  /** Before anything is cut off: what a second read finds intact was a fault of the first one (S12). */
  private async readAgain(segment: Segment, end: number, stored: number): Promise<void> {
    const { log } = segment.opened()
    const expected = this.expected
    let isIntact = false
    await scanBatches(log, end, stored, (buffer, at) => {
      isIntact = this.checkBatch(buffer, at, segment.baseOffset) === null
      return 'one is enough'
    })
    this.expected = expected
    if (isIntact) throw new DiskError('EIO', segment.path('.log'), 'two reads differ of')
  }

  private checkBatch(buffer: Buffer, at: number, segmentBase: number): string | null {
    const { recoveryPoint, salvaged } = this.options
    const gapsAllowed = this.options.gapsAllowed === true || salvaged === true
    const baseOffset = batchBaseOffset(buffer, at)
    const lastOffset = batchLastOffset(buffer, at)
    const epoch = batchLeaderEpoch(buffer, at)
    const { expected } = this
    if (baseOffset < expected || baseOffset < segmentBase || lastOffset < baseOffset)
      return `offsets ${baseOffset}..${lastOffset} where ${expected} is next`
    if (baseOffset > expected && expected >= recoveryPoint && !gapsAllowed)
      return `offset ${baseOffset} where ${expected} is next`
    if (epoch < this.previousEpoch && baseOffset >= recoveryPoint)
      return `leader epoch ${epoch} behind ${this.previousEpoch}`
    this.expected = lastOffset + 1
    this.previousEpoch = Math.max(epoch, this.previousEpoch)
    return null
  }

  private async cut(i: number, stored: number, end: number, problem: string): Promise<void> {
    const { recoveryPoint, logger } = this.options
    const segment = this.segments[i]!
    if (this.expected < recoveryPoint)
      throw new CorruptLog(segment, end, `offset ${this.expected}: ${problem}`)
    const bytes = stored - end
    logger.warn(
      `${segment.path('.log')}: ${problem} at byte ${end}; the log ends at offset ` +
        `${this.expected}, cutting off ${bytes} bytes`,
    )
    await this.dropFrom(i + 1)
    const { log } = segment.opened()
    await log.truncate(end)
    await log.sync()
    this.truncatedBytes += bytes
  }

  /** Removes segment `i` and all behind it, and the snapshots above the log's end, durably. */
  private async dropFrom(i: number): Promise<void> {
    const dropped = this.segments.splice(i)
    // Opening a segment made the indexes it lacked.
    this.names = new Set(await this.disk.list(this.dir))
    for (const segment of dropped.reverse()) {
      this.truncatedBytes += segment.size
      await segment.close(false)
      await removeSegmentFiles(this.disk, this.dir, this.names, segment.baseOffset)
    }
    for (const offset of await listProducerSnapshots(this.disk, this.dir))
      if (offset > this.expected) await this.disk.unlink(`${this.dir}/${snapshotFileName(offset)}`)
    await this.disk.syncDir(this.dir)
  }

  /** The log's end; a log that ends below its start is emptied and begins at its start. */
  private async settleStart(): Promise<number> {
    const { logStartOffset } = this.options
    if (this.segments.length > 0 && this.expected >= logStartOffset) return this.expected
    if (this.segments.length > 0) {
      this.options.logger.warn(
        `${this.dir}: ends at ${this.expected}, below its start ${logStartOffset}; emptying it`,
      )
      await this.dropFrom(0)
    }
    this.expected = logStartOffset
    this.producers.clear()
    const segment = Segment.createSync(this.segmentOptions(logStartOffset))
    this.segments.push(segment)
    await segment.opened().log.sync()
    await segment.flushIndexes()
    await this.disk.syncDir(this.dir)
    return logStartOffset
  }

  private async finish(logEndOffset: number): Promise<void> {
    const { disk, dir, epochs } = this
    const { storedEpoch } = this
    if (storedEpoch?.startOffset === logEndOffset && storedEpoch.epoch > epochs.latestEpoch())
      epochs.assign(storedEpoch.epoch, logEndOffset)
    epochs.truncateFromStart(Math.max(this.options.logStartOffset, this.segments[0]!.baseOffset))
    await this.storeEpochs()
    await this.storeLastSnapshot(logEndOffset)
    const bases = this.segments.map(({ baseOffset }) => baseOffset)
    const known = await listProducerSnapshots(disk, dir)
    const above = known.filter((offset) => offset > logEndOffset)
    for (const offset of new Set([...unneededSnapshots(known, bases), ...above]))
      if (offset !== logEndOffset) await disk.unlink(`${dir}/${snapshotFileName(offset)}`)
    await disk.syncDir(dir)
  }

  private async storeEpochs(): Promise<void> {
    const { epochs } = this
    if (epochs.all().length === 0 && !epochs.dirty) return
    await this.replace(`${this.dir}/${LEADER_EPOCH_FILE}`, Buffer.from(epochs.format()))
  }

  /** It spares reading back to the one before; the log is whole without it. */
  private async storeLastSnapshot(logEndOffset: number): Promise<void> {
    try {
      await this.storeSnapshot(logEndOffset)
    } catch (error) {
      if (!isOutOfRoom(error)) throw error
      this.options.logger.warn(
        `no room in ${this.dir} for the state of producers: it is read again`,
      )
    }
  }

  private storeSnapshot(offset: number): Promise<void> {
    const content = encodeProducerSnapshot(this.producers.snapshot())
    return this.replace(`${this.dir}/${snapshotFileName(offset)}`, content)
  }

  /** Leaves a file alone that says the same already. */
  private async replace(path: string, content: Buffer): Promise<void> {
    const known = await this.disk.readFile(path)
    if (known === null || !known.equals(content)) await this.disk.writeFileAtomic(path, content)
  }
}

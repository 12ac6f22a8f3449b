/**
 * A log on its way to another data folder (KIP-113; org.apache.kafka.storage.internals.log.UnifiedLog's
 * future log), in `<topic>-<p>.<32 hex>-future` until it takes the log's place. The log goes on meanwhile:
 *
 *   copy     segment by segment through the pool, the active one too, until little is left; what was
 *            written is read back and its sums made again, since the original will go
 *   finish   the owner holds back appends: the log is synced whole, the rest copied and synced, the folder
 *            renamed to its final name, durably; then memory changes over in one step
 *   leave    the old folder gets a `-delete` name
 *
 * A crash at any moment leaves a folder that holds everything acknowledged under the final name: the old
 * one until the rename, afterwards both, of which a start takes the one that reaches further.
 * Readers of old files keep them by their leases. Retention and compaction in the source are followed: a
 * copy counts for the very segment it was made of.
 */
import { assert } from '../base/assert.ts'
import { limits } from '../base/limits.ts'
import {
  BATCH_UNSUMMED_BYTES,
  batchBaseOffset,
  batchLastOffset,
  batchLeaderEpoch,
} from '../record/batch.ts'
import { readFileAgreed } from './agreed-read.ts'
import { markedFolderName, parsePartitionFolder } from './data-folder.ts'
import {
  DiskError,
  type DiskFile,
  isOutOfRoom,
  readFully,
  readFullySync,
  writeFully,
} from './disk.ts'
import type { LogFlush } from './flush.ts'
import { LEADER_EPOCH_FILE } from './leader-epochs.ts'
import { parentOf, requireNewFolder } from './log-open.ts'
import { storeEpochs } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import { writePartitionMetadata } from './partition-metadata.ts'
import { listProducerSnapshots, snapshotFileName } from './producer-snapshot.ts'
import type { LogRetention } from './retention.ts'
import { Segment } from './segment.ts'
import { SEGMENT_SUFFIXES, SegmentSuffix, segmentFileName } from './segment-files.ts'
import { scanBatches } from './segment-scan.ts'

/** The move was given up: cancelled, or its log deleted or failed. Nothing of it is used. */
export class MoveCancelled extends Error {
  override name = 'MoveCancelled'
}

/** A segment's copy. */
interface SegmentCopy {
  readonly source: Segment
  /** Bytes of the log file that are written in the copy. */
  copied: number
  /** Of them those that were read back and found to be what the original holds. */
  checked: number
  /** Copied whole with its indexes, synced, and never to grow. */
  complete: boolean
}

/**
 * What is left to do in the old folder, which may fail without harm to the log: resolves with its path, to
 * be removed, or null when it is to stay. `onError` hears in the same turn why.
 */
export type LeaveOldFolder = (onError?: (error: DiskError) => void) => Promise<string | null>

export class LogMove {
  /** The data folder it goes to. */
  readonly target: string
  /** The `-future` folder. */
  readonly dir: string
  /** Exclusive end of the offsets that are copied. */
  endOffset = 0
  private readonly state: LogState
  private readonly flush: LogFlush
  private readonly retention: LogRetention
  private readonly topicId: string
  private copies: SegmentCopy[] = []
  /** Offsets of the producer snapshots that are copied. */
  private readonly snapshots = new Set<number>()
  private cancelled = false

  constructor(
    parts: { state: LogState; flush: LogFlush; retention: LogRetention; topicId: string },
    target: string,
  ) {
    this.state = parts.state
    this.flush = parts.flush
    this.retention = parts.retention
    this.topicId = parts.topicId
    this.target = target
    const { name, ports } = parts.state
    const parsed = parsePartitionFolder(name)
    assert(parsed !== null, `${name} is a partition`)
    const uuid = ports.random.uuid()
    this.dir = `${target}/${markedFolderName(parsed.topic, parsed.partition, uuid, 'future')}`
  }

  /** Bytes copied so far. */
  get sizeBytes(): number {
    let bytes = 0
    for (const { copied } of this.copies) bytes += copied
    return bytes
  }

  /** Nothing more is done; whatever runs ends with MoveCancelled. The folder is the caller's to remove. */
  cancel(): void {
    this.cancelled = true
  }

  /** Makes the future folder. Throws DiskError. */
  async prepare(): Promise<void> {
    const { disk } = this.state.ports
    requireNewFolder(this.state.ports, this.dir)
    await disk.makeDir(this.dir)
    await writePartitionMetadata(disk, this.dir, this.topicId)
    await disk.syncDir(this.target)
  }

  /** Copies until less than limits.moveTailBytes is missing. Throws DiskError, MoveCancelled. */
  async copy(): Promise<void> {
    await this.copyUpTo(limits.moveTailBytes)
    // So that little is left to sync, to copy and to finish while appends are held back.
    await this.flush.syncAll()
    await this.copySnapshots()
    await this.copyUpTo(limits.moveTailBytes)
  }

  /**
   * The change-over; no append may come before it resolves. Throws DiskError or MoveCancelled with the
   * log as it was. Resolves with what is left to do in the old folder, which may fail without harm.
   */
  async finish(): Promise<LeaveOldFolder> {
    const { state } = this
    assert(!state.moving, `${state.name} is moved once at a time`)
    state.moving = true
    try {
      await this.retention.settled()
      await this.flush.syncAll()
      return await state.exclusive(() => this.changeOver())
    } finally {
      state.moving = false
    }
  }

  private assertLive(): void {
    const { state } = this
    if (this.cancelled || state.closed || state.failed !== null)
      throw new MoveCancelled(`the move of ${state.name} to ${this.target} was given up`)
  }

  private async copyUpTo(tailBytes: number): Promise<void> {
    for (;;) {
      const next = await this.nextToCopy(tailBytes)
      if (next === null) return
      await this.copySegment(next)
    }
  }

  /** The first segment with something to copy; null when at most `tailBytes` of the active one are. */
  private async nextToCopy(tailBytes: number): Promise<SegmentCopy | null> {
    this.assertLive()
    const { segments } = this.state
    const present = new Set(segments.all())
    for (const copy of this.copies) if (!present.has(copy.source)) await this.drop(copy)
    this.copies = this.copies.filter(({ source }) => present.has(source))
    for (const source of segments.all()) {
      let copy = this.copies.find((known) => known.source === source)
      if (copy === undefined) {
        copy = { source, copied: 0, checked: 0, complete: false }
        this.copies.push(copy)
        await this.touch(copy)
      }
      const isActive = source === segments.active
      const missing = source.size - copy.copied
      if (isActive ? missing > tailBytes : missing > 0 || (!copy.complete && !source.pinned))
        return copy
    }
    return null
  }

  /** An empty file for the copy. */
  private async touch({ source }: SegmentCopy): Promise<void> {
    const path = this.pathOf(source, SegmentSuffix.log)
    const { disk } = this.state.ports
    if ((await disk.stat(path)) === null) await (await disk.open(path, 'create-new')).close()
  }

  /** Copies what the segment holds now; with its indexes when it is finished. */
  private async copySegment(copy: SegmentCopy): Promise<void> {
    const { source } = copy
    const { disk } = this.state.ports
    source.lease.acquire()
    try {
      const { log } = await source.open()
      const target = await disk.open(this.pathOf(source, SegmentSuffix.log), 'read-write')
      try {
        await this.copyRange(log, target, copy)
        await target.sync()
      } finally {
        await target.close()
      }
      this.endOffset = this.state.segments.after(source)?.baseOffset ?? source.baseOffset
      if (source.pinned || source === this.state.segments.active) return
      await this.copyIndexes(source)
      copy.complete = true
    } finally {
      source.lease.release()
    }
  }

  private async copyRange(log: DiskFile, target: DiskFile, copy: SegmentCopy): Promise<void> {
    const chunk = Buffer.allocUnsafe(limits.moveChunkBytes)
    let unsynced = 0
    while (copy.copied < copy.source.size) {
      this.assertLive()
      const wanted = Math.min(chunk.length, copy.source.size - copy.copied)
      const bytes = chunk.subarray(0, wanted)
      if ((await readFully(log, bytes, copy.copied)) < wanted)
        throw new DiskError('EIO', log.path, `bytes ended early while copying`)
      await writeFully(target, bytes, copy.copied)
      copy.copied += wanted
      unsynced += wanted
      if (unsynced < limits.moveSyncBytes) continue
      // In parts: one sync of gigabytes would hold up those of the producers.
      await target.sync()
      unsynced = 0
    }
    await this.checkCopy(log, target, copy)
  }

  /**
   * The original goes, so the copy must be what was written: every sum is made again, and what they leave
   * out is compared with the original where it does not follow from the batch before.
   */
  private async checkCopy(log: DiskFile, target: DiskFile, copy: SegmentCopy): Promise<void> {
    const original = Buffer.alloc(BATCH_UNSUMMED_BYTES)
    let nextOffset = -1
    let epoch = -1
    const visit = (buffer: Buffer, at: number, position: number): string | null => {
      const follows =
        batchBaseOffset(buffer, at) === nextOffset && batchLeaderEpoch(buffer, at) === epoch
      nextOffset = batchLastOffset(buffer, at) + 1
      epoch = batchLeaderEpoch(buffer, at)
      if (follows) return null
      readFullySync(log, original, position)
      const isSame = original.compare(buffer, at, at + original.length) === 0
      return isSame ? null : 'its offset or epoch is not that of the original'
    }
    const { end, problem } = await scanBatches(target, copy.checked, copy.copied, visit)
    if (problem !== null) {
      const message = `${this.state.name}: the copy of ${log.path} differs at byte ${end}: ${problem}`
      this.state.ports.logger.warn(`${message}; the move is given up`)
      throw new MoveCancelled(message)
    }
    copy.checked = copy.copied
  }

  private async copyIndexes(source: Segment): Promise<void> {
    const suffixes = SEGMENT_SUFFIXES.filter((suffix) => suffix !== SegmentSuffix.log)
    await Promise.all(
      suffixes.map((suffix) => this.copyFile(segmentFileName(source.baseOffset, suffix))),
    )
  }

  /** Those not copied yet: a snapshot never changes. */
  private async copySnapshots(): Promise<void> {
    const { disk } = this.state.ports
    for (const offset of await listProducerSnapshots(disk, this.state.dir)) {
      if (this.snapshots.has(offset)) continue
      await this.copyFile(snapshotFileName(offset))
      this.snapshots.add(offset)
    }
  }

  /**
   * A small file of the log's folder as it is now; one that is missing is left out. Its name is durable
   * with the next sync of the copy's folder.
   */
  private async copyFile(name: string): Promise<void> {
    const { disk } = this.state.ports
    const content = await readFileAgreed(disk, `${this.state.dir}/${name}`)
    if (content === null) return
    const path = `${this.dir}/${name}`
    if ((await disk.stat(path)) !== null) await disk.unlink(path)
    const file = await disk.open(path, 'create-new')
    try {
      await writeFully(file, content, 0)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** The source is gone from the log: deleted by retention, or replaced. */
  private async drop({ source }: SegmentCopy): Promise<void> {
    const { disk } = this.state.ports
    for (const suffix of SEGMENT_SUFFIXES) {
      const path = this.pathOf(source, suffix)
      if ((await disk.stat(path)) !== null) await disk.unlink(path)
    }
  }

  private pathOf(source: Segment, suffix: string): string {
    return `${this.dir}/${segmentFileName(source.baseOffset, suffix)}`
  }

  private async changeOver(): Promise<LeaveOldFolder> {
    const { state } = this
    const { disk } = state.ports
    this.assertLive()
    assert(state.offsets.stagedEndOffset === state.offsets.logEndOffset, 'nothing is staged')
    const { active } = state.segments
    await this.finishActive()
    await this.copyUpTo(0)
    // A segment whose roll a full disk left unfinished keeps its indexes in memory.
    for (const copy of this.copies)
      if (!copy.complete && copy.source !== active)
        throw new MoveCancelled(`${state.name} has a segment that is not finished`)
    await Promise.all([
      this.copyIndexes(active),
      this.copyFile(LEADER_EPOCH_FILE),
      this.copySnapshots(),
    ])
    await disk.syncDir(this.dir)
    this.assertLive()
    const dir = `${this.target}/${state.name}`
    await disk.rename(this.dir, dir)
    await disk.syncDir(this.target)
    const segments = state.segments.all().map((source) => segmentIn(dir, source))
    await segments.at(-1)?.open()
    return this.swap(dir, segments)
  }

  /** The last writes to the old folder: an error of theirs ends the log there, but for want of room. */
  private async finishActive(): Promise<void> {
    const { state } = this
    const { active } = state.segments
    try {
      active.finishTimeIndex()
      await active.flushIndexes()
      await storeEpochs(state)
    } catch (error) {
      throw isOutOfRoom(error) ? error : state.fail(error)
    }
  }

  /** The one step in which memory changes over. */
  private swap(dir: string, segments: readonly Segment[]): LeaveOldFolder {
    const { state } = this
    const { openSegments } = state.ports
    const oldDir = state.dir
    for (const [at, source] of state.segments.all().entries())
      segments[at]?.takeCounters(source, at === segments.length - 1)
    const old = state.segments.replaceAll(segments)
    state.dir = dir
    state.forgetPositions()
    for (const segment of old) {
      segment.removed = true
      segment.pinned = false
      openSegments.forget(segment)
    }
    this.retention.forgetDeleted()
    this.endOffset = state.offsets.logEndOffset
    return (onError) => this.leave(oldDir, old, onError)
  }

  /** Renames the old folder and gives its files back as readers let go; null when it is to stay. */
  private async leave(
    oldDir: string,
    old: readonly Segment[],
    onError?: (error: DiskError) => void,
  ): Promise<string | null> {
    const { name, ports } = this.state
    const parsed = parsePartitionFolder(name)
    assert(parsed !== null, `${name} is a partition`)
    const { topic, partition } = parsed
    const marked = markedFolderName(topic, partition, ports.random.uuid(), 'delete')
    const path = `${parentOf(oldDir)}/${marked}`
    let renamed: string | null = path
    try {
      await ports.disk.rename(oldDir, path)
      await ports.disk.syncDir(parentOf(oldDir))
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      renamed = null
      onError?.(error)
      ports.logger.warn(
        `${name} was moved, but its old folder could not be renamed: ${error.message}. ` +
          'The next start puts it aside.',
      )
    }
    for (const segment of old) {
      await segment.lease.idle()
      // Only read since the change-over: a failed close loses nothing.
      await segment.close(false).catch(() => {})
    }
    return renamed
  }
}

/** The same segment in another folder, closed. */
function segmentIn(dir: string, source: Segment): Segment {
  const segment = new Segment({ ...source.options, dir }, source.size, source.modifiedMs)
  segment.hasTransactionIndex = source.hasTransactionIndex
  return segment
}

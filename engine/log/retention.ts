/**
 * Deleting what a log no longer keeps (kafka-map §2.15, S10): oldest segment first, never beyond the
 * high watermark, up to the first segment that no rule lets go.
 *
 *   (a) it lies wholly below the log start                          any policy
 *   (b) what stays is still retention.bytes or more                 policy delete
 *   (c) its newest record is older than retention.ms; the file's    policy delete
 *       last change for segments without believable timestamps
 *
 * The active segment can go too: a new one is started first, durably. Files are renamed to `.deleted`,
 * one segment at a time with a sync of the directory, so that a crash leaves the newer part of the
 * log; they are unlinked after file.delete.delay.ms, once no reader holds them.
 */
import { limits } from '../base/limits.ts'
import { DiskError } from './disk.ts'
import type { LogFlush } from './flush.ts'
import { rollIfRoom } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import { summarize } from './log-timestamps.ts'
import { snapshotFileName } from './producer-snapshot.ts'
import { NO_TIMESTAMP, type Segment } from './segment.ts'
import { DELETED_SUFFIX, SEGMENT_SUFFIXES, SegmentSuffix } from './segment-files.ts'
import type { WallClockGuard } from './wall-clock-guard.ts'

export interface RetentionResult {
  readonly deletedSegments: number
  readonly bytes: number
}

interface DeletedSegment {
  readonly segment: Segment
  paths: readonly string[]
  readonly dueMs: number
}

export class LogRetention {
  private readonly state: LogState
  private readonly flush: LogFlush
  private readonly guard: WallClockGuard
  /** Renamed, to be unlinked in order of time. */
  private deleted: DeletedSegment[] = []
  private running: Promise<RetentionResult> | null = null

  constructor(state: LogState, flush: LogFlush, guard: WallClockGuard) {
    this.state = state
    this.flush = flush
    this.guard = guard
  }

  /** One at a time; a call meanwhile gets the result of the one that runs. `nowMs` is wall clock. */
  run(nowMs: number, highWatermark: number): Promise<RetentionResult> {
    this.running ??= this.deleteOld(nowMs, highWatermark)
      .catch((error: unknown) => {
        throw this.state.fail(error)
      })
      .finally(() => {
        this.running = null
      })
    return this.running
  }

  /** The folder of the files that wait was left behind, and is removed as a whole. */
  forgetDeleted(): void {
    for (const { segment } of this.deleted.splice(0))
      void segment.lease.idle().then(() => segment.close(false).catch(() => {}))
  }

  /** Resolves when no deletion is under way. */
  async settled(): Promise<void> {
    await this.running?.catch(() => {})
  }

  /** Monotonic time at which `purge` has something to unlink; Infinity when nothing waits. */
  purgeDueAtMs(): number {
    return this.deleted[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Unlinks what is due; files that a reader holds stay for the next call. */
  async purge(nowMs: number): Promise<void> {
    const due = this.deleted.filter(({ dueMs, segment }) => dueMs <= nowMs && !segment.lease.held)
    this.deleted = this.deleted.filter((entry) => !due.includes(entry))
    for (const { segment, paths } of due) {
      await segment.close(false)
      for (const path of paths)
        await this.state.ports.disk.unlink(path).catch((error: unknown) => {
          // A segment replaced under the same name just now took its place.
          if (!(error instanceof DiskError) || error.code !== 'ENOENT') throw error
        })
    }
  }

  private async deleteOld(nowMs: number, highWatermark: number): Promise<RetentionResult> {
    const { state } = this
    let deletedSegments = 0
    let bytes = 0
    if (state.segments.count === 0 || state.moving || state.compacting)
      return { deletedSegments, bytes }
    const isClockTrusted = this.guard.trusted()
    // Closed meanwhile: its topic was deleted, or the broker stops, and whoever does that waits for this.
    while (!state.closed) {
      state.throwIfFailed()
      const segment = state.segments.first
      await summarize(state, segment)
      if (!this.mayGo(segment, nowMs, isClockTrusted)) break
      if (state.segments.count === 1 && !(await this.startNew(segment, highWatermark))) break
      const next = state.segments.at(1)
      if (next.baseOffset > highWatermark) break
      // A finish under way still writes its indexes.
      if (segment.pinned) await this.flush.syncAll()
      bytes += segment.size
      deletedSegments++
      await state.exclusive(() => this.remove(segment, next.baseOffset))
    }
    return { deletedSegments, bytes }
  }

  private mayGo(segment: Segment, nowMs: number, isClockTrusted: boolean): boolean {
    const { state } = this
    const { retentionBytes, retentionMs, cleanupPolicy } = state.options
    const next = state.segments.after(segment)
    if (next !== null && next.baseOffset <= state.offsets.logStartOffset) return true
    if (!cleanupPolicy.delete) return false
    if (next === null && segment.stagedSize === 0) return false
    if (retentionBytes >= 0 && state.segments.sizeBytes() - segment.size >= retentionBytes)
      return true
    return retentionMs >= 0 && isClockTrusted && nowMs - newestMs(segment, nowMs) > retentionMs
  }

  /** A new segment behind the only one, with the old one complete; false when it may not go yet. */
  private async startNew(segment: Segment, highWatermark: number): Promise<boolean> {
    const { state } = this
    const { offsets } = state
    if (offsets.stagedEndOffset !== offsets.logEndOffset || offsets.logEndOffset > highWatermark)
      return false
    if (!rollIfRoom(state)) return false
    // Else a crash could take the new name and keep the removal of the old: the offsets would restart.
    await this.flush.syncAll()
    return segment === state.segments.first && state.segments.count > 1
  }

  private async remove(segment: Segment, nextBaseOffset: number): Promise<void> {
    const { state } = this
    const { disk, openSegments } = state.ports
    if (nextBaseOffset > state.offsets.logStartOffset) {
      state.offsets.setLogStart(nextBaseOffset)
      state.epochs.truncateFromStart(nextBaseOffset)
    }
    state.segments.removeFirst()
    segment.removed = true
    segment.unsynced = false
    openSegments.forget(segment)
    // The log first, durably: a crash must not leave it without its indexes and its snapshot.
    const log = segment.path(SegmentSuffix.log)
    await disk.rename(log, log + DELETED_SUFFIX)
    await disk.syncDir(state.dir)
    await this.renameAway(segment, [log + DELETED_SUFFIX], true)
  }

  /**
   * Segments that another one replaced and that the log forgot: their files get `.deleted` names, and go
   * as those of deleted segments do. Their snapshots stay: until the logs are gone for certain, recovery
   * may need them to see that nothing is missing in front of one.
   */
  async discard(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) await this.renameAway(segment, [], false)
  }

  private async renameAway(
    segment: Segment,
    renamed: readonly string[],
    withSnapshot: boolean,
  ): Promise<void> {
    const { dir, ports, options } = this.state
    const { disk, clock } = ports
    const paths = [...renamed]
    const names = SEGMENT_SUFFIXES.map((suffix) => segment.path(suffix))
    if (withSnapshot) names.push(`${dir}/${snapshotFileName(segment.baseOffset)}`)
    for (const path of names) {
      if ((await disk.stat(path)) === null) continue
      await disk.rename(path, path + DELETED_SUFFIX)
      paths.push(path + DELETED_SUFFIX)
    }
    // One that was replaced before, under the same name, is unlinked by this; its readers keep the file.
    for (const entry of this.deleted)
      entry.paths = entry.paths.filter((path) => !paths.includes(path))
    this.deleted.push({ segment, paths, dueMs: clock.monotonicMs() + options.fileDeleteDelayMs })
    if (!segment.lease.held) await segment.close(false)
  }
}

/** When the segment's newest record was made, as far as it can be believed. */
function newestMs(segment: Segment, nowMs: number): number {
  const { maxTimestamp } = segment
  const isBelievable =
    maxTimestamp !== NO_TIMESTAMP && maxTimestamp <= nowMs + limits.recordTimeAheadMsMax
  return isBelievable ? maxTimestamp : segment.modifiedMs
}

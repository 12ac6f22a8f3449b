/**
 * A log as compaction sees it (org.apache.kafka.storage.internals.log.LogCleanerManager, LogToClean):
 * which segments may be compacted and how dirty they are, the parts of a pass, and the changing over.
 *
 *   0 ──── clean ────► firstDirtyOffset ──── dirty ────► end ──── not yet ────► log end
 *
 * `end` is the first of: the last stable offset, the active segment, the first segment younger than
 * min.compaction.lag.ms, the first that is not synced and finished. Only whole segments take part.
 *
 * A pass is a chain of steps between `begin` and `end`; its long parts (compact-log.ts) run elsewhere.
 */
import { assert } from '../base/assert.ts'
import { batchMaxTimestamp } from '../record/batch.ts'
import type { CompactGroupResult, CompactSource } from './compact-log.ts'
import type { LogFlush } from './flush.ts'
import type { LogState } from './log-state.ts'
import { summarize } from './log-timestamps.ts'
import { RELATIVE_OFFSET_MAX } from './offset-index.ts'
import type { LogRetention } from './retention.ts'
import { NO_TIMESTAMP, type Segment } from './segment.ts'
import { BatchScan, SMALL_CHUNK_BYTES } from './segment-scan.ts'
import { swapIn } from './segment-swap.ts'
import type { AbortedTransaction } from './transaction-index.ts'

/** What may be compacted now. */
export interface Compactable {
  readonly segments: readonly Segment[]
  readonly firstDirtyOffset: number
  readonly endOffset: number
  readonly cleanBytes: number
  readonly dirtyBytes: number
  /** Dirty data is older than max.compaction.lag.ms. */
  readonly isOverdue: boolean
}

export class LogCompaction {
  /** First offset that no pass has taken keys from; null: there was no pass. For the checkpoint. */
  cleanedEndOffset: number | null = null
  private readonly state: LogState
  private readonly flush: LogFlush
  private readonly retention: LogRetention
  private swapping: Promise<unknown> = Promise.resolve()

  constructor(state: LogState, flush: LogFlush, retention: LogRetention) {
    this.state = state
    this.flush = flush
    this.retention = retention
  }

  /** Whether the policy asks for it and there is a closed segment: else nothing needs looking at. */
  get concerns(): boolean {
    const { options, segments, failed, closed } = this.state
    return options.cleanupPolicy.compact && failed === null && !closed && segments.count > 1
  }

  /** Dirty bytes over all bytes that may be compacted; 0 without any. */
  static dirtyRatio({ cleanBytes, dirtyBytes }: Compactable): number {
    return dirtyBytes === 0 ? 0 : dirtyBytes / (cleanBytes + dirtyBytes)
  }

  /** Whether a pass is due. */
  isDue(found: Compactable): boolean {
    if (found.dirtyBytes === 0) return false
    return (
      found.isOverdue || LogCompaction.dirtyRatio(found) > this.state.options.minCleanableDirtyRatio
    )
  }

  /** `nowMs` is wall clock. Throws DiskError. */
  async find(lastStableOffset: number, nowMs: number): Promise<Compactable | null> {
    const { state } = this
    if (!this.concerns || state.moving) return null
    const firstDirtyOffset = this.firstDirtyOffset()
    const all = [...state.segments.all()]
    const open = await this.firstUncleanable(all, firstDirtyOffset, lastStableOffset, nowMs)
    const segments = all.slice(0, open)
    const last = segments.at(-1)
    const endOffset = all[open]?.baseOffset ?? 0
    if (last === undefined || endOffset <= firstDirtyOffset) return null
    let cleanBytes = 0
    let dirtyBytes = 0
    for (const [index, segment] of segments.entries()) {
      if (segment.baseOffset < firstDirtyOffset) cleanBytes += segment.size
      if ((all[index + 1]?.baseOffset ?? 0) > firstDirtyOffset) dirtyBytes += segment.size
    }
    const isOverdue = await this.isOverdue(segments, firstDirtyOffset, nowMs)
    if (!state.segments.holds(segments)) return null
    return { segments, firstDirtyOffset, endOffset, cleanBytes, dirtyBytes, isOverdue }
  }

  /** Whether a pass may become due without a further append. */
  waits(found: Compactable | null): boolean {
    const { segments, options } = this.state
    const firstDirtyOffset = this.firstDirtyOffset()
    if (segments.active.baseOffset <= firstDirtyOffset) return false
    if (found === null || found.endOffset < segments.active.baseOffset) return true
    return options.maxCompactionLagMs < Number.MAX_SAFE_INTEGER && !found.isOverdue
  }

  /**
   * From now until `end`, owed whatever comes of this, nothing is deleted. Returns what to compact, as
   * `find` does, with all durable that says so: the end of a transaction that a crash took would leave
   * its records undecided, and those that they replaced are gone. Throws DiskError.
   */
  async begin(lastStableOffset: number, nowMs: number): Promise<Compactable | null> {
    assert(!this.state.compacting, `${this.state.name} is compacted once at a time`)
    this.state.compacting = true
    await this.retention.settled()
    const found = await this.find(lastStableOffset, nowMs)
    if (found !== null) await this.flush.sync()
    return found
  }

  end(): void {
    this.state.compacting = false
  }

  sources({ segments, endOffset }: Compactable): CompactSource[] {
    return segments.map(({ baseOffset, size, hasTransactionIndex }, index) => ({
      baseOffset,
      size,
      hasTransactionIndex,
      endOffset: segments[index + 1]?.baseOffset ?? endOffset,
    }))
  }

  /** Aborted transactions whose markers lie behind the segments. Throws DiskError. */
  async abortedBehind({ endOffset }: Compactable): Promise<AbortedTransaction[]> {
    const { segments, ports } = this.state
    const found: AbortedTransaction[] = []
    for (const segment of [...segments.all()]) {
      if (segment.baseOffset < endOffset || !segment.hasTransactionIndex) continue
      const { transactionIndex } = await segment.open()
      ports.openSegments.touch(segment)
      if (transactionIndex.collectAborted(0, endOffset, found)) break
    }
    return found
  }

  /** Known producers and where their last data is. */
  producers(): { id: number; epoch: number; lastOffset: number }[] {
    return [...this.state.producers.entries()].map((entry) => ({
      id: entry.producerId,
      epoch: entry.producerEpoch,
      lastOffset: entry.batchCount === 0 ? -1 : entry.lastOffset(),
    }))
  }

  /** See segment-swap.ts. */
  swapIn(segments: readonly Segment[], result: CompactGroupResult): Promise<boolean> {
    const done = swapIn(this.state, this.retention, segments, result)
    this.swapping = done.catch(() => {})
    return done
  }

  /** Resolves when no swap is under way. */
  async settled(): Promise<void> {
    await this.swapping
  }

  private firstDirtyOffset(): number {
    const { offsets } = this.state
    const cleaned = this.cleanedEndOffset ?? 0
    // A checkpoint past the log's end is of a history that a crash took.
    if (cleaned > offsets.logEndOffset) return offsets.logStartOffset
    return Math.max(cleaned, offsets.logStartOffset)
  }

  /** Index of the first segment that may not be compacted. */
  private async firstUncleanable(
    all: readonly Segment[],
    firstDirtyOffset: number,
    lastStableOffset: number,
    nowMs: number,
  ): Promise<number> {
    const { state } = this
    const { minCompactionLagMs } = state.options
    for (let index = 0; index < all.length; index++) {
      const segment = all[index]!
      const next = all[index + 1]
      if (next === undefined || segment.pinned || segment.unsynced) return index
      if (next.baseOffset > Math.min(lastStableOffset, state.offsets.recoveryPoint)) return index
      if (minCompactionLagMs === 0 || next.baseOffset <= firstDirtyOffset) continue
      await summarize(state, segment)
      if (segment.maxTimestamp > nowMs - minCompactionLagMs) return index
    }
    return all.length
  }

  private async isOverdue(
    segments: readonly Segment[],
    firstDirtyOffset: number,
    nowMs: number,
  ): Promise<boolean> {
    const { maxCompactionLagMs } = this.state.options
    const oldest = nowMs - maxCompactionLagMs
    if (oldest <= 0) return false
    for (const [index, segment] of segments.entries()) {
      const next = segments[index + 1]
      if (next !== undefined && next.baseOffset <= firstDirtyOffset) continue
      const timestamp = await this.firstTimestamp(segment)
      if (timestamp > 0 && timestamp < oldest) return true
    }
    return false
  }

  private async firstTimestamp(segment: Segment): Promise<number> {
    if (segment.firstTimestamp !== NO_TIMESTAMP) return segment.firstTimestamp
    segment.lease.acquire()
    try {
      const { log } = await segment.open()
      // Of a batch whose sum is right.
      await new BatchScan(log, 0, segment.size, 'joins', SMALL_CHUNK_BYTES).run((buffer, at) => {
        segment.firstTimestamp = batchMaxTimestamp(buffer, at)
        return 'one is enough'
      })
    } finally {
      segment.lease.release()
    }
    this.state.ports.openSegments.touch(segment)
    return segment.firstTimestamp
  }
}

/**
 * Neighbours that together keep within the bounds of one segment, by the sizes they have now; only
 * those that begin below `endOffset`, where the pass ends.
 */
export function groupSources(
  sources: readonly CompactSource[],
  endOffset: number,
  segmentBytes: number,
): CompactSource[][] {
  const groups: CompactSource[][] = []
  let bytes = 0
  for (const source of sources) {
    if (source.baseOffset >= endOffset) break
    const group = groups.at(-1)
    const first = group?.[0]
    if (
      group === undefined ||
      first === undefined ||
      bytes + source.size > segmentBytes ||
      source.endOffset - first.baseOffset > RELATIVE_OFFSET_MAX
    ) {
      groups.push([source])
      bytes = source.size
    } else {
      group.push(source)
      bytes += source.size
    }
  }
  return groups
}

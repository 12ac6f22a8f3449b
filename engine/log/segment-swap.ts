/**
 * Swapping a compacted segment in for those it was made of
 * (org.apache.kafka.storage.internals.log.LocalLog.replaceSegments). By name, each step durable before
 * the next one, and what a start makes of a crash before it (partition-folder.ts):
 *
 *   N.*.cleaned   → N.*.swap      undone: nothing was replaced
 *   old N.*, M.*  → *.deleted     completed: what is left of the old ones goes
 *   N.*.swap      → N.*           completed
 *
 * Memory changes over in one step when the first is durable. From then on readers find the new segment,
 * whose files are open; those that hold a lease keep the old ones.
 *
 * A result ends where its last batch does, maybe before its last source began. A start that completes a
 * swap leaves such sources; they are compacted again, since the checkpoint lies before the pass.
 *
 * differs from Kafka: after a restart, a compacted segment without timestamps is as old as its compaction,
 * not as its records.
 */
import { type CompactGroupResult, removeCleaned } from './compact-log.ts'
import { DiskError, isOutOfRoom } from './disk.ts'
import { dropUnneededSnapshots } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import type { LogRetention } from './retention.ts'
import { Segment } from './segment.ts'
import { CLEANED_SUFFIX, SEGMENT_SUFFIXES, SegmentSuffix, SWAP_SUFFIX } from './segment-files.ts'

/**
 * False, with the result removed, when the log is not what it was: closed, or the segments are gone.
 * Throws DiskError: a full disk leaves all as it was, anything else ends the log.
 */
export function swapIn(
  state: LogState,
  retention: LogRetention,
  sources: readonly Segment[],
  result: CompactGroupResult,
): Promise<boolean> {
  return state.exclusive(async () => {
    const { disk } = state.ports
    const first = sources[0]!
    if (state.failed !== null) return false
    if (state.closed || state.moving || !state.segments.holds(sources)) {
      await removeCleaned(disk, first.options.dir, first.baseOffset)
      return false
    }
    const segment = new Segment(
      { ...state.segmentOptions(first.baseOffset), mark: CLEANED_SUFFIX },
      result.size,
      // Retention by the files' time goes on counting from the records' writing.
      sources.at(-1)!.modifiedMs,
    )
    segment.hasTransactionIndex = result.hasTransactionIndex
    try {
      await commit(state, segment)
      replaceInMemory(state, sources, segment)
      await retention.discard(sources)
      await disk.syncDir(state.dir)
      await remark(state, segment, '')
      await disk.syncDir(state.dir)
      await dropUnneededSnapshots(state)
    } catch (error) {
      if (isOutOfRoom(error) && !state.segments.holds([segment])) {
        await takeBack(state, segment)
        throw error
      }
      throw state.fail(error)
    }
    segment.pinned = false
    state.ports.openSegments.touch(segment)
    return true
  })
}

/** From here on a start completes the swap. */
async function commit(state: LogState, segment: Segment): Promise<void> {
  segment.pinned = true
  await segment.open()
  // The names first: an index alone under its next name would be taken for one of a finished swap.
  await state.ports.disk.syncDir(state.dir)
  await remark(state, segment, SWAP_SUFFIX)
  await state.ports.disk.syncDir(state.dir)
}

/** Renames its files, the log last. */
async function remark(state: LogState, segment: Segment, mark: string): Promise<void> {
  const from = SEGMENT_SUFFIXES.map((suffix) => segment.path(suffix))
  segment.mark = mark
  for (const [index, suffix] of SEGMENT_SUFFIXES.entries()) {
    if (suffix === SegmentSuffix.transactionIndex && !segment.hasTransactionIndex) continue
    await state.ports.disk.rename(from[index]!, segment.path(suffix))
  }
}

function replaceInMemory(state: LogState, sources: readonly Segment[], segment: Segment): void {
  const { segments, ports } = state
  segments.replace(sources, segment)
  // Positions in what was replaced say nothing any more.
  state.forgetPositions(segments.after(segment)?.startByte)
  for (const source of sources) {
    source.removed = true
    ports.openSegments.forget(source)
  }
}

/** No room for new names: the result goes, whichever names it has. */
async function takeBack(state: LogState, segment: Segment): Promise<void> {
  const { disk } = state.ports
  try {
    await segment.close(false)
    for (const mark of [SWAP_SUFFIX, CLEANED_SUFFIX]) {
      segment.mark = mark
      for (const suffix of SEGMENT_SUFFIXES) {
        const path = segment.path(suffix)
        if ((await disk.stat(path)) !== null) await disk.unlink(path)
      }
      // The swaps first, durably: without the cleaned ones they would look complete.
      await disk.syncDir(state.dir)
    }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    throw state.fail(error)
  }
}

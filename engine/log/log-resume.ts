/**
 * After a turn that a full disk undid: what its batches had changed in memory is made again from what is
 * in the files, and segments that the turn had begun are removed. Slow, since it reads the active
 * segment; the log takes no batch meanwhile.
 */

import { isOutOfRoom } from './disk.ts'
import { storeEpochs } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import { logBases, removeSegmentFiles } from './partition-folder.ts'
import { CorruptLog, loadProducers, rebuildSegment } from './segment-rebuild.ts'

/**
 * Memory and files agree again, or there is still no room for that (false): then whoever appends next tries
 * again. Throws CorruptLog, and DiskError, which has ended the log.
 */
export async function undone(state: LogState): Promise<boolean> {
  try {
    await undoTurn(state)
    return true
  } catch (error) {
    if (isOutOfRoom(error)) return false
    throw state.fail(error)
  }
}

async function undoTurn(state: LogState): Promise<void> {
  const { segments, offsets, producers, epochs } = state
  const { disk, logger, clock } = state.ports
  const { logEndOffset } = offsets
  while (segments.count > 1 && segments.active.baseOffset > logEndOffset) {
    const begun = segments.removeLast()
    begun.removed = true
    await begun.close(false)
    const names = new Set(await disk.list(state.dir))
    await removeSegmentFiles(disk, state.dir, names, begun.baseOffset)
  }
  await removeBegun(state)
  while ((state.rolled.at(-1)?.nextBaseOffset ?? 0) > logEndOffset) state.rolled.pop()
  await disk.syncDir(state.dir)
  state.forgetPositions()
  const segment = segments.active
  segment.pinned = true
  // What a short write left was cut off: durably, before anything is put there again (S3). Else a crash
  // could bring it back behind a segment that counts as complete.
  await (await segment.open()).log.sync()
  epochs.truncateFromEnd(logEndOffset)
  const source = { disk, dir: state.dir, logger, nowMs: clock.wallMs() }
  const before = segments.all().slice(0, -1)
  await loadProducers({ ...source, segments: before }, producers, segment.baseOffset)
  const { size } = segment
  const sinks = { producers, epochs, check: () => null }
  const result = await rebuildSegment(segment, size, sinks)
  if (result.problem !== null) throw new CorruptLog(segment, result.end, result.problem)
  producers.onHighWatermark(logEndOffset)
  await storeEpochs(state)
}

/** Removes files of segments behind the last one: an attempt before this one may have got no further. */
async function removeBegun(state: LogState): Promise<void> {
  const { disk } = state.ports
  const names = new Set(await disk.list(state.dir))
  for (const baseOffset of logBases(names))
    if (baseOffset > state.segments.active.baseOffset)
      await removeSegmentFiles(disk, state.dir, names, baseOffset)
}

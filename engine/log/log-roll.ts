/**
 * Leaving a segment for the next one. On the append path only what cannot wait: the last time index
 * entry and the producer state are taken in memory, the new files are created. The old segment's sync,
 * its indexes, the producer snapshot and the epoch file follow off the path, see flush.ts: answers and
 * recovery point wait for what they rely on (S6: old segment synced, then the new one, the directory).
 *
 * Until then a crash may leave the new segment without the end of the old one. Recovery sees that as a
 * gap in front of a segment without a snapshot at its base, and cuts there.
 */
import { assert } from '../base/assert.ts'
import { isOutOfRoom } from './disk.ts'
import { LEADER_EPOCH_FILE } from './leader-epochs.ts'
import type { LogState, RolledSegment } from './log-state.ts'
import {
  encodeProducerSnapshot,
  listProducerSnapshots,
  snapshotFileName,
  unneededSnapshots,
} from './producer-snapshot.ts'
import { Segment } from './segment.ts'

/** Starts a segment at the staged end. Throws DiskError when its files cannot be made. */
export function roll(state: LogState): void {
  const baseOffset = state.offsets.stagedEndOffset
  const old = state.segments.active
  assert(old.stagedSize > 0, `the segment at ${old.baseOffset} is left with content`)
  const segment = createNext(state, baseOffset)
  old.finishTimeIndex()
  state.rolled.push({
    segment: old,
    nextBaseOffset: baseOffset,
    snapshot: encodeProducerSnapshot(state.producers.snapshot()),
  })
  segment.pinned = true
  state.segments.push(segment)
  state.drawJitter()
}

/** With the directory at hand: whoever syncs the new names cannot do without, and a roll can wait. */
function createNext(state: LogState, baseOffset: number): Segment {
  const names = state.unsyncedNames ?? state.ports.disk.openDirSync(state.dir)
  try {
    const segment = Segment.createSync(state.segmentOptions(baseOffset))
    state.unsyncedNames = names
    return segment
  } catch (error) {
    if (state.unsyncedNames === null) names.closeSoon()
    throw error
  }
}

/** As roll; an error ends the log. */
export function rollOrFail(state: LogState): void {
  try {
    roll(state)
  } catch (error) {
    throw state.fail(error)
  }
}

/** As roll, for what can be asked again later: false when there is no room, and nothing has changed. */
export function rollIfRoom(state: LogState): boolean {
  if (state.segments.active.stagedSize === 0) return true
  // Producer state may hold what was never written, and a snapshot would keep it.
  if (state.suspended !== null) return false
  try {
    roll(state)
  } catch (error) {
    if (!isOutOfRoom(error)) throw state.fail(error)
    return false
  }
  return true
}

/** Everything that makes the segment's past complete; its bytes and the directory are synced already. */
export async function finishRolledSegment(state: LogState, rolled: RolledSegment): Promise<void> {
  const { disk } = state.ports
  const { segment, nextBaseOffset } = rolled
  if (segment.files !== null && !segment.removed) await segment.flushIndexes()
  // What else failed meanwhile makes the next sync of the folder say nothing (S5).
  state.throwIfFailed()
  await storeEpochs(state)
  state.throwIfFailed()
  await disk.writeFileAtomic(`${state.dir}/${snapshotFileName(nextBaseOffset)}`, rolled.snapshot)
  await dropUnneededSnapshots(state)
  segment.pinned = false
  state.ports.pageWindow?.add(state, segment)
  if (segment.files !== null) state.ports.openSegments.touch(segment)
}

/** What of a log the writing of its epoch file needs. */
type EpochState = Pick<LogState, 'dir' | 'epochs' | 'epochsStored'> & {
  readonly ports: Pick<LogState['ports'], 'disk'>
}

/**
 * Writes the epoch file if it changed; a write that fails leaves it marked as changed. Waits for one
 * under way: who goes on, to a snapshot that vouches for the file, finds it durable.
 */
export function storeEpochs(state: EpochState): Promise<void> {
  const stored = state.epochsStored.then(() => writeEpochs(state))
  // An error is told to who asked for that write; the next one begins anew.
  state.epochsStored = stored.catch(() => {})
  return stored
}

async function writeEpochs(state: EpochState): Promise<void> {
  if (!state.epochs.dirty) return
  state.epochs.dirty = false
  try {
    await state.ports.disk.writeFileAtomic(
      `${state.dir}/${LEADER_EPOCH_FILE}`,
      state.epochs.format(),
    )
  } catch (error) {
    state.epochs.dirty = true
    throw error
  }
}

/** Snapshots that match no segment, but for the newest of a clean stop. */
export async function dropUnneededSnapshots(state: LogState): Promise<void> {
  const { disk } = state.ports
  const bases = state.segments.all().map(({ baseOffset }) => baseOffset)
  const known = await listProducerSnapshots(disk, state.dir)
  for (const offset of unneededSnapshots(known, bases))
    await disk.unlink(`${state.dir}/${snapshotFileName(offset)}`)
}

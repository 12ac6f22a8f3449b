/** The end of a log in this process: what a clean one writes, and giving back the files. */
import { storeEpochs } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import { encodeProducerSnapshot, snapshotFileName } from './producer-snapshot.ts'

/** Indexes, epochs and a snapshot at the log's end, behind a sync of all before: the next start trusts them. */
export async function completeFolder(state: LogState): Promise<void> {
  const { active } = state.segments
  active.finishTimeIndex()
  await active.flushIndexes()
  await storeEpochs(state)
  const path = `${state.dir}/${snapshotFileName(state.offsets.logEndOffset)}`
  await state.ports.disk.writeFileAtomic(path, encodeProducerSnapshot(state.producers.snapshot()))
}

/** As they are; leases are the caller's. */
export async function closeFiles(state: LogState): Promise<void> {
  state.unsyncedNames?.closeSoon()
  state.unsyncedNames = null
  for (const segment of state.segments.all()) {
    state.ports.openSegments.forget(segment)
    await segment.close(false)
  }
}

/** Taking a deleted topic's folder out of sight (kafka-map §3.4): one rename, durable at once. */
import { markedFolderName, parsePartitionFolder } from './data-folder.ts'
import { parentOf } from './log-open.ts'
import type { LogState } from './log-state.ts'

/** Gives the folder of a closed log a `-delete` name and returns it once nobody reads its files. */
export async function putAside(state: LogState): Promise<string | null> {
  if (state.segments.count === 0) return null
  const { disk, random, openSegments } = state.ports
  const parsed = parsePartitionFolder(state.name)
  const name = markedFolderName(
    parsed?.topic ?? state.name,
    parsed?.partition ?? 0,
    random.uuid(),
    'delete',
  )
  const target = `${parentOf(state.dir)}/${name}`
  await disk.rename(state.dir, target)
  await disk.syncDir(parentOf(state.dir))
  state.dir = target
  for (const segment of state.segments.all()) {
    segment.removed = true
    openSegments.forget(segment)
    await segment.lease.idle()
    await segment.close(false)
  }
  return target
}

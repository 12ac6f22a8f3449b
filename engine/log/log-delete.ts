/** Taking a deleted topic's folder out of sight (kafka-map §3.4): one rename, durable at once. */
import { markedFolderName, parsePartitionFolder } from './data-folder.ts'
import { closeFiles } from './log-close.ts'
import { parentOf } from './log-open.ts'
import type { LogPorts, LogState } from './log-state.ts'

/** Gives the folder of a closed log a `-delete` name and returns it once nobody reads its files. */
export async function putAside(state: LogState): Promise<string | null> {
  const { disk, openSegments } = state.ports
  // Without a segment there is a folder when a crash cut its creation short.
  if (state.segments.count === 0 && (await disk.stat(state.dir)) === null) return null
  const target = await putFolderAside(state.ports, state.dir, state.name)
  state.dir = target
  for (const segment of state.segments.all()) {
    segment.removed = true
    openSegments.forget(segment)
    await segment.lease.idle()
  }
  await closeFiles(state)
  return target
}

/** Gives the folder `dir` of a partition, `topic-partition`, a marked name, durably. Nobody may have it open. */
export async function putFolderAside(
  { disk, random }: Pick<LogPorts, 'disk' | 'random'>,
  dir: string,
  topicPartition: string,
  mark: 'delete' | 'stray' = 'delete',
): Promise<string> {
  const parsed = parsePartitionFolder(topicPartition)
  const name = markedFolderName(
    parsed?.topic ?? topicPartition,
    parsed?.partition ?? 0,
    random.uuid(),
    mark,
  )
  const target = `${parentOf(dir)}/${name}`
  await disk.rename(dir, target)
  await disk.syncDir(parentOf(dir))
  return target
}

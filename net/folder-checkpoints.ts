/**
 * The offset checkpoints of a data folder as a start takes them. They name partitions, not topic ids: an
 * entry counts only where the folder holds the partition by its topic's id, under its name or as what a
 * move left. Others are of a topic that was deleted, and a later one of its name must not meet them: its
 * records would lie below an old log start, or its end below an old recovery point. They are taken out of
 * the files before anything is served.
 */
import {
  CheckpointFile,
  type OffsetCheckpoint,
  readOffsetCheckpoint,
  writeOffsetCheckpoint,
} from '../engine/log/checkpoints.ts'
import { isDiskFull } from '../engine/log/disk.ts'
import type { FolderPorts } from './data-folders.ts'

export interface FolderCheckpoints {
  readonly starts: OffsetCheckpoint
  readonly points: OffsetCheckpoint
  /** How far logs are compacted. */
  readonly cleaned: OffsetCheckpoint
}

/** `owned`: the partitions, as `topic-partition`, whose entries count. Throws DiskError. */
export async function takeCheckpoints(
  ports: Pick<FolderPorts, 'disk' | 'logger'>,
  folder: string,
  owned: ReadonlySet<string>,
): Promise<FolderCheckpoints> {
  const { logStartOffset, recoveryPoint, cleaner } = CheckpointFile
  const starts = await takeOwned(ports, folder, logStartOffset, owned)
  const points = await takeOwned(ports, folder, recoveryPoint, owned)
  const cleaned = await takeOwned(ports, folder, cleaner, owned)
  return { starts, points, cleaned }
}

async function takeOwned(
  { disk, logger }: Pick<FolderPorts, 'disk' | 'logger'>,
  folder: string,
  file: CheckpointFile,
  owned: ReadonlySet<string>,
): Promise<OffsetCheckpoint> {
  const all = await readOffsetCheckpoint(disk, folder, file, logger)
  const kept = new Map([...all].filter(([name]) => owned.has(name)))
  if (kept.size === all.size) return kept
  try {
    await writeOffsetCheckpoint(disk, folder, file, kept)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    logger.warn(`no room to take deleted topics out of ${folder}/${file}`)
  }
  return kept
}

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
import { isOutOfRoom } from '../engine/log/disk.ts'
import type { FolderPorts } from './data-folders.ts'

/** Told when they stay. */
const LAGGING =
  'no room to take deleted topics out; until there is, no folder for a new partition is made'

type CheckpointPorts = Pick<FolderPorts, 'disk' | 'logger'>

export interface FolderCheckpoints {
  readonly starts: OffsetCheckpoint
  readonly points: OffsetCheckpoint
  /** How far logs are compacted. */
  readonly cleaned: OffsetCheckpoint
  /** There was no room to take others out of the files: they tell of deleted topics still. */
  readonly isLagging: boolean
}

export type LatestOffsets = Pick<FolderCheckpoints, 'starts' | 'cleaned'>

/** `owned`: the partitions, as `topic-partition`, whose entries count. Throws DiskError. */
export async function takeCheckpoints(
  ports: CheckpointPorts,
  folder: string,
  owned: ReadonlySet<string>,
): Promise<FolderCheckpoints> {
  const { logStartOffset, recoveryPoint, cleaner } = CheckpointFile
  const starts = await takeOwned(ports, folder, logStartOffset, owned)
  const points = await takeOwned(ports, folder, recoveryPoint, owned)
  const cleaned = await takeOwned(ports, folder, cleaner, owned)
  return {
    starts: starts.kept,
    points: points.kept,
    cleaned: cleaned.kept,
    isLagging: starts.isLagging || points.isLagging || cleaned.isLagging,
  }
}

/** Of several entries for a partition, as after a move, the latest counts: these offsets only rise. */
export function latestOffsets(taken: Iterable<FolderCheckpoints>): LatestOffsets {
  const latest = { starts: new Map<string, number>(), cleaned: new Map<string, number>() }
  for (const checkpoints of taken)
    for (const kind of ['starts', 'cleaned'] as const)
      for (const [name, offset] of checkpoints[kind])
        latest[kind].set(name, Math.max(offset, latest[kind].get(name) ?? 0))
  return latest
}

/**
 * Puts the latest offsets of the folder's partitions into its own files, where only another folder's have
 * them: a crash followed their move before the checkpoints of that moment. What the move left in the other
 * folder goes next, and with it those entries.
 */
export async function handOver(
  ports: CheckpointPorts,
  folder: string,
  placed: ReadonlyMap<string, string>,
  taken: ReadonlyMap<string, FolderCheckpoints>,
  latest: LatestOffsets,
): Promise<void> {
  for (const [kind, file] of [
    ['starts', CheckpointFile.logStartOffset],
    ['cleaned', CheckpointFile.cleaner],
  ] as const) {
    const own = new Map(taken.get(folder)?.[kind])
    let isChanged = false
    for (const [name, offset] of latest[kind]) {
      if (placed.get(name) !== folder || own.get(name) === offset) continue
      own.set(name, offset)
      isChanged = true
    }
    if (isChanged) await store(ports, folder, file, own, 'no room to take over what a move left')
  }
}

async function takeOwned(
  ports: CheckpointPorts,
  folder: string,
  file: CheckpointFile,
  owned: ReadonlySet<string>,
): Promise<{ readonly kept: OffsetCheckpoint; readonly isLagging: boolean }> {
  const all = await readOffsetCheckpoint(ports.disk, folder, file, ports.logger)
  const kept = new Map([...all].filter(([name]) => owned.has(name)))
  const isStored = kept.size === all.size || (await store(ports, folder, file, kept, LAGGING))
  return { kept, isLagging: !isStored }
}

/** False: there is no room, which does not keep a broker from starting. */
async function store(
  { disk, logger }: CheckpointPorts,
  folder: string,
  file: CheckpointFile,
  offsets: OffsetCheckpoint,
  what: string,
): Promise<boolean> {
  try {
    await writeOffsetCheckpoint(disk, folder, file, offsets)
    return true
  } catch (error) {
    if (!isOutOfRoom(error)) throw error
    logger.warn(`${folder}/${file}: ${what}`)
    return false
  }
}

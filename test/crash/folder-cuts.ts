/**
 * The part of a power cut that one partition's folder sees: many more outcomes of its pending writes and
 * names than whole brokers can be started for, each recovered, checked, recovered again and held against
 * the promises. Outcomes that leave the same bytes as one before are not counted again.
 */
import { CheckpointFile, parseOffsetCheckpoint } from '../../engine/log/checkpoints.ts'
import { CorruptFile } from '../../engine/log/corrupt-file.ts'
import { NOW_MS } from '../support/log-rig.ts'
import type { SimulatedDisk } from '../support/simulated-disk.ts'
import { folderAt } from '../support/simulated-folder.ts'
import type { Unit } from '../support/simulated-tree.ts'
import { logProblem } from './judge.ts'
import type { RecoveryMemo } from './recovery-memo.ts'
import type { Knowledge, PartitionKnowledge } from './world.ts'

export interface FolderState {
  readonly disk: SimulatedDisk
  readonly dir: string
  readonly moment: number
  readonly partition: PartitionKnowledge
  readonly recoveryPoint: number
  readonly logStartOffset: number
  readonly isKill: boolean
  readonly call: string
}

/** Outcomes for each folder with something pending. */
export function takeFolders(
  disk: SimulatedDisk,
  units: readonly Unit[],
  known: Knowledge,
  call: string,
  draw: (own: readonly Unit[]) => readonly (readonly boolean[])[],
): FolderState[] {
  const states: FolderState[] = []
  for (const partition of known.partitions) {
    const { log, identity } = partition.known.partition
    if (!log.hasFolder || identity.internal) continue
    const folder = log.dataFolder
    const dir = `${folder}/${log.topicPartition}`
    const node = disk.durableDir(dir)
    if (node === null) continue
    const own = disk.tree.unitsOf(node, units)
    if (own.length === 0) continue
    const read = (file: CheckpointFile): number => checkpointed(disk, folder, file, partition)
    const recoveryPoint = read(CheckpointFile.recoveryPoint)
    const logStartOffset = read(CheckpointFile.logStartOffset)
    for (const kept of draw(own)) {
      const after = disk.crashFolder(dir, own, kept)
      if (after === null) continue
      const isKill = kept.every(Boolean)
      const more = { recoveryPoint, logStartOffset, isKill, call }
      states.push({ disk: after, dir, moment: known.moment, partition, ...more })
    }
  }
  return states
}

/** As a start takes it: a file that does not read is as good as none. */
function checkpointed(
  disk: SimulatedDisk,
  folder: string,
  file: CheckpointFile,
  { known }: PartitionKnowledge,
): number {
  const content = disk.durableFile(`${folder}/${file}`)
  if (content === null) return 0
  try {
    return parseOffsetCheckpoint(content, file).get(known.name) ?? 0
  } catch (error) {
    if (error instanceof CorruptFile) return 0
    throw error
  }
}

/** null, or what is wrong; `isNew`: the content had not been met before. */
export async function judgeFolder(
  state: FolderState,
  memo: RecoveryMemo,
): Promise<{ readonly problem: string | null; readonly isNew: boolean }> {
  const { disk, dir, partition, moment } = state
  const { options } = partition.known.partition.log
  memo.problems = []
  const { outcome, isNew } = await memo.recoverFolder(disk, folderAt(disk, dir)!, {
    dir,
    options: {
      recoveryPoint: state.recoveryPoint,
      logStartOffset: state.logStartOffset,
      indexIntervalBytes: options.indexIntervalBytes,
      segmentIndexBytes: options.segmentIndexBytes,
      producerIdExpirationMs: options.producerIdExpirationMs,
      gapsAllowed: options.cleanupPolicy.compact,
      nowMs: NOW_MS,
    },
  })
  if (outcome.kind !== 'recovered') return { problem: outcome.message, isNew }
  const { logStartOffset, logEndOffset } = outcome.summary
  const bound = state.isKill ? partition.acked : partition.durable
  const ends = { logStartOffset, logEndOffset, dir }
  const problem = memo.problems[0] ?? logProblem(disk, ends, partition, bound, moment)
  return { problem: problem === null ? null : `${dir}: ${problem}`, isNew }
}

/**
 * What must hold of a broker that was started on what a crash left:
 *
 *   control state   topics, options, quotas as answered, or with what was under way done; no id twice
 *   each log        served, its folder whole by check.ts, a second recovery changes nothing
 *   records         those promised are there, byte for byte; below the old high watermark nothing else
 *                   stands; behind it only what was appended; offsets follow each other
 *   offsets         committed positions at least as promised, and never invented
 *   folders         nothing was put aside as unknown
 */
import { silentLogger } from '../../engine/base/logger.ts'
import { listDataFolder } from '../../engine/log/data-folder.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { BATCH_HEADER_BYTES, batchBaseOffset, batchSizeInBytes } from '../../engine/record/batch.ts'
import { OFFSETS_TOPIC } from '../../engine/shard-coordinators.ts'
import { TestClock } from '../support/log-rig.ts'
import { SimulatedBroker, settled } from '../support/simulated-broker.ts'
import type { SimulatedDisk } from '../support/simulated-disk.ts'
import { folderAt } from '../support/simulated-folder.ts'
import { controlText, modelOf } from './control-model.ts'
import { committedOffsets } from './group-calls.ts'
import type { RecoveryMemo } from './recovery-memo.ts'
import type { Shape } from './shape.ts'
import type { Knowledge, PartitionKnowledge } from './world.ts'

export interface CrashState {
  readonly disk: SimulatedDisk
  readonly known: Knowledge
  /** The process died and the machine went on: everything written is there. */
  readonly isKill: boolean
  /** Where in the run it was taken. */
  readonly call: string
}

export interface JudgeParts {
  readonly shape: Shape
  readonly memo: RecoveryMemo
  readonly seed: number
  /**
   * Folders may have been put aside: of a partition that was made again elsewhere when its data folder
   * failed, of a topic that was deleted while it failed.
   */
  readonly strays?: boolean
  /** Problems that may be there, since a read was wrong when the bytes were made. */
  readonly tolerates?: (problem: string) => boolean
}

/** null, or what is wrong. */
export async function judge(state: CrashState, parts: JudgeParts): Promise<string | null> {
  const { memo } = parts
  memo.problems = []
  try {
    const broker = await restart(state.disk, parts)
    return (
      memo.problems.find((problem) => parts.tolerates?.(problem) !== true) ??
      controlProblem(broker, state.known) ??
      logsProblem(broker, state) ??
      (await offsetsProblem(broker, state)) ??
      (await foldersProblem(broker, parts))
    )
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

export function restart(disk: SimulatedDisk, parts: JudgeParts): Promise<SimulatedBroker> {
  const { shape, memo, seed } = parts
  const clock = new TestClock()
  const { folders, settings, metaFoldBytes } = shape
  const { recoverLog } = memo
  const logger = silentLogger
  const more = { folders, settings, metaFoldBytes, recoverLog }
  return SimulatedBroker.start({ disk, clock, logger, seed, ...more })
}

function controlProblem({ controller }: SimulatedBroker, known: Knowledge): string | null {
  const { image } = controller
  if (known.incarnation > 0 && image.incarnation <= known.incarnation)
    return `start no. ${image.incarnation} after start no. ${known.incarnation}`
  const text = controlText(modelOf(image))
  if (known.control.length > 0 && !known.control.includes(text))
    return `control state is\n${text}\nwhere one of these is due:\n${known.control.join('\nor\n')}`
  return null
}

function logsProblem(broker: SimulatedBroker, state: CrashState): string | null {
  const { shard, controller } = broker
  for (const [key, reason] of shard.offline) return `partition ${key} is offline: ${reason}`
  const { known, isKill } = state
  for (const knowledge of known.partitions) {
    const { topicId, index, name } = knowledge.known
    const topic = controller.image.topicsById.get(topicId)
    if (topic === undefined) continue
    const partition = shard.partition(partitionKey(topic.ordinal, index))
    if (partition === undefined) return `${name} is not served`
    const bound = isKill ? knowledge.acked : knowledge.durable
    const { log } = partition
    const dir = log.hasFolder ? `${log.dataFolder}/${log.topicPartition}` : null
    const { logStartOffset, logEndOffset } = log
    const ends = { logStartOffset, logEndOffset, dir }
    const problem = logProblem(state.disk, ends, knowledge, bound, known.moment)
    if (problem !== null) return `${name}: ${problem}`
  }
  return null
}

/** What a log says of itself. */
export interface LogEnds {
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** Where its segments lie; null: not made yet. */
  readonly dir: string | null
}

/** Compares a partition's records with what is known; `bound` is the end of what was promised. */
export function logProblem(
  disk: SimulatedDisk,
  { logStartOffset, logEndOffset, dir }: LogEnds,
  knowledge: PartitionKnowledge,
  bound: number,
  moment: number,
): string | null {
  const { logStart, visibleEnd } = knowledge
  if (logEndOffset < bound) return `ends at ${logEndOffset}, ${bound} was promised`
  if (dir === null) return null
  if (logStartOffset > logStart)
    return `starts at ${logStartOffset}, only what is below ${logStart} may be gone`
  let next = -1
  for (const { baseOffset: segmentBase, bytes } of logFiles(disk, dir)) {
    if (next < 0) next = segmentBase
    let at = 0
    while (at + BATCH_HEADER_BYTES <= bytes.length) {
      const baseOffset = batchBaseOffset(bytes, at)
      const size = batchSizeInBytes(bytes, at)
      if (baseOffset !== next) return `offset ${baseOffset} follows ${next}`
      const known = knowledge.known.batches.get(baseOffset) ?? []
      const isVisible = baseOffset < visibleEnd
      const found = known.find(
        (batch) =>
          batch.stagedAt <= moment &&
          (!isVisible || batch.droppedAt > moment) &&
          batch.bytes.length === size &&
          batch.bytes.compare(bytes, at, at + size) === 0,
      )
      if (found === undefined)
        return isVisible
          ? `the batch at ${baseOffset} is not the one that readers had`
          : `the batch at ${baseOffset} is none that was appended`
      next = found.endOffset
      at += size
    }
    if (at !== bytes.length) return `${bytes.length - at} bytes behind the last batch at ${next}`
  }
  return next === logEndOffset ? null : `records end at ${next} of ${logEndOffset}`
}

/** The folder's segments, oldest first. */
function logFiles(disk: SimulatedDisk, path: string): { baseOffset: number; bytes: Buffer }[] {
  const files: { baseOffset: number; bytes: Buffer }[] = []
  for (const [name, node] of folderAt(disk, path)?.entries ?? [])
    if (node.kind === 'file' && name.endsWith('.log'))
      files.push({ baseOffset: Number.parseInt(name, 10), bytes: node.cache.view() })
  return files.sort((a, b) => a.baseOffset - b.baseOffset)
}

async function offsetsProblem(
  broker: SimulatedBroker,
  { known, isKill }: CrashState,
): Promise<string | null> {
  const { image } = broker.controller
  if (known.offsets.size === 0 || !image.topics.has(OFFSETS_TOPIC)) return null
  await settled()
  const found = await committedOffsets(broker.shard, known.offsets.keys())
  for (const [key, { acked, durable, issued }] of known.offsets) {
    const [, topicId] = key.split(' ')
    if (!image.topicsById.has(topicId ?? '')) continue
    const offset = found.get(key) ?? 0
    const bound = isKill ? acked : durable
    if (offset < bound || offset > issued)
      return `position ${key} is ${offset}: at least ${bound} was promised, at most ${issued} sent`
  }
  return null
}

async function foldersProblem(
  broker: SimulatedBroker,
  { shape, strays }: JudgeParts,
): Promise<string | null> {
  const { disk, storage, controller } = broker
  for (const folder of storage.dataFolders.folders) {
    const { folders } = await listDataFolder(disk, folder)
    for (const { kind, name, topic, partition } of folders) {
      // Of two copies after a move that was cut short, one is put aside.
      if (kind === 'stray' && shape.weights.moveReplica === 0 && strays !== true)
        return `${folder}/${name} was put aside`
      if (kind !== 'partition') continue
      const count = controller.image.topics.get(topic)?.partitions.length ?? 0
      if (partition >= count) return `${folder}/${name} is left of a deleted topic`
    }
  }
  return null
}

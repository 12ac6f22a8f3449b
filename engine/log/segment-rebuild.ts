/**
 * Reading a log's batches back into what is derived from them: the indexes of a segment, producer
 * state, leader epochs. Used by recovery, by a start that finds an index missing, and after a turn that
 * was undone.
 */

import type { Logger } from '../base/logger.ts'
import {
  batchBaseOffset,
  batchLastOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchSizeInBytes,
} from '../record/batch.ts'
import { type Disk, type DiskFile, parentDir } from './disk.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { loadProducerSnapshot } from './producer-snapshot.ts'
import type { ProducerStateManager } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { type ScanResult, scanBatches } from './segment-scan.ts'

export interface RebuildSinks {
  readonly producers: ProducerStateManager
  readonly epochs: LeaderEpochs
  /** Why the batch cannot follow what came before; null = it can. */
  readonly check: (buffer: Buffer, at: number, position: number) => string | null
}

/**
 * Fills the indexes of the open segment anew from the first `size` bytes of its log; producer state is
 * that of the segment's base offset before, of its end after. Ends at the first bad batch.
 */
export async function rebuildSegment(
  segment: Segment,
  size: number,
  sinks: RebuildSinks,
): Promise<ScanResult> {
  const { log, transactionIndex } = segment.opened()
  const { producers, epochs, check } = sinks
  segment.resetIndexes()
  const result = await scanBatches(log, 0, size, (buffer, at, position) => {
    const problem = check(buffer, at, position)
    if (problem !== null) return problem
    segment.add(
      batchLastOffset(buffer, at),
      batchMaxTimestamp(buffer, at),
      batchSizeInBytes(buffer, at),
    )
    noteEpoch(epochs, buffer, at)
    const ended = producers.replay(buffer, at)
    if (ended?.isAborted === true) transactionIndex.append(ended)
    return null
  })
  segment.size = result.end
  segment.hasTransactionIndex = transactionIndex.count > 0
  return result
}

function noteEpoch(epochs: LeaderEpochs, buffer: Buffer, at: number): void {
  const epoch = batchLeaderEpoch(buffer, at)
  if (epoch > epochs.latestEpoch()) epochs.assign(epoch, batchBaseOffset(buffer, at))
}

/** Notes the leader epochs of all batches of a log file. */
export async function readEpochs(log: DiskFile, size: number, epochs: LeaderEpochs): Promise<void> {
  await scanBatches(log, 0, size, (buffer, at) => {
    noteEpoch(epochs, buffer, at)
    return null
  })
}

/** What `loadProducers` reads: the folder and its segments before the wanted offset. */
export interface ProducerSource {
  readonly disk: Disk
  readonly dir: string
  readonly segments: readonly Segment[]
  readonly logger: Logger
  /** Wall clock, for ids that have expired. */
  readonly nowMs: number
  /** Names in the folder, where they are known. */
  readonly listed?: ReadonlySet<string>
}

/** Makes `producers` the state before `offset`: newest snapshot at or below it, then the batches. */
export async function loadProducers(
  source: ProducerSource,
  producers: ProducerStateManager,
  offset: number,
): Promise<void> {
  const { disk, dir, segments, logger, nowMs, listed } = source
  const snapshot = await loadProducerSnapshot(disk, dir, offset, logger, listed)
  producers.load(snapshot?.entries ?? [], nowMs)
  // Markers below are decided: nothing they ended holds back the last stable offset.
  producers.onHighWatermark(Number.POSITIVE_INFINITY)
  await replayProducers(segments, producers, snapshot?.offset ?? 0, offset)
}

/** Replays the batches in [from, to) into `producers`. */
async function replayProducers(
  segments: readonly Segment[],
  producers: ProducerStateManager,
  from: number,
  to: number,
): Promise<void> {
  if (from >= to) return
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!
    const next = segments[i + 1]
    if (segment.baseOffset >= to || (next !== undefined && next.baseOffset <= from)) continue
    if (segment.size === 0) continue
    const wasOpen = segment.files !== null
    const { log, offsetIndex } = await segment.open()
    const start = from <= segment.baseOffset ? 0 : offsetIndex.lookup(from, segment.size).position
    let isDone = false
    const result = await scanBatches(log, start, segment.size, (buffer, at) => {
      if (batchBaseOffset(buffer, at) >= to) {
        isDone = true
        return 'behind the wanted offset'
      }
      if (batchBaseOffset(buffer, at) >= from) producers.replay(buffer, at)
      return null
    })
    if (!wasOpen) await segment.close(false)
    if (result.problem !== null && !isDone)
      throw new CorruptLog(segment, result.end, producersReason(result.problem))
  }
}

function producersReason(problem: string): string {
  return `${problem}, met while producer state was read back`
}

/**
 * Stored bytes that a crash cannot explain: they were synced, or a clean stop vouched for them. The
 * partition stays offline until a person decides.
 */
export class CorruptLog extends Error {
  override name = 'CorruptLog'
  readonly path: string
  readonly position: number
  /** `log` is its segment, or the path of its file. */
  constructor(log: Segment | string, position: number, reason: string) {
    const path = typeof log === 'string' ? log : log.path('.log')
    super(
      `${path}: corrupt at byte ${position}: ${reason}. These bytes were synced, so the disk or ` +
        'something else changed them. Restore the file from a copy, or stop the broker and save ' +
        `all that is intact with \`sluice log salvage ${parentDir(path)}\``,
    )
    this.path = path
    this.position = position
  }
}

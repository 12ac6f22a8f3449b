/**
 * Segments whose indexes cannot be used although their log is trusted: a file is missing, or its
 * length or order is not that of an index (S9). Found at start, made again from the log.
 */
import type { Logger } from '../base/logger.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts'
import { ProducerStateManager } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { SegmentSuffix, segmentFileName } from './segment-files.ts'
import {
  CorruptLog,
  loadProducers,
  type ProducerSource,
  rebuildSegment,
} from './segment-rebuild.ts'
import { TIME_INDEX_ENTRY_BYTES } from './time-index.ts'
import { TRANSACTION_INDEX_ENTRY_BYTES } from './transaction-index.ts'

const ENTRY_BYTES = [
  [SegmentSuffix.offsetIndex, OFFSET_INDEX_ENTRY_BYTES],
  [SegmentSuffix.timeIndex, TIME_INDEX_ENTRY_BYTES],
  [SegmentSuffix.transactionIndex, TRANSACTION_INDEX_ENTRY_BYTES],
] as const

/** Why the segment's indexes must be made again, null when they look right. Reads no content. */
export async function brokenIndex(
  segment: Segment,
  names: ReadonlySet<string>,
): Promise<string | null> {
  const missing = missingIndex(segment, names)
  if (missing !== null) return missing
  for (const [suffix, entryBytes] of ENTRY_BYTES) {
    if (!names.has(segmentFileName(segment.baseOffset, suffix))) continue
    const path = segment.path(suffix)
    const stat = await segment.options.disk.stat(path)
    if (stat === null || stat.size % entryBytes !== 0) return `${path} is not made of whole entries`
  }
  return null
}

/** The same by names alone, for a segment whose indexes are read next (brokenIndexContent). */
export function missingIndex(segment: Segment, names: ReadonlySet<string>): string | null {
  for (const suffix of [SegmentSuffix.offsetIndex, SegmentSuffix.timeIndex])
    if (!names.has(segmentFileName(segment.baseOffset, suffix)))
      return `${segment.path(suffix)} is missing`
  return null
}

/** As brokenIndex, reading the indexes of an open segment whose log ends at `endOffset`. */
export function brokenIndexContent(segment: Segment, endOffset: number): string | null {
  const { offsetIndex, timeIndex, transactionIndex } = segment.opened()
  return (
    offsetIndex.sanityCheck(endOffset, segment.size) ??
    timeIndex.sanityCheck(endOffset) ??
    transactionIndex.sanityCheck(endOffset)
  )
}

export interface RepairOptions {
  readonly producerIdExpirationMs: number
  readonly logger: Logger
}

/**
 * Makes the indexes of a trusted segment again. `source.segments` are those before it. Leaves the
 * segment closed. Throws CorruptLog when the log itself is not intact.
 */
export async function repairSegment(
  segment: Segment,
  source: ProducerSource,
  options: RepairOptions,
): Promise<void> {
  await indexInMemory(segment, source, options)
  await segment.flushIndexes()
  await segment.close(false)
}

/** The same, with the segment left open and nothing written yet: as the active segment's grow. */
export async function indexInMemory(
  segment: Segment,
  source: ProducerSource,
  options: RepairOptions,
): Promise<void> {
  const producers = new ProducerStateManager(options.producerIdExpirationMs)
  await loadProducers(source, producers, segment.baseOffset)
  await segment.open()
  const result = await rebuildSegment(segment, segment.size, {
    producers,
    epochs: new LeaderEpochs(),
    check: () => null,
  })
  if (result.problem !== null) throw new CorruptLog(segment, result.end, result.problem)
  segment.finishTimeIndex()
}

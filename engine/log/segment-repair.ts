/**
 * Segments whose indexes cannot be used although their log is trusted: a file is missing, or its
 * length or order is not that of an index (S9). Found at start, made again from the log.
 */
import type { Logger } from '../base/logger.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts'
import { ProducerStateManager } from './producer-state.ts'
import { Segment } from './segment.ts'
import { SegmentSuffix, segmentFileName, TEMPORARY_SUFFIX } from './segment-files.ts'
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
 * segment closed. Each file is replaced whole: nobody looks into those of a trusted segment at the next
 * start, so one that is half written, or empty, must never bear its name, and what is missing or broken
 * stays so until it is made. Throws CorruptLog when the log itself is not intact.
 */
export async function repairSegment(
  segment: Segment,
  source: ProducerSource,
  options: RepairOptions,
): Promise<void> {
  await segment.close(false)
  const twin = new Segment(
    { ...segment.options, mark: segment.mark, indexMark: TEMPORARY_SUFFIX },
    segment.size,
    segment.modifiedMs,
  )
  try {
    await indexInMemory(twin, source, options)
    await twin.flushIndexes()
  } finally {
    await twin.close(false)
  }
  await takeIndexes(segment, twin)
  segment.takeCounters(twin, false)
  segment.hasTransactionIndex = twin.hasTransactionIndex
  segment.transactionIndexAbsent = !twin.hasTransactionIndex
}

async function takeIndexes(segment: Segment, twin: Segment): Promise<void> {
  const { disk, dir } = segment.options
  for (const [suffix] of ENTRY_BYTES) {
    const path = segment.path(suffix)
    if (suffix !== SegmentSuffix.transactionIndex || twin.hasTransactionIndex)
      await disk.rename(twin.path(suffix), path)
    else if ((await disk.stat(path)) !== null) await disk.unlink(path)
  }
  await disk.syncDir(dir)
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

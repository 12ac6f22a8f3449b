/**
 * The largest timestamp of a segment: the last entry of its time index, once the batch that it names
 * confirms it. The index has no sum, and what it says here decides what is deleted by age and when
 * compaction may begin. Where entry and batch disagree the batches decide, all of them read.
 */
import type { Logger } from '../base/logger.ts'
import { batchBaseOffset, batchLastOffset, batchMaxTimestamp } from '../record/batch.ts'
import { NO_TIMESTAMP, type Segment, type TimestampMark } from './segment.ts'
import { BatchScan, SMALL_CHUNK_BYTES, scanBatches } from './segment-scan.ts'

/**
 * null: the last entry of the time index is right; else what stands in its place. For a segment that is
 * open and leased. Throws DiskError.
 */
export async function correctedNewest(
  segment: Segment,
  logger: Logger,
): Promise<TimestampMark | null> {
  const { log, timeIndex } = segment.opened()
  const told = { timestamp: timeIndex.lastTimestamp, offset: timeIndex.lastOffset }
  // An empty file: nothing that could be read wrong.
  if (timeIndex.count === 0 || (await isConfirmed(segment, told))) return null
  let newest: TimestampMark = { timestamp: NO_TIMESTAMP, offset: segment.baseOffset }
  const { problem } = await scanBatches(log, 0, segment.size, (buffer, at) => {
    const timestamp = batchMaxTimestamp(buffer, at)
    if (timestamp > newest.timestamp) newest = { timestamp, offset: batchLastOffset(buffer, at) }
    return null
  })
  // Of a damaged log the index may know more; and damage is not what keeps a segment for ever.
  if (problem !== null && told.timestamp > newest.timestamp) return null
  logger.warn(
    `${timeIndex.path}: ends with ${told.timestamp} at offset ${told.offset}, but the largest ` +
      `timestamp of the batches is ${newest.timestamp} at ${newest.offset}; taking that`,
  )
  return newest
}

/** Whether the batch that holds the offset has that timestamp. */
async function isConfirmed(segment: Segment, told: TimestampMark): Promise<boolean> {
  const { log, offsetIndex } = segment.opened()
  const from = offsetIndex.lookup(told.offset, segment.size).position
  let isMet = false
  await new BatchScan(log, from, segment.size, 'joins', SMALL_CHUNK_BYTES).run((buffer, at) => {
    if (batchLastOffset(buffer, at) < told.offset) return null
    isMet = isBatchOf(told, buffer, at)
    return 'one is enough'
  })
  return isMet
}

/** Kafka named the record, where sluice and its newer versions name the end of its batch. */
export function isBatchOf(
  { timestamp, offset }: TimestampMark,
  batch: Buffer,
  at: number,
): boolean {
  return (
    batchMaxTimestamp(batch, at) === timestamp &&
    batchBaseOffset(batch, at) <= offset &&
    batchLastOffset(batch, at) >= offset
  )
}

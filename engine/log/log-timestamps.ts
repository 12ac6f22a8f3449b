/**
 * From times to offsets, exact to the record (ListOffsets): the time index names a batch, the batch is
 * read and, if need be, decompressed. Cold by nature, so all reads go through the pool.
 *
 * Batches are taken by their header (record/validate.ts), so one may hold records that nobody can
 * read. Such a batch counts as one record with the header's largest time: a seek by time must not fail
 * for a whole partition because of it. Its records are walked without an object for each, since a
 * few kilobytes can hold millions.
 */
import { limits } from '../base/limits.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchLastOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  TimestampType,
  timestampTypeOf,
} from '../record/batch.ts'
import { BombRefused, CodecUnavailable, CorruptPayload } from '../record/codec-adapter.ts'
import { openBatch, RecordCursor } from '../record/iterate.ts'
import type { LogState } from './log-state.ts'
import { correctedNewest } from './newest-timestamp.ts'
import { NO_TIMESTAMP, type Segment } from './segment.ts'
import { CorruptLog } from './segment-rebuild.ts'
import { scanBatches } from './segment-scan.ts'

export interface TimestampedOffset {
  readonly timestamp: number
  readonly offset: number
  /** Of the batch; -1 when it has none. */
  readonly leaderEpoch: number
}

/** The first record at or after `timestamp`, below `visibleEndOffset`; null when there is none. */
export function offsetForTimestamp(
  state: LogState,
  timestamp: number,
  visibleEndOffset: number,
): Promise<TimestampedOffset | null> {
  return amongOneList(state, () => firstAtOrAfter(state, timestamp, visibleEndOffset))
}

/**
 * Searches again when segments went meanwhile, deleted, or replaced by compaction or as the log moved to
 * another folder: what stands in their place was not searched.
 */
async function amongOneList<T>(state: LogState, search: () => Promise<T>): Promise<T> {
  for (;;) {
    const { generation } = state.segments
    try {
      const found = await search()
      if (state.segments.generation === generation || state.closed) return found
    } catch (error) {
      if (state.segments.generation === generation || state.closed) throw error
    }
  }
}

async function firstAtOrAfter(
  state: LogState,
  timestamp: number,
  visibleEndOffset: number,
): Promise<TimestampedOffset | null> {
  for (const segment of [...state.segments.all()]) {
    await summarize(state, segment)
    if (segment.removed || segment.maxTimestamp < timestamp) continue
    const found = await searchSegment(state, segment, timestamp, visibleEndOffset)
    if (found !== null) return found.offset < visibleEndOffset ? found : null
  }
  return null
}

/** The first record that has the log's largest timestamp; null in a log without timestamps. */
export function maxTimestampOffset(
  state: LogState,
  visibleEndOffset: number,
): Promise<TimestampedOffset | null> {
  return amongOneList(state, () => newest(state, visibleEndOffset))
}

async function newest(
  state: LogState,
  visibleEndOffset: number,
): Promise<TimestampedOffset | null> {
  let best: Segment | null = null
  for (const segment of [...state.segments.all()]) {
    await summarize(state, segment)
    if (!segment.removed && segment.maxTimestamp > (best?.maxTimestamp ?? NO_TIMESTAMP))
      best = segment
  }
  if (best === null) return null
  const found = await searchSegment(state, best, best.maxTimestamp, visibleEndOffset)
  return found !== null && found.offset < visibleEndOffset ? found : null
}

/** Makes `maxTimestamp` of a segment known, as its batches confirm it. */
export async function summarize(state: LogState, segment: Segment): Promise<void> {
  if (segment.summarized || segment.removed) return
  segment.lease.acquire()
  try {
    await segment.open()
    const corrected = await correctedNewest(segment, state.ports.logger)
    // The log was closed meanwhile: whoever asks is told so elsewhere.
    if (segment.files === null) return
    if (!segment.summarized) segment.load(null)
    if (corrected !== null) segment.correctNewest(corrected)
  } finally {
    segment.lease.release()
  }
  state.ports.openSegments.touch(segment)
}

async function searchSegment(
  state: LogState,
  segment: Segment,
  timestamp: number,
  visibleEndOffset: number,
): Promise<TimestampedOffset | null> {
  segment.lease.acquire()
  try {
    const { log, timeIndex, offsetIndex } = await segment.open()
    // Nothing up to the entry's offset is as new as its timestamp or newer, but the entry's own batch.
    const before = timeIndex.lookup(timestamp - 1).offset
    const from = offsetIndex.lookup(before, segment.size).position
    const { logStartOffset } = state.offsets
    let found: TimestampedOffset | null = null
    const result = await scanBatches(log, from, segment.size, (buffer, at) => {
      if (batchBaseOffset(buffer, at) >= visibleEndOffset) return STOP
      if (batchLastOffset(buffer, at) < logStartOffset) return null
      if (batchMaxTimestamp(buffer, at) < timestamp) return null
      found = firstRecordAt(buffer, at, timestamp, logStartOffset)
      return found === null ? null : STOP
    })
    if (result.problem !== null && result.problem !== STOP)
      throw new CorruptLog(segment, result.end, result.problem)
    return found
  } finally {
    segment.lease.release()
  }
}

function firstRecordAt(
  buffer: Buffer,
  at: number,
  timestamp: number,
  fromOffset: number,
): TimestampedOffset | null {
  const leaderEpoch = batchLeaderEpoch(buffer, at)
  // As one record: nobody can read them.
  const wholeBatch = {
    timestamp: batchMaxTimestamp(buffer, at),
    offset: Math.max(batchBaseOffset(buffer, at), fromOffset),
    leaderEpoch,
  }
  const appended = timestampTypeOf(batchAttributes(buffer, at)) === TimestampType.logAppendTime
  if (!canOpen(buffer, at)) return wholeBatch
  // One time for all under LogAppendTime; but compaction may have taken the first, or all.
  while (cursor.next()) {
    const recordTimestamp = appended
      ? wholeBatch.timestamp
      : batchBaseTimestamp(buffer, at) + cursor.timestampDelta
    const offset = batchBaseOffset(buffer, at) + cursor.offsetDelta
    if (recordTimestamp >= timestamp && offset >= fromOffset)
      return { timestamp: recordTimestamp, offset, leaderEpoch }
  }
  return cursor.problem === null ? null : wholeBatch
}

/** One walk at a time, all of it synchronous. */
const cursor = new RecordCursor()

/** Points the cursor at a batch's records; false when they cannot be decompressed. */
function canOpen(buffer: Buffer, at: number): boolean {
  try {
    openBatch(cursor, buffer, at, limits.inflateBytesMax)
    return true
  } catch (error) {
    const isUnreadable =
      error instanceof CorruptPayload ||
      error instanceof BombRefused ||
      error instanceof CodecUnavailable
    if (!isUnreadable) throw error
    return false
  }
}

const STOP = 'found'

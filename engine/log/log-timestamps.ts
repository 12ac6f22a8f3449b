/**
 * From times to offsets, exact to the record (ListOffsets): the time index names a batch, the batch is
 * read and, if need be, decompressed. Cold by nature, so all reads go through the pool.
 */
import { limits } from '../base/limits.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  TimestampType,
  timestampTypeOf,
} from '../record/batch.ts'
import { readRecords } from '../record/iterate.ts'
import type { LogState } from './log-state.ts'
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
  return inOneFolder(state, () => firstAtOrAfter(state, timestamp, visibleEndOffset))
}

/** Searches again when the log moved to another folder meanwhile: its segments are others then. */
async function inOneFolder<T>(state: LogState, search: () => Promise<T>): Promise<T> {
  for (;;) {
    const { dir } = state
    try {
      const found = await search()
      if (state.dir === dir || state.closed) return found
    } catch (error) {
      if (state.dir === dir || state.closed) throw error
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
  return inOneFolder(state, () => newest(state, visibleEndOffset))
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

/** Makes `maxTimestamp` of a segment known: the last entry of its time index. */
export async function summarize(state: LogState, segment: Segment): Promise<void> {
  if (segment.summarized || segment.removed) return
  await segment.open()
  if (!segment.summarized) segment.load(null)
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
    const from = offsetIndex.lookup(before).position
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
  if (timestampTypeOf(batchAttributes(buffer, at)) === TimestampType.logAppendTime) {
    // One time for all records: no need to look at them.
    const offset = Math.max(batchBaseOffset(buffer, at), fromOffset)
    return { timestamp: batchMaxTimestamp(buffer, at), offset, leaderEpoch }
  }
  for (const record of readRecords(buffer, at, limits.inflateBytesMax))
    if (record.timestamp >= timestamp && record.offset >= fromOffset)
      return { timestamp: record.timestamp, offset: record.offset, leaderEpoch }
  return null
}

const STOP = 'found'

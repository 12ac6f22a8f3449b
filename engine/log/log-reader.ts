/**
 * Finds the bytes of a fetch: from an offset to a range of one segment file, cut at batch borders below
 * the visible end and within the byte limit. Nothing of the records is read, only headers, and at the
 * tail not even those (tail-positions.ts).
 *
 * Behind the tail it is a search (slice-search.ts); `readSlice` serves it in the calling thread (cached
 * data), `readSliceAsync` through the pool (cold segments), so that the shard's loop never waits for a
 * device.
 */
import { ErrorCode } from '../base/errors.ts'
import { readFully, readFullySync } from './disk.ts'
import type { LogState } from './log-state.ts'
import {
  emptySlice,
  isCached,
  leasedSlice,
  NOTHING,
  type ReadLimits,
  type ReadSlice,
  visibleEnd,
} from './read-slice.ts'
import type { Segment } from './segment.ts'
import { SegmentSuffix } from './segment-files.ts'
import { SliceSearch, segmentFor, WALK_BYTES } from './slice-search.ts'

/** Reads of one search served by the page cache in a row, before other work of the shard has its turn. */
const QUICK_READS_MAX = 16

const scratch = Buffer.allocUnsafeSlow(WALK_BYTES)

/** In the calling thread; may touch the device when the data is cold. */
export function readSlice(state: LogState, wanted: ReadLimits): ReadSlice {
  const quick = readWithoutDisk(state, wanted)
  if (quick !== null) return quick
  const search = new SliceSearch(state, wanted)
  let slice: ReadSlice | null = null
  while (slice === null) {
    const { segment, position, bytes } = search
    const { log } = segment.openSync()
    state.ports.openSegments.touch(segment)
    if (position < 0) slice = search.enter()
    else {
      const filled = readFullySync(log, head(scratch, bytes), position)
      slice = search.walk(head(scratch, filled))
    }
  }
  return slice
}

/** As readSlice, waiting for the device in the pool. The log may have moved on meanwhile. */
export async function readSliceAsync(state: LogState, wanted: ReadLimits): Promise<ReadSlice> {
  const quick = readWithoutDisk(state, wanted)
  if (quick !== null) return quick
  const own = Buffer.allocUnsafe(WALK_BYTES)
  let quickReads = QUICK_READS_MAX
  const search = new SliceSearch(state, wanted)
  let slice: ReadSlice | null = null
  while (slice === null) {
    const { segment, position } = search
    const into = head(own, search.bytes)
    let filled = 0
    segment.lease.acquire()
    try {
      if (segment.files === null) await openWarm(state, segment)
      const { log } = segment.opened()
      if (position >= 0) {
        if (quickReads-- > 0) filled = log.readCached(into, position)
        if (filled < Math.min(into.length, segment.size - position))
          filled = await readFully(log, into, position)
      }
    } catch (error) {
      // Its names may be gone already; what took its place is searched below.
      if (!segment.removed) throw error
    } finally {
      segment.lease.release()
    }
    // Deleted with its topic, else deleted alone or replaced by a move: which of them, the offset says.
    if (segment.removed)
      return state.closed
        ? emptySlice(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        : readSliceAsync(state, wanted)
    // The wait was long enough for others to have its files closed.
    if (segment.files === null) continue
    state.ports.openSegments.touch(segment)
    slice = position < 0 ? search.enter() : search.walk(head(own, filled))
  }
  return slice
}

/** Whether the bytes at `offset` may have to come from the device, so that readSliceAsync is due. */
export function isCold(state: LogState, offset: number): boolean {
  if (state.tail.find(offset) >= 0) return false
  const mark = state.marks.find(offset)
  const segment = segmentFor(state, offset, mark)
  if (segment.files === null) return true
  const position =
    mark < 0
      ? segment.files.offsetIndex.lookup(offset).position
      : state.marks.byteOf(mark) - segment.startByte
  return !isCached(state, segment, position)
}

/** The answer from memory: errors, nothing to read, or the remembered tail. null = search. */
function readWithoutDisk(state: LogState, wanted: ReadLimits): ReadSlice | null {
  const { offsets, tail } = state
  const { offset, maxBytes } = wanted
  if (state.failed !== null) return emptySlice(ErrorCode.KAFKA_STORAGE_ERROR)
  if (offset < offsets.logStartOffset || offset > offsets.logEndOffset)
    return emptySlice(ErrorCode.OFFSET_OUT_OF_RANGE)
  const endOffset = visibleEnd(state, wanted)
  if (offset >= endOffset) return NOTHING
  const first = tail.find(offset)
  if (first < 0) return null
  const byte = tail.byteOf(first)
  const segment = state.segments.atByte(byte)
  const { startByte } = segment
  let last = tail.lastWithin(first, Math.min(byte + maxBytes, startByte + segment.size), endOffset)
  if (last < first) {
    if (!wanted.wholeFirstBatch) return NOTHING
    last = tail.lastWithin(first, tail.endOf(first), endOffset)
    if (last < first) return NOTHING
  }
  const firstBytes = tail.endOf(first) - byte
  const nextOffset = tail.lastOffsetOf(last) + 1
  const end = tail.endOf(last) - startByte
  return leasedSlice(state, segment, byte - startByte, end, firstBytes, nextOffset)
}

/** Opens the segment and brings its index into the page cache: the binary search must not wait. */
async function openWarm(state: LogState, segment: Segment): Promise<void> {
  await segment.open()
  await state.ports.disk.readFile(segment.path(SegmentSuffix.offsetIndex))
}

function head(bytes: Buffer, length: number): Buffer {
  return length === bytes.length ? bytes : bytes.subarray(0, length)
}

/**
 * Finds the bytes of a fetch: from an offset to a range of one segment file, cut at batch borders below
 * the visible end and within the byte limit. Nothing of the records is read, only headers, and at the
 * tail not even those (tail-positions.ts).
 *
 * The search is written once, as a generator that says what it needs next; `readSlice` serves it in the
 * calling thread (cached data), `readSliceAsync` through the pool (cold segments), so that the shard's
 * loop never waits for a device.
 */
import { ErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchLastOffset,
  batchSizeInBytes,
} from '../record/batch.ts'
import { DiskError, type DiskFile, readFully, readFullySync } from './disk.ts'
import type { LogState } from './log-state.ts'
import type { OffsetIndex } from './offset-index.ts'
import type { Segment } from './segment.ts'
import { SegmentSuffix } from './segment-files.ts'
import { SegmentLease } from './segment-lease.ts'

export interface ReadSlice {
  readonly errorCode: ErrorCode
  /** null when there is nothing to read. */
  readonly file: DiskFile | null
  readonly position: number
  /** 0 = nothing. Else a lease is held: `lease.release()` is owed once. */
  readonly length: number
  /** Size of the first batch. */
  readonly firstBatchBytes: number
  /** All offsets in the range lie below; upper bound for the search of aborted transactions. */
  readonly endOffset: number
  readonly lease: SegmentLease
  /** In the page cache for certain: written by this process not long ago. */
  readonly cached: boolean
}

export interface ReadLimits {
  readonly offset: number
  readonly maxBytes: number
  /** Exclusive; a batch that reaches it is left out. */
  readonly visibleEndOffset: number
  /** The first batch is returned even if larger than maxBytes; else nothing then. */
  readonly wholeFirstBatch: boolean
}

/** Bytes looked at per step when walking headers: about what lies between two index entries. */
const WALK_BYTES = 8 * 1024

/** Reads of one search served by the page cache in a row, before other work of the shard has its turn. */
const QUICK_READS_MAX = 16

/** What the search needs before it can go on: the segment's files, or bytes at a position. */
interface Need {
  readonly segment: Segment
  readonly file: DiskFile | null
  readonly position: number
}
type Search<T> = Generator<Need, T, Buffer>

/** In the calling thread; may touch the device when the data is cold. */
export function readSlice(state: LogState, wanted: ReadLimits): ReadSlice {
  const quick = readWithoutDisk(state, wanted)
  if (quick !== null) return quick
  const search = findSlice(state, wanted)
  let step = search.next(scratch)
  while (step.done !== true) {
    const { segment, file, position } = step.value
    if (file === null) segment.openSync()
    const filled = file === null ? 0 : readFullySync(file, scratch, position)
    state.ports.openSegments.touch(segment)
    step = search.next(filled === scratch.length ? scratch : scratch.subarray(0, filled))
  }
  return step.value
}

/** As readSlice, waiting for the device in the pool. The log may have moved on meanwhile. */
export async function readSliceAsync(state: LogState, wanted: ReadLimits): Promise<ReadSlice> {
  const quick = readWithoutDisk(state, wanted)
  if (quick !== null) return quick
  const own = Buffer.allocUnsafe(WALK_BYTES)
  let quickReads = QUICK_READS_MAX
  const search = findSlice(state, wanted)
  let step = search.next(own)
  while (step.done !== true) {
    const { segment, file, position } = step.value
    let filled = 0
    segment.lease.acquire()
    try {
      if (file === null) await openWarm(state, segment)
      else {
        if (quickReads-- > 0) filled = file.readCached(own, position)
        if (filled < Math.min(own.length, segment.size - position))
          filled = await readFully(file, own, position)
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
    state.ports.openSegments.touch(segment)
    step = search.next(own.subarray(0, filled))
  }
  return step.value
}

/** Whether the bytes at `offset` may have to come from the device, so that readSliceAsync is due. */
export function isCold(state: LogState, offset: number): boolean {
  if (state.tail.find(offset) >= 0) return false
  const segment = state.segments.at(state.segments.indexFor(offset))
  if (segment.files === null) return true
  const { position } = segment.files.offsetIndex.lookup(offset)
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
  const segment = segmentAtByte(state, byte)
  const segmentEnd = segment.startByte + segment.size
  let last = tail.lastWithin(first, Math.min(byte + maxBytes, segmentEnd), endOffset)
  if (last < first) {
    if (!wanted.wholeFirstBatch) return NOTHING
    last = tail.lastWithin(first, tail.endOf(first), endOffset)
    if (last < first) return NOTHING
  }
  return leasedSlice(state, segment, {
    position: byte - segment.startByte,
    end: tail.endOf(last) - segment.startByte,
    firstBatchBytes: tail.endOf(first) - byte,
    endOffset: tail.lastOffsetOf(last) + 1,
  })
}

function* findSlice(state: LogState, wanted: ReadLimits): Search<ReadSlice> {
  const { segments } = state
  let segment: Segment | null = segments.at(segments.indexFor(wanted.offset))
  while (segment !== null) {
    if (segment.size > 0) {
      const slice: ReadSlice | null = yield* sliceOfSegment(state, segment, wanted)
      if (slice !== null) return slice
    }
    segment = segments.after(segment)
  }
  return NOTHING
}

/** null when the segment holds nothing at or above the offset (compaction took it). */
function* sliceOfSegment(
  state: LogState,
  segment: Segment,
  wanted: ReadLimits,
): Search<ReadSlice | null> {
  if (segment.files === null) yield { segment, file: null, position: 0 }
  const { offsetIndex } = segment.opened()
  const { position, offset: indexed } = offsetIndex.lookup(wanted.offset, segment.size)
  const wants = (_: number, lastOffset: number): boolean => lastOffset >= wanted.offset
  // An index has no sum. Its entry names the last offset of the batch at its position, or a later one.
  let isAhead = false
  let first: FoundBatch | null = yield* firstBatch(segment, position, (_, lastOffset, at) => {
    if (at === position && position > 0) isAhead = lastOffset > indexed
    return isAhead || lastOffset >= wanted.offset
  })
  if (isAhead) first = yield* firstBatch(segment, 0, wants)
  if (first === null) return null
  const endOffset = visibleEnd(state, wanted)
  if (first.lastOffset >= endOffset) return NOTHING
  const firstEnd = first.position + first.bytes
  const limit = first.position + wanted.maxBytes
  const range = { position: first.position, firstBatchBytes: first.bytes }
  if (firstEnd > limit) {
    if (!wanted.wholeFirstBatch) return NOTHING
    return leasedSlice(state, segment, { ...range, end: firstEnd, endOffset: first.lastOffset + 1 })
  }
  const segmentEndOffset = state.segments.after(segment)?.baseOffset ?? state.offsets.logEndOffset
  if (limit >= segment.size && segmentEndOffset <= endOffset)
    return leasedSlice(state, segment, { ...range, end: segment.size, endOffset: segmentEndOffset })
  const border = borderBefore(segment.opened().offsetIndex, limit, endOffset)
  const beyond: FoundBatch | null = yield* firstBatch(
    segment,
    Math.max(firstEnd, border),
    (end, lastOffset) => end > limit || lastOffset >= endOffset,
  )
  return leasedSlice(state, segment, {
    ...range,
    end: beyond?.position ?? segment.size,
    endOffset: beyond?.baseOffset ?? segmentEndOffset,
  })
}

interface FoundBatch {
  readonly position: number
  readonly bytes: number
  readonly baseOffset: number
  readonly lastOffset: number
}

/** The first batch at or behind `from` (a batch start) that matches (its end, last offset, position). */
function* firstBatch(
  segment: Segment,
  from: number,
  matches: (end: number, lastOffset: number, position: number) => boolean,
): Search<FoundBatch | null> {
  let position = from
  while (position < segment.size) {
    // Asked anew each time: the files may have been closed and opened while this waited.
    if (segment.files === null) yield { segment, file: null, position: 0 }
    const { log } = segment.opened()
    const chunk: Buffer = yield { segment, file: log, position }
    if (chunk.length < BATCH_HEADER_BYTES)
      throw new DiskError('EIO', log.path, `${chunk.length} bytes at ${position} read from`)
    let at = 0
    while (at + BATCH_HEADER_BYTES <= chunk.length && position < segment.size) {
      const bytes = batchSizeInBytes(chunk, at)
      if (bytes < BATCH_HEADER_BYTES || position + bytes > segment.size)
        throw new DiskError('EIO', log.path, `no batch at ${position} read from`)
      const lastOffset = batchLastOffset(chunk, at)
      if (matches(position + bytes, lastOffset, position))
        return { position, bytes, baseOffset: batchBaseOffset(chunk, at), lastOffset }
      at += bytes
      position += bytes
    }
  }
  return null
}

/** Position of the last indexed batch that starts at or before `limit` and ends below `endOffset`. */
function borderBefore(index: OffsetIndex, limit: number, endOffset: number): number {
  let low = 0
  let high = index.count
  while (low < high) {
    const middle = (low + high) >> 1
    const { position, offset } = index.entry(middle)
    if (position <= limit && offset < endOffset) low = middle + 1
    else high = middle
  }
  return low === 0 ? 0 : index.entry(low - 1).position
}

function visibleEnd(state: LogState, wanted: ReadLimits): number {
  return Math.min(wanted.visibleEndOffset, state.offsets.logEndOffset)
}

function segmentAtByte(state: LogState, byte: number): Segment {
  const { segments } = state
  let index = segments.count - 1
  while (index > 0 && segments.at(index).startByte > byte) index--
  return segments.at(index)
}

function isCached(state: LogState, segment: Segment, position: number): boolean {
  if (position < segment.cachedFrom) return false
  const { active } = state.segments
  const behind = active.startByte + active.size - (segment.startByte + position)
  return behind <= limits.hotTailBytes
}

function leasedSlice(
  state: LogState,
  segment: Segment,
  range: { position: number; end: number; firstBatchBytes: number; endOffset: number },
): ReadSlice {
  segment.lease.acquire()
  return {
    errorCode: ErrorCode.NONE,
    file: segment.openSync().log,
    position: range.position,
    length: range.end - range.position,
    firstBatchBytes: range.firstBatchBytes,
    endOffset: range.endOffset,
    lease: segment.lease,
    cached: isCached(state, segment, range.position),
  }
}

/** Opens the segment and brings its index into the page cache: the binary search must not wait. */
async function openWarm(state: LogState, segment: Segment): Promise<void> {
  await segment.open()
  await state.ports.disk.readFile(segment.path(SegmentSuffix.offsetIndex))
}

function emptySlice(errorCode: ErrorCode): ReadSlice {
  return { ...NOTHING, errorCode }
}

const scratch = Buffer.allocUnsafeSlow(WALK_BYTES)

const NOTHING: ReadSlice = {
  errorCode: ErrorCode.NONE,
  file: null,
  position: 0,
  length: 0,
  firstBatchBytes: 0,
  endOffset: -1,
  lease: new SegmentLease(),
  cached: true,
}

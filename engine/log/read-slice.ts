/** What a read of a log answers with: where the bytes are, not the bytes. */
import { ErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { DiskFile } from './disk.ts'
import type { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'
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
  /** So many bytes behind the range are zeros in the file; 0 = unknown. */
  readonly zerosBehind: number
}

export interface ReadLimits {
  readonly offset: number
  readonly maxBytes: number
  /** Exclusive; a batch that reaches it is left out. */
  readonly visibleEndOffset: number
  /** The first batch is returned even if larger than maxBytes; else nothing then. */
  readonly wholeFirstBatch: boolean
}

/** As many as anybody asks for. */
const ZEROS_BEHIND = 3

export const NOTHING: ReadSlice = {
  errorCode: ErrorCode.NONE,
  file: null,
  position: 0,
  length: 0,
  firstBatchBytes: 0,
  endOffset: -1,
  lease: new SegmentLease(),
  cached: true,
  zerosBehind: 0,
}

export function emptySlice(errorCode: ErrorCode): ReadSlice {
  return { ...NOTHING, errorCode }
}

/** Bytes `position` … `end` (exclusive) of a segment, leased. */
export function leasedSlice(
  state: LogState,
  segment: Segment,
  position: number,
  end: number,
  firstBatchBytes: number,
  endOffset: number,
): ReadSlice {
  segment.lease.acquire()
  if (state.ports.pageWindow !== null) state.ports.pageWindow.onRead(state, segment, position)
  return {
    errorCode: ErrorCode.NONE,
    file: segment.openSync().log,
    position,
    length: end - position,
    firstBatchBytes,
    endOffset,
    lease: segment.lease,
    cached: isCached(state, segment, position),
    zerosBehind: end < segment.size ? leadingZeros(state.offsets.logEndOffset) : 0,
  }
}

/** Of the base offset (int64, big-endian) that each batch below `endOffset` begins with, at least. */
export function leadingZeros(endOffset: number): number {
  return endOffset <= 2 ** (64 - 8 * ZEROS_BEHIND) ? ZEROS_BEHIND : 0
}

export function isCached(state: LogState, segment: Segment, position: number): boolean {
  if (position < segment.cachedFrom) return false
  const { active } = state.segments
  const behind = active.startByte + active.size - (segment.startByte + position)
  return behind <= limits.hotTailBytes
}

/** Exclusive end of what a read may return now. */
export function visibleEnd(state: LogState, wanted: ReadLimits): number {
  return Math.min(wanted.visibleEndOffset, state.offsets.logEndOffset)
}

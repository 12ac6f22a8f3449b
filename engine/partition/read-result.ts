/** Builds the answers of Partition.read: an error, nothing, or a leased range of a segment file. */
import type { ErrorCode } from '../base/errors.ts'
import type { ReadSlice } from '../log/read-slice.ts'
import type { AbortedTransaction, Isolation, ReadResult } from '../shard-port.ts'
import type { Partition } from './partition.ts'

const noRelease = (): void => {}

/** No data: an error, or (with `partition`) a well-formed answer that only carries offsets. */
export function failedRead(
  errorCode: ErrorCode,
  leaderEpoch: number,
  partition: Partition | null = null,
): ReadResult {
  return {
    errorCode,
    highWatermark: partition?.highWatermark ?? -1,
    lastStableOffset: partition?.lastStableOffset ?? -1,
    logStartOffset: partition?.log.logStartOffset ?? -1,
    divergingEpoch: null,
    abortedTransactions: null,
    leaderEpoch,
    file: null,
    position: 0,
    length: 0,
    firstBatchBytes: 0,
    cached: true,
    zerosBehind: 0,
    release: noRelease,
  }
}

/** The answer for a slice of the log; null = nothing to read at this offset. */
export function sliceRead(
  partition: Partition,
  slice: ReadSlice | null,
  isolation: Isolation,
  fetchOffset: number,
): ReadResult {
  const result: { -readonly [K in keyof ReadResult]: ReadResult[K] } = failedRead(
    0,
    partition.leaderEpoch,
    partition,
  )
  if (isolation === 1) result.abortedTransactions = NONE_ABORTED
  if (slice === null) return result
  if (slice.errorCode !== 0) return failedRead(slice.errorCode, partition.leaderEpoch, partition)
  if (slice.length === 0) return result
  result.file = slice.file
  result.position = slice.position
  result.length = slice.length
  result.firstBatchBytes = slice.firstBatchBytes
  result.cached = slice.cached
  result.zerosBehind = slice.zerosBehind
  result.release = () => slice.lease.release()
  if (isolation === 1)
    result.abortedTransactions = partition.log.abortedTransactions(
      fetchOffset,
      Math.min(slice.endOffset, partition.lastStableOffset),
    )
  return result
}

const NONE_ABORTED: readonly AbortedTransaction[] = []

/**
 * Answers of another shard's fetch on this side: where the bytes are, and the lease that keeps the
 * files. One lease covers all files of one answer; it is given back when the last of them was sent.
 */
import { broken } from '../engine/base/assert.ts'
import type { ErrorCode } from '../engine/base/errors.ts'
import type { Infer } from '../engine/schema/fields.ts'
import type { AbortedTransaction, LeasedFile, ReadResult } from '../engine/shard-port.ts'
import type { ReadResults } from './messages.ts'

/** A result as it came over the ring. */
export type WireResult = Infer<typeof ReadResults>['results'][number]

/** Opens nothing: gives a reader for a descriptor of this process that another shard keeps open. */
export type BorrowFile = (shard: number, fd: number, lease: number, index: number) => LeasedFile

/** Counts what of one answer is still in use. */
export class RemoteLease {
  private inUse: number
  private readonly giveBack: () => void

  constructor(results: number, giveBack: () => void) {
    this.inUse = results
    this.giveBack = giveBack
  }

  release(): void {
    this.inUse--
    if (this.inUse === 0) this.giveBack()
  }
}

export class RemoteResult implements ReadResult {
  readonly errorCode: ErrorCode
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | null
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly leaderEpoch: number
  readonly file: LeasedFile | null
  readonly position: number
  length: number
  readonly firstBatchBytes: number
  readonly cached: boolean
  zerosBehind: number
  /** null once released, or when there was nothing to keep. */
  private lease: RemoteLease | null

  constructor(wire: WireResult, file: LeasedFile | null, lease: RemoteLease | null) {
    if ((file === null) !== (wire.length === 0)) broken(`${wire.length} bytes in ${file?.path}`)
    // Codes come from our own table on the other side.
    this.errorCode = wire.errorCode as ErrorCode
    this.highWatermark = wire.highWatermark
    this.lastStableOffset = wire.lastStableOffset
    this.logStartOffset = wire.logStartOffset
    this.divergingEpoch =
      wire.divergingEpoch < 0 && wire.divergingEndOffset < 0
        ? null
        : { epoch: wire.divergingEpoch, endOffset: wire.divergingEndOffset }
    this.abortedTransactions = wire.abortedTransactions
    this.leaderEpoch = wire.leaderEpoch
    this.file = file
    this.position = wire.position
    this.length = wire.length
    this.firstBatchBytes = wire.firstBatchBytes
    this.cached = wire.cached
    this.zerosBehind = wire.zerosBehind
    this.lease = lease
  }

  release(): void {
    const { lease } = this
    this.lease = null
    lease?.release()
  }
}

/** The result for the wire, without its file and lease. */
export function toWire(result: ReadResult): WireResult {
  return {
    errorCode: result.errorCode,
    highWatermark: result.highWatermark,
    lastStableOffset: result.lastStableOffset,
    logStartOffset: result.logStartOffset,
    divergingEpoch: result.divergingEpoch?.epoch ?? -1,
    divergingEndOffset: result.divergingEpoch?.endOffset ?? -1,
    leaderEpoch: result.leaderEpoch,
    abortedTransactions: result.abortedTransactions as AbortedTransaction[] | null,
    fd: result.length === 0 ? -1 : (result.file?.fd ?? -1),
    position: result.position,
    length: result.length,
    firstBatchBytes: result.firstBatchBytes,
    cached: result.cached,
    zerosBehind: result.zerosBehind,
  }
}

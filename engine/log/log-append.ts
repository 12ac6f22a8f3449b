/**
 * Taking batches into the log, and writing the batches of a turn. A batch gets its offset, its index
 * entries and its place in producer state when it is staged, so that the next one of the same turn is
 * judged against it; the bytes follow in `writeStaged`.
 *
 * A full disk undoes the turn: the file ends where it did, nothing staged is acknowledged, and the log
 * takes no batch until `resume` (log-resume.ts) has rebuilt what the turn had changed in memory. Any
 * other error ends the log (S5).
 */
import { unreachable } from '../base/assert.ts'
import { ErrorCode } from '../base/errors.ts'
import {
  batchAttributes,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchSizeInBytes,
  isControl,
  isTransactional,
  setBaseOffset,
  setLeaderEpoch,
} from '../record/batch.ts'
import { readEndTransactionMarker } from '../record/control.ts'
import { type DiskError, isOutOfRoom } from './disk.ts'
import { roll } from './log-roll.ts'
import type { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'
import { StagedWrites } from './staged-writes.ts'

export interface AppendOrigin {
  /** Clients are held to sequences, coordinators to epochs. */
  readonly kind: 'client' | 'coordinator'
  readonly leaderEpoch: number
  /** Wall clock, for the age of segments without timestamps. */
  readonly appendTimeMs: number
  /** 2 = transactions of version 2: a lost producer state is an error. Default 0. */
  readonly transactionVersion?: number
}

/** Reused by the log that returned it: copy the numbers out before the next append. */
export interface AppendResult {
  errorCode: ErrorCode
  /** -1 on an error; the original's for a duplicate. */
  baseOffset: number
  lastOffset: number
  /** The original's largest timestamp for a duplicate, else -1. */
  logAppendTimeMs: number
  /** Nothing was staged: the log has this batch already. */
  duplicate: boolean
}

export class LogAppender {
  private readonly state: LogState
  private readonly staged = new StagedWrites()
  private readonly rules = { segmentBytes: 0, segmentMs: 0, nowMs: 0 }
  private readonly result: AppendResult = {
    errorCode: ErrorCode.NONE,
    baseOffset: -1,
    lastOffset: -1,
    logAppendTimeMs: -1,
    duplicate: false,
  }

  constructor(state: LogState) {
    this.state = state
  }

  get empty(): boolean {
    return this.staged.empty
  }

  append(batch: Buffer, origin: AppendOrigin): AppendResult {
    const { state, result } = this
    if (state.closed) unreachable(`append to ${state.name}, which is closed`)
    if (batchSizeInBytes(batch, 0) !== batch.length)
      unreachable(`a batch of ${batchSizeInBytes(batch, 0)} bytes in a buffer of ${batch.length}`)
    result.errorCode = ErrorCode.NONE
    result.baseOffset = -1
    result.lastOffset = -1
    result.logAppendTimeMs = -1
    result.duplicate = false
    if (state.failed !== null || state.suspended !== null)
      return this.refuse(ErrorCode.KAFKA_STORAGE_ERROR)
    if (batch.length > state.options.segmentBytes)
      return this.refuse(ErrorCode.RECORD_LIST_TOO_LARGE)
    const attributes = batchAttributes(batch, 0)
    if (batchProducerId(batch, 0) >= 0) {
      const errorCode = isControl(attributes)
        ? this.checkMarker(batch, origin)
        : this.checkProducer(batch, attributes, origin)
      if (errorCode !== ErrorCode.NONE) return this.refuse(errorCode)
      if (result.duplicate) return result
    }
    if (!this.stage(batch, origin)) return this.refuse(ErrorCode.KAFKA_STORAGE_ERROR)
    return result
  }

  /** Writes what is staged. Throws DiskError; then nothing staged in this turn may be acknowledged. */
  writeStaged(): void {
    const { state, staged } = this
    if (staged.empty) return
    if (state.unsyncedSinceMs < 0) state.unsyncedSinceMs = state.ports.clock.monotonicMs()
    try {
      staged.write(this.onWritten)
    } catch (error) {
      if (!isOutOfRoom(error)) throw state.fail(error)
      state.suspended = error as DiskError
      state.isTurnLost = true
      state.forgetPositions()
      state.offsets.setWritten(state.offsets.logEndOffset, state.offsets.logEndOffset)
      throw error
    }
    if (state.offsets.logEndOffset !== state.offsets.stagedEndOffset)
      unreachable(`${state.name} wrote less than was staged`)
  }

  private readonly onWritten = (segment: Segment, endOffset: number): void => {
    const { offsets, ports } = this.state
    offsets.setWritten(endOffset, offsets.stagedEndOffset)
    const { pageWindow } = ports
    if (pageWindow !== null && segment.size - segment.windowEnd >= pageWindow.pieceBytes)
      pageWindow.add(this.state, segment)
  }

  /** False when there is no room for the segment it belongs into. */
  private stage(batch: Buffer, origin: AppendOrigin): boolean {
    const { state, result } = this
    const baseOffset = state.offsets.stagedEndOffset
    const lastOffset = baseOffset + batchLastOffsetDelta(batch, 0)
    const maxTimestamp = batchMaxTimestamp(batch, 0)
    if (!this.rollIfDue(lastOffset, maxTimestamp, batch.length, origin.appendTimeMs)) return false
    setBaseOffset(batch, 0, baseOffset)
    setLeaderEpoch(batch, 0, this.epochFor(origin, baseOffset))
    const segment = state.segments.active
    const position = segment.add(lastOffset, maxTimestamp, batch.length)
    segment.modifiedMs = origin.appendTimeMs
    const byte = segment.startByte + position
    state.tail.add(lastOffset, byte, byte + batch.length)
    const ended = state.producers.replay(batch, 0)
    if (ended?.isAborted === true) {
      segment.opened().transactionIndex.append(ended)
      segment.hasTransactionIndex = true
    }
    this.staged.add(segment, batch, lastOffset + 1)
    state.offsets.setStaged(lastOffset + 1)
    result.baseOffset = baseOffset
    result.lastOffset = lastOffset
    return true
  }

  /**
   * The leader's epoch, never older than the log's latest: recovery takes a falling epoch for the end of
   * the log. A leader may name an older one in a folder that another broker wrote.
   */
  private epochFor(origin: AppendOrigin, baseOffset: number): number {
    const { epochs } = this.state
    const latest = epochs.latestEpoch()
    if (origin.leaderEpoch <= latest) return latest
    epochs.assign(origin.leaderEpoch, baseOffset)
    return origin.leaderEpoch
  }

  private rollIfDue(lastOffset: number, timestamp: number, bytes: number, nowMs: number): boolean {
    const { state, rules } = this
    const { segmentBytes, segmentMs } = state.options
    rules.segmentBytes = segmentBytes
    rules.segmentMs = segmentMs - state.rollJitterMs
    rules.nowMs = nowMs
    if (!state.segments.active.mustRollFor(lastOffset, timestamp, bytes, rules)) return true
    try {
      roll(state)
    } catch (error) {
      if (!isOutOfRoom(error)) throw state.fail(error)
      // What was staged before still has its room; from here on the turn is over for this log.
      state.suspended = error as DiskError
      return false
    }
    return true
  }

  private checkProducer(batch: Buffer, attributes: number, origin: AppendOrigin): ErrorCode {
    const { state, result } = this
    // A first batch that does not start at 0 was preceded by one that went to a lost incarnation.
    const zeroFirst =
      state.offsets.stagedEndOffset === 0 ||
      (isTransactional(attributes) && (origin.transactionVersion ?? 0) >= 2)
    const check = state.producers.check(batch, 0, origin.kind, zeroFirst)
    if (check.duplicate) {
      result.duplicate = true
      result.baseOffset = check.firstOffset
      result.lastOffset = check.lastOffset
      result.logAppendTimeMs = check.timestamp
    }
    return check.errorCode as ErrorCode
  }

  private checkMarker(batch: Buffer, origin: AppendOrigin): ErrorCode {
    const marker = readEndTransactionMarker(batch, 0)
    if (marker === null) return ErrorCode.NONE
    return this.state.producers.checkMarker(
      batchProducerId(batch, 0),
      batchProducerEpoch(batch, 0),
      marker.coordinatorEpoch,
      origin.transactionVersion ?? 0,
    )
  }

  private refuse(errorCode: ErrorCode): AppendResult {
    this.result.errorCode = errorCode
    return this.result
  }
}

/**
 * The second half of validation: every record of a batch whose header passed
 * (org.apache.kafka.storage.internals.log.LogValidator). The batch is decompressed once, bounded,
 * and walked without allocating per record:
 *
 *   layout        each record's fields end where it ends, the count matches, no bytes are left  87
 *   keys          present when the topic is compacted                                          87
 *   timestamps    within [now - before.max, now + after.max]; -1 is exempt                     32
 *   offset deltas 0..n-1; otherwise the batch is rebuilt with them
 *
 * The header's maxTimestamp becomes the true maximum. All-or-nothing per batch; Kafka's messages.
 *
 * Differs from Kafka: records that do not decompress are INVALID_RECORD, in Kafka an unknown server
 * error; wrong offset deltas are put right in uncompressed batches too; at most
 * limits.recordErrorsMax record errors are listed.
 */
import { ErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Admission, BatchRules, RecordError } from './admission.ts'
import {
  BatchField,
  batchAttributes,
  batchBaseSequence,
  batchBaseTimestamp,
  batchLeaderEpoch,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  batchSizeInBytes,
  codecOf,
  isTransactional,
  setMaxTimestampAndType,
  TimestampType,
} from './batch.ts'
import { buildBatch, type RecordToWrite } from './build.ts'
import { BombRefused, CodecUnavailable, CorruptPayload } from './codec-adapter.ts'
import { type Codec, decompress } from './compression.ts'
import { RecordCursor, recordHeaders, recordKey, recordValue } from './iterate.ts'
import { repackBatch } from './recompress.ts'

/** One walk at a time, all of it synchronous. */
const cursor = new RecordCursor()

/** What the walk found out; reused like the cursor. */
const walk = { hasDenseDeltas: true, maxTimestamp: -1, hasBadTimestamp: false }

/** Continues admitBatch (validate.ts) with the records; same contract. */
export function admitRecords(
  buffer: Buffer,
  at: number,
  rules: BatchRules,
  nowMs: number,
  admission: Admission,
): ErrorCode {
  const codec = codecOf(batchAttributes(buffer, at)) as Codec
  const packed = buffer.subarray(at + BatchField.records, at + batchSizeInBytes(buffer, at))
  let plain: Buffer
  try {
    plain = decompress(codec, packed, Math.max(limits.inflateBytesMax, rules.maxMessageBytes))
  } catch (error) {
    return refuse(admission, codeOfPayloadError(error), (error as Error).message)
  }
  cursor.reset(plain, 0, plain.length, batchRecordCount(buffer, at))
  const errors = walkRecords(batchBaseTimestamp(buffer, at), rules, nowMs)
  if (errors !== null) return refuseRecords(admission, errors)
  const shape = layoutProblem(batchRecordCount(buffer, at))
  if (shape !== null) return refuse(admission, ErrorCode.INVALID_RECORD, shape)
  if (rules.timestampType === TimestampType.logAppendTime) {
    setMaxTimestampAndType(buffer, at, nowMs, TimestampType.logAppendTime)
    admission.logAppendTimeMs = nowMs
  } else {
    setMaxTimestampAndType(buffer, at, walk.maxTimestamp, TimestampType.createTime)
  }
  return repack(buffer, at, plain, rules, admission)
}

/** Record errors in order, null for none; structural trouble is left in the cursor. */
function walkRecords(
  baseTimestamp: number,
  rules: BatchRules,
  nowMs: number,
): RecordError[] | null {
  const checksTimestamps = rules.timestampType === TimestampType.createTime
  let errors: RecordError[] | null = null
  walk.hasDenseDeltas = true
  walk.maxTimestamp = -1
  walk.hasBadTimestamp = false
  while (cursor.next()) {
    const timestamp = baseTimestamp + cursor.timestampDelta
    if (cursor.offsetDelta !== cursor.index) walk.hasDenseDeltas = false
    if (timestamp > walk.maxTimestamp) walk.maxTimestamp = timestamp
    if (rules.isCompacted && cursor.keyBytes < 0) {
      errors = addError(errors, keyMessage(rules))
    } else if (checksTimestamps && timestamp !== -1 && !isInRange(timestamp, rules, nowMs)) {
      walk.hasBadTimestamp = true
      errors = addError(errors, timestampMessage(timestamp, rules, nowMs))
    }
    if (!cursor.finishRecord()) break
  }
  return errors
}

function isInRange(timestamp: number, rules: BatchRules, nowMs: number): boolean {
  const age = nowMs - timestamp
  return (
    age <= rules.timestampBeforeMaxMs &&
    -age <= rules.timestampAfterMaxMs &&
    Number.isSafeInteger(timestamp)
  )
}

function addError(errors: RecordError[] | null, message: string): RecordError[] {
  const list = errors ?? []
  if (list.length < limits.recordErrorsMax) list.push({ batchIndex: cursor.index, message })
  return list
}

function keyMessage(rules: BatchRules): string {
  const where = `topic partition ${rules.topicPartition}`
  return `Compacted topic cannot accept message without key in ${where}`
}

function timestampMessage(timestamp: number, rules: BatchRules, nowMs: number): string {
  const first = nowMs - rules.timestampBeforeMaxMs
  const last = nowMs + rules.timestampAfterMaxMs
  return (
    `Timestamp ${timestamp} of message with offset ${cursor.offsetDelta} is out of range. ` +
    `The timestamp should be within [${first}, ${last}]`
  )
}

function layoutProblem(count: number): string | null {
  if (cursor.problem !== null) return cursor.problem
  if (cursor.index + 1 < count) return 'Incorrect declared batch size, premature EOF reached'
  if (cursor.bytesLeft() > 0)
    return 'Incorrect declared batch size, records still remaining in file'
  return null
}

/** New bytes where codec or offset deltas must change; both are rare. */
function repack(
  buffer: Buffer,
  at: number,
  plain: Buffer,
  rules: BatchRules,
  admission: Admission,
): ErrorCode {
  const source = codecOf(batchAttributes(buffer, at)) as Codec
  const target = rules.codec ?? source
  if (walk.hasDenseDeltas && target === source) return ErrorCode.NONE
  try {
    admission.replacement = walk.hasDenseDeltas
      ? repackBatch(buffer, at, plain, target, rules.compressionLevel)
      : rebuildBatch(buffer, at, plain, target, admission.logAppendTimeMs, rules)
  } catch (error) {
    return refuse(admission, codeOfPayloadError(error), (error as Error).message)
  }
  const bytes = admission.replacement.length
  if (bytes <= rules.maxMessageBytes) return ErrorCode.NONE
  return refuse(
    admission,
    ErrorCode.MESSAGE_TOO_LARGE,
    `The record batch is ${bytes} bytes after compression, more than ${rules.maxMessageBytes}.`,
  )
}

/** The same records with offset deltas 0..n-1. */
function rebuildBatch(
  buffer: Buffer,
  at: number,
  plain: Buffer,
  codec: Codec,
  logAppendTimeMs: number,
  rules: BatchRules,
): Buffer {
  const records: RecordToWrite[] = []
  const baseTimestamp = batchBaseTimestamp(buffer, at)
  cursor.reset(plain, 0, plain.length, batchRecordCount(buffer, at))
  while (cursor.next()) {
    records.push({
      key: recordKey(cursor),
      value: recordValue(cursor),
      headers: recordHeaders(cursor),
      timestamp: baseTimestamp + cursor.timestampDelta,
    })
  }
  return buildBatch({
    records,
    baseTimestamp,
    codec,
    compressionLevel: rules.compressionLevel,
    leaderEpoch: batchLeaderEpoch(buffer, at),
    timestampType: rules.timestampType,
    maxTimestamp: logAppendTimeMs === -1 ? walk.maxTimestamp : logAppendTimeMs,
    isTransactional: isTransactional(batchAttributes(buffer, at)),
    producerId: batchProducerId(buffer, at),
    producerEpoch: batchProducerEpoch(buffer, at),
    baseSequence: batchBaseSequence(buffer, at),
  })
}

function codeOfPayloadError(error: unknown): ErrorCode {
  if (error instanceof CodecUnavailable) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
  if (error instanceof CorruptPayload || error instanceof BombRefused)
    return ErrorCode.INVALID_RECORD
  throw error
}

function refuse(admission: Admission, errorCode: ErrorCode, message: string): ErrorCode {
  admission.errorCode = errorCode
  admission.message = message
  admission.replacement = null
  admission.logAppendTimeMs = -1
  return errorCode
}

function refuseRecords(admission: Admission, errors: RecordError[]): ErrorCode {
  admission.recordErrors = errors
  if (walk.hasBadTimestamp) {
    return refuse(
      admission,
      ErrorCode.INVALID_TIMESTAMP,
      'One or more records have been rejected due to invalid timestamp',
    )
  }
  const shown = errors
    .slice(0, 3)
    .map((error) => `RecordError(batchIndex=${error.batchIndex}, message='${error.message}')`)
  return refuse(
    admission,
    ErrorCode.INVALID_RECORD,
    `One or more records have been rejected due to ${errors.length} record errors in total, and ` +
      `only showing the first three errors at most: [${shown.join(', ')}]`,
  )
}

/**
 * May this batch of a client be appended? First the header, in Kafka's order (ProduceRequest,
 * UnifiedLog.analyzeAndValidateRecords, LogValidator.validateBatch), without allocating:
 *
 *   length and magic readable 2   exactly one batch          87   lastOffsetDelta + 1 = count  87
 *   whole batch present      87   baseOffset is 0            87   not a control batch          87
 *   magic is 2, codec known  87   size <= max.message.bytes  10   producer id has a sequence   87
 *   zstd needs Produce v7    76   CRC-32C                     2   not flagged LogAppendTime    32
 *
 * then the records, when the rules or the header call for it (validate-records.ts). Errors are
 * values.
 *
 * Differs from Kafka: a batch flagged LogAppendTime is always refused (32), Kafka lets it pass on
 * CreateTime topics when its timestamp is in range; bytes behind the batch that are no batch are
 * refused (87), Kafka drops them; an unknown codec is 87, in Kafka an unknown server error; a count
 * that cannot fit the bytes is refused from the header; 64-bit numbers above 2^53 are refused.
 */
import { ErrorCode } from '../base/errors.ts'
import { type Admission, type BatchRules, resetAdmission } from './admission.ts'
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchCrc,
  batchLastOffsetDelta,
  batchMagic,
  batchMaxTimestamp,
  batchProducerId,
  batchRecordCount,
  batchSizeInBytes,
  codecOf,
  computeBatchCrc,
  isControl,
  setMaxTimestampAndType,
  TimestampType,
  timestampTypeOf,
} from './batch.ts'
import { Codec } from './compression.ts'
import { admitRecords } from './validate-records.ts'

/**
 * Checks the `size` bytes at `at` (one partition's records of a Produce request of version
 * `produceVersion`) and makes them ready to append: timestamp type and maximum are patched in
 * place, other codecs or offset deltas give a `replacement`. Returns and stores the error code.
 */
export function admitBatch(
  buffer: Buffer,
  at: number,
  size: number,
  rules: BatchRules,
  produceVersion: number,
  nowMs: number,
  admission: Admission,
): ErrorCode {
  resetAdmission(admission)
  const problem = headerProblem(buffer, at, size, rules, produceVersion)
  if (problem !== Problem.none) {
    admission.message = describeProblem(problem, buffer, at, rules)
    admission.errorCode = PROBLEM_CODES[problem]
    return admission.errorCode
  }
  if (needsRecords(buffer, at, rules, nowMs))
    return admitRecords(buffer, at, rules, nowMs, admission)
  if (rules.timestampType === TimestampType.logAppendTime) {
    setMaxTimestampAndType(buffer, at, nowMs, TimestampType.logAppendTime)
    admission.logAppendTimeMs = nowMs
  }
  return ErrorCode.NONE
}

/** The header checks alone. */
export function validateBatch(
  buffer: Buffer,
  at: number,
  size: number,
  rules: BatchRules,
  produceVersion: number,
): ErrorCode {
  return PROBLEM_CODES[headerProblem(buffer, at, size, rules, produceVersion)]
}

/** Size of a header up to and including the magic byte: less is no batch at all. */
const HEADER_TO_MAGIC_BYTES = 17
/**
 * Twelve bytes in front of the length's reach and the least that any format has behind (Kafka's
 * 14).
 */
const BATCH_BYTES_MIN = 26
/** Seven fields of one byte each. */
const RECORD_BYTES_MIN = 7
const ZSTD_PRODUCE_VERSION_MIN = 7

const Problem = {
  none: 0,
  noBatch: 1,
  badLength: 2,
  badMagic: 3,
  oldMagic: 4,
  zstdTooEarly: 5,
  unknownCodec: 6,
  manyBatches: 7,
  baseOffset: 8,
  tooLarge: 9,
  crc: 10,
  count: 11,
  control: 12,
  sequence: 13,
  appendTimeFlag: 14,
  timestampRange: 15,
} as const
type Problem = (typeof Problem)[keyof typeof Problem]

const PROBLEM_CODES: Readonly<Record<Problem, ErrorCode>> = [
  ErrorCode.NONE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_RECORD,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.INVALID_TIMESTAMP,
]

function headerProblem(
  buffer: Buffer,
  at: number,
  size: number,
  rules: BatchRules,
  produceVersion: number,
): Problem {
  if (size < HEADER_TO_MAGIC_BYTES) return Problem.noBatch
  const bytes = batchSizeInBytes(buffer, at)
  if (bytes < BATCH_BYTES_MIN) return Problem.badLength
  const magic = batchMagic(buffer, at)
  if (magic < 0 || magic > BATCH_MAGIC) return Problem.badMagic
  if (bytes > size) return Problem.noBatch
  if (magic !== BATCH_MAGIC) return Problem.oldMagic
  const attributes = batchAttributes(buffer, at)
  const codec = codecOf(attributes)
  if (codec > Codec.zstd) return Problem.unknownCodec
  if (codec === Codec.zstd && produceVersion < ZSTD_PRODUCE_VERSION_MIN) return Problem.zstdTooEarly
  if (bytes < size) return Problem.manyBatches
  if (batchBaseOffset(buffer, at) !== 0) return Problem.baseOffset
  if (bytes > rules.maxMessageBytes) return Problem.tooLarge
  if (bytes < BATCH_HEADER_BYTES || batchCrc(buffer, at) !== computeBatchCrc(buffer, at))
    return Problem.crc
  const count = batchRecordCount(buffer, at)
  if (count <= 0 || batchLastOffsetDelta(buffer, at) !== count - 1) return Problem.count
  if (codec === Codec.none && count * RECORD_BYTES_MIN > bytes - BATCH_HEADER_BYTES)
    return Problem.count
  if (isControl(attributes)) return Problem.control
  const producerId = batchProducerId(buffer, at)
  if (producerId >= 0 && batchBaseSequence(buffer, at) < 0) return Problem.sequence
  if (!Number.isSafeInteger(producerId)) return Problem.sequence
  if (timestampTypeOf(attributes) === TimestampType.logAppendTime) return Problem.appendTimeFlag
  const isSafe =
    Number.isSafeInteger(batchBaseTimestamp(buffer, at)) &&
    Number.isSafeInteger(batchMaxTimestamp(buffer, at))
  return isSafe ? Problem.none : Problem.timestampRange
}

/**
 * True when the header cannot answer for the records: by rule, or because it claims a maximum
 * timestamp that is out of range (the reply lists which records) or below its own first one.
 */
function needsRecords(buffer: Buffer, at: number, rules: BatchRules, nowMs: number): boolean {
  if (rules.recordsValidation === 'full' || rules.isCompacted) return true
  if (rules.codec !== null && rules.codec !== codecOf(batchAttributes(buffer, at))) return true
  if (rules.timestampType === TimestampType.logAppendTime) return false
  if (rules.timestampBeforeMaxMs < Number.MAX_SAFE_INTEGER) return true
  const maxTimestamp = batchMaxTimestamp(buffer, at)
  return (
    maxTimestamp - nowMs > rules.timestampAfterMaxMs ||
    maxTimestamp < batchBaseTimestamp(buffer, at)
  )
}

/** Kafka's words where it has them. Cold. */
function describeProblem(problem: Problem, buffer: Buffer, at: number, rules: BatchRules): string {
  switch (problem) {
    case Problem.noBatch:
      return 'The request must have at least one complete record batch per partition'
    case Problem.badLength:
      return `Record size ${buffer.readInt32BE(at + 8)} is less than the minimum record overhead`
    case Problem.badMagic:
      return `Invalid magic found in record: ${batchMagic(buffer, at)}`
    case Problem.oldMagic:
      return 'Only record batches with magic version 2 are allowed'
    case Problem.zstdTooEarly:
      return 'ZStandard compression needs Produce version 7'
    case Problem.unknownCodec:
      return `Unknown compression type id: ${codecOf(batchAttributes(buffer, at))}`
    case Problem.manyBatches:
      return 'Exactly one record batch per partition is allowed'
    case Problem.baseOffset:
      return (
        `The baseOffset of the record batch in the append to ${rules.topicPartition} ` +
        `should be 0, but it is ${batchBaseOffset(buffer, at)}`
      )
    case Problem.tooLarge:
      return (
        `The record batch size in the append to ${rules.topicPartition} is ` +
        `${batchSizeInBytes(buffer, at)} bytes which exceeds the maximum configured value of ` +
        `${rules.maxMessageBytes}.`
      )
    case Problem.crc:
      return `Record is corrupt: the checksum does not match in ${rules.topicPartition}.`
    case Problem.count:
      return (
        `Inconsistent batch offset range [0, ${batchLastOffsetDelta(buffer, at)}] ` +
        `and count of records ${batchRecordCount(buffer, at)}`
      )
    case Problem.control:
      return 'Clients are not allowed to write control records'
    case Problem.sequence:
      return (
        `Invalid sequence number ${batchBaseSequence(buffer, at)} in record batch with ` +
        `producerId ${batchProducerId(buffer, at)}`
      )
    case Problem.appendTimeFlag:
      return 'Producer should not set timestamp type to LogAppendTime.'
    case Problem.timestampRange:
      return 'A timestamp is outside the range of safe integers'
    default:
      return ''
  }
}

/**
 * The v2 record batch header (KIP-98; org.apache.kafka.common.record.DefaultRecordBatch), read and
 * patched in place. The batch is the unit of everything: producing, storing, fetching, recovery.
 *
 *   0  baseOffset            int64  ┐
 *   8  length                int32  │ bytes that follow this field  ┐ outside the sum: the leader
 *  12  partitionLeaderEpoch  int32  │                               ┘ patches offset and epoch
 *  16  magic                 int8   │ 2
 *  17  crc                   uint32 │ CRC-32C of bytes 21..end
 *  21  attributes            int16  │ bits 0-2 codec, 3 LogAppendTime, 4 transactional,
 *                                   │ 5 control, 6 delete horizon (baseTimestamp holds it)
 *  23  lastOffsetDelta       int32  │ kept by compaction even when the last record goes
 *  27  baseTimestamp         int64  │
 *  35  maxTimestamp          int64  │ largest record timestamp, or the append time with bit 3
 *  43  producerId            int64  │ -1 none
 *  51  producerEpoch         int16  │ -1 none
 *  53  baseSequence          int32  │ -1 none
 *  57  recordCount           int32  ┘ may be 0 after compaction
 *  61  records, compressed as one block when a codec is set
 *
 * All functions take (buffer, at): `at` is the position of the batch's first byte. They read fixed
 * positions and expect that the caller has seen at least BATCH_HEADER_BYTES bytes there.
 */
import {
  readInt8,
  readInt16,
  readInt32,
  readInt64,
  readUint32,
  writeInt16,
  writeInt32,
  writeInt64,
} from '../base/big-endian.ts'
import { crc32c } from '../base/crc32c.ts'

export const BATCH_HEADER_BYTES = 61
/** Base offset, length and leader epoch: what the sum does not cover, but for magic and sum. */
export const BATCH_UNSUMMED_BYTES = 16
/** Bytes in front of what the length field counts. */
export const BATCH_PREFIX_BYTES = 12
export const BATCH_MAGIC = 2

export const BatchField = {
  baseOffset: 0,
  length: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: BATCH_HEADER_BYTES,
} as const

export const TimestampType = { createTime: 0, logAppendTime: 1 } as const
export type TimestampType = (typeof TimestampType)[keyof typeof TimestampType]

const CODEC_MASK = 0x07
const LOG_APPEND_TIME_BIT = 0x08
const TRANSACTIONAL_BIT = 0x10
const CONTROL_BIT = 0x20
const DELETE_HORIZON_BIT = 0x40

export function batchBaseOffset(buffer: Buffer, at: number): number {
  return readInt64(buffer, at)
}

/**
 * Whole size including the twelve bytes in front of the length's reach. Unchecked: may be absurd.
 */
export function batchSizeInBytes(buffer: Buffer, at: number): number {
  return BATCH_PREFIX_BYTES + readInt32(buffer, at + BatchField.length)
}

export function batchLeaderEpoch(buffer: Buffer, at: number): number {
  return readInt32(buffer, at + BatchField.partitionLeaderEpoch)
}

export function batchMagic(buffer: Buffer, at: number): number {
  return readInt8(buffer, at + BatchField.magic)
}

export function batchCrc(buffer: Buffer, at: number): number {
  return readUint32(buffer, at + BatchField.crc)
}

export function batchAttributes(buffer: Buffer, at: number): number {
  return readInt16(buffer, at + BatchField.attributes)
}

export function batchLastOffsetDelta(buffer: Buffer, at: number): number {
  return readInt32(buffer, at + BatchField.lastOffsetDelta)
}

/** First record's timestamp, or the delete horizon when `hasDeleteHorizon(attributes)`. */
export function batchBaseTimestamp(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + BatchField.baseTimestamp)
}

export function batchMaxTimestamp(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + BatchField.maxTimestamp)
}

export function batchProducerId(buffer: Buffer, at: number): number {
  return readInt64(buffer, at + BatchField.producerId)
}

export function batchProducerEpoch(buffer: Buffer, at: number): number {
  return readInt16(buffer, at + BatchField.producerEpoch)
}

export function batchBaseSequence(buffer: Buffer, at: number): number {
  return readInt32(buffer, at + BatchField.baseSequence)
}

export function batchRecordCount(buffer: Buffer, at: number): number {
  return readInt32(buffer, at + BatchField.recordCount)
}

/** Offset of the batch's last record (inclusive), also when compaction removed that record. */
export function batchLastOffset(buffer: Buffer, at: number): number {
  return batchBaseOffset(buffer, at) + batchLastOffsetDelta(buffer, at)
}

/** Sequence of the last record, -1 without one; sequences wrap from 2147483647 to 0. */
export function batchLastSequence(buffer: Buffer, at: number): number {
  const base = batchBaseSequence(buffer, at)
  return base === -1 ? -1 : incrementSequence(base, batchLastOffsetDelta(buffer, at))
}

/** `sequence + by` with Kafka's wrap. */
export function incrementSequence(sequence: number, by: number): number {
  const sum = sequence + by
  return sum > 0x7fffffff ? sum - 0x80000000 : sum
}

/** Codec id 0..4 (5-7 are not assigned): see compression.ts. */
export function codecOf(attributes: number): number {
  return attributes & CODEC_MASK
}

export function timestampTypeOf(attributes: number): TimestampType {
  return (attributes & LOG_APPEND_TIME_BIT) === 0
    ? TimestampType.createTime
    : TimestampType.logAppendTime
}

export function isTransactional(attributes: number): boolean {
  return (attributes & TRANSACTIONAL_BIT) !== 0
}

export function isControl(attributes: number): boolean {
  return (attributes & CONTROL_BIT) !== 0
}

export function hasDeleteHorizon(attributes: number): boolean {
  return (attributes & DELETE_HORIZON_BIT) !== 0
}

export interface AttributeFlags {
  readonly codec: number
  readonly timestampType: TimestampType
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly hasDeleteHorizon: boolean
}

export function attributesOf(flags: AttributeFlags): number {
  return (
    (flags.codec & CODEC_MASK) |
    (flags.timestampType === TimestampType.logAppendTime ? LOG_APPEND_TIME_BIT : 0) |
    (flags.isTransactional ? TRANSACTIONAL_BIT : 0) |
    (flags.isControl ? CONTROL_BIT : 0) |
    (flags.hasDeleteHorizon ? DELETE_HORIZON_BIT : 0)
  )
}

/** Outside the sum: no CRC work. */
export function setBaseOffset(buffer: Buffer, at: number, baseOffset: number): void {
  writeInt64(buffer, at, baseOffset)
}

/** Outside the sum: no CRC work. */
export function setLeaderEpoch(buffer: Buffer, at: number, leaderEpoch: number): void {
  writeInt32(buffer, at + BatchField.partitionLeaderEpoch, leaderEpoch)
}

/** Sets timestamp type and maximum; sums anew only if one of them changed. */
export function setMaxTimestampAndType(
  buffer: Buffer,
  at: number,
  maxTimestamp: number,
  type: TimestampType,
): void {
  const attributes = batchAttributes(buffer, at)
  if (timestampTypeOf(attributes) === type && batchMaxTimestamp(buffer, at) === maxTimestamp) return
  const others = attributes & ~LOG_APPEND_TIME_BIT
  const bit = type === TimestampType.logAppendTime ? LOG_APPEND_TIME_BIT : 0
  writeInt16(buffer, at + BatchField.attributes, others | bit)
  writeInt64(buffer, at + BatchField.maxTimestamp, maxTimestamp)
  setBatchCrc(buffer, at)
}

/** The sum the header should hold; the caller has checked that the whole batch is in the buffer. */
export function computeBatchCrc(buffer: Buffer, at: number): number {
  return crc32c(buffer, at + BatchField.attributes, at + batchSizeInBytes(buffer, at))
}

/** Sums the batch and stores the sum; needed after every change behind byte 20. */
export function setBatchCrc(buffer: Buffer, at: number): void {
  writeInt32(buffer, at + BatchField.crc, computeBatchCrc(buffer, at))
}

/**
 * Why the bytes [at, end) do not start with an intact stored batch (S1), or null when they do.
 * Length is looked at before anything it covers: an all-zero header is never valid. Chain checks
 * (offset and epoch against the batch before) belong to the log.
 */
export function storedBatchProblem(buffer: Buffer, at: number, end: number): string | null {
  if (end - at < BATCH_HEADER_BYTES) return `${end - at} bytes left, less than a batch header`
  const size = batchSizeInBytes(buffer, at)
  if (size < BATCH_HEADER_BYTES) return `batch size ${size} is less than a batch header`
  if (size > end - at) return `batch size ${size} exceeds the ${end - at} bytes left`
  const magic = batchMagic(buffer, at)
  if (magic !== BATCH_MAGIC) return `magic ${magic} is not ${BATCH_MAGIC}`
  const crc = computeBatchCrc(buffer, at)
  if (crc !== batchCrc(buffer, at)) return `crc ${crc} is not the stored ${batchCrc(buffer, at)}`
  return null
}

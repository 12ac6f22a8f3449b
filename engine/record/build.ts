/**
 * Makes record batches: what the broker itself writes (coordinator records, compacted and
 * recompressed batches) and what its own client and tests send. Layouts are drawn in batch.ts and
 * iterate.ts.
 *
 * Sizes are computed first, so an uncompressed batch is written once into memory of its exact size.
 */
import { assert } from '../base/assert.ts'
import { writeInt64 } from '../base/big-endian.ts'
import {
  attributesOf,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BATCH_PREFIX_BYTES,
  BatchField,
  setBatchCrc,
  TimestampType,
} from './batch.ts'
import { Codec, compress } from './compression.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

export interface RecordToWrite {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly HeaderToWrite[]
  /** Milliseconds since the epoch, -1 for none. */
  readonly timestamp: number
  /** To the batch's base offset; default: the record's index. Rising. */
  readonly offsetDelta?: number
}

export interface HeaderToWrite {
  readonly key: string
  readonly value: Buffer | null
}

export interface BatchToWrite {
  readonly records: readonly RecordToWrite[]
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  readonly codec?: Codec
  readonly compressionLevel?: number | undefined
  readonly timestampType?: TimestampType
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /**
   * Default: the last record's delta. Compaction keeps the original's; an empty batch must say it.
   */
  readonly lastOffsetDelta?: number
  /** Default: the first record's timestamp, -1 without records. */
  readonly baseTimestamp?: number
  /** Default: the largest timestamp of the records; the append time under LogAppendTime. */
  readonly maxTimestamp?: number
  /** Set by compaction: when tombstones may go; takes the place of the base timestamp. */
  readonly deleteHorizonMs?: number | undefined
}

const NO_HEADERS: readonly HeaderToWrite[] = []

/**
 * The batch's bytes with a correct CRC. Throws CodecUnavailable for a codec that is not installed.
 */
export function buildBatch(batch: BatchToWrite): Buffer {
  const { records } = batch
  const codec = batch.codec ?? Codec.none
  const baseTimestamp = batch.deleteHorizonMs ?? batch.baseTimestamp ?? records[0]?.timestamp ?? -1
  let recordsBytes = 0
  let previousDelta = -1
  for (let index = 0; index < records.length; index++) {
    const body = recordBodyBytes(records[index]!, index, baseTimestamp)
    recordsBytes += varintBytes(body) + body
    const delta = records[index]!.offsetDelta ?? index
    assert(delta > previousDelta, `offset delta ${delta} follows ${previousDelta}`)
    previousDelta = delta
  }
  const lastOffsetDelta = batch.lastOffsetDelta ?? previousDelta
  assert(lastOffsetDelta >= previousDelta, `lastOffsetDelta ${lastOffsetDelta} < ${previousDelta}`)
  assert(lastOffsetDelta >= 0, 'a batch without records says its lastOffsetDelta')
  if (codec === Codec.none || records.length === 0) {
    const whole = Buffer.allocUnsafe(BATCH_HEADER_BYTES + recordsBytes)
    writeRecords(whole, BATCH_HEADER_BYTES, records, baseTimestamp)
    return sealBatch(whole, batch, codec, baseTimestamp, lastOffsetDelta)
  }
  const plain = Buffer.allocUnsafe(recordsBytes)
  writeRecords(plain, 0, records, baseTimestamp)
  const packed = compress(codec, plain, batch.compressionLevel)
  const whole = Buffer.allocUnsafe(BATCH_HEADER_BYTES + packed.length)
  packed.copy(whole, BATCH_HEADER_BYTES)
  return sealBatch(whole, batch, codec, baseTimestamp, lastOffsetDelta)
}

function recordBodyBytes(record: RecordToWrite, index: number, baseTimestamp: number): number {
  const headers = record.headers ?? NO_HEADERS
  let bytes =
    1 +
    varlongBytes(record.timestamp - baseTimestamp) +
    varintBytes(record.offsetDelta ?? index) +
    nullableBytes(record.key) +
    nullableBytes(record.value) +
    varintBytes(headers.length)
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key)
    bytes += varintBytes(keyBytes) + keyBytes + nullableBytes(header.value)
  }
  return bytes
}

function nullableBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length
}

function writeRecords(
  into: Buffer,
  start: number,
  records: readonly RecordToWrite[],
  baseTimestamp: number,
): void {
  let at = start
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!
    const headers = record.headers ?? NO_HEADERS
    at = writeVarint(into, at, recordBodyBytes(record, index, baseTimestamp))
    into[at++] = 0
    at = writeVarlong(into, at, record.timestamp - baseTimestamp)
    at = writeVarint(into, at, record.offsetDelta ?? index)
    at = writeNullable(into, at, record.key)
    at = writeNullable(into, at, record.value)
    at = writeVarint(into, at, headers.length)
    for (const header of headers) {
      at = writeVarint(into, at, Buffer.byteLength(header.key))
      at += into.write(header.key, at, 'utf8')
      at = writeNullable(into, at, header.value)
    }
  }
  assert(at === into.length, `records end at ${at}, room ends at ${into.length}`)
}

function writeNullable(into: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(into, at, -1)
  const start = writeVarint(into, at, bytes.length)
  return start + bytes.copy(into, start)
}

function sealBatch(
  whole: Buffer,
  batch: BatchToWrite,
  codec: Codec,
  baseTimestamp: number,
  lastOffsetDelta: number,
): Buffer {
  const attributes = attributesOf({
    codec,
    timestampType: batch.timestampType ?? TimestampType.createTime,
    isTransactional: batch.isTransactional ?? false,
    isControl: batch.isControl ?? false,
    hasDeleteHorizon: batch.deleteHorizonMs !== undefined,
  })
  writeInt64(whole, BatchField.baseOffset, batch.baseOffset ?? 0)
  whole.writeInt32BE(whole.length - BATCH_PREFIX_BYTES, BatchField.length)
  whole.writeInt32BE(batch.leaderEpoch ?? -1, BatchField.partitionLeaderEpoch)
  whole.writeInt8(BATCH_MAGIC, BatchField.magic)
  whole.writeInt16BE(attributes, BatchField.attributes)
  whole.writeInt32BE(lastOffsetDelta, BatchField.lastOffsetDelta)
  writeInt64(whole, BatchField.baseTimestamp, baseTimestamp)
  const maxTimestamp = batch.maxTimestamp ?? largestTimestamp(batch.records)
  writeInt64(whole, BatchField.maxTimestamp, maxTimestamp)
  writeInt64(whole, BatchField.producerId, batch.producerId ?? -1)
  whole.writeInt16BE(batch.producerEpoch ?? -1, BatchField.producerEpoch)
  whole.writeInt32BE(batch.baseSequence ?? -1, BatchField.baseSequence)
  whole.writeInt32BE(batch.records.length, BatchField.recordCount)
  setBatchCrc(whole, 0)
  return whole
}

function largestTimestamp(records: readonly RecordToWrite[]): number {
  let largest = -1
  for (const record of records) if (record.timestamp > largest) largest = record.timestamp
  return largest
}

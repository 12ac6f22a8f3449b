/**
 * The same records under another codec: `compression.type` other than `producer`, and compaction.
 * Every header field but length, codec bits and CRC stays; so do offsets, deltas and timestamps.
 */
import { limits } from '../base/limits.ts'
import {
  BATCH_PREFIX_BYTES,
  BatchField,
  batchAttributes,
  batchSizeInBytes,
  codecOf,
  setBatchCrc,
} from './batch.ts'
import { type Codec, compress, decompress } from './compression.ts'

const CODEC_MASK = 0x07

/**
 * The batch at `at` with its records under `codec`, as new bytes. Throws CorruptPayload,
 * BombRefused, CodecUnavailable.
 */
export function recompress(
  batch: Buffer,
  at: number,
  codec: Codec,
  level?: number,
  maxBytes: number = limits.inflateBytesMax,
): Buffer {
  const packed = batch.subarray(at + BatchField.records, at + batchSizeInBytes(batch, at))
  const source = codecOf(batchAttributes(batch, at))
  const plain = packed.length === 0 ? packed : decompress(source, packed, maxBytes)
  return repackBatch(batch, at, plain, codec, level)
}

/** As `recompress`, for a caller that has the plain records. */
export function repackBatch(
  batch: Buffer,
  at: number,
  plain: Buffer,
  codec: Codec,
  level: number | undefined,
): Buffer {
  const packed = plain.length === 0 ? plain : compress(codec, plain, level)
  const whole = Buffer.allocUnsafe(BatchField.records + packed.length)
  batch.copy(whole, 0, at, at + BatchField.records)
  packed.copy(whole, BatchField.records)
  whole.writeInt32BE(whole.length - BATCH_PREFIX_BYTES, BatchField.length)
  const attributes = (batchAttributes(batch, at) & ~CODEC_MASK) | codec
  whole.writeInt16BE(attributes, BatchField.attributes)
  setBatchCrc(whole, 0)
  return whole
}

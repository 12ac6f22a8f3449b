/**
 * Batches of a wanted size or number of records, built once before a load: what a producer that fills
 * `batch.size` sends, or one that sends every record alone.
 */
import { assert } from '../../engine/base/assert.ts'
import { buildBatch, type RecordToWrite } from '../../engine/record/build.ts'
import { Codec } from '../../engine/record/compression.ts'
import type { BatchShape } from './load-plan.ts'
import { type PayloadSource, payloadSource, randomBytes } from './payload.ts'

/** Of every record: that of the run, or retention would delete what is read later. */
const TIME = Date.now()
/** Different batches of one load, so that nothing below profits from equal ones. */
const VARIANTS_MAX = 16
const VARIANT_BYTES_MAX = 16 * 1024 * 1024
/** Header of a batch and of a record. */
const ROOM = 90
const RECORDS_MAX = 1_000_000

export interface SizedBatch {
  readonly bytes: Buffer
  readonly records: number
}

/** What a shape means where nothing is said of keys, codec and payload. */
export const PLAIN_SHAPE: BatchShape = {
  batchBytes: 0,
  recordsPerBatch: 1,
  recordBytes: 100,
  keyBytes: 0,
  codec: 'none',
  payload: 'random',
  payloadFile: '',
}

/**
 * The batches a load sends in turns, fewer where `copies` of each will be kept. Throws RangeError for a
 * shape that gives none.
 */
export function batchesOf(shape: BatchShape, copies = 1, isTransactional = false): SizedBatch[] {
  const { batchBytes, recordBytes, keyBytes } = shape
  if (batchBytes > 0 && shape.payload !== 'file' && batchBytes < recordBytes + keyBytes + ROOM)
    throw new RangeError(
      `a batch of ${batchBytes} bytes has no room for a record of ${recordBytes + keyBytes}`,
    )
  const source = payloadSource(shape)
  const first = oneOf(shape, source, 0, isTransactional)
  // Filled from lines of many sizes, each would hold another number of records.
  if (shape.payload === 'file' && batchBytes > 0) return [first]
  const variants = Math.min(
    VARIANTS_MAX,
    Math.max(1, Math.floor(VARIANT_BYTES_MAX / (first.bytes.length * copies))),
  )
  const more = Array.from({ length: variants - 1 }, (_, at) =>
    oneOf(shape, source, (at + 1) * first.records, isTransactional),
  )
  return [first, ...more]
}

/** A batch with one record of `valueBytes`, as an unbatched producer sends it. */
export function oneRecordBatch(valueBytes: number): SizedBatch {
  return oneOf({ ...PLAIN_SHAPE, recordBytes: valueBytes }, randomBytes, 0)
}

/** A batch of exactly `bytes`, or a byte or two less where no record length gives it. */
export function filledBatch(bytes: number, valueBytes: number): SizedBatch {
  return oneOf({ ...PLAIN_SHAPE, batchBytes: bytes, recordBytes: valueBytes }, randomBytes, 0)
}

function oneOf(
  shape: BatchShape,
  source: PayloadSource,
  firstIndex: number,
  isTransactional = false,
): SizedBatch {
  const record = (size: number, at: number): RecordToWrite => ({
    key: shape.keyBytes === 0 ? null : randomBytes(shape.keyBytes, firstIndex + at + 0x5eed),
    value: source(size, firstIndex + at),
    timestamp: TIME,
  })
  const records =
    shape.batchBytes === 0
      ? Array.from({ length: shape.recordsPerBatch }, (_, at) => record(shape.recordBytes, at))
      : filling(shape, record)
  const codec = Codec[shape.codec]
  return { bytes: buildBatch({ records, codec, isTransactional }), records: records.length }
}

/** As many whole records as fit, the last one cut to measure where the payload lets itself be cut. */
function filling(
  { batchBytes, recordBytes, payload }: BatchShape,
  record: (size: number, at: number) => RecordToWrite,
): RecordToWrite[] {
  const sizeOf = (records: RecordToWrite[]): number => buildBatch({ records }).length
  const records = [record(recordBytes, 0)]
  let total = sizeOf(records)
  while (total < batchBytes && records.length < RECORDS_MAX) {
    const next = record(recordBytes, records.length)
    records.push(next)
    // A record's own bytes do not depend on its neighbours: header and first record taken off.
    total += sizeOf([{ ...next, offsetDelta: records.length - 1 }]) - HEADER_BYTES
  }
  if (total > batchBytes && records.length > 1) records.pop()
  if (payload === 'file') return records
  return cutToSize(records, batchBytes, (size) => record(size, records.length))
}

const HEADER_BYTES = 61

/** Adds a last record so that the batch has its size, giving up others where there is no room. */
function cutToSize(
  records: RecordToWrite[],
  bytes: number,
  last: (size: number) => RecordToWrite,
): RecordToWrite[] {
  const sizeWith = (size: number): number =>
    buildBatch({ records: [...records, last(size)] }).length
  while (records.length > 1 && sizeWith(0) > bytes) records.pop()
  let size = Math.max(0, bytes - sizeWith(0))
  while (size > 0 && sizeWith(size) > bytes) size--
  const filled = [...records, last(size)]
  const length = buildBatch({ records: filled }).length
  assert(length <= bytes && length > bytes - 8, `${length} is not ${bytes}`)
  return filled
}

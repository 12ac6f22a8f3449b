/**
 * Batches of a wanted size: what a producer that fills `batch.size` sends, built once. Payload bytes
 * come from a small generator, so that no layer below can profit from a page of equal bytes.
 */
import { assert } from '../../engine/base/assert.ts'
import { buildBatch } from '../../engine/record/build.ts'

const TIME = 1_700_000_000_000

export interface SizedBatch {
  readonly bytes: Buffer
  readonly records: number
}

/** A batch with one record of `valueBytes`, as an unbatched producer sends it. */
export function oneRecordBatch(valueBytes: number): SizedBatch {
  return { bytes: batchOf([valueBytes]), records: 1 }
}

/** A batch of exactly `bytes`, or a byte or two less where no record length gives it. */
export function filledBatch(bytes: number, valueBytes: number): SizedBatch {
  const single = batchOf([valueBytes]).length
  const each = batchOf([valueBytes, valueBytes]).length - single
  const sizes = [valueBytes]
  for (let total = single; total + 2 * each <= bytes; total += each) sizes.push(valueBytes)
  // Later records are a byte longer: their offset delta grows.
  while (sizes.length > 1 && batchOf([...sizes, 0]).length > bytes) sizes.pop()
  let last = Math.max(0, bytes - batchOf([...sizes, 0]).length)
  while (last > 0 && batchOf([...sizes, last]).length > bytes) last--
  const batch = batchOf([...sizes, last])
  assert(batch.length <= bytes && batch.length > bytes - 8, `${batch.length} is not ${bytes}`)
  return { bytes: batch, records: sizes.length + 1 }
}

function batchOf(valueSizes: readonly number[]): Buffer {
  return buildBatch({
    records: valueSizes.map((size, index) => ({
      key: null,
      value: noise(size, index),
      timestamp: TIME,
    })),
  })
}

/** Bytes that do not repeat within a page (xorshift32). */
function noise(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let state = (seed * 0x9e3779b9 + 1) | 0
  for (let at = 0; at < size; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state
  }
  return bytes
}

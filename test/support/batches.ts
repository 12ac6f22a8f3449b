/** Sample batches for tests and benches: JSON-like records of a given size. */
import { type BatchToWrite, buildBatch, type RecordToWrite } from '../../engine/record/build.ts'

const WORDS = 'order item customer ship price total euro berlin lisbon pending paid'.split(' ')

/** Deterministic records of about `valueBytes` each; half text that compresses, half digits that less so. */
export function sampleRecords(
  count: number,
  valueBytes: number,
  timestamp = 1_700_000_000_000,
): RecordToWrite[] {
  let state = 12345
  const next = (bound: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % bound
  }
  return Array.from({ length: count }, (_, index) => {
    let text = `{"id":${index}`
    while (text.length < valueBytes) text += `,"${WORDS[next(WORDS.length)]}":${next(1_000_000)}`
    return {
      key: Buffer.from(`key-${next(10_000)}`),
      value: Buffer.from(text.slice(0, valueBytes)),
      timestamp: timestamp + (index >> 2),
    }
  })
}

/** A batch whose uncompressed size is close to `bytes`. */
export function sampleBatch(
  bytes: number,
  options: Omit<BatchToWrite, 'records'> = {},
  valueBytes = 100,
): Buffer {
  const count = Math.max(1, Math.floor((bytes - 61) / (valueBytes + 17)))
  return buildBatch({ records: sampleRecords(count, valueBytes), ...options })
}

import { describe, expect, it } from 'vitest'
import { BatchCompactor } from '../../../engine/log/compact-batch.ts'
import { CompactOffsetMap } from '../../../engine/log/compact-offset-map.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchLastOffset,
  batchMaxTimestamp,
  batchRecordCount,
  codecOf,
  hasDeleteHorizon,
  storedBatchProblem,
  TimestampType,
} from '../../../engine/record/batch.ts'
import { type BatchToWrite, buildBatch, type RecordToWrite } from '../../../engine/record/build.ts'
import { Codec } from '../../../engine/record/compression.ts'
import { buildEndTransactionMarker } from '../../../engine/record/control.ts'
import { readRecords } from '../../../engine/record/iterate.ts'

const FATE = { dropAll: false, emptyMarker: false, keepEmpty: false }
const KEY = Buffer.from('k')

/** A compactor for a map with these newest offsets. */
function compactor(nowMs: number, latest: Readonly<Record<string, number>>): BatchCompactor {
  const seed = [1, 2, 3, 4] as const
  const shape = {
    memory: new ArrayBuffer(4_096),
    bytes: 4_096,
    loadFactor: 0.9,
    firstOffset: 0,
    seed,
  }
  const map = new CompactOffsetMap(shape)
  for (const [key, offset] of Object.entries(latest).sort((a, b) => a[1] - b[1]))
    map.put(Buffer.from(key), 0, key.length, offset)
  return new BatchCompactor({ map, nowMs, deleteRetentionMs: 100 })
}

const record = (key: string, timestamp: number, value: string | null = key): RecordToWrite => ({
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp,
  headers: [{ key: 'h', value: Buffer.from(key) }],
})

describe('a batch under compaction', () => {
  it('stays as it is, uncopied, when all its records stay', () => {
    const batch = buildBatch({ records: [record('a', 5), record('b', 6)], baseOffset: 7 })
    const kept = compactor(0, { a: 7, b: 8 }).compact(batch, 0, FATE)!
    expect(kept.buffer).toBe(batch.buffer)
    expect(kept.equals(batch)).toBe(true)
  })

  it.each([
    ['none', {}],
    ['zstd', { codec: Codec.zstd }],
    ['lz4', { codec: Codec.lz4 }],
    ['append time', { timestampType: TimestampType.logAppendTime, maxTimestamp: 1_000 }],
    ['producer', { producerId: 9, producerEpoch: 1, baseSequence: 40, isTransactional: true }],
  ] as [string, Partial<BatchToWrite>][])(
    'keeps offsets, times, headers and its own range without some records: %s',
    (_, more) => {
      const keys = ['a', 'b', 'a', 'c', 'b', 'd']
      const records = keys.map((key, index) => record(key, 500 + 300 * index))
      const batch = buildBatch({ records, baseOffset: 100, leaderEpoch: 3, ...more })
      const latest = { a: 102, c: 200, b: 104, d: 105 }
      const kept = compactor(0, { ...latest, z: 300 }).compact(batch, 0, FATE)!
      expect(storedBatchProblem(kept, 0, kept.length)).toBeNull()
      const expected = readRecords(batch).filter(({ offset }) => [102, 104, 105].includes(offset))
      expect(readRecords(kept)).toEqual(expected)
      expect([batchBaseOffset(kept, 0), batchLastOffset(kept, 0)]).toEqual([100, 105])
      expect(batchAttributes(kept, 0)).toBe(batchAttributes(batch, 0))
      // As Kafka's builder writes it: the base is the first kept record's time.
      expect(batchBaseTimestamp(kept, 0)).toBe(expected[0]!.timestamp)
      expect(batchMaxTimestamp(kept, 0)).toBe(batchMaxTimestamp(batch, 0))
      expect(kept.subarray(43, 57).equals(batch.subarray(43, 57))).toBe(true)
      if (codecOf(batchAttributes(batch, 0)) === Codec.none && more.timestampType === undefined) {
        const deltas = [2, 4, 5]
        const whole = buildBatch({
          records: deltas.map((delta) => ({ ...records[delta]!, offsetDelta: delta })),
          baseOffset: 100,
          leaderEpoch: 3,
          lastOffsetDelta: 5,
          ...more,
        })
        expect(kept.equals(whole)).toBe(true)
      }
    },
  )

  it('keeps records above the map, drops those without a key below it', () => {
    const keyless = { key: null, value: KEY, timestamp: 5 }
    const batch = buildBatch({ records: [keyless, record('k', 5), keyless], baseOffset: 7 })
    const kept = compactor(0, { k: 8 }).compact(batch, 0, FATE)!
    expect(readRecords(kept).map(({ offset }) => offset)).toEqual([8, 9])
  })

  it('keeps a tombstone up to the horizon that the first pass gives it', () => {
    const records = [record('v', 4), record('k', 5, null)]
    const batch = buildBatch({ records, baseOffset: 7 })
    const first = Buffer.from(compactor(1_000, { v: 7, k: 8 }).compact(batch, 0, FATE)!)
    expect(storedBatchProblem(first, 0, first.length)).toBeNull()
    expect(hasDeleteHorizon(batchAttributes(first, 0))).toBe(true)
    expect(batchBaseTimestamp(first, 0)).toBe(1_100)
    expect(readRecords(first)).toEqual(readRecords(batch))
    expect(compactor(1_099, { v: 7, k: 8 }).compact(first, 0, FATE)?.equals(first)).toBe(true)
    const later = compactor(1_100, { v: 7, k: 8 }).compact(first, 0, FATE)!
    expect(readRecords(later)).toEqual(readRecords(batch).slice(0, 1))
    expect(batchBaseTimestamp(later, 0)).toBe(1_100)
  })

  it('keeps its range and sequence without records when it has to stay', () => {
    const records = [1, 2].map((timestamp) => ({ key: KEY, value: KEY, timestamp }))
    const producer = { producerId: 4, producerEpoch: 1, baseSequence: 30 }
    const batch = buildBatch({ records, baseOffset: 7, codec: Codec.gzip, ...producer })
    const empty = compactor(1_000, { k: 99 }).compact(batch, 0, { ...FATE, keepEmpty: true })!
    expect(storedBatchProblem(empty, 0, empty.length)).toBeNull()
    expect(batchRecordCount(empty, 0)).toBe(0)
    expect([batchBaseOffset(empty, 0), batchLastOffset(empty, 0)]).toEqual([7, 8])
    expect([batchBaseTimestamp(empty, 0), batchMaxTimestamp(empty, 0)]).toEqual([-1, 2])
    expect(codecOf(batchAttributes(empty, 0))).toBe(Codec.none)
    expect(empty.readInt32BE(53)).toBe(30)
    expect(compactor(1_000, { k: 99 }).compact(batch, 0, FATE)).toBeNull()
  })

  it('drops aborted data whatever the map says', () => {
    const batch = buildBatch({ records: [record('k', 5)], baseOffset: 7 })
    expect(compactor(0, { k: 7 }).compact(batch, 0, { ...FATE, dropAll: true })).toBeNull()
  })

  it('drops a marker after a horizon of its own, once its transaction has no data', () => {
    const fields = { producerId: 4, producerEpoch: 1, coordinatorEpoch: 0, timestamp: 5 }
    const marker = buildEndTransactionMarker({ type: 'commit', ...fields })
    expect(compactor(1_000, { k: 99 }).compact(marker, 0, FATE)?.equals(marker)).toBe(true)
    const fate = { ...FATE, emptyMarker: true }
    const first = Buffer.from(compactor(1_000, { k: 99 }).compact(marker, 0, fate)!)
    expect(batchBaseTimestamp(first, 0)).toBe(1_100)
    expect(compactor(1_100, { k: 99 }).compact(first, 0, FATE)).not.toBeNull()
    expect(compactor(1_099, { k: 99 }).compact(first, 0, fate)).not.toBeNull()
    expect(compactor(1_100, { k: 99 }).compact(first, 0, fate)).toBeNull()
  })

  it('takes more records than it has room for at first', () => {
    const records = Array.from({ length: 3_000 }, (_, index) => record(`${index % 1_500}`, index))
    const batch = buildBatch({ records, baseOffset: 0 })
    const latest = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`${index}`, 1_500 + index]),
    )
    const kept = compactor(0, { ...latest, z: 9_999 }).compact(batch, 0, FATE)!
    const expected = readRecords(batch).filter(
      ({ key, offset }) => offset >= (latest[String(key)] ?? 0),
    )
    expect(readRecords(kept)).toEqual(expected)
  })
})

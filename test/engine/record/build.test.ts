import { describe, expect, it } from 'vitest'
import {
  batchAttributes,
  batchBaseTimestamp,
  batchMaxTimestamp,
  batchRecordCount,
  isControl,
  isTransactional,
  setMaxTimestampAndType,
  storedBatchProblem,
  TimestampType,
} from '../../../engine/record/batch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { Codec } from '../../../engine/record/compression.ts'
import {
  buildEndTransactionMarker,
  readEndTransactionMarker,
} from '../../../engine/record/control.ts'
import { RecordCursor, readRecords } from '../../../engine/record/iterate.ts'
import { sampleRecords } from '../../support/batches.ts'

describe('a built batch', () => {
  it.each(Object.entries(Codec))('gives its records back under %s', (_name, codec) => {
    const records = [
      { key: null, value: null, timestamp: -1 },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), timestamp: 5, headers: [] },
      {
        key: Buffer.from('k'),
        value: Buffer.alloc(70_000, 'v'),
        timestamp: 2 ** 41,
        headers: [
          { key: '', value: null },
          { key: 'naïve', value: Buffer.from([0, 255]) },
          { key: 'naïve', value: Buffer.alloc(0) },
        ],
      },
    ]
    const batch = buildBatch({ records, codec, baseOffset: 100 })
    expect(storedBatchProblem(batch, 0, batch.length)).toBeNull()
    expect(readRecords(batch)).toEqual(
      records.map((record, index) => ({
        ...record,
        headers: record.headers ?? [],
        offset: 100 + index,
        sequence: -1,
      })),
    )
    expect(batchMaxTimestamp(batch, 0)).toBe(2 ** 41)
    expect(batchBaseTimestamp(batch, 0)).toBe(-1)
  })

  it('may have gaps and no records at all', () => {
    const gaps = buildBatch({
      records: [
        { key: null, value: Buffer.from('a'), timestamp: 1, offsetDelta: 2 },
        { key: null, value: Buffer.from('b'), timestamp: 2, offsetDelta: 7 },
      ],
      lastOffsetDelta: 9,
      producerId: 4,
      producerEpoch: 0,
      baseSequence: 2147483646,
    })
    expect(readRecords(gaps).map((record) => record.offset)).toEqual([2, 7])
    expect(readRecords(gaps).map((record) => record.sequence)).toEqual([0, 5])
    const empty = buildBatch({ records: [], lastOffsetDelta: 9, codec: Codec.lz4 })
    expect(empty.length).toBe(61)
    expect(batchRecordCount(empty, 0)).toBe(0)
    expect(readRecords(empty)).toEqual([])
    expect(() => buildBatch({ records: [] })).toThrow(/lastOffsetDelta/)
    const falling = [1, 0].map((offsetDelta) => ({ ...sampleRecords(1, 10)[0]!, offsetDelta }))
    expect(() => buildBatch({ records: falling })).toThrow(/offset delta/)
  })

  it('shows one time for all records under LogAppendTime', () => {
    const batch = buildBatch({ records: sampleRecords(5, 20) })
    setMaxTimestampAndType(batch, 0, 1234, TimestampType.logAppendTime)
    expect(readRecords(batch).map((record) => record.timestamp)).toEqual([
      1234, 1234, 1234, 1234, 1234,
    ])
  })
})

describe('an end of transaction marker', () => {
  it.each(['commit', 'abort'] as const)('says %s and the coordinator epoch', (type) => {
    const batch = buildEndTransactionMarker({
      type,
      producerId: 9,
      producerEpoch: 2,
      coordinatorEpoch: 77,
      timestamp: 1000,
    })
    expect(batch.length).toBe(78)
    expect(isControl(batchAttributes(batch, 0))).toBe(true)
    expect(isTransactional(batchAttributes(batch, 0))).toBe(true)
    expect(readEndTransactionMarker(batch)).toEqual({ type, coordinatorEpoch: 77 })
  })

  it('is not read from other batches', () => {
    expect(readEndTransactionMarker(buildBatch({ records: sampleRecords(1, 5) }))).toBeNull()
    expect(readEndTransactionMarker(buildBatch({ records: [], lastOffsetDelta: 0 }))).toBeNull()
  })
})

describe('the cursor', () => {
  it('gives positions of keys, values and headers without making objects', () => {
    const batch = buildBatch({
      records: [
        { key: Buffer.from('kk'), value: Buffer.from('vvv'), timestamp: 10 },
        {
          key: null,
          value: Buffer.from('w'),
          timestamp: 12,
          headers: [{ key: 'h', value: Buffer.from('x') }],
        },
      ],
    })
    const cursor = new RecordCursor()
    cursor.reset(batch, 61, batch.length, 2)
    expect(cursor.next()).toBe(true)
    expect(batch.toString('utf8', cursor.keyStart, cursor.keyStart + cursor.keyBytes)).toBe('kk')
    expect(cursor.valueBytes).toBe(3)
    expect(cursor.finishRecord()).toBe(true)
    expect(cursor.next()).toBe(true)
    expect([cursor.keyBytes, cursor.timestampDelta, cursor.offsetDelta]).toEqual([-1, 2, 1])
    expect(cursor.nextHeader()).toBe(true)
    expect(batch.toString('utf8', cursor.headerKeyStart, cursor.headerKeyStart + 1)).toBe('h')
    expect(cursor.nextHeader()).toBe(false)
    expect(cursor.next()).toBe(false)
    expect(cursor.bytesLeft()).toBe(0)
    expect(cursor.problem).toBeNull()
  })

  it('passes over headers nobody looked at', () => {
    const record = { key: null, value: null, timestamp: 0, headers: [{ key: 'h', value: null }] }
    const batch = buildBatch({ records: [record, record, record] })
    const cursor = new RecordCursor()
    cursor.reset(batch, 61, batch.length, 3)
    let count = 0
    while (cursor.next()) count++
    expect(count).toBe(3)
  })
})

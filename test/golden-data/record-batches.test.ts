import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchCrc,
  batchLastOffset,
  batchLastOffsetDelta,
  batchLastSequence,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  batchSizeInBytes,
  codecOf,
  hasDeleteHorizon,
  isControl,
  isTransactional,
  storedBatchProblem,
  TimestampType,
  timestampTypeOf,
} from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { Codec, codecName } from '../../engine/record/compression.ts'
import { buildEndTransactionMarker, readEndTransactionMarker } from '../../engine/record/control.ts'
import { readRecords, type StoredRecord } from '../../engine/record/iterate.ts'
import { recompress } from '../../engine/record/recompress.ts'
import { type DumpedBatch, parseDump } from '../support/dump-log.ts'

const LOGS = join(import.meta.dirname, '../golden/logs')

interface Segment {
  name: string
  bytes: Buffer
  /** Start of every batch. */
  starts: number[]
  dump: DumpedBatch[] | null
}

function readSegments(): Segment[] {
  const segments: Segment[] = []
  for (const partition of readdirSync(join(LOGS, 'data'), { withFileTypes: true })) {
    if (!partition.isDirectory()) continue
    for (const file of readdirSync(join(LOGS, 'data', partition.name))) {
      if (!file.endsWith('.log')) continue
      const bytes = readFileSync(join(LOGS, 'data', partition.name, file))
      const dumpPath = join(LOGS, 'dump', partition.name, `${file}.dump.txt`)
      const dump = existsSync(dumpPath) ? parseDump(readFileSync(dumpPath, 'utf8')) : null
      const starts: number[] = []
      for (let at = 0; at < bytes.length; at += batchSizeInBytes(bytes, at)) {
        expect(storedBatchProblem(bytes, at, bytes.length)).toBeNull()
        starts.push(at)
      }
      segments.push({ name: `${partition.name}/${file}`, bytes, starts, dump })
    }
  }
  return segments
}

let segments: Segment[] = []
let batches: { bytes: Buffer; at: number; name: string }[] = []

beforeAll(async () => {
  segments = readSegments()
  batches = segments.flatMap(({ name, bytes, starts }) =>
    starts.map((at) => ({ bytes, at, name: `${name}@${at}` })),
  )
})

/**
 * Compaction and the broker build nothing new here: everything is taken from header and records.
 */
function rebuild(bytes: Buffer, at: number, records: StoredRecord[]): Buffer {
  const attributes = batchAttributes(bytes, at)
  const baseTimestamp = batchBaseTimestamp(bytes, at)
  const appended = timestampTypeOf(attributes) === TimestampType.logAppendTime
  const trueTimestamps = appended ? appendedDeltas(bytes, at, records) : null
  return buildBatch({
    records: records.map((record, index) => ({
      key: record.key,
      value: record.value,
      headers: record.headers,
      timestamp: trueTimestamps?.[index] ?? record.timestamp,
      offsetDelta: record.offset - batchBaseOffset(bytes, at),
    })),
    baseOffset: batchBaseOffset(bytes, at),
    leaderEpoch: batchLeaderEpoch(bytes, at),
    timestampType: timestampTypeOf(attributes),
    isTransactional: isTransactional(attributes),
    isControl: isControl(attributes),
    producerId: batchProducerId(bytes, at),
    producerEpoch: batchProducerEpoch(bytes, at),
    baseSequence: batchBaseSequence(bytes, at),
    lastOffsetDelta: batchLastOffsetDelta(bytes, at),
    ...(hasDeleteHorizon(attributes) ? { deleteHorizonMs: baseTimestamp } : { baseTimestamp }),
    ...(appended || records.length === 0 ? { maxTimestamp: batchMaxTimestamp(bytes, at) } : {}),
  })
}

/**
 * Timestamps as the client sent them: a copy of the batch with the LogAppendTime bit cleared gives
 * them.
 */
function appendedDeltas(bytes: Buffer, at: number, records: StoredRecord[]): number[] {
  const copy = Buffer.from(bytes.subarray(at, at + batchSizeInBytes(bytes, at)))
  copy.writeInt16BE(batchAttributes(copy, 0) & ~0x08, 21)
  const plain = readRecords(copy)
  expect(plain).toHaveLength(records.length)
  return plain.map((record) => record.timestamp)
}

describe('record batches written by Kafka 4.2', () => {
  it('are all found, in every codec', () => {
    expect(batches.length).toBeGreaterThan(300)
    const codecs = new Set(batches.map(({ bytes, at }) => codecOf(batchAttributes(bytes, at))))
    expect([...codecs].sort()).toEqual([0, 1, 2, 3, 4])
  })

  it('have the headers that kafka-dump-log prints', () => {
    for (const { name, bytes, starts, dump } of segments) {
      if (dump === null) continue
      expect(dump.length, name).toBe(starts.length)
      starts.forEach((at, index) => {
        const attributes = batchAttributes(bytes, at)
        const appended = timestampTypeOf(attributes) === TimestampType.logAppendTime
        const expected = dump[index]!.fields
        const horizon = hasDeleteHorizon(attributes)
          ? `OptionalLong[${batchBaseTimestamp(bytes, at)}]`
          : 'OptionalLong.empty'
        const actual: Record<string, unknown> = {
          baseOffset: batchBaseOffset(bytes, at),
          lastOffset: batchLastOffset(bytes, at),
          count: batchRecordCount(bytes, at),
          baseSequence: batchBaseSequence(bytes, at),
          lastSequence: batchLastSequence(bytes, at),
          producerId: batchProducerId(bytes, at),
          producerEpoch: batchProducerEpoch(bytes, at),
          partitionLeaderEpoch: batchLeaderEpoch(bytes, at),
          isTransactional: isTransactional(attributes),
          isControl: isControl(attributes),
          deleteHorizonMs: horizon,
          position: at,
          [appended ? 'LogAppendTime' : 'CreateTime']: batchMaxTimestamp(bytes, at),
          size: batchSizeInBytes(bytes, at),
          magic: 2,
          compresscodec: codecName(codecOf(attributes)),
          crc: batchCrc(bytes, at),
          isvalid: true,
        }
        const text = Object.entries(actual).map(([key, value]) => [key, String(value)])
        expect(Object.fromEntries(text), `${name}@${at}`).toEqual(Object.fromEntries(expected))
      })
    }
  })

  it('have the records that kafka-dump-log prints', () => {
    let texts = 0
    for (const { name, bytes, starts, dump } of segments) {
      if (dump === null) continue
      const decoded = starts.map((at) => readRecords(bytes, at))
      decoded.forEach((records, index) => {
        const control = isControl(batchAttributes(bytes, starts[index]!))
        const expected = dump[index]!.records
        expect(records.length, name).toBe(expected.length)
        records.forEach((record, position) => {
          const { rest, ...fields } = expected[position]!
          expect(
            {
              offset: record.offset,
              timestamp: record.timestamp,
              keySize: record.key?.length ?? -1,
              valueSize: record.value?.length ?? -1,
              sequence: record.sequence,
              headerKeys: record.headers.map((header) => header.key).join(','),
            },
            name,
          ).toEqual(fields)
          if (control || name.startsWith('__')) return
          const key = record.key === null ? '' : ` key: ${record.key.toString()}`
          const value = record.value === null ? '' : ` payload: ${record.value.toString()}`
          if (`${key}${value}`.includes('\ufffd')) return
          expect(`${key}${value}`.trimEnd(), `${name} ${record.offset}`).toBe(rest.trimEnd())
          texts++
        })
      })
    }
    expect(texts).toBeGreaterThan(1000)
  })

  it('come out byte for byte when built again, if uncompressed', () => {
    let count = 0
    for (const { bytes, at, name } of batches) {
      if (codecOf(batchAttributes(bytes, at)) !== Codec.none) continue
      const original = bytes.subarray(at, at + batchSizeInBytes(bytes, at))
      expect(rebuild(bytes, at, readRecords(bytes, at)).equals(original), name).toBe(true)
      count++
    }
    expect(count).toBeGreaterThan(200)
  })

  it('hold the same records after a change to every other codec', () => {
    for (const { bytes, at, name } of batches) {
      const records = readRecords(bytes, at)
      for (const codec of Object.values(Codec)) {
        const changed = recompress(bytes, at, codec)
        expect(storedBatchProblem(changed, 0, changed.length), name).toBeNull()
        expect(codecOf(batchAttributes(changed, 0))).toBe(codec)
        expect(readRecords(changed), name).toEqual(records)
      }
    }
  })

  it('end transactions with the markers we build', () => {
    let count = 0
    for (const { bytes, at, name } of batches) {
      if (!isControl(batchAttributes(bytes, at))) continue
      const marker = readEndTransactionMarker(bytes, at)
      if (marker === null) continue
      const built = buildEndTransactionMarker({
        ...marker,
        producerId: batchProducerId(bytes, at),
        producerEpoch: batchProducerEpoch(bytes, at),
        timestamp: batchMaxTimestamp(bytes, at),
        baseOffset: batchBaseOffset(bytes, at),
        leaderEpoch: batchLeaderEpoch(bytes, at),
      })
      if (hasDeleteHorizon(batchAttributes(bytes, at))) continue
      const original = bytes.subarray(at, at + batchSizeInBytes(bytes, at))
      expect(built.equals(original), name).toBe(true)
      count++
    }
    expect(count).toBeGreaterThan(20)
  })
})

import { describe, expect, it } from 'vitest'
import type { Log } from '../../../engine/log/log.ts'
import { BatchField, setBatchCrc, TimestampType } from '../../../engine/record/batch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { Codec } from '../../../engine/record/compression.ts'
import { openLog, put } from '../../support/log-rig.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

/** Several segments of batches whose times wander up and down; returns every record's time by offset. */
async function wandering(
  seed: number,
): Promise<{ log: Log; disk: SimulatedDisk; times: number[] }> {
  const random = seededRandom(seed)
  const disk = new SimulatedDisk()
  const log = await openLog(disk)
  const times: number[] = []
  for (let i = 0; i < 60; i++) {
    const records = Array.from({ length: 1 + random.int(4) }, () => {
      const timestamp = 1_000 + i * 10 + random.int(60)
      times.push(timestamp)
      return { key: null, value: Buffer.alloc(30, 7), timestamp }
    })
    put(log, buildBatch({ records, codec: random.int(5) as Codec }), i)
  }
  expect(log.segmentBaseOffsets().length).toBeGreaterThan(2)
  return { log, disk, times }
}

function firstFrom(times: readonly number[], timestamp: number, start: number, end: number) {
  for (let offset = start; offset < end; offset++)
    if (times[offset]! >= timestamp) return { offset, timestamp: times[offset] }
  return null
}

describe('the first record at or after a time', () => {
  it.each([1, 2, 3])('is found exactly, in an open log and after a restart (%i)', async (seed) => {
    const { log, disk, times } = await wandering(seed)
    await log.close('clean')
    for (const opened of [(await wandering(seed)).log, await openLog(disk)])
      for (let timestamp = 990; timestamp < 1_700; timestamp += 7) {
        const found = await opened.offsetForTimestamp(timestamp, times.length)
        const wanted = firstFrom(times, timestamp, 0, times.length)
        if (wanted === null) expect(found).toBeNull()
        else expect(found).toMatchObject(wanted)
      }
  })

  it('lies between the log start and the visible end', async () => {
    const { log, times } = await wandering(4)
    log.deleteRecordsBefore(50)
    for (let timestamp = 1_000; timestamp < 1_700; timestamp += 31) {
      const found = await log.offsetForTimestamp(timestamp, 90)
      const wanted = firstFrom(times, timestamp, 50, times.length)
      if (wanted === null || wanted.offset >= 90) expect(found).toBeNull()
      else expect(found).toMatchObject(wanted)
    }
  })

  it('has the append time and the first offset of its batch under LogAppendTime', async () => {
    const log = await openLog(new SimulatedDisk())
    const record = { key: null, value: null, timestamp: 5 }
    const timestampType = TimestampType.logAppendTime
    const batch = (maxTimestamp: number) =>
      buildBatch({ records: [record, record, record], timestampType, maxTimestamp })
    put(log, batch(100))
    put(log, batch(200), 3)
    expect(await log.offsetForTimestamp(101, 6)).toEqual({
      offset: 3,
      timestamp: 200,
      leaderEpoch: 3,
    })
  })
})

describe('a batch whose records cannot be read', () => {
  const record = { key: null, value: Buffer.alloc(40, 7), timestamp: 150 }
  const spoiled = (change: (batch: Buffer) => void, codec: Codec = Codec.none): Buffer => {
    const batch = buildBatch({ records: [{ ...record, timestamp: 120 }, record], codec })
    change(batch)
    setBatchCrc(batch, 0)
    return batch
  }
  it.each([
    ['with bytes that are no gzip', spoiled((b) => b.fill(0x55, b.length - 12), Codec.gzip)],
    ['with a record of negative size', spoiled((b) => b.writeUInt8(0x01, BatchField.records))],
    [
      'with an offset delta beyond all sense',
      spoiled((b) => b.fill(0xff, BatchField.records + 3, BatchField.records + 12)),
    ],
  ])('counts as one record of its largest time, %s', async (_, batch) => {
    const log = await openLog(new SimulatedDisk())
    put(log, buildBatch({ records: [{ ...record, timestamp: 100 }] }))
    put(log, batch, 2)
    put(log, buildBatch({ records: [{ ...record, timestamp: 200 }] }))
    const whole = { offset: 1, timestamp: 150, leaderEpoch: 2 }
    expect(await log.offsetForTimestamp(110, 4)).toEqual(whole)
    expect(await log.offsetForTimestamp(151, 4)).toMatchObject({ offset: 3, timestamp: 200 })
  })

  it('makes no objects of millions of records in a few kilobytes', async () => {
    // One record that compresses well, a million times over: the header need not tell.
    const records = Array.from({ length: 1_000_000 }, () => ({
      key: null,
      value: null,
      timestamp: 1,
    }))
    const batch = buildBatch({ records, codec: Codec.zstd, maxTimestamp: 9 })
    expect(batch.length).toBeLessThan(1_000_000)
    const log = await openLog(new SimulatedDisk(), { segmentBytes: 10_000_000 })
    put(log, batch)
    const before = process.memoryUsage().heapUsed
    expect(await log.offsetForTimestamp(5, 1_000_000)).toBeNull()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 * 1024 * 1024)
  })
})

describe('the record with the largest time', () => {
  it.each([5, 6, 7])('is the first one that has it (%i)', async (seed) => {
    const { log, times } = await wandering(seed)
    const largest = Math.max(...times)
    expect(await log.maxTimestampOffset(times.length)).toMatchObject({
      timestamp: largest,
      offset: times.indexOf(largest),
    })
  })

  it('is none in an empty log', async () => {
    const log = await openLog(new SimulatedDisk())
    expect(await log.maxTimestampOffset(0)).toBeNull()
    expect(await log.offsetForTimestamp(0, 0)).toBeNull()
  })
})

import { beforeAll, describe, expect, it } from 'vitest'
import type { Log } from '../../../engine/log/log.ts'
import { TimestampType } from '../../../engine/record/batch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { type Codec, initCodecs } from '../../../engine/record/compression.ts'
import { openLog, put } from '../../support/log-rig.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

beforeAll(() => initCodecs())

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

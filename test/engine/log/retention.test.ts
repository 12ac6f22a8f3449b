import { describe, expect, it } from 'vitest'
import type { LogOptions } from '../../../engine/log/log-options.ts'
import {
  LOG_DIR,
  labelled,
  NOW_MS,
  openLog,
  problemsOf,
  put,
  TestClock,
} from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const HOUR = 3_600_000

/** Segments of ten batches, an hour apart, the newest at NOW_MS. */
async function hourly(options: Partial<LogOptions>, clock = new TestClock()) {
  const disk = new SimulatedDisk({ wallMs: () => clock.wallMs() })
  const log = await openLog(disk, options, { clock })
  for (let i = 0; i < 50; i++) {
    if (i % 10 === 0) log.rollNow()
    put(log, stamped(i, NOW_MS - (4 - Math.floor(i / 10)) * HOUR))
  }
  return { disk, log, clock }
}

function stamped(i: number, timestamp: number): Buffer {
  const value = Buffer.from(`${i}`.padStart(3))
  return labelled('', 0, { records: [{ key: null, value, timestamp }] })
}

describe('retention', () => {
  it('deletes nothing when nothing is limited', async () => {
    const { log } = await hourly({})
    expect(await log.runRetention(NOW_MS)).toEqual({ deletedSegments: 0, bytes: 0 })
    expect(log.segmentBaseOffsets()).toEqual([0, 10, 20, 30, 40])
  })

  it('deletes segments whose newest record is too old, the oldest first', async () => {
    const { log, disk } = await hourly({ retentionMs: 2.5 * HOUR })
    const size = log.sizeBytes
    expect(await log.runRetention(NOW_MS)).toEqual({ deletedSegments: 2, bytes: (size / 5) * 2 })
    expect(log.segmentBaseOffsets()).toEqual([20, 30, 40])
    expect(log.logStartOffset).toBe(20)
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
  })

  it('ends when the topic is deleted or the broker stops meanwhile', async () => {
    for (const end of ['delete', 'close'] as const) {
      const { log } = await hourly({ retentionMs: HOUR })
      const running = log.runRetention(NOW_MS + 2 * HOUR)
      await (end === 'delete' ? log.delete() : log.close('clean'))
      expect((await running).deletedSegments).toBeGreaterThan(0)
    }
  })

  it('can take the whole log, keeping its end', async () => {
    const { log, disk } = await hourly({ retentionMs: HOUR })
    expect((await log.runRetention(NOW_MS + 2 * HOUR)).deletedSegments).toBe(5)
    expect(log.segmentBaseOffsets()).toEqual([50])
    expect([log.logStartOffset, log.logEndOffset, log.sizeBytes]).toEqual([50, 50, 0])
    expect((await log.runRetention(NOW_MS + 9 * HOUR)).deletedSegments).toBe(0)
    expect(put(log, stamped(50, NOW_MS))).toBe(50)
    await log.close('clean')
    const again = await openLog(disk)
    expect([again.logStartOffset, again.logEndOffset]).toEqual([50, 51])
  })

  it('follows the batches where a time index is read wrong', async () => {
    for (const base of ['00', '20', '40'])
      for (let byte = 0; byte < 12; byte++) {
        const { log, disk } = await hourly({ retentionMs: 2.5 * HOUR })
        await log.close('clean')
        const path = new RegExp(`${base}.timeindex$`)
        disk.inject({ at: 1, operation: 'read', path, fault: { kind: 'read-flip', byte } })
        const again = await openLog(disk, { retentionMs: 2.5 * HOUR })
        await again.runRetention(NOW_MS)
        expect(again.segmentBaseOffsets(), `${base}, byte ${byte}`).toEqual([20, 30, 40])
        const newest = await again.maxTimestampOffset(50)
        expect(newest?.timestamp, `${base}, byte ${byte}`).toBe(NOW_MS)
        await again.close('clean')
      }
  })

  it('keeps the size at or above its limit', async () => {
    const { log } = await hourly({})
    const segment = log.sizeBytes / 5
    log.setOptions({ ...log.options, retentionBytes: segment * 3 })
    expect((await log.runRetention(NOW_MS)).deletedSegments).toBe(2)
    log.setOptions({ ...log.options, retentionBytes: segment * 2 + 1 })
    expect((await log.runRetention(NOW_MS)).deletedSegments).toBe(0)
  })

  it('stays below the high watermark', async () => {
    const { log } = await hourly({ retentionMs: 1 })
    expect((await log.runRetention(NOW_MS + HOUR, 25)).deletedSegments).toBe(2)
    expect(log.logStartOffset).toBe(20)
  })

  it('takes only what lies below the log start when the topic is compacted', async () => {
    const { log } = await hourly({
      retentionMs: 1,
      retentionBytes: 0,
      cleanupPolicy: { delete: false, compact: true },
    })
    expect((await log.runRetention(NOW_MS + HOUR)).deletedSegments).toBe(0)
    log.deleteRecordsBefore(25)
    expect((await log.runRetention(NOW_MS + HOUR)).deletedSegments).toBe(2)
    expect([log.logStartOffset, log.startsInsideSegment]).toEqual([25, true])
  })

  it("goes by the file's last change when record times are absent or in the future", async () => {
    const clock = new TestClock()
    const disk = new SimulatedDisk({ wallMs: () => clock.wallMs() })
    const log = await openLog(disk, { retentionMs: HOUR }, { clock })
    put(log, stamped(0, -1))
    log.rollNow()
    put(log, stamped(1, NOW_MS + 1_000 * HOUR))
    log.rollNow()
    put(log, stamped(2, NOW_MS))
    expect((await log.runRetention(NOW_MS + HOUR / 2)).deletedSegments).toBe(0)
    clock.pass(2 * HOUR)
    expect((await log.runRetention(clock.wallMs())).deletedSegments).toBe(3)
  })

  it('waits while the wall clock has jumped, until it holds', async () => {
    const { log, clock } = await hourly({ retentionMs: 10 * HOUR })
    clock.wall += 1_000 * HOUR
    expect((await log.runRetention(clock.wallMs())).deletedSegments).toBe(0)
    clock.pass(HOUR / 12)
    expect((await log.runRetention(clock.wallMs())).deletedSegments).toBe(0)
    clock.pass(HOUR / 6)
    expect((await log.runRetention(clock.wallMs())).deletedSegments).toBe(5)
  })

  it('unlinks deleted files after their delay', async () => {
    const { log, disk, clock } = await hourly({ retentionMs: 1, fileDeleteDelayMs: 60_000 })
    await log.runRetention(NOW_MS + HOUR)
    const deleted = () => [...disk.snapshot().keys()].filter((name) => name.endsWith('.deleted'))
    expect(deleted().length).toBeGreaterThan(10)
    expect(log.purgeDueAtMs()).toBe(clock.monotonicMs() + 60_000)
    clock.pass(59_999)
    await log.purgeDeleted(clock.monotonicMs())
    expect(deleted().length).toBeGreaterThan(10)
    clock.pass(1)
    await log.purgeDeleted(clock.monotonicMs())
    expect(deleted()).toEqual([])
    expect(log.purgeDueAtMs()).toBe(Number.POSITIVE_INFINITY)
  })

  it('fails the log when the folder cannot be changed', async () => {
    const { log, disk } = await hourly({ retentionMs: 1 })
    disk.inject({ at: 1, operation: 'rename', fault: { kind: 'error', code: 'EROFS' } })
    await expect(log.runRetention(NOW_MS + HOUR)).rejects.toThrow(/EROFS/)
    expect(log.failed?.code).toBe('EROFS')
  })
})

describe('a segment is left', () => {
  it('for age by record time, less its jitter', async () => {
    const log = await openLog(new SimulatedDisk(), { segmentMs: HOUR })
    put(log, stamped(0, NOW_MS))
    put(log, stamped(1, NOW_MS + HOUR))
    expect(log.segmentBaseOffsets()).toEqual([0])
    put(log, stamped(2, NOW_MS + HOUR + 1))
    expect(log.segmentBaseOffsets()).toEqual([0, 2])
    const jittered = await openLog(new SimulatedDisk(), { segmentMs: HOUR, segmentJitterMs: HOUR })
    put(jittered, stamped(0, NOW_MS))
    put(jittered, stamped(1, NOW_MS + HOUR))
    expect(jittered.segmentBaseOffsets()).toEqual([0, 1])
  })

  it('for age by wall clock when its records have no time', async () => {
    const clock = new TestClock()
    const log = await openLog(new SimulatedDisk(), { segmentMs: HOUR }, { clock })
    put(log, stamped(0, -1))
    expect(log.rollIfOld(clock.wallMs() + HOUR)).toBe(false)
    expect(log.rollIfOld(clock.wallMs() + HOUR + 1)).toBe(true)
    expect(log.rollIfOld(clock.wallMs() + 9 * HOUR)).toBe(false)
    expect(log.segmentBaseOffsets()).toEqual([0, 1])
  })

  it('when its index is full', async () => {
    const options = { segmentBytes: 1_000_000, indexIntervalBytes: 1, segmentIndexBytes: 60 }
    const log = await openLog(new SimulatedDisk(), options)
    for (let i = 0; i < 20; i++) put(log, stamped(i, NOW_MS + i))
    // Five time entries fit, one of them is kept for the end: four batches behind the first.
    expect(log.segmentBaseOffsets()).toEqual([0, 5, 10, 15])
  })

  it('when an offset would no longer fit its indexes', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    put(log, labelled('', 0, { lastOffsetDelta: 0x7fff_fff0 }))
    put(log, labelled('a', 20))
    expect(log.segmentBaseOffsets()).toEqual([0, 0x7fff_fff1])
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
    expect(disk.snapshot().has(`${LOG_DIR}/00000000002147483633.log`)).toBe(true)
  })
})

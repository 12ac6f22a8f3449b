import { describe, expect, it } from 'vitest'
import type { Log } from '../../../engine/log/log.ts'
import { groupSources, LogCompaction } from '../../../engine/log/log-compaction.ts'
import type { LogOptions } from '../../../engine/log/log-options.ts'
import {
  BATCH_HEADER_BYTES,
  batchAttributes,
  batchProducerId,
  batchRecordCount,
  hasDeleteHorizon,
  isControl,
} from '../../../engine/record/batch.ts'
import { type BatchToWrite, buildBatch } from '../../../engine/record/build.ts'
import { buildEndTransactionMarker } from '../../../engine/record/control.ts'
import { readRecords } from '../../../engine/record/iterate.ts'
import { closeActive, compact, NotDone } from '../../support/compact-rig.ts'
import {
  CLIENT,
  LOG_DIR,
  NOW_MS,
  openLog,
  problemsOf,
  put,
  readAll,
  recover,
  TestClock,
} from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const COMPACTED: Partial<LogOptions> = {
  cleanupPolicy: { delete: false, compact: true },
  deleteRetentionMs: 1_000,
}

async function rig(options: Partial<LogOptions> = {}) {
  const disk = new SimulatedDisk()
  const clock = new TestClock()
  const log = await openLog(disk, { ...COMPACTED, ...options }, { clock })
  return { disk, clock, log }
}

function write(log: Log, entries: Record<string, string | null>, more: Partial<BatchToWrite> = {}) {
  const records = Object.entries(entries).map(([key, value]) => ({
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp: NOW_MS,
  }))
  return put(log, buildBatch({ records, ...more }))
}

function end(log: Log, producerId: number, type: 'commit' | 'abort'): void {
  const fields = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: NOW_MS }
  log.append(buildEndTransactionMarker({ type, ...fields }), { ...CLIENT, kind: 'coordinator' })
  log.writeStaged()
  log.onHighWatermark(log.logEndOffset)
}

/** `offset:key=value` of data, `offset!` of markers, `offset-` of emptied batches. */
async function content(log: Log): Promise<string[]> {
  const lines: string[] = []
  for (const { bytes, baseOffset, lastOffset } of await readAll(log)) {
    if (batchRecordCount(bytes, 0) === 0) lines.push(`${lastOffset}-`)
    else if (isControl(batchAttributes(bytes, 0))) lines.push(`${baseOffset}!`)
    else
      for (const { offset, key, value } of readRecords(bytes))
        lines.push(`${offset}:${key}=${value}`)
  }
  return lines
}

describe('a pass', () => {
  it('keeps the newest of each key, at its offset, in one segment out of several', async () => {
    const { disk, log } = await rig()
    write(log, { a: '1', b: '1' })
    await closeActive(log)
    write(log, { a: '2' })
    await closeActive(log)
    write(log, { b: '2', c: '1' })
    await closeActive(log)
    write(log, { a: '3' })
    expect(await compact(log, disk)).toMatchObject({ endOffset: 5, groups: 1, droppedRecords: 2 })
    expect(log.segmentBaseOffsets()).toEqual([0, 5])
    expect(await content(log)).toEqual(['2:a=2', '3:b=2', '4:c=1', '5:a=3'])
    expect(log.compaction.cleanedEndOffset).toBe(5)
    await log.close('clean')
    expect(await problemsOf(disk, { gapsAllowed: true, producers: false })).toEqual([])
    const again = await openLog(disk, COMPACTED)
    expect(await content(again)).toEqual(['2:a=2', '3:b=2', '4:c=1', '5:a=3'])
    await again.close('clean')
    expect(disk.openPaths).toEqual([])
  })

  it('compares clean segments with the keys of the dirty ones only', async () => {
    const { disk, log } = await rig()
    write(log, { a: '1', b: '1' })
    await closeActive(log)
    await compact(log, disk)
    write(log, { a: '2' })
    await closeActive(log)
    const second = await compact(log, disk)
    expect(second?.found).toMatchObject({ firstDirtyOffset: 2, endOffset: 3 })
    expect(await content(log)).toEqual(['1:b=1', '2:a=2'])
  })

  it('ends where its map is full, and the next one goes on from there', async () => {
    const { disk, log } = await rig()
    for (const round of ['1', '2']) write(log, { a: round, b: round, c: round, d: round })
    await closeActive(log)
    const ends: (number | undefined)[] = []
    for (let pass = 0; pass < 4; pass++)
      ends.push((await compact(log, disk, { mapBytes: 3 * 16 }))?.endOffset)
    // Two keys fit: 2, 4, and then their newer ones.
    expect(ends).toEqual([2, 4, 6, 8])
    expect(await content(log)).toEqual(['4:a=2', '5:b=2', '6:c=2', '7:d=2'])
  })

  it('leaves nothing of a segment without newest records, and reads go on behind it', async () => {
    const { disk, log } = await rig()
    write(log, { a: '1' })
    write(log, { b: '1' })
    await closeActive(log)
    write(log, { a: '2', b: '2' })
    await closeActive(log)
    log.setOptions({ ...log.options, segmentBytes: 100 })
    expect(await compact(log, disk)).toMatchObject({ groups: 2 })
    expect(log.segmentBaseOffsets()).toEqual([0, 2, 4])
    expect(await content(log)).toEqual(['2:a=2', '3:b=2'])
    await log.close('clean')
    // All is scanned: the gap in front of the second segment is none that a crash left.
    await recover(disk, { recoveryPoint: 0, gapsAllowed: true })
    const again = await openLog(disk, COMPACTED)
    expect(await content(again)).toEqual(['2:a=2', '3:b=2'])
  })

  it('keeps the very last batch as a header when its records are aborted', async () => {
    const { disk, log } = await rig({ producerIdExpirationMs: 0 })
    write(log, { a: '1' })
    const more = { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    write(log, { a: '2' }, more)
    await closeActive(log)
    end(log, 1, 'abort')
    log.removeExpiredProducers(NOW_MS + 1)
    await compact(log, disk)
    expect(await content(log)).toEqual(['0:a=1', '1-', '2!'])
  })

  it('reads past what it took: fetches from any offset go on with the next record', async () => {
    const { disk, log } = await rig()
    for (let index = 0; index < 12; index++) write(log, { [`${index % 3}`]: `${index}` })
    await closeActive(log)
    await compact(log, disk)
    for (let offset = 0; offset < 12; offset++)
      for (const how of ['read', 'readAsync'] as const) {
        const [first] = await readAll(log, offset, 1_000, how)
        expect(first?.baseOffset).toBe(Math.max(offset, 9))
      }
  })

  it('gives tombstones their time, then takes them with their batches', async () => {
    const { disk, clock, log } = await rig()
    write(log, { a: '1' })
    write(log, { a: null })
    await closeActive(log)
    await compact(log, disk)
    expect(await content(log)).toEqual(['1:a=null'])
    const [batch] = await readAll(log)
    expect(hasDeleteHorizon(batchAttributes(batch!.bytes, 0))).toBe(true)
    clock.pass(1_001)
    write(log, { b: '1' })
    await closeActive(log)
    await compact(log, disk, { nowMs: clock.wallMs() })
    expect(await content(log)).toEqual(['2:b=1'])
  })
})

describe('transactions under compaction', () => {
  const of = (producerId: number, baseSequence: number) => ({
    producerId,
    producerEpoch: 0,
    baseSequence,
    isTransactional: true,
  })

  it('loses aborted data at once, and its marker when a horizon of its own is over', async () => {
    const { disk, clock, log } = await rig({ producerIdExpirationMs: 10 })
    write(log, { a: 'kept' })
    write(log, { a: 'aborted' }, of(1, 0))
    await closeActive(log)
    end(log, 1, 'abort')
    expect(log.abortedTransactions(0, 3)).toHaveLength(1)
    // The marker lies behind what is compacted: the owner tells of it.
    await compact(log, disk)
    expect(await content(log)).toEqual(['0:a=kept', '1-', '2!'])
    const passes: string[][] = []
    for (let pass = 0; pass < 3; pass++) {
      clock.pass(1_001)
      log.removeExpiredProducers(clock.wallMs())
      write(log, { [`x${pass}`]: '1' })
      await closeActive(log)
      await compact(log, disk, { nowMs: clock.wallMs() })
      passes.push((await content(log)).filter((line) => !line.includes('x')))
    }
    // The first met the emptied batch, the second none of its transaction and set the horizon.
    expect(passes).toEqual([['0:a=kept', '2!'], ['0:a=kept', '2!'], ['0:a=kept']])
    expect(log.abortedTransactions(0, log.logEndOffset)).toEqual([])
  })

  it('keeps a commit marker while a record of its transaction is there, then gives it its time', async () => {
    const { disk, clock, log } = await rig({ producerIdExpirationMs: 10 })
    write(log, { a: 'committed' }, of(1, 0))
    end(log, 1, 'commit')
    const passes: string[][] = []
    for (let pass = 0; pass < 8; pass++) {
      if (pass === 4) write(log, { a: 'newer' })
      clock.pass(1_001)
      log.removeExpiredProducers(clock.wallMs())
      write(log, { [`x${pass}`]: '1' })
      await closeActive(log)
      await compact(log, disk, { nowMs: clock.wallMs() })
      passes.push((await content(log)).filter((line) => /^\d+!|:a=/.test(line)))
    }
    // However many horizons pass meanwhile.
    for (const kept of passes.slice(0, 4)) expect(kept).toEqual(['0:a=committed', '1!'])
    expect(passes.at(-1)).toEqual(['6:a=newer'])
  })

  it('keeps index entries for readers as long as aborted data was there', async () => {
    const { disk, log } = await rig()
    write(log, { a: '1' }, of(1, 0))
    end(log, 1, 'abort')
    write(log, { a: '2' }, of(2, 0))
    end(log, 2, 'commit')
    await closeActive(log)
    const before = log.abortedTransactions(0, 4)
    await compact(log, disk)
    expect(log.abortedTransactions(0, 4)).toEqual(before)
    // The producers are known: what they last wrote stays, without its records.
    expect(await content(log)).toEqual(['0-', '1!', '2:a=2', '3!'])
  })

  it('goes no further than the first open transaction', async () => {
    const { disk, log } = await rig()
    write(log, { a: '1' })
    write(log, { a: '2' })
    await closeActive(log)
    write(log, { a: '3' }, of(1, 0))
    await closeActive(log)
    write(log, { a: '4' })
    await closeActive(log)
    expect((await compact(log, disk))?.found.endOffset).toBe(2)
    expect(await content(log)).toEqual(['1:a=2', '2:a=3', '3:a=4'])
    end(log, 1, 'commit')
    await closeActive(log)
    expect((await compact(log, disk))?.found.endOffset).toBe(5)
    expect(await content(log)).toEqual(['2-', '3:a=4', '4!'])
  })

  it("keeps a producer's sequence across compaction and restart", async () => {
    const { disk, log } = await rig()
    const batch = { producerId: 5, producerEpoch: 0, baseSequence: 0 }
    write(log, { a: '1' }, batch)
    write(log, { a: '2' })
    await closeActive(log)
    write(log, { b: '1' })
    await compact(log, disk)
    const empty = (await readAll(log)).find(({ bytes }) => batchProducerId(bytes, 0) === 5)
    expect(batchRecordCount(empty!.bytes, 0)).toBe(0)
    await log.close('abandon')
    for (const name of await disk.list(LOG_DIR))
      if (name.endsWith('.snapshot')) await disk.unlink(`${LOG_DIR}/${name}`)
    const again = await openLog(disk, COMPACTED)
    const repeated = buildBatch({
      records: [{ key: Buffer.from('a'), value: Buffer.from('1'), timestamp: NOW_MS }],
      ...batch,
    })
    expect(again.append(repeated, CLIENT)).toMatchObject({ errorCode: 0, duplicate: true })
  })
})

describe('what may be compacted', () => {
  it('is dirty by its share of all bytes that may be compacted', async () => {
    const { log } = await rig({ minCleanableDirtyRatio: 0.5 })
    write(log, { a: '1' })
    await closeActive(log)
    write(log, { a: '2' })
    await closeActive(log)
    const find = async () => (await log.compaction.find(log.logEndOffset, NOW_MS))!
    expect(LogCompaction.dirtyRatio(await find())).toBe(1)
    log.compaction.cleanedEndOffset = 1
    expect(LogCompaction.dirtyRatio(await find())).toBe(0.5)
    expect(log.compaction.isDue(await find())).toBe(false)
    log.setOptions({ ...log.options, minCleanableDirtyRatio: 0.49 })
    expect(log.compaction.isDue(await find())).toBe(true)
    log.compaction.cleanedEndOffset = 2
    expect(await log.compaction.find(log.logEndOffset, NOW_MS)).toBeNull()
  })

  it('is older than min.compaction.lag.ms, segment by segment', async () => {
    const { log } = await rig({ minCompactionLagMs: 500 })
    for (const timestamp of [NOW_MS, NOW_MS + 300]) {
      put(log, buildBatch({ records: [{ key: Buffer.from('k'), value: null, timestamp }] }))
      await closeActive(log)
    }
    const endAt = async (nowMs: number) =>
      (await log.compaction.find(log.logEndOffset, nowMs))?.endOffset ?? null
    expect(await endAt(NOW_MS + 499)).toBeNull()
    expect(await endAt(NOW_MS + 500)).toBe(1)
    expect(await endAt(NOW_MS + 800)).toBe(2)
    expect(log.compaction.waits(null)).toBe(true)
  })

  it('is due when older than max.compaction.lag.ms, whatever the ratio', async () => {
    const { disk, log } = await rig({ minCleanableDirtyRatio: 1, maxCompactionLagMs: 500 })
    write(log, { a: '1' })
    await closeActive(log)
    await compact(log, disk)
    write(log, { b: '1' })
    await closeActive(log)
    const isDue = async (nowMs: number) =>
      log.compaction.isDue((await log.compaction.find(log.logEndOffset, nowMs))!)
    expect(await isDue(NOW_MS + 500)).toBe(false)
    expect(await isDue(NOW_MS + 501)).toBe(true)
    await log.close('clean')
    const again = await openLog(disk, log.options)
    again.compaction.cleanedEndOffset = 1
    const found = await again.compaction.find(again.logEndOffset, NOW_MS + 501)
    expect(found?.isOverdue).toBe(true)
  })

  it('begins at the log start, and anew when the checkpoint is of another history', async () => {
    const { log } = await rig({ cleanupPolicy: { delete: true, compact: true } })
    for (const value of ['1', '2', '3']) {
      write(log, { a: value })
      await closeActive(log)
    }
    log.deleteRecordsBefore(2)
    log.compaction.cleanedEndOffset = 1
    const find = async () => (await log.compaction.find(log.logEndOffset, NOW_MS))?.firstDirtyOffset
    expect(await find()).toBe(2)
    log.compaction.cleanedEndOffset = 99
    expect(await find()).toBe(2)
  })

  it('is nothing in a log of another policy, without a closed segment, or not synced', async () => {
    const { log } = await rig()
    write(log, { a: '1' })
    expect(log.compaction.concerns).toBe(false)
    log.rollNow()
    expect(log.compaction.concerns).toBe(true)
    expect(await log.compaction.find(log.logEndOffset, NOW_MS)).toBeNull()
    expect(log.compaction.waits(null)).toBe(true)
    log.setOptions({ ...log.options, cleanupPolicy: { delete: true, compact: false } })
    expect(log.compaction.concerns).toBe(false)
  })

  it('is grouped within the bounds of one segment', () => {
    const source = (baseOffset: number, size: number, endOffset: number) => ({
      baseOffset,
      size,
      endOffset,
      hasTransactionIndex: false,
    })
    const sources = [source(0, 60, 10), source(10, 40, 20), source(20, 1, 30), source(30, 0, 40)]
    const bases = (endOffset: number) =>
      groupSources(sources, endOffset, 100).map((group) => group.map((each) => each.baseOffset))
    expect(bases(40)).toEqual([
      [0, 10],
      [20, 30],
    ])
    expect(bases(15)).toEqual([[0, 10]])
    const far = [source(0, 1, 10), source(10, 1, 2 ** 31 + 5)]
    expect(groupSources(far, 2 ** 31 + 5, 100)).toHaveLength(2)
  })
})

describe('the change over', () => {
  it('leaves a reader the file it was given, until it lets go', async () => {
    const { disk, clock, log } = await rig({ fileDeleteDelayMs: 10 })
    write(log, { a: '1' })
    write(log, { a: '2' })
    await closeActive(log)
    const slice = log.read(0, 1_000, log.logEndOffset, true)
    await compact(log, disk)
    clock.pass(20)
    await log.purgeDeleted(clock.monotonicMs())
    const bytes = Buffer.alloc(slice.length)
    expect(slice.file?.readSync(bytes, slice.position)).toBe(slice.length)
    expect(readRecords(bytes)).toHaveLength(1)
    expect(await content(log)).toEqual(['1:a=2'])
    const deleted = async () => (await disk.list(LOG_DIR)).filter((name) => /deleted/.test(name))
    expect(await deleted()).not.toEqual([])
    slice.lease.release()
    await log.purgeDeleted(clock.monotonicMs())
    expect(await deleted()).toEqual([])
  })

  it('finds the new segment in a search that began in the old one', async () => {
    const { disk, log } = await rig({ segmentBytes: 100_000 })
    for (let index = 0; index < 50; index++) write(log, { [`${index}`]: `${index}` })
    await closeActive(log)
    await log.close('clean')
    const again = await openLog(disk, COMPACTED)
    let searches: Promise<unknown>[] = []
    await compact(again, disk, {
      beforeSwap: () => {
        searches = [20, 30].map(async (offset) => {
          const slice = await again.readAsync(offset, 200, again.logEndOffset, true)
          expect(slice.errorCode).toBe(0)
          slice.lease.release()
        })
        searches.push(
          again.offsetForTimestamp(NOW_MS, again.logEndOffset).then((found) => {
            expect(found).toMatchObject({ offset: 0 })
          }),
        )
      },
    })
    await Promise.all(searches)
  })

  it('is refused when the log was closed meanwhile, and leaves nothing', async () => {
    const { disk, log } = await rig()
    write(log, { a: '1' })
    await closeActive(log)
    const before = await disk.list(LOG_DIR)
    const beforeSwap = () => log.close('abandon')
    await expect(compact(log, disk, { beforeSwap })).rejects.toThrow('the log changed')
    expect((await disk.list(LOG_DIR)).sort()).toEqual(before.sort())
  })

  it('holds deletion back, and the other way round', async () => {
    const { disk, log } = await rig({
      cleanupPolicy: { delete: true, compact: true },
      retentionBytes: 0,
    })
    write(log, { a: '1' })
    await closeActive(log)
    write(log, { a: '2' })
    let deleted = -1
    await compact(log, disk, {
      beforeSwap: async () => {
        deleted = (await log.runRetention(NOW_MS)).deletedSegments
      },
    })
    expect(deleted).toBe(0)
    expect((await log.runRetention(NOW_MS)).deletedSegments).toBe(2)
  })

  it.each([1, 2, 3, 4])(
    'survives a full disk at rename %i as it was, or as it will be',
    async (at) => {
      const { disk, log } = await rig()
      write(log, { a: '1' })
      write(log, { a: '2' })
      await closeActive(log)
      disk.inject({ at, operation: 'rename', fault: { kind: 'error', code: 'ENOSPC' } })
      await expect(compact(log, disk)).rejects.toThrow('ENOSPC')
      disk.clearFaults()
      const committed = at === 4
      expect(log.failed !== null).toBe(committed)
      if (!committed) {
        expect((await disk.list(LOG_DIR)).filter((name) => /cleaned|swap/.test(name))).toEqual([])
        expect(await content(log)).toEqual(['0:a=1', '1:a=2'])
        await compact(log, disk)
        expect(await content(log)).toEqual(['1:a=2'])
      }
      await log.close('abandon')
      const again = await openLog(disk, COMPACTED)
      expect(await content(again)).toEqual(['1:a=2'])
    },
  )

  it('says bytes that cannot be read as data', async () => {
    const { disk, log } = await rig()
    write(log, { a: '1' })
    write(log, { b: '1' })
    await closeActive(log)
    const file = await disk.open(`${LOG_DIR}/00000000000000000000.log`, 'read-write')
    const at = BATCH_HEADER_BYTES
    const right = Buffer.alloc(1)
    await file.read(right, at)
    await file.write(Buffer.from('?'), at)
    await expect(compact(log, disk)).rejects.toThrow(NotDone)
    await file.write(right, at)
    expect(await content(log)).toEqual(['0:a=1', '1:b=1'])
  })
})

/** A log that goes to another data folder, on a simulated disk. */
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../engine/base/logger.ts'
import { checkLog } from '../../../engine/log/check.ts'
import { DiskError } from '../../../engine/log/disk.ts'
import type { Log } from '../../../engine/log/log.ts'
import { MoveCancelled } from '../../../engine/log/log-move.ts'
import { recoverLog } from '../../../engine/log/recovery.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { chooseOne } from '../../../net/duplicate-folders.ts'
import {
  LOG_DIR,
  labelled,
  NOW_MS,
  openLog,
  put,
  readAll,
  SMALL,
  TOPIC_ID,
} from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const TARGET = '/other'
const MOVED_DIR = '/other/orders-0'

async function newDisk(seed = 3): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ seed })
  await disk.makeDir('/data')
  await disk.makeDir(TARGET)
  await disk.syncDir('/')
  return disk
}

function fill(log: Log, from: number, count: number): void {
  for (let i = from; i < from + count; i++) put(log, labelled(`r${i}`, 3))
}

/** Three records of one time. */
function timed(timestamp: number): Buffer {
  const record = { key: null, value: Buffer.alloc(8), timestamp }
  return buildBatch({ records: [record, record, record] })
}

async function move(log: Log): Promise<string | null> {
  const moving = await log.startMove(TARGET)
  await moving.copy()
  const leave = await log.finishMove(moving)
  return await leave()
}

async function contents(log: Log): Promise<string[]> {
  return (await readAll(log, log.logStartOffset, 1_000, 'readAsync')).map(({ bytes }) =>
    bytes.toString('hex'),
  )
}

async function problems(disk: SimulatedDisk, dir: string): Promise<readonly string[]> {
  return (await checkLog(disk, dir, { indexIntervalBytes: SMALL.indexIntervalBytes })).problems
}

describe('a log on its way to another data folder', () => {
  it('stays where it is while no folder may be made there', async () => {
    const disk = await newDisk()
    const log = await openLog(disk, {}, { isFolderHeld: (dataFolder) => dataFolder === TARGET })
    fill(log, 0, 3)
    await expect(log.startMove(TARGET)).rejects.toThrow(/write checkpoints.*ENOSPC/)
    expect(await disk.list(TARGET)).toEqual([])
    await log.close('abandon')
  })

  it('is the same there: batches, offsets, producers, and what is appended next', async () => {
    const disk = await newDisk()
    const log = await openLog(disk)
    const producer = { producerId: 7, producerEpoch: 1, baseSequence: 0 }
    put(log, labelled('idempotent', 2, producer))
    fill(log, 0, 40)
    const before = await contents(log)
    const count = log.segmentBaseOffsets().length
    expect(count).toBeGreaterThan(2)
    const old = await move(log)
    expect(old).toMatch(/^\/data\/orders-0\.[0-9a-f]{32}-delete$/)
    expect(log.dataFolder).toBe(TARGET)
    expect(await contents(log)).toEqual(before)
    expect(log.producers.snapshot()[0]?.lastSequence).toBe(1)
    fill(log, 40, 20)
    const after = await contents(log)
    expect(after.slice(0, before.length)).toEqual(before)
    expect(after).toHaveLength(before.length + 20)
    await log.close('clean')
    expect(await problems(disk, MOVED_DIR)).toEqual([])
    expect((await disk.list(TARGET)).filter((name) => name !== 'orders-0')).toEqual([])
    const again = await openLog(disk, {}, { dir: MOVED_DIR })
    expect(await contents(again)).toEqual(after)
  })

  it('takes what is appended meanwhile, rolls included', async () => {
    const disk = await newDisk()
    const log = await openLog(disk)
    fill(log, 0, 20)
    const moving = await log.startMove(TARGET)
    let appended = 20
    disk.onCall = () => {
      if (appended >= 60) return
      disk.onCall = null
      queueMicrotask(() => fill(log, appended++, 1))
    }
    const ticker = (async () => {
      for (; appended < 60; appended++) {
        fill(log, appended, 1)
        for (let turn = 0; turn < 5; turn++) await null
        if (appended % 7 === 0) void log.sync()
      }
    })()
    await moving.copy()
    await ticker
    const all = await contents(log)
    await (await log.finishMove(moving))()
    expect(await contents(log)).toEqual(all)
    await log.close('clean')
    expect(await problems(disk, MOVED_DIR)).toEqual([])
  })

  it('follows segments that retention deletes while it copies', async () => {
    const disk = await newDisk()
    const log = await openLog(disk, { retentionBytes: 2_500, fileDeleteDelayMs: 0 })
    fill(log, 0, 100)
    const moving = await log.startMove(TARGET)
    const copying = moving.copy()
    for (let turn = 0; turn < 60; turn++) await null
    await log.runRetention(NOW_MS)
    await copying
    const all = await contents(log)
    await (await log.finishMove(moving))()
    expect(log.logStartOffset).toBeGreaterThan(0)
    expect(await contents(log)).toEqual(all)
    await log.close('clean')
    expect(await problems(disk, MOVED_DIR)).toEqual([])
  })

  it('leaves readers the old files until they let go, and deleted ones to the folder', async () => {
    const disk = await newDisk()
    const log = await openLog(disk)
    fill(log, 0, 40)
    const slice = await log.readAsync(0, 500, log.logEndOffset, true)
    const moving = await log.startMove(TARGET)
    await moving.copy()
    const leave = await log.finishMove(moving)
    let left = false
    const leaving = leave().then(() => {
      left = true
    })
    for (let turn = 0; turn < 200; turn++) await null
    expect(left).toBe(false)
    const bytes = Buffer.alloc(slice.length)
    expect(await slice.file?.read(bytes, slice.position)).toBe(slice.length)
    slice.lease.release()
    await leaving
    expect(disk.openPaths.filter((path) => path.startsWith('/data/'))).toEqual([])
    expect(log.purgeDueAtMs()).toBe(Number.POSITIVE_INFINITY)
  })

  it('answers searches that began in the old folder and end in the new one', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = await newDisk(seed)
      const log = await openLog(disk)
      for (let i = 0; i < 40; i++) put(log, timed(NOW_MS + i))
      await log.close('clean')
      const opened = await openLog(disk)
      const moving = await opened.startMove(TARGET)
      await moving.copy()
      const reading = (async () => {
        for (let offset = 0; offset < 100; offset += 7) {
          const slice = await opened.readAsync(offset, 400, opened.logEndOffset, true)
          expect(slice.errorCode).toBe(0)
          expect(slice.length).toBeGreaterThan(0)
          slice.lease.release()
        }
      })()
      const searching = (async () => {
        for (let round = 0; round < 12; round++) {
          const end = opened.logEndOffset
          expect((await opened.offsetForTimestamp(NOW_MS + 35, end))?.offset).toBe(105)
          expect((await opened.maxTimestampOffset(end))?.timestamp).toBe(NOW_MS + 39)
        }
      })()
      await (await opened.finishMove(moving))()
      await Promise.all([reading, searching])
      expect(opened.failed).toBeNull()
    }
  })

  it('stays where it is when it is cancelled or the other disk fails', async () => {
    const disk = await newDisk()
    const log = await openLog(disk)
    fill(log, 0, 30)
    const cancelled = await log.startMove(TARGET)
    cancelled.cancel()
    await expect(cancelled.copy()).rejects.toThrow(MoveCancelled)
    for (const operation of ['write', 'sync', 'rename', 'syncDir'] as const) {
      disk.inject({
        at: 1,
        operation,
        path: /^\/other/,
        sticky: true,
        fault: { kind: 'error', code: 'EIO' },
      })
      await expect(move(log)).rejects.toThrow(DiskError)
      disk.clearFaults()
      expect(log.failed).toBeNull()
      expect(log.dataFolder).toBe('/data')
      fill(log, 0, 1)
      await disk.removeDir(MOVED_DIR)
    }
    await log.close('clean')
    expect(await problems(disk, LOG_DIR)).toEqual([])
  })
})

describe('a read that is wrong while a log is copied', () => {
  it('is in no copy that takes the place of the original', async () => {
    let givenUp = 0
    for (let seed = 1; seed <= 60; seed++) {
      const disk = await newDisk(seed)
      const log = await openLog(disk)
      fill(log, 0, 25)
      const before = await contents(log)
      const path = /^\/data\/orders-0\/.*\.(log|index|timeindex)$/
      disk.inject({ at: 1 + (seed % 8), operation: 'read', path, fault: { kind: 'read-flip' } })
      await move(log).catch((error: unknown) => {
        expect(error).toBeInstanceOf(MoveCancelled)
        givenUp++
      })
      disk.clearFaults()
      expect(log.failed).toBeNull()
      expect(await contents(log)).toEqual(before)
      await log.close('clean')
      expect(await problems(disk, `${log.dataFolder}/orders-0`)).toEqual([])
    }
    expect(givenUp).toBeGreaterThan(10)
  })
})

/** What a start finds after a power loss: one folder settled and recovered. */
async function recovered(disk: SimulatedDisk): Promise<{ dir: string; end: number }> {
  const [here, there] = [await disk.stat(LOG_DIR), await disk.stat(MOVED_DIR)]
  let folder = here !== null ? '/data' : TARGET
  if (here !== null && there !== null)
    folder = (await chooseOne(disk, 'orders-0', '/data', TARGET)).kept
  const dir = `${folder}/orders-0`
  await recoverLog(disk, dir, {
    recoveryPoint: 0,
    logStartOffset: 0,
    indexIntervalBytes: SMALL.indexIntervalBytes,
    segmentIndexBytes: SMALL.segmentIndexBytes,
    producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
    nowMs: NOW_MS,
    logger: silentLogger,
  })
  const log = await openLog(disk, {}, { dir, topicId: TOPIC_ID })
  const batches = await readAll(log)
  let next = 0
  for (const batch of batches) {
    expect(batch.baseOffset).toBe(next)
    next = batch.lastOffset + 1
  }
  return { dir, end: log.logEndOffset }
}

describe('a power loss in the middle of a move', () => {
  it('costs no record that was synced, and leaves one whole log', async () => {
    const dirs = new Set<string>()
    let states = 0
    for (let seed = 1; seed <= 6; seed++) {
      const disk = await newDisk(seed)
      const log = await openLog(disk)
      fill(log, 0, 25)
      await log.sync()
      let synced = log.logEndOffset
      const crashes: { disk: SimulatedDisk; synced: number }[] = []
      let calls = 0
      disk.onCall = () => {
        if (++calls % 2 === seed % 2)
          crashes.push({ disk: disk.crash(seed * 7919 + calls), synced })
      }
      const moving = await log.startMove(TARGET)
      await moving.copy()
      const leave = await log.finishMove(moving)
      fill(log, 25, 5)
      await log.sync()
      synced = log.logEndOffset
      await leave()
      fill(log, 30, 5)
      await log.sync()
      synced = log.logEndOffset
      disk.onCall = null
      crashes.push({ disk: disk.crash(seed), synced })
      for (const crash of crashes) {
        const found = await recovered(crash.disk)
        expect(found.end).toBeGreaterThanOrEqual(crash.synced)
        dirs.add(found.dir)
        states++
      }
    }
    expect([...dirs].sort()).toEqual([LOG_DIR, MOVED_DIR])
    expect(states).toBeGreaterThan(100)
  })
})

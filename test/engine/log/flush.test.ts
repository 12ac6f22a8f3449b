import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { DiskError } from '../../../engine/log/disk.ts'
import type { Log } from '../../../engine/log/log.ts'
import {
  CLIENT,
  LOG_DIR,
  labelled,
  openLog,
  problemsOf,
  put,
  readAll,
  recover,
  TestClock,
} from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'
import type { Operation } from '../../support/simulated-faults.ts'

/** Counts the disk's calls of one kind from here on. */
function counter(disk: SimulatedDisk, operation: Operation, path = /./): { count: number } {
  const seen = { count: 0 }
  disk.onCall = (called, at) => {
    if (called === operation && path.test(at)) seen.count++
  }
  return seen
}

function fill(log: Log, count: number): void {
  for (let i = 0; i < count; i++) put(log, labelled(`value ${i}`.padEnd(100, '.')))
}

describe('sync', () => {
  it('covers what was written before the call, and only that', async () => {
    const log = await openLog(new SimulatedDisk())
    put(log, labelled('a'))
    const first = log.sync()
    put(log, labelled('b'))
    await first
    expect([log.syncedEndOffset, log.logEndOffset]).toEqual([1, 2])
    await log.sync()
    expect(log.syncedEndOffset).toBe(2)
  })

  it('shares one fdatasync among all that ask while one runs', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    const syncs = counter(disk, 'sync', /\.log$/)
    const waiting: Promise<void>[] = []
    for (let i = 0; i < 10; i++) {
      put(log, labelled(`${i}`))
      waiting.push(log.sync())
    }
    await Promise.all(waiting)
    expect(syncs.count).toBe(2)
    expect(log.syncedEndOffset).toBe(10)
  })

  it('does nothing when everything is synced', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    put(log, labelled('a'))
    await log.sync()
    const calls = disk.calls
    await log.sync()
    expect(disk.calls).toBe(calls)
  })

  it('syncs a left segment before the one that follows, and the directory before it resolves', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    fill(log, 12)
    expect(log.segmentBaseOffsets().length).toBe(2)
    const order: string[] = []
    disk.onCall = (operation, path) => {
      if (operation === 'sync' || operation === 'syncDir') order.push(path.slice(LOG_DIR.length))
    }
    await log.sync()
    expect(order.slice(0, 3)).toEqual([
      '/00000000000000000000.log',
      `/${String(log.segmentBaseOffsets()[1]).padStart(20, '0')}.log`,
      '',
    ])
  })

  it('moves the recovery point only when the left segments are finished', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    fill(log, 12)
    const [, base] = log.segmentBaseOffsets()
    await log.sync()
    expect(log.syncedEndOffset).toBe(12)
    expect(log.recoveryPoint).toBe(0)
    await log.close('clean')
    expect(log.recoveryPoint).toBe(12)
    expect(disk.snapshot().has(`${LOG_DIR}/${String(base).padStart(20, '0')}.snapshot`)).toBe(true)
  })

  it('ends the log for good when it fails', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    put(log, labelled('a'))
    disk.inject({ at: 1, operation: 'sync', fault: { kind: 'sync-failure', mode: 'kept' } })
    await expect(log.sync()).rejects.toBeInstanceOf(DiskError)
    expect(log.failed?.code).toBe('EIO')
    await expect(log.sync()).rejects.toBe(log.failed)
    expect(log.append(labelled('b'), CLIENT).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(log.read(0, 100, 1, true).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(log.syncDueAtMs()).toBe(Number.POSITIVE_INFINITY)
    await log.close('clean')
    expect(disk.openPaths).toEqual([])
  })

  it('is due by time since the first unsynced write, and by offsets', async () => {
    const clock = new TestClock()
    const options = { flushMs: 500, flushMessages: 3 }
    const log = await openLog(new SimulatedDisk(), options, { clock })
    expect(log.syncDueAtMs()).toBe(Number.POSITIVE_INFINITY)
    put(log, labelled('a'))
    const start = clock.monotonicMs()
    clock.pass(100)
    put(log, labelled('b'))
    expect(log.syncDueAtMs()).toBe(start + 500)
    put(log, labelled('c'))
    expect(log.syncDueAtMs()).toBeLessThanOrEqual(clock.monotonicMs())
    await log.sync()
    expect(log.syncDueAtMs()).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('a failed write', () => {
  it('ends the log when the disk has an error', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    put(log, labelled('a'))
    disk.inject({ at: 1, operation: 'write', fault: { kind: 'error', code: 'EIO' } })
    log.append(labelled('b'), CLIENT)
    expect(() => log.writeStaged()).toThrow(DiskError)
    expect(log.failed?.code).toBe('EIO')
    expect(log.logEndOffset).toBe(1)
  })

  it('on a full disk undoes the turn, and goes on after resume with nothing remembered of it', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    const producer = { producerId: 4, producerEpoch: 0 }
    put(log, labelled('a', 2, { ...producer, baseSequence: 0 }))
    const before = disk.snapshot().get(`${LOG_DIR}/00000000000000000000.log`)
    disk.inject({ at: 1, operation: 'write', fault: { kind: 'short-write', code: 'ENOSPC' } })
    log.append(labelled('b', 2, { ...producer, baseSequence: 2 }), CLIENT)
    log.append(labelled('x'.repeat(600)), CLIENT)
    log.append(labelled('c'), { ...CLIENT, leaderEpoch: 7 })
    expect(() => log.writeStaged()).toThrow(/ENOSPC/)
    expect(log.failed).toBeNull()
    expect(log.suspended?.code).toBe('ENOSPC')
    expect([log.logEndOffset, log.stagedEndOffset]).toEqual([2, 2])
    expect(disk.snapshot().get(`${LOG_DIR}/00000000000000000000.log`)).toEqual(before)
    expect(log.append(labelled('d'), CLIENT).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect((await readAll(log)).length).toBe(1)
    expect(await log.resume()).toBe(true)
    expect(log.latestLeaderEpoch()).toBe(0)
    const again = labelled('b', 2, { ...producer, baseSequence: 2 })
    expect(log.append(again, CLIENT)).toMatchObject({ duplicate: false, baseOffset: 2 })
    log.writeStaged()
    expect((await readAll(log)).map(({ baseOffset }) => baseOffset)).toEqual([0, 2])
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
  })

  it('on a full disk in the second of two segments keeps the first and drops the begun one', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 400 })
    disk.inject({
      at: 1,
      operation: 'write',
      path: /00000000000000000002\.log/,
      fault: { kind: 'error', code: 'ENOSPC' },
    })
    for (let i = 0; i < 8; i++) log.append(labelled(`${i}`.padEnd(80, '.')), CLIENT)
    expect(() => log.writeStaged()).toThrow(/ENOSPC/)
    expect(log.logEndOffset).toBe(2)
    await log.resume()
    expect(log.segmentBaseOffsets()).toEqual([0, 2])
    for (let i = 0; i < 8; i++) put(log, labelled(`${i}`.padEnd(80, '.')))
    expect((await readAll(log)).length).toBe(10)
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
  })

  it('without room for a new segment refuses the append, and goes on when there is room', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 400 })
    fill(log, 2)
    for (const file of [/2\.log$/, /2\.index$/]) {
      disk.inject({
        at: 1,
        operation: 'create',
        path: file,
        fault: { kind: 'error', code: 'ENOSPC' },
      })
      expect(log.append(labelled('x'.repeat(100)), CLIENT).errorCode).toBe(
        ErrorCode.KAFKA_STORAGE_ERROR,
      )
      expect([log.failed, log.suspended?.code]).toEqual([null, 'ENOSPC'])
      expect((await readAll(log)).length).toBe(2)
      expect(await log.resume()).toBe(true)
    }
    expect(put(log, labelled('x'.repeat(100)))).toBe(2)
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
  })

  it.each([/\.index$/, /\.timeindex$/, /\.log$/])(
    'leaves nothing of a new segment that found no room for its %s',
    async (path) => {
      for (const how of ['clean', 'abandon'] as const) {
        const disk = new SimulatedDisk()
        let log = await openLog(disk, { segmentBytes: 400 })
        put(log, labelled('x'.repeat(150)))
        const names = await disk.list(LOG_DIR)
        const full = { kind: 'error', code: 'ENOSPC' } as const
        disk.inject({ at: 1, operation: 'create', path, fault: full })
        const large = log.append(labelled('y'.repeat(200)), CLIENT)
        expect(large.errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
        expect((await disk.list(LOG_DIR)).sort()).toEqual(names.sort())
        expect(await log.resume()).toBe(true)
        // Smaller ones go on in the segment before it, past where it would have begun.
        expect([put(log, labelled('a')), put(log, labelled('b'))]).toEqual([1, 2])
        await log.close(how)
        if (how === 'abandon') await recover(disk)
        log = await openLog(disk, { segmentBytes: 400 })
        expect([log.logEndOffset, (await readAll(log)).length]).toEqual([3, 3])
        expect(put(log, labelled('y'.repeat(200)))).toBe(3)
        expect(log.segmentBaseOffsets()).toEqual([0, 3])
        await log.close('clean')
        expect(await problemsOf(disk)).toEqual([])
      }
    },
  )

  it('ends the log when what it had made of a new segment cannot be taken back', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 400 })
    fill(log, 2)
    const error = (code: string) => ({ kind: 'error', code }) as const
    disk.inject({ at: 1, operation: 'create', path: /2\.log$/, fault: error('ENOSPC') })
    disk.inject({ at: 1, operation: 'unlink', fault: error('EIO') })
    expect(() => log.append(labelled('x'.repeat(100)), CLIENT)).toThrow(/EIO/)
    expect(log.failed?.code).toBe('EIO')
  })

  it('begins no segment before a turn that a full disk undid is undone', async () => {
    const clock = new TestClock()
    const disk = new SimulatedDisk()
    const options = { segmentMs: 1_000, retentionMs: 1_000 }
    const log = await openLog(disk, options, { clock })
    put(log, labelled('kept'))
    disk.inject({ at: 1, operation: 'write', fault: { kind: 'error', code: 'ENOSPC' } })
    const lost = { producerId: 4, producerEpoch: 0, baseSequence: 0 }
    log.append(labelled('lost', 1, lost), CLIENT)
    expect(() => log.writeStaged()).toThrow(/ENOSPC/)
    clock.pass(3_600_000)
    expect(log.rollIfOld(clock.wallMs())).toBe(false)
    expect(await log.runRetention(clock.wallMs())).toMatchObject({ deletedSegments: 0 })
    expect(await log.resume()).toBe(true)
    expect((await log.runRetention(clock.wallMs())).deletedSegments).toBe(1)
    await log.close('clean')
    const again = await openLog(disk, options, { clock })
    // Its producer state does not know the batch that was refused.
    expect(again.append(labelled('lost', 1, lost), CLIENT)).toMatchObject({ duplicate: false })
    await again.close('abandon')
  })

  it('asks for the descriptor of its folder before a new segment, not when that is to be synced', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 400 })
    await disk.syncDir('/')
    await disk.syncDir('/data')
    fill(log, 2)
    disk.inject({ at: 1, operation: 'open', fault: { kind: 'error', code: 'EMFILE' } })
    expect(log.append(labelled('x'.repeat(100)), CLIENT).errorCode).toBe(
      ErrorCode.KAFKA_STORAGE_ERROR,
    )
    expect(await log.resume()).toBe(true)
    expect(put(log, labelled('y'.repeat(100)))).toBe(2)
    // None is left from here on.
    const none = { at: 1, sticky: true, fault: { kind: 'error', code: 'EMFILE' } } as const
    disk.inject({ ...none, operation: 'open' })
    await log.sync()
    expect(log.syncedEndOffset).toBe(3)
    disk.clearFaults()
    for (const after of disk.crashStates(7)) {
      const names = await after.list(LOG_DIR)
      expect(names.filter((name) => name.endsWith('.log')).length).toBe(2)
    }
    await log.close('clean')
    expect(disk.openPaths).toEqual([])
  })

  it('gives back the descriptor of its folder when no segment could be made, or none is synced', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 400 })
    fill(log, 2)
    const before = [...disk.openPaths]
    disk.inject({ at: 1, operation: 'create', fault: { kind: 'error', code: 'ENOSPC' } })
    log.append(labelled('x'.repeat(100)), CLIENT)
    expect(disk.openPaths).toEqual(before)
    expect(await log.resume()).toBe(true)
    put(log, labelled('y'.repeat(100)))
    disk.inject({ at: 1, operation: 'sync', fault: { kind: 'sync-failure', mode: 'kept' } })
    await expect(log.sync()).rejects.toThrow(/EIO/)
    await log.close('abandon')
    expect(disk.openPaths).toEqual([])
  })

  it.each(['ENOSPC', 'EMFILE'])(
    'keeps what a turn had staged before it found no room for a new segment (%s)',
    async (code) => {
      const disk = new SimulatedDisk()
      const log = await openLog(disk, { segmentBytes: 400 })
      disk.inject({ at: 1, operation: 'create', fault: { kind: 'error', code } })
      const codes = [1, 2, 3].map(() => log.append(labelled('x'.repeat(100)), CLIENT).errorCode)
      expect(codes).toEqual([0, 0, ErrorCode.KAFKA_STORAGE_ERROR])
      log.writeStaged()
      expect(log.logEndOffset).toBe(2)
      expect(await log.resume()).toBe(true)
      expect(put(log, labelled('y'.repeat(100)))).toBe(2)
    },
  )

  it('makes the cut after a short write durable before the segment can count as complete', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 700 })
    fill(log, 2)
    await log.sync()
    const short = { kind: 'short-write', code: 'ENOSPC', bytes: 90 } as const
    disk.inject({ at: 1, operation: 'write', path: /\.log$/, fault: short })
    log.append(labelled('x'.repeat(200)), CLIENT)
    expect(() => log.writeStaged()).toThrow(/ENOSPC/)
    expect(await log.resume()).toBe(true)
    const path = `${LOG_DIR}/00000000000000000000.log`
    const { size } = (await disk.stat(path))!
    await disk.syncDir('/')
    for (const after of disk.crashStates(1)) expect((await after.stat(path))?.size).toBe(size)
  })

  it('asks for no further sync once something else of the log has failed', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 400 })
    fill(log, 4)
    const syncs: string[] = []
    disk.onCall = (operation, path) => {
      if (!operation.startsWith('sync')) return
      syncs.push(path)
      log.abandon(new DiskError('EIO', path, 'something beside'))
    }
    await expect(log.sync()).rejects.toThrow(/EIO/)
    expect(syncs.length).toBe(1)
  })

  it('ends the log when a new segment cannot be made', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { segmentBytes: 400 })
    fill(log, 2)
    disk.inject({ at: 1, operation: 'open', fault: { kind: 'error', code: 'EACCES' } })
    expect(() => log.append(labelled('x'.repeat(100)), CLIENT)).toThrow(/EACCES/)
    expect(log.failed?.code).toBe('EACCES')
  })
})

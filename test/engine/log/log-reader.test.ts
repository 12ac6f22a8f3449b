import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { OpenSegments } from '../../../engine/log/open-segments.ts'
import { leadingZeros, type ReadSlice } from '../../../engine/log/read-slice.ts'
import { CLIENT, labelled, openLog, put, readAll, splitBatches } from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

function offsetsOf(slice: ReadSlice): number[] {
  if (slice.file === null) return []
  const bytes = Buffer.alloc(slice.length)
  slice.file.readSync(bytes, slice.position)
  slice.lease.release()
  return splitBatches(bytes).map(({ baseOffset }) => baseOffset)
}

/** Offsets 0 to 2. */
async function fill(disk: SimulatedDisk): Promise<void> {
  const log = await openLog(disk)
  for (const value of ['a', 'b', 'c']) put(log, labelled(value))
  await log.close('clean')
}

function bytesBehind({ file, position, length, zerosBehind }: ReadSlice): Buffer {
  const bytes = Buffer.alloc(zerosBehind, 0xff)
  file?.readSync(bytes, position + length)
  return bytes
}

it('knows zeros behind a range only while every base offset begins with them', () => {
  const zeros = (endOffset: number): number => {
    const last = Buffer.alloc(8)
    last.writeBigInt64BE(BigInt(endOffset - 1))
    expect(last.subarray(0, leadingZeros(endOffset))).toEqual(Buffer.alloc(leadingZeros(endOffset)))
    return leadingZeros(endOffset)
  }
  expect([1, 2 ** 40, 2 ** 40 + 1, 2 ** 53 - 1].map(zeros)).toEqual([3, 3, 0, 0])
})

describe('a read', () => {
  it('answers with an error outside the log and with nothing at its visible end', async () => {
    const log = await openLog(new SimulatedDisk())
    for (let i = 0; i < 10; i++) put(log, labelled(`${i}`))
    log.deleteRecordsBefore(3)
    expect(log.read(2, 100, 10, true).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(log.read(11, 100, 10, true).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(log.read(10, 100, 10, true)).toMatchObject({ errorCode: 0, length: 0, file: null })
    expect(log.read(7, 100, 5, true)).toMatchObject({ errorCode: 0, length: 0 })
  })

  it.each(['in the same turn', 'by a turn that was lost'])(
    'finds the last batch of a segment behind which another was begun %s',
    async (how) => {
      const disk = new SimulatedDisk()
      await fill(disk)
      // What was written since a start is found without a search.
      const log = await openLog(disk, { segmentBytes: 600 })
      for (let i = 0; i < 2; i++) log.append(labelled('x'.repeat(200)), CLIENT)
      if (how === 'by a turn that was lost') {
        const fault = { kind: 'error', code: 'ENOSPC' } as const
        disk.inject({ at: 1, operation: 'write', path: /\.log$/, fault })
        expect(() => log.writeStaged()).toThrow(/ENOSPC/)
      }
      expect(log.segmentBaseOffsets()).toEqual([0, 4])
      expect(offsetsOf(log.read(2, 10_000, 3, true))).toEqual([2])
      const slice = await log.readAsync(1, 10_000, 3, true)
      expect(slice.endOffset).toBe(3)
      expect(offsetsOf(slice)).toEqual([1, 2])
      await log.close('abandon')
    },
  )

  it.each(['hot', 'cold', 'async', 'async, all in memory', 'async, half in memory'])(
    'stops at batch borders below the visible end (%s)',
    async (how) => {
      const disk = new SimulatedDisk()
      let log = await openLog(disk)
      for (let i = 0; i < 40; i++) put(log, labelled(`${i}`.padEnd(40, '.'), 2))
      if (how !== 'hot') {
        await log.close('clean')
        log = await openLog(disk)
      }
      if (how.endsWith('in memory')) disk.inMemory = how.includes('all') ? 'all' : 'half'
      let followed = 0
      for (let offset = 0; offset < 80; offset++)
        for (const end of [offset + 1, offset + 2, offset + 3, 80])
          for (const maxBytes of [1, 300, 700]) {
            const slice = how.startsWith('async')
              ? await log.readAsync(offset, maxBytes, end, true)
              : log.read(offset, maxBytes, end, true)
            const { length, endOffset, firstBatchBytes, zerosBehind } = slice
            const behind = bytesBehind(slice)
            const found = offsetsOf(slice)
            expect(behind).toEqual(Buffer.alloc(zerosBehind))
            followed += zerosBehind
            const first = offset - (offset % 2)
            if (first + 2 > end) expect(found).toEqual([])
            else {
              expect(found[0]).toBe(first)
              expect(found.at(-1)! + 2).toBeLessThanOrEqual(end)
              expect(endOffset).toBeGreaterThanOrEqual(found.at(-1)! + 2)
              expect(length <= maxBytes || length === firstBatchBytes).toBe(true)
            }
          }
      expect(followed).toBeGreaterThan(100)
    },
  )

  it('returns nothing when the first batch is too large and need not come whole', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    put(log, labelled('x'.repeat(300)))
    expect(log.read(0, 100, 1, false).length).toBe(0)
    expect(log.read(0, 100, 1, true).length).toBeGreaterThan(300)
    await log.close('abandon')
    log = await openLog(disk)
    expect(log.read(0, 100, 1, false).length).toBe(0)
    expect(log.read(0, 100, 1, true).length).toBeGreaterThan(300)
  })

  it('does not see what is staged and not written', async () => {
    const log = await openLog(new SimulatedDisk())
    put(log, labelled('a'))
    log.append(labelled('b'), { kind: 'client', leaderEpoch: 0, appendTimeMs: 0 })
    const beforeWrite = log.read(0, 10_000, 100, true)
    expect(beforeWrite.zerosBehind).toBe(0)
    expect(offsetsOf(beforeWrite)).toEqual([0])
    log.writeStaged()
    expect(log.read(0, 10, 100, true).zerosBehind).toBe(3)
    expect(offsetsOf(log.read(0, 10_000, 100, true))).toEqual([0, 1])
  })

  it('needs no disk at the tail', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    for (let i = 0; i < 30; i++) put(log, labelled(`${i}`))
    const calls = disk.calls
    const slice = log.read(20, 1_000, 30, true)
    expect(disk.calls).toBe(calls)
    expect(slice.cached).toBe(true)
    expect(log.isCold(20)).toBe(false)
    slice.lease.release()
  })

  it('calls data cold that this process did not write', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    for (let i = 0; i < 60; i++) put(log, labelled(`${i}`.padEnd(60, '.')))
    expect(log.isCold(3)).toBe(false)
    await log.close('clean')
    log = await openLog(disk)
    expect(log.isCold(3)).toBe(true)
    const slice = await log.readAsync(3, 1_000, 60, true)
    expect(slice.cached).toBe(false)
    slice.lease.release()
    put(log, labelled('new'))
    put(log, labelled('newer'))
    expect(log.isCold(61)).toBe(false)
  })

  it('finds old data that is in memory without waiting', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    for (let i = 0; i < 60; i++) put(log, labelled(`${i}`.padEnd(60, '.')))
    await log.close('clean')
    log = await openLog(disk)
    await log.readAsync(0, 1_000, 60, true).then(({ lease }) => lease.release())
    let waits = 0
    const wait = disk.wait.bind(disk)
    disk.wait = () => {
      waits++
      return wait()
    }
    for (const inMemory of ['all', 'none'] as const) {
      disk.inMemory = inMemory
      waits = 0
      const { lease } = await log.readAsync(3, 1_000, 60, true)
      lease.release()
      expect(waits > 0).toBe(inMemory === 'none')
    }
  })

  it('goes on where it ended with one header and without a look-up', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk, { segmentBytes: 100_000 })
    for (let i = 0; i < 40; i++) put(log, labelled(`${i}`.padEnd(700, '.')))
    await log.close('clean')
    log = await openLog(disk, { segmentBytes: 100_000 })
    const follow = (): [number[], number[]] => {
      const found: number[] = []
      const calls: number[] = []
      for (let offset = 0; offset < 40; ) {
        const before = disk.calls
        const slice = log.read(offset, 3_000, 40, true)
        calls.push(disk.calls - before)
        found.push(...offsetsOf(slice))
        offset = found.at(-1)! + 1
      }
      return [found, calls]
    }
    const [found, calls] = follow()
    expect(found).toEqual(Array.from({ length: 40 }, (_, offset) => offset))
    expect(calls.slice(1, -1).every((count) => count === 1)).toBe(true)
    // Another reader that begins elsewhere is not led astray by the marks.
    for (let offset = 0; offset < 40; offset++)
      expect(offsetsOf(log.read(offset, 3_000, 40, true))[0]).toBe(offset)
    expect(follow()[0]).toEqual(found)
  })

  it('walks from the first batch where an index entry leads astray', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk, { segmentBytes: 100_000 })
    for (let i = 0; i < 20; i++) put(log, labelled(`${i}`.padEnd(700, '.')))
    await log.close('clean')
    const path = '/data/orders-0/00000000000000000000.index'
    const index = Buffer.from((await disk.readFile(path)) ?? [])
    for (let at = 4; at < index.length; at += 8) index.writeInt32BE(index.readInt32BE(at) + 9, at)
    const file = await disk.open(path, 'read-write')
    file.writeSync([index], 0)
    await file.close()
    log = await openLog(disk, { segmentBytes: 100_000 })
    const slice = log.read(0, 3_000, 20, true)
    expect(offsetsOf(slice)).toEqual([0, 1, 2])
    expect(slice.endOffset).toBe(3)
    await log.close('abandon')
  })

  it('finds the next batch when the offset lies in a gap between segments', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    for (let i = 0; i < 30; i++) put(log, labelled(`${i}`.padEnd(90, '.')))
    const bases = log.segmentBaseOffsets()
    await log.close('clean')
    // As compaction would leave it: the middle of the log is gone.
    for (const suffix of ['.log', '.index', '.timeindex'])
      await disk.unlink(`/data/orders-0/${String(bases[1]).padStart(20, '0')}${suffix}`)
    log = await openLog(disk)
    expect(offsetsOf(log.read(bases[1]! + 1, 100, 30, true))).toEqual([bases[2]])
    expect(offsetsOf(await log.readAsync(bases[1]! + 1, 100, 30, true))).toEqual([bases[2]])
    expect((await readAll(log)).length).toBe(30 - (bases[2]! - bases[1]!))
  })

  it('keeps the files of a deleted segment open for whoever reads them', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk, { fileDeleteDelayMs: 0 })
    for (let i = 0; i < 30; i++) put(log, labelled(`${i}`.padEnd(90, '.')))
    const slice = log.read(0, 500, 30, true)
    log.deleteRecordsBefore(30)
    expect((await log.runRetention(0)).deletedSegments).toBeGreaterThan(1)
    await log.purgeDeleted(Number.MAX_SAFE_INTEGER)
    expect(disk.snapshot().has('/data/orders-0/00000000000000000000.log.deleted')).toBe(true)
    expect(offsetsOf(slice)).toEqual([0, 1, 2])
    await log.purgeDeleted(Number.MAX_SAFE_INTEGER)
    expect([...disk.snapshot().keys()].filter((name) => name.endsWith('.deleted'))).toEqual([])
    await log.close('clean')
    expect(disk.openPaths).toEqual([])
  })

  it('answers a read that its topic was deleted under as one of a topic that is not there', async () => {
    const codes = new Set<number>()
    for (let seed = 1; seed <= 100; seed++) {
      const disk = new SimulatedDisk({ seed })
      let log = await openLog(disk)
      for (let i = 0; i < 6; i++) put(log, labelled(`${i}`))
      await log.close('clean')
      log = await openLog(disk)
      // OFFSET_OUT_OF_RANGE would have a consumer begin again where it was told to.
      const reading = log.readAsync(0, 100, 6, true)
      const deleting = log.delete()
      const { errorCode, lease } = await reading
      codes.add(errorCode)
      // One that was quicker than the deletion.
      if (errorCode === ErrorCode.NONE) lease.release()
      await deleting
    }
    codes.delete(ErrorCode.NONE)
    expect([...codes]).toEqual([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
  })

  it('closes the longest unused segments beyond the bound and opens them again', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    for (let i = 0; i < 60; i++) put(log, labelled(`${i}`.padEnd(90, '.')))
    await log.close('clean')
    const openSegments = new OpenSegments(2)
    log = await openLog(disk, {}, { openSegments })
    expect(log.segmentBaseOffsets().length).toBeGreaterThan(4)
    expect((await readAll(log, 0, 400, 'readAsync')).length).toBe(60)
    expect((await readAll(log, 0, 400)).length).toBe(60)
    await openSegments.settled()
    expect(openSegments.count).toBe(2)
    expect(disk.openPaths.filter((path) => path.endsWith('.log'))).toHaveLength(3)
    await log.close('clean')
    expect(disk.openPaths).toEqual([])
  })

  it('throws on bytes that are no batch instead of going on', async () => {
    const disk = new SimulatedDisk()
    let log = await openLog(disk)
    for (let i = 0; i < 6; i++) put(log, labelled(`${i}`))
    await log.close('clean')
    log = await openLog(disk)
    disk.rot('/data/orders-0/00000000000000000000.log', 8, 7)
    expect(() => log.read(0, 100, 6, true)).toThrow(/no batch at 0/)
    await expect(log.readAsync(0, 100, 6, true)).rejects.toThrow(/no batch at 0/)
  })
})

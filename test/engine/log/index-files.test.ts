import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../engine/base/limits.ts'
import { OffsetIndex } from '../../../engine/log/offset-index.ts'
import { TimeIndex } from '../../../engine/log/time-index.ts'
import { type AbortedTransaction, TransactionIndex } from '../../../engine/log/transaction-index.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const MAX_BYTES = 10 * 1024 * 1024

const offsets = (disk: SimulatedDisk, base = 100, maxBytes = MAX_BYTES) =>
  OffsetIndex.open(disk, '/i', base, maxBytes)

function all(index: OffsetIndex): [number, number][] {
  return Array.from({ length: index.count }, (_, i) => {
    const { offset, position } = index.entry(i)
    return [offset, position]
  })
}

describe('offset index', () => {
  it('answers base offset and position 0 while it is empty', async () => {
    const index = await offsets(new SimulatedDisk())
    expect(index.lookup(99)).toEqual({ offset: 100, position: 0 })
    expect(index.lookup(1e9)).toEqual({ offset: 100, position: 0 })
    expect(index.lookupEnd(100, 0)).toBe(null)
    expect(index.lastOffset).toBe(100)
  })

  it('finds the newest entry at or below, and the first end at or behind a position', async () => {
    const index = await offsets(new SimulatedDisk())
    index.append(110, 500)
    index.append(120, 1000)
    index.append(150, 2000)
    expect(index.lookup(109)).toEqual({ offset: 100, position: 0 })
    expect(index.lookup(110)).toEqual({ offset: 110, position: 500 })
    expect(index.lookup(149)).toEqual({ offset: 120, position: 1000 })
    expect(index.lookup(9999)).toEqual({ offset: 150, position: 2000 })
    expect(index.lookupEnd(100, 501)).toEqual({ offset: 120, position: 1000 })
    expect(index.lookupEnd(120, 0)).toEqual({ offset: 150, position: 2000 })
    expect(index.lookupEnd(120, 2001)).toBe(null)
  })

  it('fails for good after a failed sync, even one for want of room', async () => {
    const disk = new SimulatedDisk()
    const index = await offsets(disk)
    index.append(110, 500)
    disk.inject({ at: 1, operation: 'sync', fault: { kind: 'error', code: 'ENOSPC' } })
    await expect(index.flush()).rejects.toThrow('ENOSPC')
    index.append(120, 1000)
    await expect(index.flush()).rejects.toThrow('ENOSPC')
  })

  it('is full at the configured size and refuses what does not rise or fit', async () => {
    const index = await offsets(new SimulatedDisk(), 100, 25)
    for (const offset of [101, 102, 103]) {
      expect(index.isFull()).toBe(false)
      index.append(offset, offset)
    }
    expect(index.isFull()).toBe(true)
    expect(() => index.append(104, 104)).toThrow('full')
    const other = await offsets(new SimulatedDisk())
    other.append(200, 1)
    expect(() => other.append(200, 2)).toThrow('above')
    expect(() => other.append(100 + 2 ** 31, 3)).toThrow('does not fit')
  })

  it('does no I/O on append, and writes at exact length on flush', async () => {
    const disk = new SimulatedDisk()
    const index = await offsets(disk)
    const { calls } = disk
    for (let i = 1; i <= 1000; i++) index.append(100 + i, i * 10)
    expect(disk.calls).toBe(calls)
    await index.flush()
    expect(disk.snapshot().get('/i')?.length).toBe(8000)
    expect(disk.pendingUnits()).toBe(1)
    const unchanged = disk.calls
    await index.flush()
    expect(disk.calls).toBe(unchanged)
  })

  it('reads a file that Kafka preallocated, appends behind its entries and trims it', async () => {
    for (let count = 0; count < 5; count++) {
      const file = Buffer.alloc(80)
      for (let i = 0; i < count; i++) {
        file.writeInt32BE(i + 5, i * 8)
        file.writeInt32BE(i * 100, i * 8 + 4)
      }
      const disk = SimulatedDisk.holding({ '/i': file })
      const index = await offsets(disk)
      expect(index.count).toBe(count)
      expect(index.sanityCheck(1000, 100_000)).toContain('zero entries')
      expect(index.lookup(9999).position).toBe(Math.max(0, count - 1) * 100)
      index.append(200, 7777)
      await index.close()
      expect(disk.snapshot().get('/i')?.length).toBe((count + 1) * 8)
      const again = await offsets(disk)
      expect(again.sanityCheck(1000, 100_000)).toBe(null)
      expect(again.lookup(200)).toEqual({ offset: 200, position: 7777 })
    }
  })

  it('says what is wrong with a damaged file, and bears it', async () => {
    const entries = (...pairs: [number, number][]) => {
      const file = Buffer.alloc(pairs.length * 8)
      pairs.forEach(([relative, position], i) => {
        file.writeInt32BE(relative, i * 8)
        file.writeInt32BE(position, i * 8 + 4)
      })
      return file
    }
    const good = entries([5, 10], [6, 20])
    const cases: [string | null, Buffer][] = [
      [null, good],
      ['behind the last entry', Buffer.concat([good, Buffer.alloc(3, 1)])],
      ['does not rise', entries([5, 10], [5, 20])],
      ['does not rise', entries([5, 10], [6, 10])],
      ['does not rise', entries([5, 10], [0, 0], [7, 30])],
      ['negative', entries([-5, 10], [6, 20])],
      ['past the log', entries([5, 10], [500, 20])],
      ['past the log', entries([5, 10], [6, 5000])],
    ]
    for (const [problem, file] of cases) {
      const index = await offsets(SimulatedDisk.holding({ '/i': file }))
      const found = index.sanityCheck(200, 1000)
      if (problem === null) expect(found).toBe(null)
      else expect(found).toContain(problem)
      for (let offset = 90; offset < 700; offset += 7) index.lookup(offset)
      index.reset()
      expect(index.sanityCheck(100, 0)).toBe(null)
    }
  })

  it('keeps only a bounded tail in memory and still finds everything', async () => {
    const disk = new SimulatedDisk()
    const index = await offsets(disk, 0)
    const count = limits.indexTailEntries * 3
    for (let i = 1; i <= count; i++) {
      index.append(i * 3, i * 50)
      if (i % 1000 === 0) index.writeTail()
    }
    for (const i of [1, 2, 511, 512, 513, 5000, count - 1, count])
      expect(index.lookup(i * 3 + 1)).toEqual({ offset: i * 3, position: i * 50 })
    await index.close()
    const sealed = await offsets(disk, 0)
    for (let i = 1; i <= count; i += 97)
      expect(sealed.lookup(i * 3 + 2)).toEqual({ offset: i * 3, position: i * 50 })
    expect(sealed.sanityCheck(count * 3 + 1, count * 50 + 1)).toBe(null)
  })

  it('holds nothing but what was flushed after a power loss, and bears every outcome', async () => {
    const disk = new SimulatedDisk()
    const index = await offsets(disk)
    await disk.syncDir('/')
    for (let i = 1; i <= 70; i++) index.append(100 + i, i)
    await index.flush()
    for (let i = 71; i <= 100; i++) index.append(100 + i, i)
    index.writeTail()
    for (const after of disk.crashStates(3)) {
      const reopened = await offsets(after)
      expect(all(reopened).slice(0, 64)).toEqual(all(index).slice(0, 64))
      reopened.lookup(150)
    }
  })

  it('agrees with an array of entries under any calls', async () => {
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant('append'), fc.integer({ min: 1, max: 900 })) },
      {
        weight: 2,
        arbitrary: fc.tuple(fc.constant('truncate'), fc.integer({ min: 0, max: 9000 })),
      },
      { weight: 2, arbitrary: fc.tuple(fc.constant('lookup'), fc.integer({ min: 0, max: 9000 })) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('write'), fc.constant(0)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('flush'), fc.constant(0)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('reopen'), fc.constant(0)) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        const disk = new SimulatedDisk()
        let index = await offsets(disk)
        let model: [number, number][] = []
        for (const [name, value] of commands) {
          const last = model.at(-1) ?? [100, 0]
          if (name === 'append') {
            model.push([last[0] + value, last[1] + value])
            index.append(last[0] + value, last[1] + value)
          } else if (name === 'truncate') {
            model = model.filter(([offset]) => offset < 100 + value)
            index.truncateTo(100 + value)
          } else if (name === 'write') index.writeTail()
          else if (name === 'flush') await index.flush()
          else if (name === 'reopen') {
            await index.close()
            index = await offsets(disk)
          }
          const at = model.findLast(([offset]) => offset <= 100 + value) ?? [100, 0]
          expect(index.lookup(100 + value)).toEqual({ offset: at[0], position: at[1] })
          expect(index.lastOffset).toBe(model.at(-1)?.[0] ?? 100)
        }
        expect(all(index)).toEqual(model)
        await index.flush()
        expect(disk.snapshot().get('/i')).toEqual(index.encode())
      }),
      { numRuns: 150 },
    )
  })
})

describe('time index', () => {
  const open = (disk: SimulatedDisk, maxBytes = MAX_BYTES) =>
    TimeIndex.open(disk, '/t', 100, maxBytes)

  it('takes only rising timestamps and finds the newest at or below', async () => {
    const index = await open(new SimulatedDisk())
    expect(index.lookup(5)).toEqual({ timestamp: -1, offset: 100 })
    expect(index.maybeAppend(-1, 101)).toBe(false)
    expect(index.maybeAppend(0, 102)).toBe(true)
    expect(index.maybeAppend(1_700_000_000_000, 105)).toBe(true)
    expect(index.maybeAppend(1_700_000_000_000, 106)).toBe(false)
    expect(index.maybeAppend(1_600_000_000_000, 107)).toBe(false)
    expect(index.maybeAppend(1_700_000_000_001, 107)).toBe(true)
    expect(index.lookup(0)).toEqual({ timestamp: 0, offset: 102 })
    expect(index.lookup(1_700_000_000_000)).toEqual({ timestamp: 1_700_000_000_000, offset: 105 })
    expect([index.lastTimestamp, index.lastOffset]).toEqual([1_700_000_000_001, 107])
    index.truncateTo(107)
    expect([index.lastTimestamp, index.lastOffset]).toEqual([1_700_000_000_000, 105])
    index.truncateTo(0)
    expect([index.lastTimestamp, index.lastOffset]).toEqual([-1, 100])
  })

  it('keeps room for the last entry of a segment', async () => {
    const index = await open(new SimulatedDisk(), 36)
    index.maybeAppend(1, 101)
    expect(index.isFull()).toBe(false)
    index.maybeAppend(2, 102)
    expect(index.isFull()).toBe(true)
    expect(index.maybeAppend(3, 103)).toBe(true)
    expect(() => index.maybeAppend(4, 104)).toThrow('full')
  })

  it('keeps a single entry of timestamp 0 at the base offset, which is all zeros', async () => {
    const disk = new SimulatedDisk()
    const index = await open(disk)
    index.maybeAppend(0, 100)
    await index.close()
    expect((await open(disk)).count).toBe(1)
  })

  it('says what is wrong with a damaged file', async () => {
    const disk = new SimulatedDisk()
    const index = await open(disk)
    index.maybeAppend(5, 110)
    index.maybeAppend(6, 120)
    await index.close()
    const bytes = disk.snapshot().get('/t')!
    const problemOf = async (file: Buffer, logEndOffset = 200) =>
      (await open(SimulatedDisk.holding({ '/t': file }))).sanityCheck(logEndOffset)
    expect(await problemOf(bytes)).toBe(null)
    expect(await problemOf(bytes, 120)).toContain('past the log')
    expect(await problemOf(bytes.subarray(0, 23))).toContain('behind the last entry')
    expect(await problemOf(Buffer.concat([bytes, Buffer.alloc(48)]))).toContain('zero entries')
    expect(await problemOf(Buffer.concat([bytes, bytes]))).toContain('does not rise')
    const absurd = Buffer.from(bytes)
    absurd.writeInt32BE(0x7f000000, 12)
    expect(await problemOf(absurd)).toContain('no timestamp')
  })

  it('agrees with an array of entries', async () => {
    const step = fc.tuple(fc.integer({ min: -3, max: 50 }), fc.integer({ min: 0, max: 9 }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 200 }),
        fc.nat(2000),
        fc.nat(900),
        async (steps, timestamp, cut) => {
          const disk = new SimulatedDisk()
          let index = await open(disk)
          let model: { timestamp: number; offset: number }[] = []
          let [time, offset] = [1_700_000_000_000, 100]
          for (const [rise, distance] of steps) {
            time += rise
            offset += distance
            const grew = time > (model.at(-1)?.timestamp ?? -1)
            expect(index.maybeAppend(time, offset)).toBe(grew)
            if (grew) model.push({ timestamp: time, offset })
          }
          await index.close()
          index = await open(disk)
          model = model.filter((entry) => entry.offset < 100 + cut)
          index.truncateTo(100 + cut)
          const wanted = 1_700_000_000_000 + timestamp
          const none = { timestamp: -1, offset: 100 }
          const expected = model.findLast((entry) => entry.timestamp <= wanted) ?? none
          expect(index.lookup(wanted)).toEqual(expected)
          expect(index.count).toBe(model.length)
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('transaction index', () => {
  const aborted = (firstOffset: number, lastOffset: number, lastStableOffset: number) => ({
    producerId: 7,
    firstOffset,
    lastOffset,
    lastStableOffset,
  })
  const entries = [aborted(100, 110, 105), aborted(105, 120, 121), aborted(118, 140, 141)]

  async function filled(disk: SimulatedDisk): Promise<TransactionIndex> {
    const index = await TransactionIndex.open(disk, '/x', 100)
    for (const entry of entries) index.append(entry)
    return index
  }

  it('has a file only once a transaction was aborted, durable with its name', async () => {
    const disk = new SimulatedDisk()
    const index = await TransactionIndex.open(disk, '/x', 100)
    await index.flush()
    expect(disk.snapshot().size).toBe(0)
    index.append(entries[0]!)
    expect(disk.snapshot().size).toBe(0)
    await index.flush()
    expect(disk.pendingUnits()).toBe(0)
    expect(disk.snapshot().get('/x')?.length).toBe(34)
    index.append(entries[1]!)
    index.writeTail()
    await index.close()
    const again = await TransactionIndex.open(disk, '/x', 100)
    expect([again.entry(0), again.entry(1)]).toEqual(entries.slice(0, 2))
  })

  it('syncs the name of a file that writeTail made', async () => {
    const disk = new SimulatedDisk()
    const index = await TransactionIndex.open(disk, '/x', 100)
    index.append(entries[0]!)
    index.writeTail()
    await index.flush()
    expect(disk.pendingUnits()).toBe(0)
  })

  it('collects what overlaps the range and says when no later segment matters', async () => {
    const index = await filled(new SimulatedDisk())
    const collect = (from: number, upTo: number): [number[], boolean] => {
      const into: AbortedTransaction[] = []
      const complete = index.collectAborted(from, upTo, into)
      return [into.map(({ firstOffset }) => firstOffset), complete]
    }
    expect(collect(100, 101)).toEqual([[100], true])
    expect(collect(100, 106)).toEqual([[100, 105], true])
    expect(collect(111, 119)).toEqual([[105], true])
    expect(collect(121, 140)).toEqual([[118], true])
    expect(collect(120, 142)).toEqual([[105, 118], false])
    expect(collect(141, 200)).toEqual([[], false])
  })

  it('truncates by marker offset and checks itself', async () => {
    const disk = new SimulatedDisk()
    const index = await filled(disk)
    expect(index.sanityCheck(141)).toBe(null)
    expect(index.sanityCheck(140)).toContain('past the log')
    index.truncateTo(121)
    expect(index.count).toBe(2)
    index.truncateTo(120)
    expect(index.count).toBe(1)
    await index.close()
    const bytes = disk.snapshot().get('/x')!
    const problemOf = async (file: Buffer, base = 100) =>
      (await TransactionIndex.open(SimulatedDisk.holding({ '/x': file }), '/x', base)).sanityCheck(
        999,
      )
    expect(await problemOf(bytes)).toBe(null)
    expect(await problemOf(bytes, 111)).toContain('does not rise')
    expect(await problemOf(bytes.subarray(0, 30))).toContain('behind the last entry')
    expect(await problemOf(Buffer.concat([bytes, bytes]))).toContain('does not rise')
    expect(await problemOf(Buffer.concat([Buffer.from([0, 1]), bytes.subarray(2)]))).toContain(
      'version 1',
    )
  })

  it('refuses aborts out of order', async () => {
    const index = await filled(new SimulatedDisk())
    expect(() => index.append(aborted(100, 140, 141))).toThrow('follows')
    expect(() => index.append(aborted(151, 150, 151))).toThrow('follows')
  })
})

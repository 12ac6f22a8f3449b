/** Which ranges are written out and dropped, when, and what a reader keeps. */
import { beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../../engine/base/limits.ts'
import type { DiskFile } from '../../../engine/log/disk.ts'
import type { Log } from '../../../engine/log/log.ts'
import type { LogOptions } from '../../../engine/log/log-options.ts'
import type { LogState } from '../../../engine/log/log-state.ts'
import { PageWindow } from '../../../engine/log/page-window.ts'
import { Segment } from '../../../engine/log/segment.ts'
import { labelled, openLog, put, TestClock } from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const PIECE = 1_000
const BUDGET = 8_000
const LOG = {} as LogState
const OTHER = {} as LogState

describe('the page window', () => {
  let clock: TestClock
  let window: PageWindow
  let said: string[]
  beforeEach(() => {
    clock = new TestClock()
    window = new PageWindow(clock, BUDGET, PIECE)
    said = []
  })

  const segmentOf = (name: string): Segment => {
    const options = { disk: new SimulatedDisk(), dir: '/', baseOffset: 0, createdMs: 0 }
    const segment = new Segment({ ...options, indexIntervalBytes: 1, indexBytesMax: 1 }, 0, 0)
    const advise: DiskFile['advise'] = async (advice, position, bytes) => {
      said.push(`${advice} ${name} ${position} ${bytes}`)
    }
    segment.files = { log: { advise } } as unknown as NonNullable<Segment['files']>
    return segment
  }
  const fill = async (segment: Segment, pieces: number, log = LOG): Promise<void> => {
    for (let i = 0; i < pieces; i++) {
      segment.size += PIECE
      window.add(log, segment)
      await window.settled()
    }
  }
  const taken = (): string[] => said.splice(0)

  it('writes out a quarter of the budget behind the head, and drops over the budget', async () => {
    const segment = segmentOf('a')
    await fill(segment, 2)
    expect(taken()).toEqual([])
    await fill(segment, 2)
    expect(taken()).toEqual(['write a 0 1000', 'write a 1000 1000'])
    await fill(segment, 4)
    expect(taken().every((line) => line.startsWith('write'))).toBe(true)
    expect(window.bytes).toBe(BUDGET)
    await fill(segment, 2)
    // The second time for the first one too: it may have been on its way to the device.
    expect(taken().filter((line) => line.startsWith('drop'))).toEqual([
      'drop a 0 1000',
      'drop a 0 2000',
    ])
    expect(window.bytes).toBe(BUDGET)
  })

  it('reaches back no further than the budget', async () => {
    const segment = segmentOf('a')
    await fill(segment, 30)
    expect(taken().findLast((line) => line.startsWith('drop'))).toBe(
      `drop a ${21_000 - BUDGET} ${BUDGET + PIECE}`,
    )
  })

  it('takes the oldest of all logs first', async () => {
    const [one, other] = [segmentOf('a'), segmentOf('b')]
    await fill(one, 4)
    await fill(other, 5)
    await fill(one, 1)
    expect(taken().filter((line) => line.startsWith('drop'))).toEqual([
      'drop a 0 1000',
      'drop a 0 2000',
    ])
  })

  it('says that what was dropped may have to come from the device', async () => {
    const segment = segmentOf('a')
    segment.cachedFrom = 0
    await fill(segment, 10)
    expect(segment.cachedFrom).toBe(2_000)
  })

  const drops = (): string[] => taken().filter((line) => line.startsWith('drop'))

  it('keeps what lies before a reader, until it has not read for a while', async () => {
    const [one, other] = [segmentOf('a'), segmentOf('b')]
    await fill(one, 4)
    await fill(other, 4, OTHER)
    window.onRead(LOG, one, 1_500)
    await fill(other, 2, OTHER)
    expect(drops()).toEqual(['drop a 0 1000', 'drop b 0 1000'])
    clock.pass(limits.pageWindowReaderMs + 1)
    await fill(other, 1, OTHER)
    expect(drops()).toEqual(['drop a 0 2000'])
  })

  it('keeps it in the segments that follow too, the newest included', async () => {
    const [one, other] = [segmentOf('a'), segmentOf('b')]
    other.startByte = 4_000
    await fill(one, 4)
    await fill(other, 4)
    window.onRead(LOG, one, 2_500)
    await fill(segmentOf('c'), 6, OTHER)
    expect(drops()).toEqual([
      'drop a 0 1000',
      'drop a 0 2000',
      'drop c 0 1000',
      'drop c 0 2000',
      'drop c 0 3000',
      'drop c 0 4000',
    ])
  })

  it('keeps nothing for a reader that is far behind', async () => {
    const segment = segmentOf('a')
    segment.size = limits.pageWindowReadAheadBytes
    segment.windowEnd = segment.size
    await fill(segment, 8)
    window.onRead(LOG, segment, 0)
    await fill(segment, 1)
    expect(drops().length).toBe(1)
    window.onRead(LOG, segment, PIECE)
    await fill(segment, 1)
    expect(drops().length).toBe(1)
    window.onRead(LOG, segment, 3 * PIECE)
    await fill(segment, 1)
    expect(drops()).toEqual([])
  })

  it('does not reach back over what it keeps for a reader', async () => {
    const segment = segmentOf('a')
    await fill(segment, 8)
    window.onRead(LOG, segment, 0)
    await fill(segment, 4)
    // What came after the reader's last look is not kept for it.
    expect(drops().map((line) => Number(line.split(' ')[2]))).toEqual([8_000, 8_000])
  })

  it('keeps for readers the budget once more and not beyond', async () => {
    const segment = segmentOf('a')
    for (let i = 0; i < 40; i++) {
      window.onRead(LOG, segment, 0)
      await fill(segment, 1)
      expect(window.bytes).toBeLessThanOrEqual(2 * BUDGET)
    }
    expect(window.bytes).toBe(2 * BUDGET)
  })

  it('leaves alone what is deleted or closed', async () => {
    const [one, other] = [segmentOf('a'), segmentOf('b')]
    await fill(one, 8)
    taken()
    one.removed = true
    await fill(other, 8)
    expect(taken().filter((line) => line.includes(' a '))).toEqual([])
    other.files = null
    await fill(segmentOf('c'), 8)
    expect(taken().filter((line) => line.includes(' b '))).toEqual([])
    expect(window.bytes).toBe(BUDGET)
  })

  it('counts no more pieces than it has a bound for, however small', async () => {
    const many = new PageWindow(clock, 1e9, PIECE)
    const segment = segmentOf('a')
    for (let i = 0; i < 1_000; i++) {
      segment.size++
      many.add(LOG, segment)
      many.onRead(LOG, segment, 0)
      await many.settled()
    }
    expect(many.bytes).toBe(2 * limits.pageWindowPiecesMax)
  })

  it('takes larger pieces of a large budget', () => {
    expect(window.pieceBytes).toBe(PIECE)
    expect(new PageWindow(clock, 64 * 5_000, PIECE).pieceBytes).toBe(5_000)
  })

  it('has one call under way at a time', async () => {
    const segment = segmentOf('a')
    let running = 0
    let most = 0
    segment.files = {
      log: {
        advise: async () => {
          running++
          most = Math.max(most, running)
          for (let turns = 0; turns < 5; turns++) await null
          running--
        },
      },
    } as unknown as NonNullable<Segment['files']>
    segment.size = 20 * PIECE
    for (let i = 0; i < 20; i++) {
      segment.windowEnd = i * PIECE
      segment.size = (i + 1) * PIECE
      window.add(LOG, segment)
    }
    await window.settled()
    expect(most).toBe(1)
    expect(window.bytes).toBe(BUDGET)
  })
})

describe('a log with a page window', () => {
  const open = (window: PageWindow, options: Partial<LogOptions> = {}): Promise<Log> =>
    openLog(new SimulatedDisk(), options, { pageWindow: window })

  it('hands over a piece as soon as it is full, and the rest of a segment once that is synced', async () => {
    const window = new PageWindow(new TestClock(), 20_000, 700)
    const log = await open(window, { segmentBytes: 1_000 })
    const batch = labelled('x'.repeat(200))
    put(log, batch)
    put(log, labelled('x'.repeat(200)))
    expect(window.bytes).toBe(0)
    put(log, labelled('x'.repeat(200)))
    expect(window.bytes).toBe(3 * batch.length)
    put(log, labelled('x'.repeat(10)))
    put(log, labelled('x'.repeat(200)))
    expect(log.segmentBaseOffsets()).toEqual([0, 4])
    expect(window.bytes).toBe(3 * batch.length)
    await log.sync()
    await log.close('clean')
    expect(window.bytes).toBe(3 * batch.length + labelled('x'.repeat(10)).length)
  })

  it('counts nothing that was there before', async () => {
    const disk = new SimulatedDisk()
    const roomy = { segmentBytes: 100_000 }
    const before = await openLog(disk, roomy)
    for (let i = 0; i < 5; i++) put(before, labelled('x'.repeat(200)))
    await before.close('clean')
    const window = new PageWindow(new TestClock(), 20_000, 700)
    const log = await openLog(disk, roomy, { pageWindow: window })
    const batch = labelled('x'.repeat(200))
    for (let i = 0; i < 3; i++) put(log, labelled('x'.repeat(200)))
    expect(window.bytes).toBe(3 * batch.length)
  })

  it('reads what was dropped as what may be on the device only', async () => {
    const window = new PageWindow(new TestClock(), 2_000, 700)
    const log = await open(window, { segmentBytes: 100_000 })
    for (let i = 0; i < 40; i++) put(log, labelled('x'.repeat(200)))
    await window.settled()
    const [old, newest] = [log.read(0, 100, 40, true), log.read(39, 100, 40, true)]
    expect([old.cached, newest.cached]).toEqual([false, true])
    old.lease.release()
    newest.lease.release()
  })
})

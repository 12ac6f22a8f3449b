import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../engine/base/logger.ts'
import type { Disk } from '../../../engine/log/disk.ts'
import { rebuildIndexes } from '../../../engine/log/rebuild-indexes.ts'
import { type SalvageOptions, salvageInto, salvageLog } from '../../../engine/log/salvage.ts'
import { SegmentSuffix, segmentFileName } from '../../../engine/log/segment-files.ts'
import { CorruptLog } from '../../../engine/log/segment-rebuild.ts'
import { type VerifyOptions, verifyLog } from '../../../engine/log/verify-log.ts'
import { batchSizeInBytes } from '../../../engine/record/batch.ts'
import {
  LOG_DIR,
  labelled,
  NOW_MS,
  openLog,
  problemsOf,
  put,
  type ReadBatch,
  readAll,
  recover,
  SMALL,
} from '../../support/log-rig.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const BATCHES = 40
const OPTIONS: SalvageOptions = {
  logStartOffset: 0,
  endOffsetKnown: BATCHES,
  indexIntervalBytes: SMALL.indexIntervalBytes,
  segmentIndexBytes: SMALL.segmentIndexBytes,
  nowMs: NOW_MS,
  logger: silentLogger,
}

const path = (baseOffset: number, suffix: string = SegmentSuffix.log) =>
  `${LOG_DIR}/${segmentFileName(baseOffset, suffix)}`

interface Filled {
  readonly disk: SimulatedDisk
  readonly bases: readonly number[]
  /** Every batch of the log, one record each. */
  readonly batches: readonly ReadBatch[]
}

/** Several segments of batches of one record, as after a clean stop. */
async function filled(): Promise<Filled> {
  const disk = new SimulatedDisk()
  const log = await openLog(disk)
  for (let i = 0; i < BATCHES; i++) {
    const producer = { producerId: 5, producerEpoch: 0, baseSequence: i }
    put(log, labelled(`${i}`.padEnd(60 + (i % 7) * 20, '.'), 1, producer), i < 20 ? 0 : 1)
  }
  const batches = await readAll(log)
  const bases = log.segmentBaseOffsets()
  await log.close('clean')
  return { disk, bases, batches }
}

/** Copies of all files. */
function filesOf(disk: SimulatedDisk): Map<string, Buffer> {
  const files = [...disk.snapshot()].filter(([name]) => !name.endsWith('/'))
  return new Map(files.map(([name, bytes]) => [name, Buffer.from(bytes)]))
}

/** Position of the batch with that offset in its segment. */
function positionOf({ bases, batches }: Filled, offset: number): number {
  const base = bases.findLast((each) => each <= offset) ?? 0
  return batches
    .filter(({ baseOffset }) => baseOffset >= base && baseOffset < offset)
    .reduce((sum, { bytes }) => sum + bytes.length, 0)
}

/** What reading the whole log gives. */
async function offsetsLeft(disk: Disk, filled: Filled, logStartOffset = 0): Promise<number[]> {
  const log = await openLog(disk, {}, { logStartOffset })
  const found = await readAll(log)
  for (const { baseOffset, bytes } of found)
    expect(bytes.equals(filled.batches[baseOffset]?.bytes ?? Buffer.alloc(0))).toBe(true)
  await log.close('clean')
  return found.map(({ baseOffset }) => baseOffset)
}

const all = (...without: number[]): number[] =>
  Array.from({ length: BATCHES }, (_, at) => at).filter((at) => !without.includes(at))

const COMPACTED = { gapsAllowed: true }

describe('salvage in place', () => {
  it('leaves the batches of a whole log as they are', async () => {
    const whole = await filled()
    const report = await salvageLog(whole.disk, LOG_DIR, OPTIONS)
    expect(
      report.segments.every(({ lost, original }) => lost.length === 0 && original === null),
    ).toBe(true)
    expect(await offsetsLeft(whole.disk, whole)).toEqual(all())
    expect(await problemsOf(whole.disk)).toEqual([])
  })

  it('loses the damaged batch only, and keeps the damaged file', async () => {
    const whole = await filled()
    const { disk, bases } = whole
    const damaged = bases[1]! + 2
    disk.rot(path(bases[1]!), positionOf(whole, damaged) + 100)
    const original = disk.snapshot().get(path(bases[1]!))
    const report = await salvageLog(disk, LOG_DIR, OPTIONS)
    expect(report.logEndOffset).toBe(BATCHES)
    expect(report.segments[1]).toMatchObject({
      original: `${segmentFileName(bases[1]!, '.log')}.damaged`,
      lost: [{ fromOffset: damaged, toOffset: damaged + 1 }],
    })
    expect(disk.snapshot().get(`${path(bases[1]!)}.damaged`)).toEqual(original)
    expect(await problemsOf(disk, COMPACTED)).toEqual([])
    expect(await offsetsLeft(disk, whole)).toEqual(all(damaged))
  })

  it('finds the next batch when the damaged one lies about its length', async () => {
    const whole = await filled()
    const { disk, bases } = whole
    const damaged = bases[1]! + 1
    disk.rot(path(bases[1]!), positionOf(whole, damaged) + 10)
    await salvageLog(disk, LOG_DIR, OPTIONS)
    expect(await offsetsLeft(disk, whole)).toEqual(all(damaged))
  })

  it('gives no offset twice when the end is lost', async () => {
    const whole = await filled()
    const { disk, bases } = whole
    const last = bases.at(-1)!
    disk.rot(path(last), positionOf(whole, BATCHES - 1) + 70)
    const report = await salvageLog(disk, LOG_DIR, OPTIONS)
    expect(report.logEndOffset).toBe(BATCHES)
    expect(await offsetsLeft(disk, whole)).toEqual(all(BATCHES - 1))
    const log = await openLog(disk)
    expect(put(log, labelled('goes on'), 1)).toBe(BATCHES)
    await log.close('clean')
    expect(await problemsOf(disk, COMPACTED)).toEqual([])
  })

  it('drops a segment of which nothing is left', async () => {
    const whole = await filled()
    const { disk, bases } = whole
    const files = filesOf(disk)
    files.set(path(bases[1]!), Buffer.alloc(700, 0xff))
    const broken = SimulatedDisk.holding(Object.fromEntries(files))
    const report = await salvageLog(broken, LOG_DIR, OPTIONS)
    expect(report.segments[1]).toMatchObject({ batches: 0, keptBytes: 0 })
    const lost = all().filter((offset) => offset >= bases[1]! && offset < bases[2]!)
    expect(await offsetsLeft(broken, whole)).toEqual(all(...lost))
    expect(broken.snapshot().has(`${path(bases[1]!)}.damaged`)).toBe(true)
  })

  it('says which producers have a transaction that nothing ends', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    const producer = { producerId: 9, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    put(log, labelled('open', 1, producer))
    await log.close('clean')
    const report = await salvageLog(disk, LOG_DIR, { ...OPTIONS, endOffsetKnown: 1 })
    expect(report.openTransactions).toEqual([9])
  })

  it('keeps what a recovery after it finds, from whatever point', async () => {
    const whole = await filled()
    const { disk, bases } = whole
    disk.rot(path(bases[1]!), positionOf(whole, bases[1]! + 1) + 80)
    const { logEndOffset } = await salvageLog(disk, LOG_DIR, OPTIONS)
    const before = disk.snapshot()
    expect(await recover(disk, { recoveryPoint: logEndOffset })).toMatchObject({ logEndOffset })
    expect(disk.snapshot()).toEqual(before)
  })

  it('is finished by the next run when power fails anywhere in it', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const whole = await filled()
      const { bases } = whole
      const random = seededRandom(seed)
      const damaged = random.int(BATCHES)
      const base = bases.findLast((each) => each <= damaged)!
      const disk = SimulatedDisk.holding(Object.fromEntries(filesOf(whole.disk)), { seed })
      disk.rot(path(base), positionOf(whole, damaged) + 61 + random.int(20))
      const states: SimulatedDisk[] = []
      disk.onCall = () => {
        if (random.chance(0.1)) states.push(disk.crash(random.int(1 << 30)))
      }
      await salvageLog(disk, LOG_DIR, OPTIONS)
      disk.onCall = null
      for (const state of states) {
        await salvageLog(state, LOG_DIR, OPTIONS)
        expect(await offsetsLeft(state, whole)).toEqual(all(damaged))
        expect(await problemsOf(state, COMPACTED)).toEqual([])
      }
    }
  })
})

describe('salvage into another folder', () => {
  it('leaves the damaged one untouched', async () => {
    const whole = await filled()
    const { disk, bases } = whole
    disk.rot(path(bases[1]!), positionOf(whole, bases[1]! + 1) + 90)
    const before = [...disk.snapshot()].filter(([name]) => name.startsWith(LOG_DIR))
    const report = await salvageInto(disk, LOG_DIR, '/copy/orders-0', OPTIONS)
    const after = [...disk.snapshot()].filter(([name]) => name.startsWith(LOG_DIR))
    expect(after).toEqual(before)
    expect(report.logEndOffset).toBe(BATCHES)
    const log = await openLog(disk, {}, { dir: '/copy/orders-0' })
    expect((await readAll(log)).map(({ baseOffset }) => baseOffset)).toEqual(all(bases[1]! + 1))
    await log.close('clean')
  })
})

describe('verify', () => {
  const verify = (disk: Disk, options: VerifyOptions = { recoveryPoint: Infinity }) =>
    verifyLog(disk, LOG_DIR, options)
  const states = ({ segments }: Awaited<ReturnType<typeof verify>>) =>
    segments.map(({ state }) => state)

  it('finds a whole log whole and changes nothing', async () => {
    const { disk, bases } = await filled()
    const before = disk.snapshot()
    const verdict = await verify(disk)
    expect(new Set(states(verdict))).toEqual(new Set(['whole']))
    expect(verdict).toMatchObject({ problems: [], firstOffset: 0, logEndOffset: BATCHES })
    expect(verdict.segments.map(({ baseOffset }) => baseOffset)).toEqual(bases)
    expect(disk.snapshot()).toEqual(before)
  })

  it('tells a torn end from corruption by the recovery point', async () => {
    const whole = await filled()
    const last = whole.bases.at(-1)!
    whole.disk.rot(path(last), positionOf(whole, BATCHES - 1) + 70)
    expect(states(await verify(whole.disk, { recoveryPoint: BATCHES - 1 })).at(-1)).toBe('torn')
    const { segments } = await verify(whole.disk)
    expect(segments.at(-1)).toMatchObject({ state: 'corrupt', endOffset: BATCHES - 1 })
    expect(segments.at(-1)?.problems.join()).toMatch(/\.log: crc/)
  })

  it('counts the offsets that a salvaged log lacks', async () => {
    const whole = await filled()
    whole.disk.rot(path(whole.bases[1]!), 100)
    await salvageLog(whole.disk, LOG_DIR, OPTIONS)
    const { segments } = await verify(whole.disk)
    expect(segments.map(({ missingOffsets }) => missingOffsets)).toContain(1)
    expect(new Set(segments.map(({ state }) => state))).toEqual(new Set(['whole']))
  })
})

describe('rebuild-index', () => {
  it('makes damaged and missing indexes and the epoch file again', async () => {
    const { disk, bases } = await filled()
    const good = disk.snapshot()
    const files = filesOf(disk)
    files.delete(path(bases[0]!, SegmentSuffix.offsetIndex))
    files.get(path(bases[1]!, SegmentSuffix.timeIndex))?.fill(0xab)
    files.get(path(bases[2]!, SegmentSuffix.offsetIndex))?.fill(0x7f)
    files.set(`${LOG_DIR}/leader-epoch-checkpoint`, Buffer.from('rubbish'))
    const broken = SimulatedDisk.holding(Object.fromEntries(files))
    const { segments, problems } = await verifyLog(broken, LOG_DIR, { recoveryPoint: Infinity })
    expect(segments.slice(0, 3).map(({ state }) => state)).toEqual(['index', 'index', 'index'])
    expect(problems).toHaveLength(1)
    const rebuilt = await rebuildIndexes(broken, LOG_DIR, OPTIONS)
    expect(rebuilt).toMatchObject({ segments: bases.length, epochs: true })
    for (const [name, bytes] of good)
      if (!name.endsWith('/')) expect([name, broken.snapshot().get(name)]).toEqual([name, bytes])
    expect(await problemsOf(broken)).toEqual([])
  })

  it('refuses a log that is not intact, and leaves its file alone', async () => {
    const { disk, bases } = await filled()
    disk.rot(path(bases[1]!), 100)
    const log = disk.snapshot().get(path(bases[1]!))
    await expect(rebuildIndexes(disk, LOG_DIR, OPTIONS)).rejects.toBeInstanceOf(CorruptLog)
    expect(disk.snapshot().get(path(bases[1]!))).toEqual(log)
    expect(disk.openPaths).toEqual([])
  })
})

it('the batches of these tests are as long as they say', async () => {
  for (const { bytes } of (await filled()).batches)
    expect(batchSizeInBytes(bytes, 0)).toBe(bytes.length)
})

import { describe, expect, it } from 'vitest'
import { SegmentSuffix, segmentFileName } from '../../../engine/log/segment-files.ts'
import { CorruptLog } from '../../../engine/log/segment-rebuild.ts'
import { BATCH_HEADER_BYTES } from '../../../engine/record/batch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { buildEndTransactionMarker } from '../../../engine/record/control.ts'
import {
  LOG_DIR,
  labelled,
  NOW_MS,
  openLog,
  problemsOf,
  put,
  readAll,
  recover,
} from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const path = (baseOffset: number, suffix: string) =>
  `${LOG_DIR}/${segmentFileName(baseOffset, suffix)}`

/** A folder with several segments, as after a clean stop. */
async function filled(count = 40): Promise<{ disk: SimulatedDisk; bases: number[] }> {
  const disk = new SimulatedDisk()
  const log = await openLog(disk)
  for (let i = 0; i < count; i++)
    put(
      log,
      labelled(`${i}`.padEnd(80, '.'), 1, { producerId: 5, producerEpoch: 0, baseSequence: i }),
    )
  const bases = log.segmentBaseOffsets()
  await log.close('clean')
  return { disk, bases }
}

/** The folder's files, changed by `edit`, as a fresh disk. */
function changed(disk: SimulatedDisk, edit: (files: Map<string, Buffer>) => void): SimulatedDisk {
  const files = new Map([...disk.snapshot()].filter(([name]) => !name.endsWith('/')))
  edit(files)
  return SimulatedDisk.holding(Object.fromEntries(files))
}

describe('recovery', () => {
  it('changes nothing in a folder that is whole', async () => {
    const { disk } = await filled()
    const before = disk.snapshot()
    for (const recoveryPoint of [0, 13, 40]) {
      const summary = await recover(disk, { recoveryPoint })
      expect(summary).toMatchObject({ logEndOffset: 40, truncatedBytes: 0 })
      expect(disk.snapshot()).toEqual(before)
    }
    expect(disk.openPaths).toEqual([])
  })

  it('needs no room for the indexes of the active segment: the log has them in memory', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    const more = { producerId: 5, producerEpoch: 0, isTransactional: true }
    for (let i = 0; i < 20; i++) {
      const timestamp = NOW_MS - Math.abs(i - 12)
      const records = [{ key: null, value: Buffer.from(`${i}`.padEnd(80, '.')), timestamp }]
      put(log, buildBatch({ records, ...more, baseSequence: i }))
    }
    const fields = { producerId: 5, producerEpoch: 0, coordinatorEpoch: 0, timestamp: NOW_MS - 99 }
    put(log, buildEndTransactionMarker({ type: 'abort', ...fields }))
    const { length } = log.segmentBaseOffsets()
    await log.sync()
    disk.inject({
      at: 1,
      operation: 'write',
      path: new RegExp(`${path(log.segmentBaseOffsets().at(-1)!, '')}.*index|021.snapshot`),
      sticky: true,
      fault: { kind: 'error', code: 'ENOSPC' },
    })
    for (const _ of ['once', 'again']) {
      expect(await recover(disk)).toMatchObject({ logEndOffset: 21, segments: length })
      const again = await openLog(disk)
      expect(await again.maxTimestampOffset(21)).toMatchObject({ offset: 12, timestamp: NOW_MS })
      expect(again.abortedTransactions(0, 21)).toHaveLength(1)
      expect((await readAll(again)).length).toBe(21)
      await again.close('abandon')
    }
    disk.clearFaults()
    await (await openLog(disk)).close('clean')
    expect(await problemsOf(disk)).toEqual([])
  })

  it('leaves nothing of a segment it drops, not even the indexes it made', async () => {
    const { disk, bases } = await filled()
    const after = changed(disk, (files) => files.delete(path(bases[1]!, SegmentSuffix.offsetIndex)))
    await recover(after, { logStartOffset: 1_000 })
    const left = (await after.list(LOG_DIR)).filter((name) => /^\d+\.(log|.*index)$/.test(name))
    expect([...new Set(left.map((name) => Number.parseInt(name, 10)))]).toEqual([1_000])
  })

  it('cuts nothing off that a second read finds whole', async () => {
    const { disk } = await filled()
    const before = disk.snapshot()
    const fault = { kind: 'read-flip', byte: BATCH_HEADER_BYTES } as const
    disk.inject({ at: 5, operation: 'read', path: /\.log$/, fault })
    await expect(recover(disk)).rejects.toThrow(/two reads differ/)
    await recover(disk)
    expect(disk.snapshot()).toEqual(before)
  })

  it('reads only from the segment of the recovery point on', async () => {
    const { disk, bases } = await filled()
    expect((await recover(disk, { recoveryPoint: 0 })).scannedSegments).toBe(bases.length)
    expect((await recover(disk, { recoveryPoint: bases[1]! + 1 })).scannedSegments).toBe(
      bases.length - 1,
    )
    expect((await recover(disk, { recoveryPoint: 40 })).scannedSegments).toBe(1)
  })

  it('goes back while the roll into a segment had not left its snapshot', async () => {
    const { disk, bases } = await filled()
    await disk.unlink(path(bases[2]!, '.snapshot'))
    const summary = await recover(disk, { recoveryPoint: bases[2]! })
    expect(summary.scannedSegments).toBe(bases.length - 1)
    expect(await problemsOf(disk)).toEqual([])
  })

  it.each([1, 30, 61, 100])('cuts a torn end of %i bytes off, durably', async (torn) => {
    const { disk, bases } = await filled()
    const last = bases.at(-1)!
    const after = changed(disk, (files) => {
      const log = files.get(path(last, '.log'))!
      files.set(path(last, '.log'), Buffer.concat([log, log.subarray(0, torn)]))
    })
    const summary = await recover(after, { recoveryPoint: 10 })
    expect(summary).toMatchObject({ logEndOffset: 40, truncatedBytes: torn })
    expect(after.pendingUnits()).toBe(0)
    expect(await problemsOf(after)).toEqual([])
  })

  it('takes zeros for the end of the log', async () => {
    const { disk, bases } = await filled()
    const after = changed(disk, (files) => {
      const name = path(bases.at(-1)!, '.log')
      files.set(name, Buffer.concat([files.get(name)!, Buffer.alloc(10_000)]))
    })
    expect(await recover(after)).toMatchObject({ logEndOffset: 40, truncatedBytes: 10_000 })
  })

  it('cuts at the first bad batch above the recovery point, with good ones behind it', async () => {
    const { disk, bases } = await filled()
    const bad = bases[1]!
    disk.rot(path(bad, '.log'), 100)
    const summary = await recover(disk, { recoveryPoint: bad })
    expect(summary.logEndOffset).toBe(bad)
    expect(summary.segments).toBe(2)
    expect(await problemsOf(disk)).toEqual([])
    const log = await openLog(disk)
    expect(put(log, labelled('goes on'))).toBe(bad)
    expect((await readAll(log)).length).toBe(bad + 1)
  })

  it('refuses when a batch below the recovery point is bad, and says where and what to do', async () => {
    const { disk, bases } = await filled()
    disk.rot(path(bases[1]!, '.log'), 100)
    const refused = recover(disk, { recoveryPoint: bases[1]! + 1 })
    await expect(refused).rejects.toBeInstanceOf(CorruptLog)
    await expect(refused).rejects.toThrow(
      new RegExp(`${segmentFileName(bases[1]!, '.log')}: corrupt at byte 0.*Restore.*salvage`),
    )
    expect(disk.openPaths).toEqual([])
  })

  it.each([
    ['that comes once', false],
    ['that stays', true],
  ])('passes a read error %s on instead of taking it for the end', async (_name, sticky) => {
    const { disk } = await filled()
    const before = disk.snapshot()
    disk.inject({
      at: 2,
      operation: 'read',
      path: /\.log$/,
      sticky,
      fault: { kind: 'error', code: 'EIO' },
    })
    await expect(recover(disk)).rejects.toThrow(/EIO/)
    for (const [name, bytes] of before)
      if (name.endsWith('.log')) expect(disk.snapshot().get(name)).toEqual(bytes)
  })

  it('ends the log in front of a segment whose predecessor lost its end', async () => {
    const { disk, bases } = await filled()
    const after = changed(disk, (files) => {
      const name = path(bases[1]!, '.log')
      const batchBytes = files.get(name)!.length / (bases[2]! - bases[1]!)
      files.set(name, files.get(name)!.subarray(0, batchBytes * 2))
      files.delete(path(bases[2]!, '.snapshot'))
    })
    expect(await recover(after)).toMatchObject({ logEndOffset: bases[1]! + 2, segments: 2 })
    expect(await problemsOf(after)).toEqual([])
  })

  it('ends the log in front of a segment that overlaps the one before', async () => {
    const { disk, bases } = await filled()
    const strayed = path(bases[1]! + 1, '.log')
    const after = changed(disk, (files) => {
      files.set(strayed, files.get(path(bases.at(-1)!, '.log'))!)
    })
    expect(await recover(after)).toMatchObject({ logEndOffset: bases[2], segments: 2 })
    expect(after.snapshot().has(strayed)).toBe(false)
    await expect(
      recover(
        changed(disk, (files) => {
          files.set(strayed, files.get(path(bases.at(-1)!, '.log'))!)
        }),
        { recoveryPoint: 40 },
      ),
    ).resolves.toMatchObject({ logEndOffset: 40 })
  })

  it('allows gaps between batches only where compaction may have left them', async () => {
    const { disk, bases } = await filled()
    const hole = (files: Map<string, Buffer>) => {
      const name = path(bases[1]!, '.log')
      const log = files.get(name)!
      const size = log.length / (bases[2]! - bases[1]!)
      files.set(name, Buffer.concat([log.subarray(0, size), log.subarray(size * 2)]))
    }
    expect(await recover(changed(disk, hole), { gapsAllowed: true })).toMatchObject({
      logEndOffset: 40,
      truncatedBytes: 0,
    })
    expect(await recover(changed(disk, hole), { recoveryPoint: 40 })).toMatchObject({
      logEndOffset: 40,
    })
    expect(await recover(changed(disk, hole))).toMatchObject({ logEndOffset: bases[1]! + 1 })
  })

  it.each([SegmentSuffix.offsetIndex, SegmentSuffix.timeIndex])(
    'makes a missing or odd %s again, with and without a crash',
    async (suffix) => {
      const { disk, bases } = await filled()
      const wanted = disk.snapshot()
      for (const content of [null, Buffer.alloc(13)])
        for (const base of [bases[0]!, bases[1]!, bases.at(-1)!]) {
          const damage = (files: Map<string, Buffer>) => {
            if (content === null) files.delete(path(base, suffix))
            else files.set(path(base, suffix), content)
          }
          const crashed = changed(disk, damage)
          await recover(crashed, { recoveryPoint: 40 })
          expect(crashed.snapshot()).toEqual(wanted)
          const clean = changed(disk, damage)
          await (await openLog(clean)).close('clean')
          expect(clean.snapshot()).toEqual(wanted)
        }
    },
  )

  it('makes the index of the last segment again when it points past the log', async () => {
    const { disk, bases } = await filled()
    const wanted = disk.snapshot()
    const after = changed(disk, (files) => {
      const entry = Buffer.alloc(8)
      entry.writeInt32BE(50, 0)
      entry.writeInt32BE(1_000_000, 4)
      files.set(path(bases.at(-1)!, '.index'), entry)
    })
    const log = await openLog(after)
    expect(log.logEndOffset).toBe(40)
    await log.close('clean')
    expect(after.snapshot()).toEqual(wanted)
  })

  it('starts anew at the log start when the log ends below it', async () => {
    const { disk } = await filled()
    expect(await recover(disk, { logStartOffset: 100 })).toMatchObject({
      logStartOffset: 100,
      logEndOffset: 100,
      segments: 1,
    })
    const log = await openLog(disk, {}, { logStartOffset: 100 })
    expect(put(log, labelled('fresh'))).toBe(100)
    await log.close('clean')
    expect(await problemsOf(disk)).toEqual([])
    const other = (await filled()).disk
    const clean = await openLog(other, {}, { logStartOffset: 100 })
    expect([clean.logStartOffset, clean.logEndOffset]).toEqual([100, 100])
  })

  it('removes snapshots that nothing needs and those that cannot be read', async () => {
    const { disk, bases } = await filled()
    const after = changed(disk, (files) => {
      files.set(path(7, '.snapshot'), files.get(path(40, '.snapshot'))!)
      files.set(path(bases[1]!, '.snapshot'), Buffer.from('nonsense'))
      files.set(path(90, '.snapshot'), files.get(path(40, '.snapshot'))!)
    })
    await recover(after, { recoveryPoint: 40 })
    expect(after.snapshot().has(path(7, '.snapshot'))).toBe(false)
    expect(after.snapshot().has(path(90, '.snapshot'))).toBe(false)
    expect(await problemsOf(after)).toEqual([])
  })

  it('makes the epoch file again when it cannot be read', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    for (let i = 0; i < 40; i++) put(log, labelled(`${i}`.padEnd(80, '.')), Math.floor(i / 9))
    await log.close('clean')
    const wanted = disk.snapshot()
    const damage = (files: Map<string, Buffer>) =>
      files.set(`${LOG_DIR}/leader-epoch-checkpoint`, Buffer.from('0\n9\n'))
    const crashed = changed(disk, damage)
    await recover(crashed, { recoveryPoint: 40 })
    expect(crashed.snapshot()).toEqual(wanted)
    const clean = changed(disk, damage)
    const opened = await openLog(clean)
    expect(opened.endOffsetForEpoch(2)).toEqual({ epoch: 2, endOffset: 27 })
  })
})

describe('a recovery whose power goes', () => {
  /** What it leaves at each of its calls to the disk, recovered in turn. */
  async function recoveredAgain(disk: SimulatedDisk, recoveryPoint: number): Promise<string[]> {
    const states: SimulatedDisk[] = []
    disk.onCall = () => {
      for (let seed = 1; seed <= 3; seed++) states.push(disk.crash(states.length * 31 + seed))
    }
    await recover(disk, { recoveryPoint })
    disk.onCall = null
    expect(states.length).toBeGreaterThan(100)
    const wanted = [...disk.snapshot()].map(([name, bytes]) => `${name} ${bytes.toString('hex')}`)
    const problems = new Set<string>()
    for (const state of states) {
      await recover(state, { recoveryPoint })
      for (const problem of await problemsOf(state)) problems.add(problem)
      const found = [...state.snapshot()].map(([name, bytes]) => `${name} ${bytes.toString('hex')}`)
      for (const file of wanted) if (!found.includes(file)) problems.add(`not ${file.slice(0, 80)}`)
    }
    return [...problems]
  }

  it('while it makes the epoch file again from all segments leaves none of them half done', async () => {
    const disk = new SimulatedDisk()
    const log = await openLog(disk)
    for (let i = 0; i < 40; i++) put(log, labelled(`${i}`.padEnd(80, '.')), Math.floor(i / 9))
    await log.close('clean')
    const damaged = changed(disk, (files) =>
      files.set(`${LOG_DIR}/leader-epoch-checkpoint`, Buffer.from('0\n9\n')),
    )
    expect(await recoveredAgain(damaged, 40)).toEqual([])
  })

  it('while it makes indexes of a trusted segment again leaves them to be made', async () => {
    const { disk, bases } = await filled()
    for (const suffix of [SegmentSuffix.offsetIndex, SegmentSuffix.timeIndex]) {
      const damaged = changed(disk, (files) => files.delete(path(bases[1]!, suffix)))
      expect(await recoveredAgain(damaged, 40)).toEqual([])
    }
  })
})

describe('the leftovers of a crash', () => {
  it('are removed: deleted files, temporary ones, indexes without a log', async () => {
    const { disk } = await filled()
    const wanted = disk.snapshot()
    const after = changed(disk, (files) => {
      files.set(`${path(0, '.log')}.deleted`, Buffer.from('x'))
      files.set(`${LOG_DIR}/leader-epoch-checkpoint.tmp`, Buffer.from('x'))
      files.set(path(7, '.index'), Buffer.alloc(8))
      files.set(path(7, '.txnindex'), Buffer.alloc(34))
    })
    await (await openLog(after)).close('clean')
    expect(after.snapshot()).toEqual(wanted)
  })

  it('of a compaction that had not finished are dropped', async () => {
    const { disk, bases } = await filled()
    const wanted = disk.snapshot()
    const after = changed(disk, (files) => {
      files.set(`${path(bases[1]!, '.log')}.cleaned`, Buffer.from('half'))
      files.set(`${path(bases[2]!, '.log')}.swap`, Buffer.from('half'))
    })
    await (await openLog(after)).close('clean')
    expect(after.snapshot()).toEqual(wanted)
  })

  it('of a compaction that had finished take the place of what they replace', async () => {
    const { disk, bases } = await filled()
    const after = changed(disk, (files) => {
      // Segments 0 and 1 merged into one, as .swap.
      const merged = [bases[0]!, bases[1]!].map((base) => files.get(path(base, '.log'))!)
      files.set(`${path(0, '.log')}.swap`, Buffer.concat(merged))
      files.set(`${path(0, '.index')}.swap`, Buffer.alloc(0))
      files.set(`${path(0, '.timeindex')}.swap`, Buffer.alloc(0))
    })
    const log = await openLog(after)
    expect(log.segmentBaseOffsets()).toEqual([0, ...bases.slice(2)])
    expect((await readAll(log)).map(({ baseOffset }) => baseOffset)).toEqual(
      Array.from({ length: 40 }, (_, offset) => offset),
    )
    await log.close('clean')
    expect(await problemsOf(after, { exactIndex: false })).toEqual([
      expect.stringContaining('ends with -1'),
    ])
  })
})

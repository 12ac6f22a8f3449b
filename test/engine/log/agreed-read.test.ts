/** One wrong bit in one read, at any read and any place, decides nothing about a log. */
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../engine/base/logger.ts'
import { readFileAgreed } from '../../../engine/log/agreed-read.ts'
import {
  CheckpointFile,
  readOffsetCheckpoint,
  writeOffsetCheckpoint,
} from '../../../engine/log/checkpoints.ts'
import { DiskError } from '../../../engine/log/disk.ts'
import type { LogOptions } from '../../../engine/log/log-options.ts'
import { LOG_DIR, labelled, openLog, put, readAll, recover } from '../../support/log-rig.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const COUNT = 30
const FLIPS = 40
const flip = { kind: 'read-flip' } as const

/** A folder of some segments: small batches, so that many bits are those without a sum. */
async function filled(options: Partial<LogOptions> = {}) {
  const disk = new SimulatedDisk()
  const log = await openLog(disk, { segmentBytes: 700, ...options })
  for (let i = 0; i < COUNT; i++) put(log, labelled(`${i}`), i < 20 ? 0 : 3)
  await log.close('clean')
  const files = [...disk.snapshot()].filter(([name]) => !name.endsWith('/'))
  return (seed: number) => SimulatedDisk.holding(Object.fromEntries(files), { seed })
}

it('a clean start finds the same end of the log', async () => {
  const diskOf = await filled()
  let reads = 0
  for (let seed = 1; seed <= FLIPS; seed++) {
    const disk = diskOf(seed)
    disk.onFault = () => reads++
    disk.inject({
      at: 1 + (seed % 6),
      operation: 'read',
      path: /\.(log|index|snapshot)$|leader-epoch/,
      fault: flip,
    })
    const log = await openLog(disk, { segmentBytes: 700 })
    disk.clearFaults()
    expect(log.logEndOffset).toBe(COUNT)
    expect((await readAll(log)).length).toBe(COUNT)
    await log.close('abandon')
  }
  expect(reads).toBeGreaterThan(FLIPS / 2)
})

it.each([
  ['a log', false, 12],
  ['a compacted log', true, 12],
  ['a log that was never synced', false, 0],
])('recovery of %s cuts nothing off', async (_, gapsAllowed, recoveryPoint) => {
  const diskOf = await filled()
  const before = diskOf(0).snapshot()
  let whole = 0
  for (let seed = 1; seed <= FLIPS; seed++) {
    const disk = diskOf(seed)
    const path = /\.log$|leader-epoch|snapshot/
    disk.inject({ at: 1 + (seed % 12), operation: 'read', path, fault: flip })
    const options = { recoveryPoint, gapsAllowed }
    const summary = await recover(disk, options).catch((error: unknown) => {
      expect(error).toBeInstanceOf(DiskError)
      return null
    })
    if (summary !== null) {
      whole++
      expect(summary).toMatchObject({ logEndOffset: COUNT, truncatedBytes: 0 })
    }
    disk.clearFaults()
    // Indexes may be half made when it ended with the error; a second one makes them whole.
    if (summary === null) await recover(disk, options)
    expect(disk.snapshot()).toEqual(before)
  }
  expect(whole).toBeGreaterThan(FLIPS / 4)
})

describe('a file of offsets', () => {
  it('is read as it is', async () => {
    for (let seed = 1; seed <= FLIPS; seed++) {
      const disk = SimulatedDisk.holding({ '/data/meta.properties': '' }, { seed })
      const offsets = new Map([['orders-0', 12_345]])
      await writeOffsetCheckpoint(disk, '/data', CheckpointFile.logStartOffset, offsets)
      disk.inject({ at: 1 + (seed % 2), operation: 'read', fault: flip })
      const { logStartOffset } = CheckpointFile
      expect(await readOffsetCheckpoint(disk, '/data', logStartOffset, silentLogger)).toEqual(
        offsets,
      )
    }
  })

  it('is refused when no two reads agree', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'content' })
    disk.inject({ at: 1, operation: 'read', sticky: true, fault: flip })
    await expect(readFileAgreed(disk, '/a')).rejects.toThrow(/no two reads agree/)
    expect(await readFileAgreed(disk, '/none')).toBeNull()
  })
})

it('a fetch passes over no batch when the index of a closed segment names a wrong place', async () => {
  const options = { segmentBytes: 1_000, indexIntervalBytes: 100 }
  const diskOf = await filled(options)
  const index = `${LOG_DIR}/00000000000000000000.index`
  const size = (await diskOf(0).readFile(index))?.length ?? 0
  expect(size).toBeGreaterThan(30)
  let served = 0
  let refused = 0
  for (let bit = 0; bit < size * 8; bit += 3) {
    const disk = diskOf(1)
    disk.rot(index, bit >> 3, bit & 7)
    const log = await openLog(disk, options)
    for (let offset = 0; offset < 12; offset++) {
      try {
        const slice = log.read(offset, 1, COUNT, true)
        expect(slice.endOffset).toBe(offset + 1)
        slice.lease.release()
        served++
      } catch (error) {
        // No batch begins there, so nothing is answered.
        if (!(error instanceof DiskError)) throw error
        refused++
      }
    }
    await log.close('abandon')
  }
  expect(refused).toBeLessThan(served / 10)
})

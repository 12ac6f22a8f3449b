import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../engine/base/logger.ts'
import {
  decodeProducerSnapshot,
  encodeProducerSnapshot,
  listProducerSnapshots,
  loadProducerSnapshot,
  type ProducerSnapshotEntry,
  snapshotFileName,
  snapshotOffsetOf,
  storeProducerSnapshot,
  unneededSnapshots,
} from '../../../engine/log/producer-snapshot.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const entry = (producerId: number): ProducerSnapshotEntry => ({
  producerId,
  producerEpoch: 3,
  lastSequence: 2_147_483_647,
  lastOffset: 9_007_199_254_740_991,
  offsetDelta: 4,
  timestamp: 1_700_000_000_000,
  coordinatorEpoch: -1,
  transactionFirstOffset: -1,
})

describe('producer snapshot', () => {
  it('round-trips any entries', () => {
    const int = (min: number, max: number) => fc.integer({ min, max })
    const safe = int(-1, Number.MAX_SAFE_INTEGER)
    const any = fc.record({
      producerId: safe,
      producerEpoch: int(-1, 32_767),
      lastSequence: int(-1, 2_147_483_647),
      lastOffset: safe,
      offsetDelta: int(0, 2_147_483_647),
      timestamp: safe,
      coordinatorEpoch: int(-1, 2_147_483_647),
      transactionFirstOffset: safe,
    })
    fc.assert(
      fc.property(fc.array(any), (entries) => {
        expect(decodeProducerSnapshot(encodeProducerSnapshot(entries), 'f')).toEqual(entries)
      }),
    )
  })

  it('refuses any changed bit, any cut and any tail', () => {
    const good = encodeProducerSnapshot([entry(1), entry(2)])
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => decodeProducerSnapshot(bad, '/f')).toThrow('/f: ')
    }
    for (let size = 0; size < good.length; size++)
      expect(() => decodeProducerSnapshot(good.subarray(0, size), '/f')).toThrow('/f: ')
    const longer = Buffer.concat([good, Buffer.alloc(46)])
    expect(() => decodeProducerSnapshot(longer, '/f')).toThrow('/f: ')
  })

  it('is named by its offset', () => {
    expect(snapshotFileName(42)).toBe('00000000000000000042.snapshot')
    expect(snapshotOffsetOf('00000000000000000042.snapshot')).toBe(42)
    for (const name of [
      '42.snapshot',
      '00000000000000000042.snapshot.tmp',
      '00000000000000000042.log',
    ])
      expect(snapshotOffsetOf(name)).toBe(null)
  })

  it('loads the newest readable one at or below an offset and removes broken ones', async () => {
    const disk = SimulatedDisk.holding({ '/p/x.log': '' })
    for (const offset of [10, 20, 30])
      await storeProducerSnapshot(disk, '/p', { offset, entries: [entry(offset)] })
    expect(await listProducerSnapshots(disk, '/p')).toEqual([10, 20, 30])
    const load = async (upTo: number) =>
      (await loadProducerSnapshot(disk, '/p', upTo, silentLogger))?.offset ?? null
    expect([await load(9), await load(10), await load(29), await load(999)]).toEqual([
      null,
      10,
      20,
      30,
    ])
    disk.rot(`/p/${snapshotFileName(30)}`, 20)
    disk.rot(`/p/${snapshotFileName(10)}`, 20)
    expect(await load(999)).toBe(20)
    expect(await listProducerSnapshots(disk, '/p')).toEqual([10, 20])
    expect(await load(15)).toBe(null)
    expect(await listProducerSnapshots(disk, '/p')).toEqual([20])
  })

  it('keeps those at segment bases and the newest beyond them', () => {
    expect(unneededSnapshots([0, 5, 10, 20, 25, 30], [0, 10, 20])).toEqual([5, 25])
    expect(unneededSnapshots([5, 15], [0, 10, 20])).toEqual([5, 15])
    expect(unneededSnapshots([], [0])).toEqual([])
    expect(unneededSnapshots([3], [])).toEqual([])
  })
})

/** The embedded store: compare-and-swap, folding, and what a power cut or a damaged file may do. */
import { describe, expect, it } from 'vitest'
import { limits } from '../../../engine/base/limits.ts'
import { silentLogger } from '../../../engine/base/logger.ts'
import type { Disk } from '../../../engine/log/disk.ts'
import {
  EmbeddedMetaStore,
  META_LOG_FILE,
  META_SNAPSHOT_FILE,
  MetaStoreCorrupt,
} from '../../../engine/metastore/embedded-store.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const LOG = `/data/${META_LOG_FILE}`
const SNAPSHOT = `/data/${META_SNAPSHOT_FILE}`

async function newDisk(seed = 1): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ seed })
  await disk.makeDir('/data')
  await disk.syncDir('/')
  return disk
}

const open = (disk: Disk) => EmbeddedMetaStore.open(disk, '/data', silentLogger)

async function put(store: EmbeddedMetaStore, key: string, value: string | null): Promise<number> {
  const revision = (await store.get(key))?.revision ?? 0
  return (await store.transact([{ key, revision }], [{ key, value }])) ?? 0
}

async function contentOf(store: EmbeddedMetaStore): Promise<Record<string, string>> {
  return Object.fromEntries((await store.range('')).map(({ key, value }) => [key, value]))
}

/** Enough of them make the log longer than what triggers a fold. */
const LARGE = 'x'.repeat(40_000)

describe('the embedded store', () => {
  it('cuts nothing off that a second read finds whole', async () => {
    const disk = await newDisk()
    const store = await open(disk)
    await put(store, 'a', '1')
    await store.close()
    disk.inject({ at: 1, operation: 'read', path: /log$/, fault: { kind: 'read-flip' } })
    await expect(open(disk)).rejects.toThrow(/two reads differ/)
    expect(await contentOf(await open(disk))).toEqual({ a: '1' })
  })

  it('makes all changes of a transaction or none', async () => {
    const store = await open(await newDisk())
    expect(await put(store, 'a', '1')).toBe(1)
    const stale = await store.transact(
      [{ key: 'a', revision: 0 }],
      [
        { key: 'a', value: '2' },
        { key: 'b', value: '2' },
      ],
    )
    expect(stale).toBeNull()
    expect(await contentOf(store)).toEqual({ a: '1' })
  })

  it('finds everything again, removals included, with the revisions it had', async () => {
    const disk = await newDisk()
    const first = await open(disk)
    await put(first, 'a', '1')
    await put(first, 'b', '1')
    await put(first, 'a', '2')
    await put(first, 'b', null)
    const before = await first.range('')
    await first.close()
    expect(await (await open(disk)).range('')).toEqual(before)
  })

  it('tells watchers of changes under their prefix, in order, until they cancel', async () => {
    const store = await open(await newDisk())
    const heard: string[] = []
    const watch = store.watch('topics/', ({ key, value }) => heard.push(`${key}=${value}`))
    await put(store, 'topics/a', '1')
    await put(store, 'other', '1')
    await put(store, 'topics/a', null)
    watch.cancel()
    await put(store, 'topics/b', '1')
    expect(heard).toEqual(['topics/a=1', 'topics/a=null'])
  })

  it('forgets keys bound to a lease when it is revoked or the process ends', async () => {
    const disk = await newDisk()
    const store = await open(disk)
    const lease = await store.lease()
    const other = await store.lease()
    await store.transact([], [{ key: 'mine', value: '1', lease }])
    await store.transact([], [{ key: 'theirs', value: '1', lease: other }])
    await lease.revoke()
    expect(await contentOf(store)).toEqual({ theirs: '1' })
    await put(store, 'kept', '1')
    await store.close()
    expect(await contentOf(await open(disk))).toEqual({ kept: '1' })
  })

  it('lets a key change between leased and lasting, on disk too', async () => {
    const disk = await newDisk()
    const store = await open(disk)
    const lease = await store.lease()
    await put(store, 'lasting first', '1')
    await store.transact([], [{ key: 'lasting first', value: '2', lease }])
    await store.transact([], [{ key: 'leased first', value: '1', lease }])
    await put(store, 'leased first', '2')
    await lease.revoke()
    expect(await contentOf(store)).toEqual({ 'leased first': '2' })
    await store.close()
    expect(await contentOf(await open(disk))).toEqual({ 'leased first': '2' })
  })

  it('gives every change its own revision, in order, also among waiting ones', async () => {
    const store = await open(await newDisk())
    const lease = await store.lease()
    await store.transact([], [{ key: 'leased', value: '1', lease }])
    const set = (key: string) => store.transact([], [{ key, value: '1' }])
    const waiting = [set('a'), lease.revoke(), set('b')]
    expect(await Promise.all(waiting)).toEqual([2, undefined, 4])
  })

  it('refuses changes when too many wait', async () => {
    const store = await open(await newDisk())
    const waiting = Array.from({ length: limits.metaTransactionsMax }, () =>
      store.transact([{ key: 'a', revision: 9 }], []),
    )
    await expect(store.transact([], [{ key: 'a', value: '1' }])).rejects.toThrow(/too many/)
    await Promise.all(waiting)
    expect(await put(store, 'a', '1')).toBe(1)
  })

  it('folds a long log into the snapshot and goes on', async () => {
    const disk = await newDisk()
    const store = await open(disk)
    for (let n = 0; n < 12; n++) await put(store, `key-${n % 3}`, `${n}${LARGE}`)
    expect(await disk.stat(SNAPSHOT)).not.toBeNull()
    await put(store, 'last', '1')
    const before = await store.range('')
    await store.close()
    expect(await (await open(disk)).range('')).toEqual(before)
  })

  it('answers a change that is durable although folding failed behind it, and takes none after it', async () => {
    for (const [operation, path, at] of [
      // The sync of the change itself comes first.
      ['sync', /log$/, 2],
      ['syncDir', /data$/, 1],
      ['sync', /snapshot.tmp$/, 1],
    ] as const) {
      const disk = await newDisk()
      const store = await EmbeddedMetaStore.open(disk, '/data', silentLogger, 100)
      const failures: string[] = []
      store.onFailed = ({ code }) => failures.push(code)
      await put(store, 'a', '1')
      disk.inject({ at, operation, path, fault: { kind: 'sync-failure', mode: 'lost' } })
      const value = 'x'.repeat(100)
      expect(await put(store, 'a', value)).toBe(2)
      expect(failures).toEqual(['EIO'])
      await expect(put(store, 'b', '1')).rejects.toThrow(/EIO/)
      expect(failures).toEqual(['EIO'])
      await store.close()
      for (const after of disk.crashStates(1))
        expect(await contentOf(await open(after))).toEqual({ a: value })
    }
  })

  it('takes changes again after a full disk, and none after a failed sync', async () => {
    const disk = await newDisk()
    const store = await open(disk)
    await put(store, 'a', '1')
    disk.inject({ at: 1, operation: 'write', fault: { kind: 'error', code: 'ENOSPC' } })
    await expect(put(store, 'a', '2')).rejects.toThrow(/ENOSPC/)
    expect(await put(store, 'a', '3')).toBeGreaterThan(0)
    disk.inject({ at: 1, operation: 'sync', fault: { kind: 'sync-failure', mode: 'lost' } })
    await expect(put(store, 'a', '4')).rejects.toThrow()
    await expect(put(store, 'a', '5')).rejects.toThrow()
    expect(await contentOf(store)).toEqual({ a: '3' })
  })

  describe('on a full disk', () => {
    /** The disk holds what the store has and not a byte more. */
    async function filled(): Promise<{ disk: SimulatedDisk; store: EmbeddedMetaStore }> {
      const before = await newDisk()
      const first = await open(before)
      for (let n = 0; n < 100; n++) await put(first, `topics/${n}`, 'x'.repeat(300))
      await first.close()
      const files = filesOf(before)
      const capacityBytes = [...files.values()].reduce((sum, { length }) => sum + length, 0)
      const disk = SimulatedDisk.holding(Object.fromEntries(files), { capacityBytes })
      return { disk, store: await open(disk) }
    }

    it('takes what frees room, from its reserve, and keeps that over a restart', async () => {
      const { disk, store } = await filled()
      for (let n = 0; n < 90; n++) await put(store, `topics/${n}`, null)
      await store.close()
      const again = await open(disk)
      expect((await again.range('topics/')).length).toBe(10)
      await put(again, 'topics/90', null)
      expect(disk.freeNow()).toBe(0)
    })

    it('refuses additions before deletions, and both once the reserve is used up', async () => {
      const { store } = await filled()
      let added = 0
      const add = (n: number) =>
        store.transact([], [{ key: `more/${n}`, value: 'y'.repeat(300) }], 'an addition')
      await expect(
        (async () => {
          for (; added < 1_000; added++) await add(added)
        })(),
      ).rejects.toThrow(/ENOSPC/)
      let changed = 0
      await expect(
        (async () => {
          for (; changed < 1_000; changed++) await put(store, 'options', `${changed}`.padEnd(300))
        })(),
      ).rejects.toThrow(/ENOSPC/)
      expect(changed * 300).toBeGreaterThan(limits.metaReserveBytes / 4)
      expect((await store.range('more/')).length).toBe(added)
      expect((await store.get('options'))?.value.trim()).toBe(`${changed - 1}`)
    })

    it('fills the reserve again when there is room', async () => {
      const disk = await newDisk()
      const sizeOf = async (): Promise<number> => (await disk.stat(LOG))?.size ?? 0
      disk.inject({
        at: 1,
        operation: 'write',
        sticky: true,
        fault: { kind: 'error', code: 'ENOSPC' },
      })
      const store = await open(disk)
      expect(await sizeOf()).toBe(0)
      disk.clearFaults()
      await put(store, 'a', '1')
      expect(await sizeOf()).toBe(limits.metaReserveBytes)
    })
  })
})

/** What is on the disk now, directories left out. */
function filesOf(disk: SimulatedDisk): Map<string, Buffer> {
  return new Map([...disk.snapshot()].filter(([path]) => path.includes('sluice-meta')))
}

describe('a damaged store', () => {
  async function written(changes: number): Promise<Map<string, Buffer>> {
    const disk = await newDisk()
    const store = await open(disk)
    for (let n = 0; n < changes; n++) await put(store, `key-${n}`, String(n))
    await store.close()
    return filesOf(disk)
  }

  const reopened = async (files: Map<string, Buffer>) =>
    open(SimulatedDisk.holding(Object.fromEntries(files)))

  it('cuts a last change that was never completed', async () => {
    const files = await written(3)
    const log = files.get(LOG)
    if (log === undefined) throw new Error('the log exists')
    const end = log.findLastIndex((byte) => byte !== 0) + 1
    for (let cut = 1; cut < 20; cut++) {
      const torn = log.subarray(0, end - cut)
      // With the reserve behind it, and as a file that ends there.
      for (const content of [Buffer.concat([torn, Buffer.alloc(log.length - torn.length)]), torn]) {
        files.set(LOG, content)
        const store = await reopened(files)
        expect(Object.keys(await contentOf(store))).toEqual(['key-0', 'key-1'])
        await put(store, 'next', '1')
        await store.close()
      }
    }
  })

  it('refuses the start when whole changes stand behind a damaged one', async () => {
    const files = await written(3)
    const log = Buffer.from(files.get(LOG) ?? '')
    log[12]! ^= 0xff
    files.set(LOG, log)
    await expect(reopened(files)).rejects.toThrow(MetaStoreCorrupt)
  })

  it('refuses a snapshot that does not read, and one without its log', async () => {
    const disk = await newDisk()
    const store = await open(disk)
    for (let n = 0; n < 12; n++) await put(store, 'key', `${n}${LARGE}`)
    await store.close()
    const files = filesOf(disk)
    const snapshot = Buffer.from(files.get(SNAPSHOT) ?? '')
    snapshot[snapshot.length - 3]! ^= 0xff
    await expect(reopened(new Map([...files, [SNAPSHOT, snapshot]]))).rejects.toThrow(/damaged/)
    files.delete(LOG)
    await expect(reopened(files)).rejects.toThrow(/missing/)
  })
})

describe('a power cut', () => {
  it('keeps every acknowledged change and no half of any, at any moment', async () => {
    const disk = await newDisk()
    const acknowledged = new Map<string, string>()
    let attempted: Record<string, string> | null = null
    const moments: { after: SimulatedDisk; legal: Record<string, string>[] }[] = []
    let seed = 0
    disk.onCall = () => {
      const before = Object.fromEntries(acknowledged)
      const legal = attempted === null ? [before] : [before, { ...before, ...attempted }]
      for (const after of disk.crashStates(++seed, 4)) moments.push({ after, legal })
    }
    const store = await open(disk)
    for (let n = 0; n < 40; n++) {
      const value = n % 6 === 5 ? `${n}${LARGE.repeat(2)}` : String(n)
      const pair = { [`key-${n % 5}`]: value, [`twin-${n % 5}`]: value }
      attempted = pair
      await store.transact(
        [],
        Object.entries(pair).map(([key, value]) => ({ key, value })),
      )
      for (const [key, value] of Object.entries(pair)) acknowledged.set(key, value)
      attempted = null
    }
    disk.onCall = null
    for (const { after, legal } of moments) {
      const reopened = await open(after)
      const found = await contentOf(reopened)
      expect(legal).toContainEqual(found)
      await reopened.close()
      // A second start does nothing more.
      expect(await contentOf(await open(after))).toEqual(found)
    }
    console.log(`metastore crash states: ${moments.length}`)
    expect(moments.length).toBeGreaterThan(200)
  })
})

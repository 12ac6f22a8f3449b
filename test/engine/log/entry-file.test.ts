import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { DiskFile } from '../../../engine/log/disk.ts'
import { NodeDisk } from '../../../engine/log/node-disk.ts'
import { OffsetIndex } from '../../../engine/log/offset-index.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-entry-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A disk that remembers the files it opened; a closed one has the descriptor -1. */
class WatchedDisk extends NodeDisk {
  readonly opened: DiskFile[] = []

  override async open(...args: Parameters<NodeDisk['open']>): Promise<DiskFile> {
    const file = await super.open(...args)
    this.opened.push(file)
    return file
  }

  override openSync(...args: Parameters<NodeDisk['openSync']>): DiskFile {
    const file = super.openSync(...args)
    this.opened.push(file)
    return file
  }
}

it('a small index holds no descriptor between its syncs, and loses nothing by it', async () => {
  const disk = new WatchedDisk()
  const path = join(folder, '0.index')
  const held = (): number => disk.opened.filter(({ fd }) => fd >= 0).length
  const index = OffsetIndex.createSync(disk, path, 0, 1 << 20)
  expect([disk.opened.length, held()]).toEqual([1, 0])
  for (let round = 1; round <= 3; round++) {
    index.append(round * 10, round * 100)
    await index.flush()
    expect(held()).toBe(0)
  }
  index.truncateTo(25)
  expect(index.lastOffset).toBe(20)
  await index.close()
  const again = await OffsetIndex.open(disk, path, 0, 1 << 20)
  expect(held()).toBe(0)
  expect([again.count, again.lookup(29)]).toEqual([2, { offset: 20, position: 200 }])
  await again.close()
})

it('a large one keeps the descriptor it reads from', async () => {
  const disk = new WatchedDisk()
  const path = join(folder, '1.index')
  const index = OffsetIndex.createSync(disk, path, 0, 1 << 20)
  for (let at = 1; at <= 500; at++) index.append(at, at)
  await index.close()
  const again = await OffsetIndex.open(disk, path, 0, 1 << 20)
  expect(disk.opened.filter(({ fd }) => fd >= 0)).toHaveLength(1)
  expect(again.lookup(250)).toEqual({ offset: 250, position: 250 })
  await again.close()
})

it('look-ups in several large indexes meet again pages that were read, and never old ones', async () => {
  const disk = new WatchedDisk()
  const ENTRIES = 6_000
  const indexes: OffsetIndex[] = []
  for (let file = 0; file < 5; file++) {
    const path = join(folder, `many-${file}.index`)
    const index = OffsetIndex.createSync(disk, path, 0, 1 << 20)
    for (let at = 1; at <= ENTRIES; at++) index.append(at * 10, at * 100 + file)
    await index.close()
    indexes.push(await OffsetIndex.open(disk, path, 0, 1 << 20))
  }
  let reads = 0
  for (const file of disk.opened) {
    const readSync = file.readSync.bind(file)
    file.readSync = (into, position) => {
      reads++
      return readSync(into, position)
    }
  }
  const look = (file: number, at: number): void =>
    expect(indexes[file]!.lookup(at * 10 + 5)).toEqual({
      offset: at * 10,
      position: at * 100 + file,
    })
  for (let at = 1; at <= ENTRIES; at += 37) for (let file = 0; file < 5; file++) look(file, at)
  reads = 0
  for (let again = 0; again < 100; again++) look(0, 1_000 + (again % 3))
  expect(reads).toBeLessThan(20)

  // Cut and written anew: the same places hold something else.
  indexes[0]!.truncateTo(20_000)
  for (let at = 2_000; at <= ENTRIES; at++) indexes[0]!.append(at * 10, at * 100 + 50)
  await indexes[0]!.close()
  indexes[0] = await OffsetIndex.open(disk, join(folder, 'many-0.index'), 0, 1 << 20)
  look(0, 1_500)
  expect(indexes[0].lookup(50_005)).toEqual({ offset: 50_000, position: 500_050 })
  for (const index of indexes) await index.close()
})

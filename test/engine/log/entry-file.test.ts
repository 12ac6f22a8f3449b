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

/** Advice about a file's pages, beside what the kernel says it holds of it. */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeFullySync } from '../../engine/log/disk.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import {
  advisePageCacheNative,
  boundedPageCache,
  pageCacheWord,
} from '../../net/native-page-cache.ts'
import { isInMemoryNative } from '../../net/native-read.ts'
import { useNativeCalls } from '../../net/native-sockets.ts'

const MIB = 1_048_576

describe('advice about the page cache', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'page-cache-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  it.skipIf(!tells())('drops a range that is written, and nothing else', async () => {
    const disk = new NodeDisk()
    disk.advisePageCache = advisePageCacheNative()
    const file = await disk.open(join(folder, 'f'), 'create-new')
    for (let at = 0; at < 4 * MIB; at += MIB) writeFullySync(file, [Buffer.alloc(MIB, at)], at)
    await file.advise('write', 0, 4 * MIB)
    await file.sync()
    expect(isInMemoryNative(file.fd, 0, 4 * MIB)).toBe(true)
    await file.advise('drop', MIB, 2 * MIB)
    expect(isInMemoryNative(file.fd, MIB, MIB)).toBe(false)
    expect(isInMemoryNative(file.fd, 2 * MIB, MIB)).toBe(false)
    expect(isInMemoryNative(file.fd, 3 * MIB, MIB)).toBe(true)
    const into = Buffer.alloc(MIB)
    expect(file.readSync(into, 2 * MIB)).toBe(MIB)
    expect(into.equals(Buffer.alloc(MIB, 2 * MIB))).toBe(true)
    await file.close()
  })

  it('is given before the file is closed', async () => {
    const disk = new NodeDisk()
    let finish = (): void => {}
    disk.advisePageCache = () =>
      new Promise((resolve) => {
        finish = resolve
      })
    const file = await disk.open(join(folder, 'f'), 'create-new')
    const order: string[] = []
    const advised = file.advise('drop', 0, 1).then(() => order.push('advised'))
    const closed = file.close().then(() => order.push('closed'))
    finish()
    await Promise.all([advised, closed])
    expect(order).toEqual(['advised', 'closed'])
  })

  it('is nothing where the system takes none', async () => {
    const file = await new NodeDisk().open(join(folder, 'f'), 'create-new')
    await file.advise('write', 0, 10)
    await file.advise('drop', 0, 10)
    await file.close()
  })
})

describe('the policy', () => {
  const bounded = { sluicePageCachePolicy: 'bounded', sluicePageCacheBytes: 100 * MIB } as const
  const off = { ...bounded, sluicePageCachePolicy: 'off' } as const

  it('is off where it is not wanted', () => {
    expect(boundedPageCache(off)).toBeNull()
    expect(pageCacheWord(off)).toBe('left to the system')
  })

  it('is off without native calls, and says so', () => {
    useNativeCalls(false)
    try {
      expect(boundedPageCache(bounded)).toBeNull()
      expect(pageCacheWord(bounded)).toBe('left to the system (bounded needs native calls)')
    } finally {
      useNativeCalls(true)
    }
  })

  it.skipIf(advisePageCacheNative() === null)('is bounded where it can be', () => {
    expect(boundedPageCache(bounded)?.bytes).toBe(100 * MIB)
    expect(pageCacheWord(bounded)).toBe('bounded to 100 MiB a thread')
  })
})

/** Linux 6.5 or later says what is in memory, and only a file system with a device drops anything. */
function tells(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  const isExt4 = statfsSync(tmpdir()).type === 0xef53
  return isExt4 && advisePageCacheNative() !== null && (major > 6 || (major === 6 && minor >= 5))
}

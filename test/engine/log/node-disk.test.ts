import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError, readFully, readFullySync, writeFullySync } from '../../../engine/log/disk.ts'
import { NodeDisk } from '../../../engine/log/node-disk.ts'

describe.each([
  ['in the pool', false],
  ['in the calling thread', true],
])('the real disk, %s', (_, inThread) => {
  const disk = new NodeDisk()
  disk.inThread = inThread
  let dir = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
  })
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true })
  })

  const codeOf = async (call: () => unknown): Promise<string> => {
    try {
      await call()
    } catch (error) {
      if (error instanceof DiskError) return error.code
      throw error
    }
    return 'none'
  }

  it('gathers more pieces than one system call takes', async () => {
    const file = await disk.open(`${dir}/a`, 'create-new')
    const pieces = Array.from({ length: 2500 }, (_, i) => Buffer.from(String(i % 10)))
    expect(file.writeSync(pieces, 3)).toBe(1024)
    writeFullySync(file, pieces, 3)
    expect(file.sizeSync()).toBe(2503)
    const read = Buffer.alloc(3000)
    expect(readFullySync(file, read, 3)).toBe(2500)
    expect(read.subarray(0, 2500)).toEqual(Buffer.concat(pieces))
    await file.close()
  })

  it('writes from and reads into shared memory', async () => {
    const shared = Buffer.from(new SharedArrayBuffer(16))
    shared.write('shared bytes')
    const file = disk.openSync(`${dir}/a`, 'create-new')
    writeFullySync(file, [shared.subarray(0, 6)], 0)
    writeFullySync(file, [shared.subarray(6, 9), shared.subarray(9, 12)], 6)
    const back = Buffer.from(new SharedArrayBuffer(12))
    expect(file.readSync(back, 0)).toBe(12)
    expect(back.toString()).toBe('shared bytes')
    back.fill(0)
    expect(await readFully(file, back, 0)).toBe(12)
    expect(back.toString()).toBe('shared bytes')
    await file.close()
  })

  it('reads short at the end of a file and nothing beyond it', async () => {
    const file = await disk.open(`${dir}/a`, 'create-new')
    writeFullySync(file, [Buffer.from('12345')], 0)
    const into = Buffer.alloc(4)
    expect(file.readSync(into, 3)).toBe(2)
    expect(file.readSync(into, 5)).toBe(0)
    expect(await readFully(file, into, 3)).toBe(2)
    file.truncateSync(2)
    await file.truncate(1)
    await file.sync()
    expect(file.sizeSync()).toBe(1)
    await file.close()
  })

  it('closes only after the calls in flight, and never uses a descriptor after that', async () => {
    const file = await disk.open(`${dir}/a`, 'create-new')
    writeFullySync(file, [Buffer.alloc(100_000)], 0)
    const reads = Array.from({ length: 8 }, () => file.read(Buffer.alloc(100_000), 0))
    await file.close()
    await file.close()
    expect(await Promise.all(reads)).toEqual(reads.map(() => 100_000))
    expect(file.fd).toBe(-1)
    expect(await codeOf(() => file.writeSync([Buffer.from('x')], 0))).toBe('EBADF')
    expect(await codeOf(() => file.sync())).toBe('EBADF')
  })

  it('names the system error of a failed call', async () => {
    await disk.makeDir(`${dir}/sub/deep`)
    expect(await codeOf(() => disk.open(`${dir}/none`, 'read'))).toBe('ENOENT')
    expect(await codeOf(() => disk.openSync(`${dir}/none`, 'read-write'))).toBe('ENOENT')
    expect(await codeOf(() => disk.open(`${dir}/sub`, 'create-new'))).toBe('EEXIST')
    expect(await codeOf(() => disk.list(`${dir}/none`))).toBe('ENOENT')
    expect(await codeOf(() => disk.unlink(`${dir}/none`))).toBe('ENOENT')
    expect(await codeOf(() => disk.unlinkSync(`${dir}/none`))).toBe('ENOENT')
    const file = await disk.open(`${dir}/sub/a`, 'create-new')
    await file.close()
    const readable = await disk.open(`${dir}/sub/a`, 'read')
    expect(await codeOf(() => readable.writeSync([Buffer.from('x')], 0))).toBe('EBADF')
    await readable.close()
  })

  it('begins no change of names in a folder that failed, and reads on', async () => {
    for (const name of ['bad', 'bad-not', 'good']) await disk.makeDir(`${dir}/${name}/t-0`)
    for (const name of ['bad', 'good']) await disk.writeFileAtomic(`${dir}/${name}/f`, 'one')
    const bad = `${dir}/bad`
    disk.refuseChanges(bad)
    const changes: (() => unknown)[] = [
      () => disk.open(`${bad}/t-0/new`, 'create-new'),
      () => disk.openSync(`${bad}/new`, 'create-new'),
      () => disk.makeDir(`${bad}/t-1`),
      () => disk.rename(`${bad}/f`, `${dir}/good/g`),
      () => disk.rename(`${dir}/good/f`, `${bad}/g`),
      () => disk.unlink(`${bad}/f`),
      () => disk.unlinkSync(`${bad}/f`),
      () => disk.removeDir(bad),
      () => disk.syncDir(bad),
      () => disk.writeFileAtomic(`${bad}/f`, 'two'),
    ]
    for (const change of changes) expect(await codeOf(change)).toBe('EIO')
    expect((await disk.list(bad)).sort()).toEqual(['f', 't-0'])
    expect(String(await disk.readFile(`${bad}/f`))).toBe('one')
    await disk.syncDir(`${dir}/bad-not`)
    await disk.writeFileAtomic(`${dir}/good/f`, 'two')
  })

  it('lists, stats, renames, removes and replaces', async () => {
    await disk.makeDir(`${dir}/t`)
    await disk.writeFileAtomic(`${dir}/t/c`, 'one')
    await disk.writeFileAtomic(`${dir}/t/c`, Buffer.from('two'))
    expect(await disk.list(`${dir}/t`)).toEqual(['c'])
    expect(String(await disk.readFile(`${dir}/t/c`))).toBe('two')
    expect(await disk.readFile(`${dir}/t/d`)).toBe(null)
    expect(await disk.stat(`${dir}/t/d`)).toBe(null)
    const stat = await disk.stat(`${dir}/t/c`)
    expect([stat?.size, stat?.isDirectory]).toEqual([3, false])
    await disk.writeFileAtomic(`${dir}/t/e`, 'gone at once')
    disk.unlinkSync(`${dir}/t/e`)
    expect(await disk.list(`${dir}/t`)).toEqual(['c'])
    await disk.rename(`${dir}/t/c`, `${dir}/t/d`)
    await disk.syncDir(`${dir}/t`)
    expect(await disk.list(`${dir}/t`)).toEqual(['d'])
    await disk.removeDir(`${dir}/t`)
    await disk.removeDir(`${dir}/t`)
    expect(await disk.stat(`${dir}/t`)).toBe(null)
    expect(await disk.freeBytes(dir)).toBeGreaterThan(1)
  })

  it('makes missing parents, and ends with an error where no folder can be made', async () => {
    await disk.makeDir(`${dir}/a/b/c`)
    await disk.makeDir(`${dir}/a/b/c`)
    expect((await disk.stat(`${dir}/a/b/c`))?.isDirectory).toBe(true)
    await expect(disk.makeDir('/proc/nope/deeper')).rejects.toThrow(DiskError)
  })
})

describe('native calls of a disk', () => {
  it('are asked for one piece and for reads; their error numbers become codes', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-disk-'))
    const disk = new NodeDisk()
    let result = 2
    const asked: string[] = []
    disk.native = {
      write: (_, bytes, position) => {
        asked.push(`write ${bytes} at ${position}`)
        return result
      },
      read: (_, into, position) => {
        asked.push(`read ${into.length} at ${position}`)
        return result
      },
    }
    const file = await disk.open(`${dir}/a`, 'create-new')
    expect(file.writeSync([Buffer.from('abc')], 7)).toBe(2)
    expect(file.readSync(Buffer.alloc(3), 5)).toBe(2)
    expect(file.writeSync([Buffer.from('a'), Buffer.from('b')], 0)).toBe(2)
    expect(asked).toEqual(['write abc at 7', 'read 3 at 5'])
    result = -28
    expect(() => file.writeSync([Buffer.from('abc')], 0)).toThrow('ENOSPC')
    result = -5
    expect(() => file.readSync(Buffer.alloc(3), 0)).toThrow('EIO')
    await file.close()
    expect(() => file.readSync(Buffer.alloc(3), 0)).toThrow('EBADF')
    rmSync(dir, { recursive: true, force: true })
  })
})

describe('a write to the page cache', () => {
  const KIB_256 = 256 * 1024
  const bytes = Buffer.alloc(3 * KIB_256 + 5)
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31) >>> 3

  it.each([
    ['of one piece', [bytes.length]],
    ['of a large piece and small ones', [KIB_256 + 1, 10, 3, bytes.length - KIB_256 - 14]],
    ['of small pieces and a large one', [10, 3, bytes.length - 13]],
    ['of many small pieces', Array.from({ length: 8 }, () => bytes.length / 8).map(Math.ceil)],
  ])('takes a quarter of a MiB at most, and all in the end: %s', async (_, lengths) => {
    const disk = new NodeDisk()
    const folder = mkdtempSync(join(tmpdir(), 'node-disk-'))
    try {
      const file = await disk.open(join(folder, 'f'), 'create-new')
      let from = 0
      const pieces = lengths.map((length) => {
        from += length
        return bytes.subarray(from - length, from)
      })
      const first = file.writeSync(pieces, 0)
      expect(first).toBeGreaterThan(0)
      expect(first).toBeLessThanOrEqual(KIB_256)
      writeFullySync(file, pieces, 0)
      expect(file.sizeSync()).toBe(bytes.length)
      expect(readFileSync(join(folder, 'f')).equals(bytes)).toBe(true)
      await file.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

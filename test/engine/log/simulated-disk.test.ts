import { describe, expect, it } from 'vitest'
import { DiskError, writeFullySync } from '../../../engine/log/disk.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const text = (value: string) => Buffer.from(value)

/** Every distinct content (or 'absent') that `path` can have after a power loss now. */
function outcomes(disk: SimulatedDisk, path: string): Set<string> {
  const found = new Set<string>()
  for (const after of disk.crashStates(7)) {
    const content = after.snapshot().get(path)
    found.add(content === undefined ? 'absent' : content.toString().replaceAll('\0', '0'))
  }
  return found
}

async function errorOf(call: () => unknown): Promise<DiskError> {
  try {
    await call()
  } catch (error) {
    if (error instanceof DiskError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('simulated disk: power loss', () => {
  it('may drop, keep or tear what was not synced, size and data apart', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'durable' })
    const file = await disk.open('/a', 'read-write')
    file.writeSync([text('+new')], 7)
    expect(outcomes(disk, '/a')).toEqual(new Set(['durable', 'durable+new', 'durable0000']))
    expect(disk.snapshot().get('/a')?.toString()).toBe('durable+new')
  })

  it('keeps a synced write in every outcome, but not its unsynced name', async () => {
    const disk = new SimulatedDisk()
    const file = await disk.open('/a', 'create-new')
    file.writeSync([text('x')], 0)
    await file.sync()
    expect(outcomes(disk, '/a')).toEqual(new Set(['absent', 'x']))
    await disk.syncDir('/')
    expect(outcomes(disk, '/a')).toEqual(new Set(['x']))
  })

  it('can give an empty file to a name that was synced before its data', async () => {
    const disk = new SimulatedDisk()
    const file = await disk.open('/a', 'create-new')
    file.writeSync([text('x')], 0)
    await disk.syncDir('/')
    expect(outcomes(disk, '/a')).toEqual(new Set(['', 'x', '0']))
  })

  it('keeps any subset of sectors of one write', async () => {
    const disk = SimulatedDisk.holding({ '/a': Buffer.alloc(1536, '.') })
    const file = await disk.open('/a', 'read-write')
    file.writeSync([Buffer.alloc(1536, 'n')], 0)
    const sectors = [...outcomes(disk, '/a')].map((s) => s[0]! + s[512]! + s[1024]!)
    expect(new Set(sectors)).toEqual(
      new Set(['...', 'n..', '.n.', '..n', 'nn.', 'n.n', '.nn', 'nnn']),
    )
  })

  it('brings old bytes back behind a cut that was not synced', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'good+bad' })
    const file = await disk.open('/a', 'read-write')
    file.truncateSync(4)
    expect(outcomes(disk, '/a')).toEqual(new Set(['good+bad', 'good']))
    await file.sync()
    expect(outcomes(disk, '/a')).toEqual(new Set(['good']))
  })

  it('does not let an old content shine through a synced cut', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'good+bad' })
    const file = await disk.open('/a', 'read-write')
    file.truncateSync(4)
    await file.sync()
    file.writeSync([text('!')], 7)
    expect(disk.snapshot().get('/a')).toEqual(text('good\0\0\0!'))
    expect(outcomes(disk, '/a')).toEqual(new Set(['good', 'good0000', 'good000!']))
  })

  it('covers with a sync only what was written before the call', async () => {
    const disk = SimulatedDisk.holding({ '/a': '' })
    const file = await disk.open('/a', 'read-write')
    file.writeSync([text('1')], 0)
    const synced = file.sync()
    file.writeSync([text('2')], 1)
    await synced
    expect(outcomes(disk, '/a')).toEqual(new Set(['1', '10', '12']))
  })

  it('renames atomically: old or new, never neither and never both', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'old', '/b': 'new' })
    await disk.rename('/b', '/a')
    const states = [...disk.crashStates(1)].map((after) =>
      [...after.snapshot()].map(([path, content]) => `${path}=${content}`).join(' '),
    )
    expect(new Set(states)).toEqual(new Set(['/a=old /b=new', '/a=new']))
  })

  it('never loses a file whose name was taken over after a rename', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'first' })
    await disk.rename('/a', '/b')
    await disk.open('/a', 'create-new')
    for (const after of disk.crashStates(1))
      expect([...after.snapshot().values()].map(String)).toContain('first')
  })

  it('replaces a file atomically, also when power fails at any call', async () => {
    const run = SimulatedDisk.holding({ '/d/c': 'old', '/d/c.tmp': 'left over' })
    const seen = new Set<string>()
    run.onCall = () => {
      for (const state of outcomes(run, '/d/c')) seen.add(state)
    }
    await run.writeFileAtomic('/d/c', 'new content')
    expect(seen).toEqual(new Set(['old', 'new content']))
    expect(outcomes(run, '/d/c')).toEqual(new Set(['new content']))
    expect(run.openPaths).toEqual([])
  })

  it('loses a whole folder whose parent was not synced', async () => {
    const disk = new SimulatedDisk()
    await disk.makeDir('/data/topic-0')
    const file = await disk.open('/data/topic-0/x', 'create-new')
    await file.sync()
    await disk.syncDir('/data/topic-0')
    expect(outcomes(disk, '/data/topic-0/x')).toEqual(new Set(['absent', '']))
    await disk.syncDir('/data')
    await disk.syncDir('/')
    expect(outcomes(disk, '/data/topic-0/x')).toEqual(new Set(['']))
  })

  it('keeps removed files possible until the directory is synced', async () => {
    const disk = SimulatedDisk.holding({ '/t/a': '1', '/t/b': '2' })
    await disk.removeDir('/t')
    expect(await disk.list('/')).toEqual([])
    expect(disk.pendingUnits()).toBe(3)
    await disk.syncDir('/')
    for (const after of disk.crashStates(3)) expect(after.snapshot().size).toBe(0)
  })

  it('samples above twelve units, deterministically from the seed', async () => {
    const disk = SimulatedDisk.holding({ '/a': '' })
    const file = await disk.open('/a', 'read-write')
    for (let i = 0; i < 20; i++) file.writeSync([Buffer.alloc(512, 65 + i)], i * 512)
    const run = () => [...disk.crashStates(5, 40)].map((after) => after.snapshot().get('/a')!)
    const first = run()
    expect(first.length).toBe(40)
    expect(run()).toEqual(first)
    expect(new Set(first.map(String)).size).toBeGreaterThan(20)
  })

  it('leaves the disk as it was when a crash state is taken', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'x' })
    const file = await disk.open('/a', 'read-write')
    file.writeSync([text('yy')], 0)
    const after = disk.crash(3)
    const other = await after.open('/a', 'read-write')
    other.writeSync([text('zzzz')], 0)
    expect(disk.snapshot().get('/a')?.toString()).toBe('yy')
    await file.sync()
    expect(outcomes(disk, '/a')).toEqual(new Set(['yy']))
  })
})

describe('simulated disk: faults', () => {
  it('fails the k-th matching call and only that', async () => {
    const disk = SimulatedDisk.holding({ '/a': '', '/b': '' })
    disk.inject({ at: 2, operation: 'write', path: /a$/, fault: { kind: 'error', code: 'EIO' } })
    const a = await disk.open('/a', 'read-write')
    const b = await disk.open('/b', 'read-write')
    a.writeSync([text('1')], 0)
    b.writeSync([text('1')], 0)
    expect((await errorOf(() => a.writeSync([text('2')], 1))).code).toBe('EIO')
    expect(a.writeSync([text('2')], 1)).toBe(1)
  })

  it('stays read-only when told so', async () => {
    const disk = SimulatedDisk.holding({ '/a': '' })
    disk.inject({
      at: 1,
      operation: 'write',
      sticky: true,
      fault: { kind: 'error', code: 'EROFS' },
    })
    const file = await disk.open('/a', 'read-write')
    for (let i = 0; i < 3; i++)
      expect((await errorOf(() => file.writeSync([text('x')], 0))).code).toBe('EROFS')
  })

  it('shows ENOSPC as a short write first', async () => {
    const disk = SimulatedDisk.holding({ '/a': '1234' }, { capacityBytes: 10 })
    const file = await disk.open('/a', 'read-write')
    expect(file.writeSync([text('abcdefgh')], 4)).toBe(6)
    expect((await errorOf(() => file.writeSync([text('gh')], 10))).code).toBe('ENOSPC')
    expect(await disk.freeBytes('/')).toBe(0)
    expect(file.writeSync([text('zz')], 0)).toBe(2)
  })

  it('writeFullySync cuts a short write back to where it began', async () => {
    const disk = SimulatedDisk.holding({ '/a': '1234' }, { capacityBytes: 10 })
    const file = await disk.open('/a', 'read-write')
    const error = await errorOf(() => writeFullySync(file, [text('abc'), text('defgh')], 4))
    expect(error.code).toBe('ENOSPC')
    expect(file.sizeSync()).toBe(4)
    writeFullySync(file, [text('ab'), text('cd')], 4)
    expect(disk.snapshot().get('/a')?.toString()).toBe('1234abcd')
  })

  it('writeFullySync goes on after a short write that was not the last word', async () => {
    for (let bytes = 1; bytes < 9; bytes++) {
      const disk = SimulatedDisk.holding({ '/a': '' })
      disk.inject({ at: 1, operation: 'write', fault: { kind: 'short-write', bytes, code: 'x' } })
      const file = await disk.open('/a', 'read-write')
      disk.onCall = () => disk.calls === 3 && disk.clearFaults()
      writeFullySync(file, [text('abc'), text(''), text('def'), text('ghi')], 0)
      expect(disk.snapshot().get('/a')?.toString()).toBe('abcdefghi')
    }
  })

  it('reports the failed cut instead of the full disk', async () => {
    const disk = SimulatedDisk.holding({ '/a': '' }, { capacityBytes: 3 })
    disk.inject({ at: 1, operation: 'truncate', fault: { kind: 'error', code: 'EIO' } })
    const file = await disk.open('/a', 'read-write')
    expect((await errorOf(() => writeFullySync(file, [text('abcdef')], 0))).code).toBe('EIO')
  })

  it('counts pages as clean after a failed sync: kept in the cache, or lost at once', async () => {
    for (const mode of ['kept', 'lost'] as const) {
      const disk = SimulatedDisk.holding({ '/a': 'old' })
      disk.inject({ at: 1, operation: 'sync', fault: { kind: 'sync-failure', mode } })
      const file = await disk.open('/a', 'read-write')
      file.writeSync([text('new!')], 0)
      expect((await errorOf(() => file.sync())).code).toBe('EIO')
      expect(disk.snapshot().get('/a')?.toString()).toBe(mode === 'kept' ? 'new!' : 'old')
      await file.sync()
      expect(outcomes(disk, '/a')).toEqual(new Set(['old']))
    }
  })

  it('flips one bit of one read, and rots the medium for good', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'content' })
    disk.inject({ at: 1, operation: 'read', fault: { kind: 'read-flip' } })
    const bad = (await disk.readFile('/a'))!
    const good = (await disk.readFile('/a'))!
    const wrong = [...bad].filter((byte, i) => byte !== good[i])
    expect(good.toString()).toBe('content')
    expect(wrong.length).toBe(1)
    disk.rot('/a', 0)
    expect(disk.crash(1).snapshot().get('/a')?.toString()).toBe('bontent')
  })

  it('fails every call once power is lost', async () => {
    const disk = SimulatedDisk.holding({ '/a': 'x' })
    const file = await disk.open('/a', 'read-write')
    disk.inject({ at: 1, operation: 'sync', fault: { kind: 'power-loss' } })
    await errorOf(() => file.sync())
    await errorOf(() => file.sizeSync())
    await errorOf(() => disk.list('/'))
    expect(await disk.crash(1).list('/')).toEqual(['a'])
  })

  it('begins no change of names in a folder that failed, and reads on', async () => {
    const disk = SimulatedDisk.holding({ '/bad/t-0/f': 'one', '/good/f': 'one' })
    disk.refuseChanges('/bad')
    const changes: (() => unknown)[] = [
      () => disk.open('/bad/new', 'create-new'),
      () => disk.makeDir('/bad/t-1'),
      () => disk.rename('/bad/t-0/f', '/good/g'),
      () => disk.rename('/good/f', '/bad/g'),
      () => disk.unlink('/bad/t-0/f'),
      () => disk.removeDir('/bad/t-0'),
      () => disk.syncDir('/bad'),
    ]
    for (const change of changes) expect((await errorOf(change)).code).toBe('EIO')
    expect([...disk.snapshot().keys()]).toEqual([
      '/bad/',
      '/bad/t-0/',
      '/bad/t-0/f',
      '/good/',
      '/good/f',
    ])
    await disk.syncDir('/good')
  })

  it('refuses what a real disk refuses', async () => {
    const disk = SimulatedDisk.holding({ '/d/a': 'x' })
    expect((await errorOf(() => disk.open('/d/a', 'create-new'))).code).toBe('EEXIST')
    expect((await errorOf(() => disk.open('/d/b', 'read'))).code).toBe('ENOENT')
    expect((await errorOf(() => disk.open('/d', 'read'))).code).toBe('EISDIR')
    expect((await errorOf(() => disk.open('/e/a', 'create-new'))).code).toBe('ENOENT')
    expect((await errorOf(() => disk.unlink('/d/b'))).code).toBe('ENOENT')
    const file = await disk.open('/d/a', 'read')
    expect((await errorOf(() => file.writeSync([text('y')], 0))).code).toBe('EBADF')
    await file.close()
    await file.close()
    expect((await errorOf(() => file.sizeSync())).code).toBe('EBADF')
    expect(await disk.stat('/d/b')).toBe(null)
    expect(await disk.readFile('/d/b')).toBe(null)
  })
})

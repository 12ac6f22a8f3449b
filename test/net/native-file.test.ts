/** Writes and reads of a file without node:fs, beside the same through it. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError, isOutOfRoom } from '../../engine/log/disk.ts'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { nativeFileCalls } from '../../net/native-file.ts'
import { useNativeCalls } from '../../net/native-sockets.ts'

describe.skipIf(nativeFileCalls() === null)('a file by native calls', () => {
  const calls = nativeFileCalls()!
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'native-file-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  it('is written and read at a position, from and into shared memory too', () => {
    const path = join(folder, 'f')
    const fd = openSync(path, 'w+')
    const shared = Buffer.from(new SharedArrayBuffer(32), 4, 20)
    shared.write('0123456789')
    expect(calls.write(fd, shared.subarray(0, 10), 3)).toBe(10)
    expect(calls.write(fd, Buffer.from('abc'), 0)).toBe(3)
    expect(readFileSync(path, 'latin1')).toBe('abc0123456789')
    shared.fill(0)
    expect(calls.read(fd, shared.subarray(5, 9), 4)).toBe(4)
    expect(shared.toString('latin1', 5, 10)).toBe('1234\0')
    expect(calls.read(fd, shared, 10)).toBe(3)
    expect(calls.read(fd, shared, 13)).toBe(0)
    closeSync(fd)
  })

  it('reaches beyond what 32 bits can say', () => {
    const fd = openSync(join(folder, 'f'), 'w+')
    const position = 2 ** 33 + 7
    expect(calls.write(fd, Buffer.from('far'), position)).toBe(3)
    const into = Buffer.alloc(5)
    expect(calls.read(fd, into, position)).toBe(3)
    expect(into.toString('latin1', 0, 3)).toBe('far')
    closeSync(fd)
  })

  it('fails as node:fs does', async () => {
    const disks = [new NodeDisk(), new NodeDisk()]
    disks[0]!.native = calls
    const errors = disks.map((disk) => {
      const full = disk.openSync('/dev/full', 'read-write')
      const here = disk.openSync(folder, 'read')
      return [
        () => full.writeSync([Buffer.from('x')], 0),
        () => here.readSync(Buffer.alloc(1), 0),
        () => here.writeSync([Buffer.from('x')], 0),
      ].map((call) => {
        try {
          return call()
        } catch (error) {
          return error
        }
      })
    })
    const [native, plain] = errors as [DiskError[], DiskError[]]
    expect(native.map((error) => error instanceof DiskError)).toEqual([true, true, true])
    expect(native.map(({ message }) => message)).toEqual(plain.map(({ message }) => message))
    expect(native.map(isOutOfRoom)).toEqual([true, false, false])
  })
})

it('is not there where native calls are off', () => {
  useNativeCalls(false)
  try {
    expect(nativeFileCalls()).toBeNull()
  } finally {
    useNativeCalls(true)
  }
})

/** Reads of what the page cache holds, on a file that was just written. */
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isInMemoryNative, readCachedNative } from '../../net/native-read.ts'
import { nativeSocketsAvailable } from '../../net/native-sockets.ts'

const CONTENT = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7) & 0xff))

describe('a read of what is in memory', () => {
  let folder = ''
  let fd = -1
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'native-read-'))
    fd = openSync(join(folder, 'f'), 'w+')
    writeSync(fd, CONTENT)
  })
  afterEach(() => {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  })

  it('gives the bytes at a position, or says that it cannot', () => {
    const into = Buffer.alloc(50_000)
    const bytes = readCachedNative(fd, into, 30_001)
    // A file system without such reads, and a machine without native calls, know none.
    expect([-1, into.length]).toContain(bytes)
    expect(bytes === -1 && nativeSocketsAvailable() && isExt4()).toBe(false)
    if (bytes > 0) expect(into.equals(CONTENT.subarray(30_001, 80_001))).toBe(true)
  })

  it('reads short at the end of the file, into shared memory too', () => {
    const into = Buffer.from(new SharedArrayBuffer(1_000))
    const bytes = readCachedNative(fd, into, CONTENT.length - 10)
    expect([-1, 10]).toContain(bytes)
    if (bytes > 0) expect(into.subarray(0, bytes).equals(CONTENT.subarray(-10))).toBe(true)
    expect(readCachedNative(fd, into, CONTENT.length + 10)).toBeLessThanOrEqual(0)
  })

  it('knows nothing of a descriptor that is none', () => {
    expect(readCachedNative(1_000_000, Buffer.alloc(10), 0)).toBe(-1)
  })

  it('tells whether a range is in memory, whatever its ends', () => {
    const whole = isInMemoryNative(fd, 0, CONTENT.length)
    expect(whole).toBe(nativeSocketsAvailable() && knowsCachestat())
    for (const [position, bytes] of [
      [0, 1],
      [4095, 2],
      [4096, 4096],
      [99_999, 1],
      [5_000, 90_000],
    ])
      expect(isInMemoryNative(fd, position!, bytes!)).toBe(whole)
  })

  it('does not take what lies behind the end, or a hole, for memory', () => {
    expect(isInMemoryNative(fd, CONTENT.length - 10, 20)).toBe(false)
    writeSync(fd, CONTENT, 0, 10, 1 << 20)
    expect(isInMemoryNative(fd, 0, 1 << 20)).toBe(false)
    expect(isInMemoryNative(1_000_000, 0, 10)).toBe(false)
  })

  /** Since Linux 6.5. */
  function knowsCachestat(): boolean {
    const [major = 0, minor = 0] = release().split('.').map(Number)
    return major > 6 || (major === 6 && minor >= 5)
  }

  /** Others may know such reads as well. */
  function isExt4(): boolean {
    return statfsSync(folder).type === 0xef53
  }
})

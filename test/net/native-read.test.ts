/** Reads of what the page cache holds, on a file that was just written. */
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCachedNative } from '../../net/native-read.ts'
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

  /** Others may know such reads as well. */
  function isExt4(): boolean {
    return statfsSync(folder).type === 0xef53
  }
})

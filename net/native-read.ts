/**
 * Reading what the page cache holds and nothing else: preadv2(2) with RWF_NOWAIT, so that readers of
 * old data need the thread pool only where a device would be waited for. Through koffi, on 64-bit
 * little-endian Linux; where it is missing, or the file system knows no such reads, everything old is
 * read in the pool.
 */
import { createRequire } from 'node:module'
import { nativeSocketsAvailable } from './native-sockets.ts'

/** Fills `into` with what is in memory from `position` on; returns bytes, -1 = none or unknown. */
type ReadCached = (fd: number, into: Buffer, position: number) => number

const RWF_NOWAIT = 8

let loaded: ReadCached | null | undefined

/** -1 for everything where native calls are off or missing. */
export const readCachedNative: ReadCached = (fd, into, position) => {
  if (loaded === undefined) loaded = nativeSocketsAvailable() ? load() : null
  return loaded === null ? -1 : loaded(fd, into, position)
}

function load(): ReadCached | null {
  try {
    const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
    // One piece, as a struct of its own: no name is taken, since every thread does this.
    const piece = koffi.struct({ base: 'void *', size: 'size_t' })
    const pointer = koffi.pointer(piece)
    const preadv2 = koffi
      .load(null)
      .func('preadv2', 'int64_t', ['int', pointer, 'int', 'int64_t', 'int'])
    return (fd, into, position) =>
      preadv2(fd, { base: into, size: into.length }, 1, position, RWF_NOWAIT)
  } catch {
    // Not installed, or a library without this call.
    return null
  }
}

/**
 * What the page cache holds of a file: reading that and nothing else, by preadv2(2) with RWF_NOWAIT, and
 * asking whether a whole range is there, by cachestat(2) (Linux 6.5). So readers of old data need the
 * thread pool only where a device would be waited for. Through koffi, on 64-bit little-endian Linux; where
 * a call is missing, or the file system does not know it, everything old is read in the pool.
 */
import { nativeCalls } from './native-calls.ts'

/** Fills `into` with what is in memory from `position` on; returns bytes, -1 = none or unknown. */
type ReadCached = (fd: number, into: Buffer, position: number) => number

/** Whether all bytes of a range of at least one are in memory; false = not, or unknown. */
type IsInMemory = (fd: number, position: number, bytes: number) => boolean

const RWF_NOWAIT = 8
/** Of every processor that has 64-bit Linux. */
const SYS_CACHESTAT = 451
const PAGE_BYTES = 4096

const preadv2 = nativeCalls<ReadCached>((libc, koffi) => {
  // One piece, as a struct of its own: no name is taken, since every thread does this.
  const piece = koffi.struct({ base: 'void *', size: 'size_t' })
  const pointer = koffi.pointer(piece)
  const call = libc.func('preadv2', 'int64_t', ['int', pointer, 'int', 'int64_t', 'int'])
  return (fd, into, position) =>
    call(fd, { base: into, size: into.length }, 1, position, RWF_NOWAIT)
})

/** -1 for everything where native calls are off or missing. */
export const readCachedNative: ReadCached = (fd, into, position) =>
  preadv2()?.(fd, into, position) ?? -1

const cachestat = nativeCalls<IsInMemory>((libc) => {
  const types = ['int64_t', 'int', 'void *', 'void *', 'uint32_t']
  const call = libc.func('syscall', 'int64_t', types)
  // struct cachestat_range { off, len } and struct cachestat { nr_cache, … }, all of 64 bits.
  const range = new BigUint64Array(2)
  const found = new BigUint64Array(5)
  const lastByte = Buffer.alloc(1)
  return (fd, position, bytes) => {
    range[0] = BigInt(position)
    range[1] = BigInt(bytes)
    if (call(SYS_CACHESTAT, fd, range, found, 0) !== 0) return false
    const last = position + bytes - 1
    const pages = Math.floor(last / PAGE_BYTES) - Math.floor(position / PAGE_BYTES) + 1
    // Pages that are still on their way count too; read ahead in order, the last one comes last.
    return Number(found[0]) >= pages && readCachedNative(fd, lastByte, last) === 1
  }
})

/** False for everything where native calls are off or missing. */
export const isInMemoryNative: IsInMemory = (fd, position, bytes) =>
  cachestat()?.(fd, position, bytes) ?? false

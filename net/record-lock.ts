/**
 * POSIX record locks through koffi: fcntl(2) with F_SETLK and F_GETLK on `struct flock`, as 64-bit Linux
 * on a little-endian machine lays it out:
 *
 *    0  l_type    int16   0 read, 1 write, 2 none
 *    2  l_whence  int16   0 from the start of the file
 *    8  l_start   int64   0
 *   16  l_len     int64   0 = to the end, however far it grows
 *   24  l_pid     int32   holder, filled in by F_GETLK
 */
import { endianness } from 'node:os'
import { loadKoffi } from './koffi.ts'

const F_GETLK = 5
const F_SETLK = 6
const F_WRLCK = 1
const F_UNLCK = 2
const FLOCK_BYTES = 32
const ARCHITECTURES = ['x64', 'arm64', 'riscv64', 'loong64']

export interface RecordLocks {
  /** Locks the whole file; null = done, else the holder's process id, -1 when it is not visible. */
  tryLock(fd: number): number | null
}

type Fcntl = (fd: number, command: number, type: 'void *', lock: Buffer) => number

/** null where there is no koffi or the layout is another one. */
export function loadRecordLocks(): RecordLocks | null {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) return null
  if (endianness() !== 'LE') return null
  const fcntl = loadFcntl()
  if (fcntl === null) return null
  return {
    tryLock(fd) {
      if (fcntl(fd, F_SETLK, 'void *', writeLock()) === 0) return null
      const asked = writeLock()
      const known = fcntl(fd, F_GETLK, 'void *', asked) === 0
      if (known && asked.readInt16LE(0) === F_UNLCK)
        // Released in between: the next start succeeds, this one tells the truth it has.
        return fcntl(fd, F_SETLK, 'void *', writeLock()) === 0 ? null : -1
      return known && asked.readInt32LE(24) > 0 ? asked.readInt32LE(24) : -1
    },
  }
}

function writeLock(): Buffer {
  const lock = Buffer.alloc(FLOCK_BYTES)
  lock.writeInt16LE(F_WRLCK, 0)
  return lock
}

function loadFcntl(): Fcntl | null {
  try {
    return loadKoffi().load(null).func('int fcntl(int fd, int command, ...)') as Fcntl
  } catch {
    // Not installed, or no build for this platform: the plain lock takes over.
    return null
  }
}

/**
 * Small writes and reads of the hot path by pwrite(2) and pread(2) directly: half the cost of node:fs around
 * the same call, whose checks, request object and error context cost more than the call itself. Through
 * koffi, on 64-bit little-endian Linux; elsewhere node:fs does the same.
 */
import { nativeCalls } from './native-calls.ts'

/** One system call each: bytes done, or minus the system's error number. */
interface NativeFileCalls {
  write(fd: number, bytes: Buffer, position: number): number
  read(fd: number, into: Buffer, position: number): number
}

/** Null where it cannot be had. */
export const nativeFileCalls = nativeCalls<NativeFileCalls>((libc, koffi) => {
  const pwrite = libc.func('int64_t pwrite(int, void *, size_t, int64_t)')
  const pread = libc.func('int64_t pread(int, void *, size_t, int64_t)')
  const { EINTR, EIO = 5 } = koffi.os.errno
  const orError = (call: typeof pwrite, fd: number, bytes: Buffer, position: number): number => {
    for (;;) {
      const done = call(fd, bytes, bytes.length, position)
      if (done >= 0) return done
      const errno = koffi.errno()
      if (errno !== EINTR) return -(errno || EIO)
    }
  }
  return {
    write: (fd, bytes, position) => orError(pwrite, fd, bytes, position),
    read: (fd, into, position) => orError(pread, fd, into, position),
  }
})

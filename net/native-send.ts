/**
 * Sending small replies past Node's stream by send(2), and file ranges without a copy: sendfile(2)
 * from the page cache to a socket, send(2) for the bytes around them, TCP_CORK so that one reply is
 * one run of segments (reference/performance.md §2.4). Through koffi, on 64-bit little-endian Linux;
 * where it is missing, and for what the kernel does not take at once, outbox.ts reads and writes
 * instead.
 *
 * The descriptor must be that of a live socket of this thread with nothing queued in Node: the caller
 * sees to it (a closed number may be somebody else's by now).
 */
import { nativeCalls } from './native-calls.ts'
import { isInMemoryNative } from './native-read.ts'

export interface DirectSend {
  /** Bytes of the file sent from `position` on; 0 = it ends there, -1 = not now or not at all. */
  file(socketFd: number, fileFd: number, position: number, bytes: number): number
  /** Bytes of the buffer sent; -1 = not now or not at all. `more`: a short segment waits for the next call. */
  bytes(socketFd: number, buffer: Buffer, start: number, end: number, more: boolean): number
  /** Whether a range of a file can be sent without waiting for a device; false = not, or unknown. */
  inMemory(fileFd: number, position: number, bytes: number): boolean
  /** True: short segments wait for more; false: what waits leaves. */
  cork(socketFd: number, on: boolean): void
  /** What waits in a corked socket leaves, and the cork stays: one call in place of two. */
  push(socketFd: number): void
}

/** MSG_DONTWAIT | MSG_NOSIGNAL */
const SEND_FLAGS = 0x40 | 0x4000
const MSG_MORE = 0x8000
const IPPROTO_TCP = 6
const TCP_NODELAY = 1
const TCP_CORK = 3
const INT_BYTES = 4
const TWO_32 = 2 ** 32

/** Null where it cannot be had. */
export const directSend = nativeCalls<DirectSend>((libc) => {
  const sendfile = libc.func('int64_t sendfile(int, int, void *, size_t)')
  const send = libc.func('int64_t send(int, void *, size_t, int)')
  const setsockopt = libc.func('int setsockopt(int, int, int, void *, uint32_t)')
  const offset = Buffer.alloc(8)
  const [off, on] = [Buffer.alloc(INT_BYTES), Buffer.alloc(INT_BYTES)]
  on.writeInt32LE(1)
  return {
    file(socketFd, fileFd, position, bytes) {
      offset.writeUInt32LE(position % TWO_32, 0)
      offset.writeUInt32LE(Math.floor(position / TWO_32), 4)
      return sendfile(socketFd, fileFd, offset, bytes)
    },
    bytes(socketFd, buffer, start, end, more) {
      const from = start === 0 ? buffer : buffer.subarray(start)
      return send(socketFd, from, end - start, more ? SEND_FLAGS | MSG_MORE : SEND_FLAGS)
    },
    inMemory: isInMemoryNative,
    cork(socketFd, wanted) {
      setsockopt(socketFd, IPPROTO_TCP, TCP_CORK, wanted ? on : off, INT_BYTES)
    },
    push(socketFd) {
      // tcp(7): setting this option forces an explicit flush of pending output, even with the cork on.
      setsockopt(socketFd, IPPROTO_TCP, TCP_NODELAY, on, INT_BYTES)
    },
  }
})

/**
 * Listening sockets made by hand, because Node 20 offers neither SO_REUSEPORT nor the socket buffer
 * sizes (reference/performance.md §2.2, finding 5): socket(2), setsockopt(2), bind(2), listen(2)
 * through koffi, on 64-bit little-endian Linux. Each shard gets its own socket on the same port, so
 * the kernel spreads connections and every thread may close what it owns. Node adopts them by
 * number with `server.listen({ fd })`. Accepted sockets inherit the buffer sizes. A connection moves to
 * another thread as a duplicate of its descriptor (connection-moves.ts).
 *
 *   sockaddr_in    family u16 | port u16 BE | address 4 | zero 8                       16 bytes
 *   sockaddr_in6   family u16 | port u16 BE | flow u32 | address 16 | scope u32        28 bytes
 */
import { isIPv4 } from 'node:net'
import { endianness } from 'node:os'
import { loadKoffi } from './koffi.ts'

const AF_INET = 2
const AF_INET6 = 10
/** SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC */
const STREAM_FLAGS = 1 | 0o4000 | 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IPPROTO_TCP = 6
const TCP_CONGESTION = 13
/** TCP_CA_NAME_MAX, and a zero behind it in any case. */
const NAME_BYTES = 17
const F_DUPFD_CLOEXEC = 1030
const ARCHITECTURES = ['x64', 'arm64', 'riscv64', 'loong64']

/** Errno numbers that a person is told about by name; the same on all these architectures. */
const ERRNO_NAMES: Readonly<Record<number, string>> = {
  13: 'EACCES',
  24: 'EMFILE',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
}

export interface NativeSocketOptions {
  /** An IP address; '::' with `dualStack` takes IPv4 as well. */
  readonly address: string
  /** 0 = any free one, the same for all. */
  readonly port: number
  readonly count: number
  readonly backlog: number
  /** SO_SNDBUF and SO_RCVBUF in bytes; -1 leaves them to the kernel. */
  readonly sendBufferBytes: number
  readonly receiveBufferBytes: number
}

interface Calls {
  socket(family: number, type: number, protocol: number): number
  setsockopt(fd: number, level: number, name: number, value: Buffer, size: number): number
  bind(fd: number, address: Buffer, size: number): number
  listen(fd: number, backlog: number): number
  getsockopt(fd: number, level: number, name: number, value: Buffer, size: Buffer): number
  getsockname(fd: number, address: Buffer, size: Buffer): number
  close(fd: number): number
  fcntl(fd: number, command: number, value: number): number
  errno(): number
}

let calls: Calls | null | undefined

/** sluice.native.calls, for this thread; with false it goes on as if there were none. */
export function useNativeCalls(wanted: boolean): void {
  calls = wanted ? undefined : null
}

/** Whether native sockets can be made here; loads koffi on the first call (1 to 3 ms). */
export function nativeSocketsAvailable(): boolean {
  if (calls === undefined) calls = loadCalls()
  return calls !== null
}

/**
 * `count` listening sockets on one port. The descriptors are the caller's to adopt or close. Throws
 * an error with `code` like Node's. Only after nativeSocketsAvailable().
 */
export function openNativeListeners(options: NativeSocketOptions): { fds: number[]; port: number } {
  if (!nativeSocketsAvailable() || calls === undefined || calls === null)
    throw new Error('native sockets are not available here')
  const api = calls
  // SO_REUSEPORT would let a second broker of the same user share the port in silence: a socket
  // without it finds out whether anybody holds the port.
  const probe = bound(api, options, options.port, false)
  let port = portOf(api, probe, options)
  api.close(probe)
  const fds: number[] = []
  try {
    for (let i = 0; i < options.count; i++) {
      const fd = bound(api, options, port, true)
      fds.push(fd)
      port = portOf(api, fd, options)
      if (api.listen(fd, options.backlog) !== 0) throw failure(api, 'listen')
    }
  } catch (error) {
    for (const fd of fds) api.close(fd)
    throw error
  }
  return { fds, port }
}

/** A second descriptor of the same open socket, for another thread to adopt; -1 where there is none. */
export function duplicateNative(fd: number): number {
  if (fd < 0 || !nativeSocketsAvailable()) return -1
  return calls?.fcntl(fd, F_DUPFD_CLOEXEC, 0) ?? -1
}

/** Name of an open socket's congestion control; '' where nobody can tell. */
export function congestionControlOf(fd: number): string {
  if (!nativeSocketsAvailable()) return ''
  const name = Buffer.alloc(NAME_BYTES)
  const size = Buffer.alloc(4)
  size.writeInt32LE(NAME_BYTES)
  if (calls?.getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, size) !== 0) return ''
  return name.toString('latin1', 0, name.indexOf(0))
}

/** False where the system does not let us. */
export function setCongestionControl(fd: number, name: string): boolean {
  if (!nativeSocketsAvailable()) return false
  const bytes = Buffer.from(name, 'latin1')
  return calls?.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, bytes, bytes.length) === 0
}

/** Closes a descriptor that nobody adopted. */
export function closeNative(fd: number): void {
  calls?.close(fd)
}

function bound(api: Calls, options: NativeSocketOptions, port: number, shared: boolean): number {
  const { address } = options
  const family = isIPv4(address) ? AF_INET : AF_INET6
  const fd = api.socket(family, STREAM_FLAGS, 0)
  if (fd < 0) throw failure(api, 'socket')
  try {
    setOption(api, fd, SOL_SOCKET, SO_REUSEADDR, 1)
    if (shared) setOption(api, fd, SOL_SOCKET, SO_REUSEPORT, 1)
    if (family === AF_INET6) setOption(api, fd, IPPROTO_IPV6, IPV6_V6ONLY, address === '::' ? 0 : 1)
    const { sendBufferBytes, receiveBufferBytes } = options
    if (sendBufferBytes >= 0) setOption(api, fd, SOL_SOCKET, SO_SNDBUF, sendBufferBytes)
    if (receiveBufferBytes >= 0) setOption(api, fd, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes)
    const sockaddr = family === AF_INET ? ipv4Address(address, port) : ipv6Address(address, port)
    if (api.bind(fd, sockaddr, sockaddr.length) !== 0) throw failure(api, 'bind')
    return fd
  } catch (error) {
    api.close(fd)
    throw error
  }
}

function setOption(api: Calls, fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  if (api.setsockopt(fd, level, name, bytes, 4) !== 0) throw failure(api, 'setsockopt')
}

function portOf(api: Calls, fd: number, options: NativeSocketOptions): number {
  const sockaddr = Buffer.alloc(28)
  const size = Buffer.alloc(4)
  size.writeInt32LE(isIPv4(options.address) ? 16 : 28)
  if (api.getsockname(fd, sockaddr, size) !== 0) throw failure(api, 'getsockname')
  return sockaddr.readUInt16BE(2)
}

function ipv4Address(address: string, port: number): Buffer {
  const sockaddr = Buffer.alloc(16)
  sockaddr.writeUInt16LE(AF_INET, 0)
  sockaddr.writeUInt16BE(port, 2)
  address.split('.').forEach((part, at) => {
    sockaddr[4 + at] = Number(part)
  })
  return sockaddr
}

function ipv6Address(address: string, port: number): Buffer {
  const sockaddr = Buffer.alloc(28)
  sockaddr.writeUInt16LE(AF_INET6, 0)
  sockaddr.writeUInt16BE(port, 2)
  // The URL parser knows every way to write an address and gives the canonical one back.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = '', tail] = canonical.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  left.forEach((group, at) => {
    sockaddr.writeUInt16BE(Number.parseInt(group, 16), 8 + 2 * at)
  })
  right.forEach((group, at) => {
    sockaddr.writeUInt16BE(Number.parseInt(group, 16), 24 - 2 * (right.length - at))
  })
  return sockaddr
}

function failure(api: Calls, call: string): Error {
  const errno = api.errno()
  const code = ERRNO_NAMES[errno] ?? `errno ${errno}`
  return Object.assign(new Error(`${call}: ${code}`), { code, syscall: call })
}

function loadCalls(): Calls | null {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) return null
  if (endianness() !== 'LE') return null
  try {
    const koffi = loadKoffi()
    const libc = koffi.load(null)
    return {
      socket: libc.func('int socket(int, int, int)'),
      setsockopt: libc.func('int setsockopt(int, int, int, void *, uint32_t)'),
      bind: libc.func('int bind(int, void *, uint32_t)'),
      listen: libc.func('int listen(int, int)'),
      getsockopt: libc.func('int getsockopt(int, int, int, void *, void *)'),
      getsockname: libc.func('int getsockname(int, void *, void *)'),
      close: libc.func('int close(int)'),
      fcntl: libc.func('int fcntl(int, int, int)'),
      errno: () => koffi.errno(),
    }
  } catch {
    // Not installed, or no build for this platform: all shards share one socket instead.
    return null
  }
}

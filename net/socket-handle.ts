/**
 * The one file that reaches into Node's sockets. An accepted socket reads into Node's own 64 KiB
 * buffers; only a socket made with `onread` reads into ours. So the accepted handle is taken out of
 * its socket and put into `new net.Socket({ handle, onread })`: half the CPU per byte received
 * (reference/performance.md §2.3). `_handle` and the `handle` option are internals, present in Node
 * 20, 22 and 24; where they are not, plain 'data' events do the same work a little slower.
 * `receiveModeOf` says which one a socket got. Servers must be made with `pauseOnConnect`, so that
 * nothing has been read before the handle moves.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'

export type ReceiveMode = 'onread' | 'data'

/** The receiving side of a connection, as a socket sees it. */
export interface SocketReader {
  /** Where the next read shall go; asked after each read and once at the start. */
  nextBuffer(): Buffer
  /** `bytes` were read into `into`. False: read no more until `resume()` of the socket. */
  received(bytes: number, into: Buffer): boolean
  /** A chunk of its own memory came. False: as above. */
  receivedChunk(chunk: Buffer): boolean
}

interface TcpHandle {
  fd?: number
  useUserBuffer?: unknown
}

type OpenSocket = Socket & { _handle?: TcpHandle | null }

/** Whether this Node lets the handle move; 'data' otherwise, or when `wanted` says so. */
export function receiveModeOf(accepted: Socket, wanted: ReceiveMode = 'onread'): ReceiveMode {
  if (wanted === 'data') return 'data'
  const handle = (accepted as OpenSocket)._handle
  const movable = typeof handle === 'object' && handle !== null
  return movable && typeof handle.useUserBuffer === 'function' ? 'onread' : 'data'
}

/**
 * The socket to use from now on in place of `accepted`, or for a descriptor of this process; it does
 * not read before `resume()`.
 */
export function attachReader(
  accepted: Socket | number,
  reader: SocketReader,
  wanted: ReceiveMode = 'onread',
): { socket: Socket; mode: ReceiveMode } {
  if (typeof accepted === 'number')
    return { socket: readingSocket({ fd: accepted }, reader), mode: 'onread' }
  if (receiveModeOf(accepted, wanted) === 'data') {
    accepted.on('data', (chunk: Buffer) => {
      if (!reader.receivedChunk(chunk)) accepted.pause()
    })
    accepted.pause()
    return { socket: accepted, mode: 'data' }
  }
  const donor = accepted as OpenSocket
  const handle = donor._handle
  donor._handle = null
  const socket = readingSocket({ handle }, reader)
  // The donor is an empty shell; ending it keeps the server's count of connections right.
  socket.once('close', () => donor.destroy())
  return { socket, mode: 'onread' }
}

function readingSocket(from: { handle: unknown } | { fd: number }, reader: SocketReader): Socket {
  let current: Buffer | null = null
  // Node keeps the buffer it has when none is named, and looks at one that is.
  const changed = (): Buffer | undefined => {
    const next = reader.nextBuffer()
    if (next === current) return undefined
    current = next
    return next
  }
  const options: SocketConstructorOpts & { pauseOnCreate: boolean; onread: OnReadOpts } = {
    ...from,
    pauseOnCreate: true,
    allowHalfOpen: false,
    onread: {
      buffer: changed as () => Buffer,
      callback: (bytes, into) => reader.received(bytes, into as Buffer),
    },
  }
  return new Socket(options)
}

/** Descriptor of an open socket; -1 where Node does not tell. */
export function socketFd(socket: Socket): number {
  return (socket as OpenSocket)._handle?.fd ?? -1
}

/** Descriptor of a socket or a listening server; -1 where Node does not tell. */
export function descriptorOf(socket: { _handle?: TcpHandle | null } | object): number {
  const handle = (socket as { _handle?: TcpHandle | null })._handle
  return handle?.fd ?? -1
}

/** A TCP connection of the load clients: one receive buffer of its own, and why it was lost. */
import { connect, type Socket } from 'node:net'
import type { Address } from '../../net/client/address.ts'

/** A read takes as much as the kernel has. */
const RECEIVE_BYTES = 256 * 1024

export interface SocketEvents {
  /** The bytes are valid during the call. */
  onBytes(buffer: Buffer, bytes: number): void
  onLost(why: string): void
}

/** Resolves when connected; rejects with the system's error. */
export function openSocket(address: Address, events: SocketEvents): Promise<Socket> {
  const buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES)
  const socket = connect({
    ...address,
    noDelay: true,
    onread: {
      buffer,
      callback: (bytes) => {
        events.onBytes(buffer, bytes)
        return true
      },
    },
  })
  socket.on('error', ({ message }) => events.onLost(message))
  for (const event of ['end', 'close'])
    socket.on(event, () => events.onLost('the broker closed it'))
  return new Promise((resolve, reject) => {
    socket.once('error', (error) =>
      reject(new Error(`no connection to ${address.host}:${address.port}: ${error.message}`)),
    )
    socket.once('connect', () => resolve(socket))
  })
}

/** The number of its file, by which another thread may write to it; null where Node does not tell. */
export function descriptorOf(socket: Socket & { _handle?: { fd?: number } | null }): number | null {
  const fd = socket._handle?.fd ?? -1
  return fd < 0 ? null : fd
}

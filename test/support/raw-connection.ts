/**
 * A bare TCP connection that speaks frames and nothing more: for requests no client would send, and
 * for asking a starting broker whether it answers.
 */
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

const LENGTH_BYTES = 4

/** What the other side did within a wait: a frame, the end of the connection, or nothing. */
export type Answer = Buffer | 'closed' | 'silence'

export class RawConnection {
  private readonly socket: Socket
  private received = Buffer.alloc(0)
  private closed = false
  private wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (piece) => {
      this.received = Buffer.concat([this.received, piece])
      this.wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.wake()
    })
  }

  /** Rejects when nobody listens at host:port. */
  static async open(address: string): Promise<RawConnection> {
    const colon = address.lastIndexOf(':')
    const socket = createConnection(Number(address.slice(colon + 1)), address.slice(0, colon))
    socket.setNoDelay(true)
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  write(bytes: Buffer): void {
    if (!this.closed) this.socket.write(bytes)
  }

  /** Writes a request: api key, version, correlation id, null client id (header 1), body. */
  request(apiKey: number, apiVersion: number, correlationId: number, body = Buffer.alloc(0)): void {
    this.write(requestFrame(apiKey, apiVersion, correlationId, body))
  }

  /** The next frame without its length, `closed`, or `silence` after `limitMs`. */
  async answer(limitMs: number): Promise<Answer> {
    const until = performance.now() + limitMs
    for (;;) {
      const frame = this.takeFrame()
      if (frame !== null) return frame
      if (this.closed) return 'closed'
      const leftMs = until - performance.now()
      if (leftMs <= 0) return 'silence'
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** Ends it without waiting for the other side. */
  destroy(): void {
    this.socket.destroy()
  }

  private takeFrame(): Buffer | null {
    if (this.received.length < LENGTH_BYTES) return null
    const length = this.received.readInt32BE(0)
    if (length < 0 || this.received.length < LENGTH_BYTES + length) return null
    const frame = this.received.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
    this.received = this.received.subarray(LENGTH_BYTES + length)
    return frame
  }
}

/** A request with header version 1 and no client id. */
export function requestFrame(
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  body: Buffer,
): Buffer {
  const header = Buffer.alloc(LENGTH_BYTES + 10)
  header.writeInt32BE(10 + body.length, 0)
  header.writeInt16BE(apiKey, 4)
  header.writeInt16BE(apiVersion, 6)
  header.writeInt32BE(correlationId, 8)
  header.writeInt16BE(-1, 12)
  return Buffer.concat([header, body])
}

const API_VERSIONS = 18

/** Resolves once a broker answers ApiVersions at the address; rejects after `limitMs`. */
export async function answersAt(address: string, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs
  while (performance.now() < until) {
    if (await answersOnce(address, 1000)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing answers ApiVersions at ${address} within ${limitMs / 1000} s`)
}

/** Whether a broker answers ApiVersions on a new connection within `limitMs`. */
export async function answersOnce(address: string, limitMs: number): Promise<boolean> {
  const connection = await RawConnection.open(address).catch(() => null)
  if (connection === null) return false
  connection.request(API_VERSIONS, 0, 1)
  const answer = await connection.answer(limitMs)
  connection.destroy()
  return Buffer.isBuffer(answer)
}

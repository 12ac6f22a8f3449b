/**
 * The part of a socket that a connection uses, without a network: keeps what is written, and says so
 * at the end of the turn as the real one does.
 */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'

export class FakeSocket extends EventEmitter {
  readonly writableLength = 0
  destroyed = false
  ended = false
  paused = true
  /** Everything written, as one list of pieces. */
  readonly written: Buffer[] = []
  private readonly callbacks: (() => void)[] = []

  write(bytes: Uint8Array, taken?: () => void): boolean {
    if (this.destroyed) throw new Error('a write to a socket that is gone')
    // The writer's memory is used again as soon as the socket has taken the bytes: at once.
    this.written.push(Buffer.from(bytes))
    if (taken !== undefined) this.callbacks.push(taken)
    return true
  }

  /** Tells whoever wrote that it was taken. */
  taken(): void {
    for (const callback of this.callbacks.splice(0)) callback()
  }

  resume(): this {
    this.paused = false
    return this
  }

  pause(): this {
    this.paused = true
    return this
  }

  end(): this {
    this.ended = true
    return this
  }

  destroy(): this {
    this.destroyed = true
    return this
  }

  get replyBytes(): number {
    let bytes = 0
    for (const piece of this.written) bytes += piece.length
    return bytes
  }
}

/** As the type a connection asks for; what it does not use is not there. */
export function asSocket(fake: FakeSocket): Socket {
  return fake as unknown as Socket
}

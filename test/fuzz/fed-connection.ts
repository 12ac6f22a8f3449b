/**
 * One connection of the broker (net/connection.ts, the real one) fed by hand: bytes go where its
 * receiver asked for them, as a read of a socket does, and turns end when told.
 */
import { Connection, type ConnectionServices } from '../../net/connection.ts'
import { Turn } from '../../net/turn.ts'
import { asSocket, FakeSocket } from './fake-socket.ts'

/** A turn that ends only when `run` is called: feeding is one long turn of the loop otherwise. */
export class HandTurn extends Turn {
  override schedule(): void {
    // The feeder ends it.
  }
}

export class FedConnection {
  readonly socket = new FakeSocket()
  readonly connection: Connection
  private readonly turn: Turn
  /** Bytes that came while the connection did not read. */
  private held: Buffer | null = null

  constructor(services: ConnectionServices, id: number) {
    this.turn = services.turn
    const client = {
      id,
      clientHost: '127.0.0.1',
      listenerName: 'PLAINTEXT',
      advertised: { host: '127.0.0.1', port: 9092 },
    }
    const shared = { ...services, receiveMode: 'data' as const }
    this.connection = new Connection(asSocket(this.socket), client, shared, () => {})
  }

  get open(): boolean {
    return this.connection.alive
  }

  /** A frame has begun and is not complete. */
  get midFrame(): boolean {
    return this.connection.midFrame
  }

  /** One read of `bytes`, in as many parts as the connection offers room for. */
  read(bytes: Buffer): void {
    let from = 0
    while (from < bytes.length && this.open) {
      if (this.socket.paused) {
        this.hold(bytes.subarray(from))
        return
      }
      const room = this.connection.nextBuffer()
      const take = Math.min(room.length, bytes.length - from)
      bytes.copy(room, 0, from, from + take)
      from += take
      if (!this.connection.received(take, room)) this.socket.pause()
    }
  }

  /** Ends the turn, then reads on what was held back. */
  endTurn(): void {
    this.turn.run()
    this.socket.taken()
    for (
      let held = this.held;
      held !== null && !this.socket.paused && this.open;
      held = this.held
    ) {
      this.held = null
      this.read(held)
      this.turn.run()
      this.socket.taken()
    }
  }

  private hold(bytes: Buffer): void {
    const copy = Buffer.from(bytes)
    this.held = this.held === null ? copy : Buffer.concat([this.held, copy])
  }
}

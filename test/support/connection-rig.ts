/**
 * Connections over real loopback sockets with handlers of the test's own, a manual clock and a log
 * kept in memory; and a raw client that sends frames and awaits answers by count.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { InvariantError } from '../../engine/base/assert.ts'
import type { Clock } from '../../engine/base/clock.ts'
import { parseBrokerConfig } from '../../engine/base/config.ts'
import type { Logger } from '../../engine/base/logger.ts'
import { TimerWheel } from '../../engine/base/timer-wheel.ts'
import { emptyImage } from '../../engine/metadata/image.ts'
import { encodeRequestHeader } from '../../engine/protocol/header.ts'
import { encoderFor } from '../../engine/schema/codec.ts'
import type { AnyMessage } from '../../engine/schema/fields.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { Connection, type ConnectionServices } from '../../net/connection.ts'
import type { ConnectionMoves, MovedConnection } from '../../net/connection-moves.ts'
import { Dispatcher } from '../../net/dispatch.ts'
import type { AnyHandler, HandlerServices } from '../../net/handler.ts'
import { type DirectSend, directSend } from '../../net/native-send.ts'
import { Notices } from '../../net/notices.ts'
import { OutboxPool } from '../../net/outbox.ts'
import { noQuotas } from '../../net/quotas/shard-quotas.ts'
import { ReceiveArena, type Slab, type SlabSource } from '../../net/receive.ts'
import { ReplyOutput } from '../../net/reply.ts'
import type { ReceiveMode } from '../../net/socket-handle.ts'
import { Turn } from '../../net/turn.ts'
import type { Router } from '../../workers/router.ts'

export class ManualClock implements Clock {
  nowMs = 1_000
  wallMs(): number {
    return 1_700_000_000_000 + this.nowMs
  }
  monotonicMs(): number {
    return this.nowMs
  }
}

export class MemoryLogger implements Logger {
  readonly lines: string[] = []
  info(message: string): void {
    this.lines.push(`info ${message}`)
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`)
  }
  error(message: string): void {
    this.lines.push(`error ${message}`)
  }
}

/** Shared slabs without bound, counted. */
export class CountedSlabs implements SlabSource {
  inUse = 0
  acquireNow(bytes: number): Slab {
    this.inUse++
    const memory = Buffer.from(new SharedArrayBuffer(bytes))
    return { bytes: memory, wanted: false, release: () => this.inUse-- }
  }
  whenFree(): never {
    throw new Error('there is always one')
  }
}

export interface RigOptions {
  handlers: readonly AnyHandler[]
  services?: Partial<HandlerServices>
  receiveMode?: ReceiveMode
  flushStorage?: () => void
  requestBytesMax?: number
  idleMs?: number
  pressed?: () => boolean
  moves?: ConnectionMoves
  /** How replies are sent; default: as a broker does here. */
  direct?: DirectSend | null
  /** Instead of the counted ones. */
  slabs?: SlabSource
}

/** What connections need of a shard, with a log and a clock of the test. */
export function testConnectionServices(
  options: RigOptions & { clock: Clock; logger: Logger; wheel?: TimerWheel },
  fatal: (error: InvariantError) => void = () => {},
): ConnectionServices {
  const { clock, logger } = options
  const flushStorage = options.flushStorage ?? (() => {})
  const arena = new ReceiveArena(flushStorage)
  const services = {
    clock,
    logger,
    router: { image: () => emptyImage('', 1) } as Router,
    config: parseBrokerConfig(new Map()).config,
    quotas: noQuotas(),
    ...options.services,
  } as HandlerServices
  return {
    dispatcher: new Dispatcher(options.handlers, services, fatal),
    turn: new Turn(flushStorage, () => arena.turnFlushed()),
    arena,
    slabs: options.slabs ?? new CountedSlabs(),
    output: new ReplyOutput(),
    outboxPool: new OutboxPool(options.direct === undefined ? directSend() : options.direct),
    wheel: options.wheel ?? new TimerWheel(1_000, 5),
    clock,
    notices: new Notices(clock, logger),
    pressed: options.pressed ?? (() => false),
    requestBytesMax: options.requestBytesMax ?? 1 << 20,
    idleMs: options.idleMs ?? 600_000,
    receiveMode: options.receiveMode ?? 'onread',
    moves: options.moves ?? null,
  }
}

export class ConnectionRig {
  readonly clock = new ManualClock()
  readonly logger = new MemoryLogger()
  readonly slabs = new CountedSlabs()
  readonly wheel = new TimerWheel(1_000, 5)
  readonly connections = new Set<Connection>()
  readonly fatal: InvariantError[] = []
  private readonly server: Server
  private readonly clients: Socket[] = []
  private readonly shared: ConnectionServices
  private nextId = 1

  constructor(options: RigOptions) {
    const { clock, logger, slabs, wheel } = this
    const shared = testConnectionServices({ slabs, ...options, clock, logger, wheel }, (error) =>
      this.fatal.push(error),
    )
    this.server = createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
      this.open(accepted)
    })
    this.shared = shared
  }

  private open(accepted: Socket | number): Connection {
    const client = {
      id: this.nextId++,
      clientHost: '127.0.0.1',
      listenerName: 'PLAINTEXT',
      advertised: { host: 'broker.example', port: 9092 },
    }
    const connection: Connection = new Connection(accepted, client, this.shared, () =>
      this.connections.delete(connection),
    )
    this.connections.add(connection)
    return connection
  }

  /** Goes on with a connection of another rig. */
  adopt({ fd, received }: MovedConnection): true {
    this.open(fd).begin(received)
    return true
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
  }

  async client(): Promise<RawClient> {
    const { port } = this.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    await once(socket, 'connect')
    this.clients.push(socket)
    return new RawClient(socket)
  }

  /** Moves time and fires what is due. */
  pass(ms: number): void {
    this.clock.nowMs += ms
    this.wheel.advance(this.clock.nowMs)
  }

  async stop(): Promise<void> {
    for (const socket of this.clients) socket.destroy()
    for (const connection of [...this.connections]) connection.destroy()
    this.server.close()
    await once(this.server, 'close')
  }
}

/** One client socket that counts whole answers. */
export class RawClient {
  readonly socket: Socket
  /** Frames received, without their length. */
  readonly answers: Buffer[] = []
  closed = false
  private chunks: Buffer[] = []
  private gathered = 0
  private wake: (() => void) | null = null

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.wake?.()
    })
    socket.on('data', (chunk: Buffer) => this.take(chunk))
  }

  private take(chunk: Buffer): void {
    this.chunks.push(chunk)
    this.gathered += chunk.length
    while (this.gathered >= 4) {
      const head = this.chunks[0] as Buffer
      if (head.length < 4) this.chunks = [Buffer.concat(this.chunks)]
      const end = 4 + (this.chunks[0] as Buffer).readInt32BE(0)
      if (this.gathered < end) break
      const all = Buffer.concat(this.chunks)
      this.answers.push(all.subarray(4, end))
      this.chunks = [all.subarray(end)]
      this.gathered -= end
    }
    this.wake?.()
  }

  send(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  /** Correlation ids of the answers so far. */
  get order(): number[] {
    return this.answers.map((answer) => answer.readInt32BE(0))
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
      this.wake = null
    }
  }

  answered(count: number): Promise<void> {
    return this.until(() => this.answers.length >= count || this.closed)
  }

  ended(): Promise<void> {
    return this.until(() => this.closed)
  }
}

/** A request frame with its length. */
export function requestFrame<M extends AnyMessage>(
  message: M,
  apiVersion: number,
  correlationId: number,
  body: object,
  clientId: string | null = 'test',
): Buffer {
  const writer = new Writer()
  const at = writer.reserve(4)
  encodeRequestHeader(writer, { apiKey: message.apiKey, apiVersion, correlationId, clientId })
  const encode = encoderFor(message, apiVersion) as (writer: Writer, value: object) => void
  encode(writer, body)
  writer.patchInt32(at, writer.size - 4)
  return Buffer.from(writer.bytes())
}

/** A frame of any bytes. */
export function rawFrame(body: Buffer): Buffer {
  const out = Buffer.alloc(4 + body.length)
  out.writeInt32BE(body.length)
  body.copy(out, 4)
  return out
}

/**
 * One client connection: bytes in, requests to the dispatcher in order, replies out in order, and
 * every bound of limits.ts that keeps one client from hurting the others.
 *
 * Order (reference/kafka-map.md §2.2): Kafka works one request of a connection at a time. Here hot
 * ones (Produce, Fetch) run beside each other, since their effects on a partition keep arrival
 * order and replies keep request order; any other request is a barrier: it waits until all earlier
 * ones are answered and holds all later ones, so a client sees exactly Kafka's order.
 *
 * A client over a quota is muted (KIP-219): its answer goes out at once, but for the time told in it
 * the socket is not read and nothing it sent is started; what was in work before goes on.
 *
 * Bounds: at limits.connectionRequestsMax requests or connectionRequestBytesMax of them unanswered
 * the socket is not read; above connectionReplyBytesMax of replies not taken no request is started;
 * a frame begun must end within frameDeadlineMs, and while others wait for memory it must not be slow
 * (frameBytesPerSecondMin); replies must move within drainDeadlineMs; a quiet connection closes after
 * connections.max.idle.ms.
 *
 * Errors: malformed bytes close this connection with one log line; so does anything unexpected; a
 * broken invariant goes up and ends the process.
 */
import type { Socket } from 'node:net'
import { InvariantError } from '../engine/base/assert.ts'
import type { Clock } from '../engine/base/clock.ts'
import { MalformedRequest } from '../engine/base/errors.ts'
import { limits } from '../engine/base/limits.ts'
import { Timer, type TimerWheel } from '../engine/base/timer-wheel.ts'
import { ConnectionDeadlines } from './connection-deadlines.ts'
import type { ConnectionMoves } from './connection-moves.ts'
import type { Dispatcher } from './dispatch.ts'
import { FrameRefused } from './framing.ts'
import type { ClientConnection } from './handler.ts'
import { HeldFrames } from './held-frames.ts'
import { duplicateNative } from './native-sockets.ts'
import type { Notices } from './notices.ts'
import { Outbox, type OutboxPool } from './outbox.ts'
import { type FrameMemory, type ReceiveArena, Receiver, type SlabSource } from './receive.ts'
import type { ReplyOutput } from './reply.ts'
import { type ReplyOwner, ReplyQueue } from './reply-queue.ts'
import { attachReader, type ReceiveMode, type SocketReader, socketFd } from './socket-handle.ts'
import type { Turn, TurnPart } from './turn.ts'

/** What the connections of one shard share. */
export interface ConnectionServices {
  readonly dispatcher: Dispatcher
  readonly turn: Turn
  readonly arena: ReceiveArena
  readonly slabs: SlabSource
  readonly output: ReplyOutput
  readonly outboxPool: OutboxPool
  readonly wheel: TimerWheel
  readonly clock: Clock
  readonly notices: Notices
  /** Requests for other shards pile up: no further one is started until a turn says otherwise. */
  pressed(): boolean
  /** socket.request.max.bytes */
  readonly requestBytesMax: number
  /** connections.max.idle.ms; negative = never. */
  readonly idleMs: number
  readonly receiveMode?: ReceiveMode
  /** Null: every connection stays where it was accepted. */
  readonly moves: ConnectionMoves | null
}

export class Connection implements SocketReader, ReplyOwner, TurnPart {
  readonly client: ClientConnection
  readonly socket: Socket
  readonly receiveMode: ReceiveMode
  private readonly services: ConnectionServices
  private readonly receiver: Receiver
  private readonly replies = new ReplyQueue()
  private readonly outbox: Outbox
  private readonly held = new HeldFrames()
  /** A request that runs alone is in work. */
  private barrier = false
  private paused = false
  private open = true
  /** Frames are being cut out of what was read. */
  private reading = false
  /** Requests of this read were answered, and nobody has looked at it yet. */
  private answeredInRead = false
  /** No further requests: what was taken is answered, then the socket ends. */
  private draining = false
  /** Over a quota until then; 0 = not. */
  private mutedUntilMs = 0
  /** Where it lives is decided: it moved here, or looked at its first hot request. */
  private settled: boolean
  /** The shard it is about to move to; -1 = none. */
  private movingTo = -1
  /** Its socket goes on in another shard. */
  moved = false
  touched = false
  private unmuteTimer: Timer | null = null
  private readonly deadlines: ConnectionDeadlines
  private readonly onClosed: (connection: Connection) => void

  constructor(
    accepted: Socket | number,
    client: ClientConnection,
    services: ConnectionServices,
    onClosed: (connection: Connection) => void,
  ) {
    this.client = client
    this.services = services
    this.onClosed = onClosed
    this.receiver = new Receiver({
      arena: services.arena,
      slabs: services.slabs,
      frameBytesMax: services.requestBytesMax,
      sink: this,
      onResume: () => this.services.turn.touch(this),
    })
    const attached = attachReader(accepted, this, services.receiveMode)
    this.socket = attached.socket
    this.receiveMode = attached.mode
    this.settled = typeof accepted === 'number' || attached.mode !== 'onread'
    this.outbox = new Outbox({
      socket: this.socket,
      pool: services.outboxPool,
      onProgress: () => this.progressed(),
      onFailure: (reason) => this.closeWith('reply', reason),
    })
    const { clock, wheel, idleMs } = services
    this.deadlines = new ConnectionDeadlines({
      clock,
      wheel,
      idleMs,
      receiver: this.receiver,
      waitsForUs: () => this.unanswered > 0 || this.muted,
      close: (kind, reason) => this.closeWith(kind, reason),
      end: () => this.destroy(),
    })
    // A reset by the peer is its way of leaving; 'close' follows.
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.closed())
    this.socket.resume()
  }

  get alive(): boolean {
    return this.open
  }

  /** A frame has begun and is not complete. */
  get midFrame(): boolean {
    return this.receiver.midFrame
  }

  /** Requests taken and not answered. */
  get unanswered(): number {
    return this.replies.unanswered + this.held.length
  }

  // --- receiving

  nextBuffer(): Buffer {
    return this.receiver.nextBuffer()
  }

  received(bytes: number, into: Buffer): boolean {
    const { turn } = this.services
    let isSpared = false
    turn.readBegins()
    const goesOn = this.guarded(() => {
      isSpared = this.read(bytes, into)
    })
    // Outside of the guard: what fails in storage is not this client's doing.
    const asked = turn.readEnds(this, goesOn && bytes < into.length && this.movingTo < 0)
    if (isSpared && !asked) turn.spared(this)
    return this.open && !this.paused
  }

  /**
   * Answers that come while frames are cut out of a read are looked at once, behind it. True: the end of a
   * turn would find nothing more to do.
   */
  private read(bytes: number, into: Buffer): boolean {
    this.reading = true
    try {
      this.receiver.received(bytes, into)
    } finally {
      this.reading = false
    }
    if (!this.answeredInRead) return false
    this.answeredInRead = false
    if (!this.open) return false
    this.answerLarge()
    if (this.isAtRest) return true
    this.services.turn.touch(this)
    return false
  }

  receivedChunk(chunk: Buffer): boolean {
    return this.guarded(() => this.receiver.receivedChunk(chunk))
  }

  /** For a connection that moved here: what another shard had received of it. */
  begin(received: Buffer): void {
    if (!this.receivedChunk(received) && this.open) this.socket.pause()
  }

  /** Runs what may throw for what the client sent. True: go on reading. */
  private guarded(step: () => void): boolean {
    if (!this.open) return false
    this.deadlines.active()
    try {
      step()
    } catch (error) {
      this.refuse(error)
    }
    this.paused = this.muted || !this.receiver.wantsBytes
    this.deadlines.noteFrame(!this.paused)
    return this.open && !this.paused
  }

  onFrame(buffer: Buffer, start: number, end: number, memory: FrameMemory): boolean {
    this.deadlines.frameEnded()
    if (!this.open || this.draining) {
      if (typeof memory === 'object') memory.release()
      return this.open
    }
    if (this.held.length > 0 || !this.mayStart(buffer, start))
      this.held.add(buffer, start, end, memory)
    else this.start(buffer, start, end, memory)
    if (this.takesMore()) return true
    if (this.movingTo >= 0) return false
    if (this.answeredInRead) this.services.turn.touch(this)
    // Often all it takes is to finish what this turn has begun.
    this.services.turn.run()
    return this.takesMore()
  }

  private takesMore(): boolean {
    return (
      !this.muted &&
      this.movingTo < 0 &&
      !this.services.pressed() &&
      this.replies.length + this.held.length < limits.connectionRequestsMax &&
      this.replies.unansweredBytes + this.held.bytes < limits.connectionRequestBytesMax
    )
  }

  private mayStart(buffer: Buffer, start: number): boolean {
    if (
      this.movingTo >= 0 ||
      this.muted ||
      this.barrier ||
      this.outbox.backlogBytes > limits.connectionReplyBytesMax
    )
      return false
    return this.replies.unanswered === 0 || this.services.dispatcher.isPipelined(buffer, start)
  }

  private start(buffer: Buffer, start: number, end: number, memory: FrameMemory): void {
    const { dispatcher } = this.services
    const pipelined = dispatcher.isPipelined(buffer, start)
    if (pipelined && !this.settled && this.leaves(buffer, start, end)) {
      this.held.add(buffer, start, end, memory, true)
      return
    }
    // A cold handler may keep byte fields for as long as it likes.
    if (!pipelined && memory !== 'own') {
      const own = Buffer.from(buffer.subarray(start, end))
      if (typeof memory === 'object') memory.release()
      this.start(own, 0, own.length, 'own')
      return
    }
    let request: ReturnType<Dispatcher['open']>
    try {
      request = dispatcher.open(buffer, start, end)
    } catch (error) {
      if (typeof memory === 'object') memory.release()
      throw error
    }
    const slot = this.replies.open(this, request.header.correlationId, end - start, memory)
    this.barrier = !pipelined
    try {
      dispatcher.run(request, this.client, slot)
      // Storage may hold what answers it.
      if (!slot.done) this.services.turn.schedule()
    } catch (error) {
      if (!slot.done) slot.nothing()
      throw error
    }
  }

  // --- moving

  /** Judges the first hot request; true: the connection will go on in another shard. */
  private leaves(buffer: Buffer, start: number, end: number): boolean {
    const { moves, dispatcher, turn } = this.services
    const keys = moves === null ? [] : dispatcher.keysOf(buffer, start, end)
    if (moves === null || keys.length === 0) return false
    this.settled = true
    const home = moves.homeOf(keys)
    if (home < 0) return false
    this.movingTo = home
    turn.touch(this)
    return true
  }

  /** At the end of a turn, with the socket at rest. What cannot go now stays for good. */
  private move(): void {
    const shard = this.movingTo
    this.movingTo = -1
    this.services.turn.touch(this)
    const quiet = this.replies.length === 0 && this.outbox.backlogBytes === 0
    const leftover = quiet && !this.draining && !this.muted ? this.receiver.leftover() : null
    const { moves } = this.services
    if (leftover === null || moves === null) return
    const received = Buffer.concat([...this.held.asReceived(), ...leftover])
    if (received.length > limits.connectionRequestBytesMax) return
    const fd = duplicateNative(socketFd(this.socket))
    if (fd < 0) return
    this.moved = true
    this.destroy()
    const { listenerName: listener, clientHost } = this.client
    moves.send(shard, { listener, clientHost, fd, received })
  }

  // --- answering

  answered(): void {
    if (this.replies.unanswered === 0) this.barrier = false
    if (this.reading) this.answeredInRead = true
    else if (this.open) this.services.turn.touch(this)
  }

  /**
   * Records that leave by calls of their own gain nothing from the end of the turn, and the client can go
   * on with them while the turn's other sockets are read.
   */
  private answerLarge(): void {
    const { output } = this.services
    if (this.outbox.streaming || !this.replies.isLargeDue(output.inlineBytesMax)) return
    if (this.replies.flush(output, this.outbox)) this.deadlines.active()
  }

  private get isAtRest(): boolean {
    return (
      this.replies.length === 0 &&
      this.held.length === 0 &&
      this.outbox.backlogBytes === 0 &&
      this.movingTo < 0 &&
      !this.draining &&
      !this.muted &&
      this.receiver.wantsBytes
    )
  }

  hangUp(reason: string): void {
    this.closeWith('request', reason)
  }

  // --- quotas

  /** Whoever leaves is not held back any more: it will send nothing. */
  private get muted(): boolean {
    return this.mutedUntilMs > 0 && !this.draining
  }

  mute(forMs: number): void {
    if (!this.open || this.draining) return
    const untilMs = this.services.clock.monotonicMs() + forMs
    if (untilMs <= this.mutedUntilMs) return
    this.mutedUntilMs = untilMs
    this.unmuteTimer ??= new Timer(() => this.unmute())
    this.services.wheel.arm(this.unmuteTimer, untilMs)
    this.paused = true
    this.socket.pause()
  }

  private unmute(): void {
    if (!this.open) return
    this.mutedUntilMs = 0
    this.deadlines.active()
    this.services.turn.touch(this)
  }

  /** The socket took what it was given; only what waits for that needs a turn. */
  private progressed(): void {
    if (!this.open) return
    this.deadlines.drained()
    const waits = this.outbox.streaming || this.replies.length > 0 || this.held.length > 0
    if (waits || this.paused || this.draining) this.services.turn.touch(this)
  }

  endTurn(): void {
    if (!this.open) return
    try {
      if (this.outbox.streaming) this.outbox.pump()
      // Idleness counts from what went out as well, however it went.
      if (this.replies.flush(this.services.output, this.outbox)) this.deadlines.active()
      this.startHeld()
      if (this.open && this.takesMore()) this.receiver.resume()
    } catch (error) {
      this.refuse(error)
    }
    if (!this.open) return
    if (this.movingTo >= 0) {
      this.move()
      return
    }
    this.deadlines.noteFrame(!this.paused)
    if (this.outbox.waitsForPeer) this.deadlines.drains()
    if (this.draining && this.unanswered === 0 && !this.outbox.streaming) this.socket.end()
    if (!this.paused || this.muted || !this.receiver.wantsBytes) return
    this.paused = false
    // From here on it is the peer's turn to go on with a frame it has begun.
    this.deadlines.active()
    this.deadlines.noteFrame(true)
    this.socket.resume()
  }

  private startHeld(): void {
    while (this.open && !this.replies.full) {
      const next = this.held.first
      if (next === undefined || !this.mayStart(next.buffer, next.start)) return
      this.held.dropFirst()
      this.start(next.buffer, next.start, next.end, next.memory)
    }
  }

  /** What kept it from reading may be over. */
  reconsider(): void {
    if (this.open) this.services.turn.touch(this)
  }

  // --- ending

  /** Takes no further request; ends once everything taken is answered and sent. */
  drain(): void {
    this.draining = true
    this.services.turn.touch(this)
  }

  /** Ends it at once. */
  destroy(): void {
    this.socket.destroy()
    this.closed()
  }

  private refuse(error: unknown): void {
    if (error instanceof InvariantError) throw error
    if (error instanceof FrameRefused) this.closeWith(error.kind, error.message)
    else if (error instanceof MalformedRequest) this.closeWith('malformed', error.message)
    else {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.closeWith('unexpected', `an unexpected error: ${detail}`)
    }
  }

  private closeWith(kind: string, reason: string): void {
    if (!this.open) return
    const { clientHost, listenerName } = this.client
    this.services.notices.warn(
      clientHost,
      kind,
      `closed the connection from ${clientHost} on listener ${listenerName}: ${reason}`,
    )
    this.destroy()
  }

  private closed(): void {
    if (!this.open) return
    this.open = false
    this.deadlines.cancel()
    this.unmuteTimer?.cancel()
    this.held.release()
    this.receiver.close()
    this.replies.close()
    this.outbox.close()
    this.onClosed(this)
  }
}

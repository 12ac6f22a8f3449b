/**
 * All that net sees of threads: appends, reads and calls go to whoever owns the partition. In the
 * same thread that is a plain call; to another shard, a descriptor and later its reply.
 *
 * Order: appends of one caller to one owner arrive in the order of their calls. Every forwarded
 * request is answered exactly once, by its reply or by its deadline (R4). Nothing waits for room:
 * when too much is under way already an append is refused with REQUEST_TIMED_OUT and a read with
 * REPLICA_NOT_AVAILABLE, both of which clients retry; `onPressure` asks for a pause well before
 * that.
 */
import type { Clock } from '../engine/base/clock.ts'
import { ApiError, ErrorCode } from '../engine/base/errors.ts'
import { limits } from '../engine/base/limits.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import { encoderFor } from '../engine/schema/codec.ts'
import { Reader } from '../engine/schema/reader.ts'
import { Writer } from '../engine/schema/writer.ts'
import type {
  AppendDone,
  AppendOptions,
  ReadHandle,
  ReadRequest,
  ShardPort,
} from '../engine/shard-port.ts'
import type { Exchange } from './exchange.ts'
import {
  type AllCalls,
  type CallOp,
  calls,
  type ExchangeCalls,
  type ExchangeStats,
  opcodes,
  ReadPartitions,
} from './messages.ts'
import { PendingTable } from './pending.ts'
import { ownerOfKey } from './placement.ts'
import { type ReadDone, ReadFanout, type ReadPart } from './read-fanout.ts'
import type { BorrowFile } from './remote-read.ts'
import { type CallWaiter, ReplyReceiver, type Waiting } from './replies.ts'
import type { Slab } from './slab.ts'

export interface Router {
  readonly shard: number
  readonly shards: number
  /** This shard's copy. */
  image(): MetadataImage
  /** `listener` is called after each change, with the image that is then in force. */
  onImage(listener: (image: MetadataImage) => void): void
  /** The shard that owns partitionKey(ordinal, partition). */
  ownerOf(key: number): number
  /**
   * Appends one partition's records. They must stay valid until `flush` returns; in a slab of this
   * shard's pool, which is then retained, as long as that is not released by everyone.
   */
  append(key: number, records: Buffer, options: AppendOptions, done: AppendDone): void
  /** `done` may be called inside the call. Every result must be released. */
  read(request: ReadRequest, done: ReadDone): ReadHandle
  /** Rejects with ApiError (REQUEST_TIMED_OUT at the deadline) or the owner's MalformedRequest. */
  call<Req, Res>(shard: number, op: CallOp<Req, Res>, request: Req): Promise<Res>
  /** Who takes over connections that other shards send here; false: none any more. */
  onAdopt(adopt: (connection: AdoptedConnection) => boolean): void
  /** Sends one to another shard; false: it was not taken. */
  adoptConnection(shard: number, connection: AdoptedConnection): Promise<boolean>
  /** The end of a loop turn: wakes others, writes and answers (ShardPort.flush), wakes again. */
  flush(): void
  /** Requests for other shards pile up: read no more sockets until it is false again. */
  readonly pressed: boolean
  onPressure(listener: (pressed: boolean) => void): void
}

export type AdoptedConnection = Parameters<AllCalls['adoptConnection']>[0]

/** Timers of the thread; they do not keep it alive. */
export interface RouterTimers {
  after(delayMs: number, run: () => void): { cancel(): void }
}

export interface RouterParts {
  readonly exchange: Exchange
  readonly port: ShardPort
  readonly clock: Clock
  readonly timers: RouterTimers
  readonly borrowFile: BorrowFile
  readonly image: MetadataImage
}

/** Deadlines are looked after this late at most. */
const SWEEP_MS_MIN = 50

export class ShardRouter implements Router {
  readonly shard: number
  readonly shards: number
  pressed = false
  private readonly exchange: Exchange
  private readonly port: ShardPort
  private readonly calls: AllCalls
  private readonly clock: Clock
  private readonly timers: RouterTimers
  private readonly pending: readonly PendingTable<Waiting>[]
  private readonly writer = new Writer()
  private readonly imageListeners: ((image: MetadataImage) => void)[] = []
  private readonly pressureListeners: ((pressed: boolean) => void)[] = []
  private currentImage: MetadataImage
  private adopt: (connection: AdoptedConnection) => boolean = () => false
  private sweepAtMs = Number.POSITIVE_INFINITY
  private sweepTimer: { cancel(): void } | null = null
  private appendsForwarded = 0
  private readsForwarded = 0
  private callsForwarded = 0

  constructor(parts: RouterParts) {
    const { exchange, port } = parts
    this.shard = exchange.shard
    this.shards = exchange.shards
    this.exchange = exchange
    this.port = port
    this.clock = parts.clock
    this.timers = parts.timers
    this.currentImage = parts.image
    this.pending = Array.from({ length: exchange.shards }, () => new PendingTable<Waiting>())
    const replies = new ReplyReceiver(exchange, this.pending, parts.borrowFile)
    exchange.onReply = (peer, d) => replies.receive(peer, d)
    this.calls = allCalls(port, {
      stats: () => Promise.resolve(this.stats()),
      adoptConnection: async (connection) => ({ adopted: this.adopt(connection) }),
    })
  }

  image(): MetadataImage {
    return this.currentImage
  }

  onImage(listener: (image: MetadataImage) => void): void {
    this.imageListeners.push(listener)
  }

  onAdopt(adopt: (connection: AdoptedConnection) => boolean): void {
    this.adopt = adopt
  }

  async adoptConnection(shard: number, connection: AdoptedConnection): Promise<boolean> {
    return (await this.call(shard, calls.adoptConnection, connection)).adopted
  }

  /** The shard has taken up a new image: from now on requests are judged by it. */
  applyImage(image: MetadataImage): void {
    this.currentImage = image
    for (const listener of this.imageListeners) listener(image)
  }

  onPressure(listener: (pressed: boolean) => void): void {
    this.pressureListeners.push(listener)
  }

  /** For the exchange's host. */
  pressureChanged(pressed: boolean): void {
    this.pressed = pressed
    for (const listener of this.pressureListeners) listener(pressed)
  }

  ownerOf(key: number): number {
    return ownerOfKey(key, this.shards)
  }

  flush(): void {
    this.exchange.flush()
  }

  append(key: number, records: Buffer, options: AppendOptions, done: AppendDone): void {
    const owner = ownerOfKey(key, this.shards)
    if (owner === this.shard) this.port.append(key, records, options, done)
    else if (!this.forwardAppend(owner, key, records, options, done))
      done(ErrorCode.REQUEST_TIMED_OUT, -1, -1, -1, `shard ${owner} has too many requests waiting`)
  }

  private forwardAppend(
    owner: number,
    key: number,
    records: Buffer,
    options: AppendOptions,
    done: AppendDone,
  ): boolean {
    const { exchange } = this
    const slab = this.slabFor(records)
    if (slab === null && records.length > exchange.messageBytesMax) return false
    const timeoutMs = Math.max(options.timeoutMs, limits.appendDeadlineMsMin)
    const deadlineMs = this.clock.monotonicMs() + Math.min(timeoutMs, limits.appendDeadlineMsMax)
    const pending = this.pending[owner]!
    const correlation = pending.add(done, slab, deadlineMs)
    if (correlation < 0) {
      slab?.release()
      return false
    }
    const d = exchange.outgoing
    d.reset(opcodes.append, correlation)
    d.a =
      (options.acks + 1) | (options.produceVersion << 8) | (options.internalAllowed ? 1 << 16 : 0)
    d.b = options.timeoutMs
    d.w = key
    const peer = exchange.peer(owner)
    if (slab !== null) {
      slab.tell(peer.courier)
      d.slab = slab.id
      // A slab's own bytes begin with its memory; records copied into one do too.
      d.offset = records.buffer === slab.block.memory ? records.byteOffset : 0
      d.length = records.length
    }
    if (!peer.requests.offer(d, slab === null ? records : null)) {
      pending.take(correlation)
      slab?.release()
      return false
    }
    this.appendsForwarded++
    this.watch(deadlineMs)
    return true
  }

  /** The slab the records lie in, retained; or one with a copy; null: the ring takes them. */
  private slabFor(records: Buffer): Slab | null {
    const { slabs, messageBytesMax } = this.exchange
    const own = slabs.slabOf(records.buffer)
    if (own !== undefined) {
      own.retain()
      return own
    }
    if (records.length <= messageBytesMax) return null
    const copy = slabs.acquireNow(records.length)
    if (copy !== null) records.copy(copy.bytes)
    return copy
  }

  read(request: ReadRequest, done: ReadDone): ReadHandle {
    if (this.ownsAll(request)) return this.port.read(request, done)
    const read = new ReadFanout(request, (key) => ownerOfKey(key, this.shards), done)
    // Our own part first: if it can answer now, the others are asked for what they have now.
    for (const part of read.parts) if (part.owner === this.shard) this.readHere(part)
    for (const part of read.parts) if (part.owner !== this.shard) this.forwardRead(part)
    return read
  }

  private ownsAll({ partitions }: ReadRequest): boolean {
    for (let i = 0; i < partitions.length; i++)
      if (ownerOfKey(partitions[i]!.key, this.shards) !== this.shard) return false
    return true
  }

  private readHere(part: ReadPart): void {
    const request = { ...part.read.request, partitions: part.partitions }
    const handle = this.port.read(request, (results) => {
      if (!part.answer(results)) for (const result of results) result.release()
    })
    part.handle = handle
  }

  private forwardRead(part: ReadPart): void {
    const { request } = part.read
    const { owner } = part
    const now = this.clock.monotonicMs()
    // Clocks of threads need not share an origin, so the wait travels as a length.
    const waitMs = part.read.over ? 0 : Math.max(0, request.deadlineMs - now)
    const deadlineMs = now + waitMs + limits.readGraceMs
    const pending = this.pending[owner]!
    const correlation = pending.add(part, null, deadlineMs)
    if (correlation < 0) {
      part.unavailable()
      return
    }
    this.writer.reset()
    encoderFor(ReadPartitions, 0)(this.writer, { partitions: part.partitions })
    const d = this.exchange.outgoing
    d.reset(opcodes.read, correlation)
    d.a = request.isolation
    d.b = request.maxBytes
    d.c = request.minBytes
    d.w = waitMs
    part.handle = {
      expire: () => this.hurry(owner, correlation, opcodes.releaseRead),
      cancel: () => this.hurry(owner, correlation, opcodes.cancelRead),
    }
    this.readsForwarded++
    this.watch(deadlineMs)
    this.send(owner, correlation, this.writer.bytes(), () => part.unavailable())
  }

  private hurry(owner: number, correlation: number, opcode: number): void {
    if (!this.pending[owner]!.holds(correlation)) return
    const d = this.exchange.outgoing
    d.reset(opcode, correlation)
    this.exchange.peer(owner).requests.post(d, null)
  }

  call<Req, Res>(shard: number, op: CallOp<Req, Res>, request: Req): Promise<Res> {
    if (shard === this.shard) return op.run(this.calls, request)
    return new Promise((resolve, reject) => {
      const waiter: CallWaiter = {
        opcode: op.opcode,
        resolve: (payload) => resolve(op.decodeResponse(new Reader(payload))),
        reject,
      }
      const deadlineMs = this.clock.monotonicMs() + op.deadlineMs
      const correlation = this.pending[shard]!.add(waiter, null, deadlineMs)
      if (correlation < 0) {
        reject(tooManyWaiting(shard))
        return
      }
      this.writer.reset()
      op.encodeRequest(this.writer, request)
      this.exchange.outgoing.reset(op.opcode, correlation)
      this.callsForwarded++
      this.watch(deadlineMs)
      this.send(shard, correlation, this.writer.bytes(), () => reject(tooManyWaiting(shard)))
    })
  }

  /** Posts `exchange.outgoing` with its payload, in a slab if long; `refused` if there is no room. */
  private send(shard: number, correlation: number, payload: Buffer, refused: () => void): void {
    const { exchange } = this
    const { requests, courier } = exchange.peer(shard)
    const d = exchange.outgoing
    const pending = this.pending[shard]!
    if (payload.length <= exchange.messageBytesMax) {
      if (requests.offer(d, payload)) return
      pending.take(correlation)
      refused()
      return
    }
    const descriptor = d.copy()
    const bytes = Buffer.from(payload)
    const ready = (slab: Slab): void => {
      bytes.copy(slab.bytes)
      slab.tell(courier)
      pending.setSlab(correlation, slab)
      descriptor.slab = slab.id
      descriptor.length = bytes.length
      if (requests.offer(descriptor, null)) return
      pending.take(correlation)
      slab.release()
      refused()
    }
    const slab = exchange.slabs.acquire(bytes.length, ready)
    if (slab !== null) ready(slab)
  }

  /** Makes sure that somebody looks at the deadlines when this one has come. */
  private watch(deadlineMs: number): void {
    if (deadlineMs >= this.sweepAtMs) return
    this.sweepTimer?.cancel()
    this.sweepAtMs = deadlineMs
    const delayMs = Math.max(SWEEP_MS_MIN, deadlineMs - this.clock.monotonicMs())
    this.sweepTimer = this.timers.after(delayMs, () => this.sweep())
  }

  private sweep(): void {
    this.sweepAtMs = Number.POSITIVE_INFINITY
    this.sweepTimer = null
    const now = this.clock.monotonicMs()
    for (let shard = 0; shard < this.shards; shard++) {
      const earliest = this.pending[shard]!.expire(now, (waiting) => expired(waiting, shard))
      if (earliest < Number.POSITIVE_INFINITY) this.watch(earliest)
    }
  }

  private stats(): ExchangeStats {
    const { exchange } = this
    let pending = 0
    for (const table of this.pending) pending += table.size
    return {
      appendsForwarded: this.appendsForwarded,
      readsForwarded: this.readsForwarded,
      callsForwarded: this.callsForwarded,
      wakesSent: exchange.wakesSent,
      turns: exchange.turns,
      backlog: exchange.backlog,
      pending,
      leases: exchange.leases,
      slabBytesInUse: exchange.slabs.bytesInUse,
      slabBytesIdle: exchange.slabs.bytesIdle,
    }
  }

  /** Calls of this shard, for whoever serves them to others. */
  get ownCalls(): AllCalls {
    return this.calls
  }
}

function expired(waiting: Waiting, shard: number): void {
  const message = `shard ${shard} did not answer in time`
  if (typeof waiting === 'function') waiting(ErrorCode.REQUEST_TIMED_OUT, -1, -1, -1, message)
  else if ('read' in waiting) waiting.unavailable()
  else waiting.reject(new ApiError(ErrorCode.REQUEST_TIMED_OUT, message))
}

function tooManyWaiting(shard: number): ApiError {
  return new ApiError(ErrorCode.REQUEST_TIMED_OUT, `shard ${shard} has too many requests waiting`)
}

/** The shard's calls and the exchange's own, the former looked up when called. */
function allCalls(port: ShardPort, own: ExchangeCalls): AllCalls {
  return {
    listOffsets: (request) => port.calls.listOffsets(request),
    endOffsetsForEpoch: (request) => port.calls.endOffsetsForEpoch(request),
    deleteRecords: (request) => port.calls.deleteRecords(request),
    coordinate: (request) => port.calls.coordinate(request),
    control: (request) => port.calls.control(request),
    allocateProducerIds: (request) => port.calls.allocateProducerIds(request),
    checkpoints: (request) => port.calls.checkpoints(request),
    describeFolders: (request) => port.calls.describeFolders(request),
    describeVolumes: (request) => port.calls.describeVolumes(request),
    moveReplicas: (request) => port.calls.moveReplicas(request),
    describeProducers: (request) => port.calls.describeProducers(request),
    failFolder: (request) => port.calls.failFolder(request),
    reportFolder: (request) => port.calls.reportFolder(request),
    ...own,
  }
}

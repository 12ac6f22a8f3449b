/**
 * Serves the requests of other shards: takes them from the rings as they come, hands them to this
 * shard, and posts the answers. Appends are staged as they are taken and written once at the end of
 * the turn (exchange.ts), so their bytes stay in the ring or slab they came in until then.
 *
 * Every append, read and call gets exactly one reply. Per asking shard at most
 * limits.pendingRequestsMax of them are under way, which the asker sees to, and at most
 * limits.remoteLeasesMax answers hold files; beyond that a read is answered without data.
 */
import { broken, InvariantError } from '../engine/base/assert.ts'
import type { Clock } from '../engine/base/clock.ts'
import { ApiError, ErrorCode, MalformedRequest } from '../engine/base/errors.ts'
import type { Logger } from '../engine/base/logger.ts'
import { decoderFor, encoderFor } from '../engine/schema/codec.ts'
import { Reader } from '../engine/schema/reader.ts'
import { Writer } from '../engine/schema/writer.ts'
import type {
  AppendDone,
  AppendOptions,
  AppendRecordError,
  Isolation,
  ReadHandle,
  ReadResult,
  ShardPort,
} from '../engine/shard-port.ts'
import type { Exchange, Peer } from './exchange.ts'
import { LeaseTable } from './lease-table.ts'
import {
  type AllCalls,
  AppendRefusal,
  CallFailure,
  type CallOp,
  calls,
  failureKinds,
  opcodes,
  ReadPartitions,
  ReadResults,
} from './messages.ts'
import { toWire } from './remote-read.ts'
import type { Descriptor } from './ring.ts'

export interface WorkerParts {
  readonly exchange: Exchange
  readonly port: ShardPort
  readonly calls: AllCalls
  readonly clock: Clock
  readonly logger: Logger
}

/** What is under way for one asking shard. */
interface Client {
  /** Parked reads by correlation. */
  readonly reads: Map<number, ReadHandle>
  readonly leases: LeaseTable
}

const callsByOpcode = new Map<number, CallOp<unknown, unknown>>(
  Object.values(calls).map((call) => [call.opcode, call as CallOp<unknown, unknown>]),
)

export class ShardWorker {
  private readonly exchange: Exchange
  private readonly port: ShardPort
  private readonly calls: AllCalls
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly clients: readonly Client[]
  private readonly reader = new Reader(Buffer.alloc(0))
  private readonly writer = new Writer()
  /** Answers of appends, for reuse. */
  private readonly answers: AppendAnswer[] = []
  private lastOptions: AppendOptions = NO_OPTIONS

  constructor(parts: WorkerParts) {
    this.exchange = parts.exchange
    this.port = parts.port
    this.calls = parts.calls
    this.clock = parts.clock
    this.logger = parts.logger
    this.clients = this.exchange.peers.map(() => ({ reads: new Map(), leases: new LeaseTable() }))
    this.exchange.onRequest = (peer, d) => this.serve(peer, d)
  }

  /** The file of a leased result, for shards of the same thread that have no descriptors. */
  leasedResult(askingShard: number, lease: number, index: number): ReadResult {
    return this.client(askingShard).leases.result(lease, index)
  }

  private serve(peer: Peer, d: Descriptor): void {
    switch (d.opcode) {
      case opcodes.append:
        this.append(peer, d)
        return
      case opcodes.read:
        this.read(peer, d)
        return
      case opcodes.releaseRead:
        this.client(peer.shard).reads.get(d.correlation)?.expire()
        return
      case opcodes.cancelRead:
        this.cancelRead(peer, d.correlation)
        return
      case opcodes.releaseLease:
        this.exchange.leases--
        this.client(peer.shard).leases.release(d.a)
        return
      case opcodes.releaseSlab:
        releaseReplySlab(peer, d.a)
        return
      default:
        this.call(peer, d)
    }
  }

  private append(peer: Peer, d: Descriptor): void {
    const answer = this.answers.pop() ?? new AppendAnswer(this)
    answer.peer = peer
    answer.correlation = d.correlation
    const records = this.exchange.payload(peer, peer.requestsIn, d)
    this.port.append(d.w, records, this.optionsOf(d), answer.done)
  }

  private optionsOf(d: Descriptor): AppendOptions {
    const acks = (d.a & 0xff) - 1
    const produceVersion = (d.a >> 8) & 0xff
    const internalAllowed = d.a >> 16 !== 0
    const last = this.lastOptions
    if (
      last.acks !== acks ||
      last.produceVersion !== produceVersion ||
      last.internalAllowed !== internalAllowed ||
      last.timeoutMs !== d.b
    )
      this.lastOptions = { acks, timeoutMs: d.b, produceVersion, internalAllowed }
    return this.lastOptions
  }

  /** For AppendAnswer alone. */
  appended(
    answer: AppendAnswer,
    errorCode: ErrorCode,
    baseOffset: number,
    logAppendTimeMs: number,
    logStartOffset: number,
    message: string | null,
    recordErrors: readonly AppendRecordError[],
  ): void {
    const { peer } = answer
    if (peer === null) broken(`append ${answer.correlation} is answered twice`)
    const d = this.exchange.outgoing
    d.reset(opcodes.appended, answer.correlation)
    answer.peer = null
    this.answers.push(answer)
    d.a = errorCode
    d.w = baseOffset
    d.x = logAppendTimeMs
    d.y = logStartOffset
    if (message === null && recordErrors.length === 0) {
      this.exchange.reply(peer, d, null)
      return
    }
    d.b = 1
    this.writer.reset()
    encoderFor(AppendRefusal, 0)(this.writer, { message, recordErrors })
    this.exchange.reply(peer, d, this.writer.bytes())
  }

  private read(peer: Peer, d: Descriptor): void {
    const { correlation } = d
    const { reads } = this.client(peer.shard)
    this.reader.reset(this.exchange.payload(peer, peer.requestsIn, d))
    const { partitions } = decoderFor(ReadPartitions, 0)(this.reader)
    const request = {
      partitions,
      isolation: (d.a === 0 ? 0 : 1) as Isolation,
      maxBytes: d.b,
      minBytes: d.c,
      deadlineMs: d.w === 0 ? 0 : this.clock.monotonicMs() + d.w,
    }
    let answered = false
    const handle = this.port.read(request, (results) => {
      answered = true
      reads.delete(correlation)
      this.readDone(peer, correlation, results)
    })
    if (!answered) reads.set(correlation, handle)
  }

  private readDone(peer: Peer, correlation: number, results: readonly ReadResult[]): void {
    const lease = this.leaseFor(peer, results)
    this.writer.reset()
    encoderFor(ReadResults, 0)(this.writer, { results: results.map(toWire) })
    const d = this.exchange.outgoing
    d.reset(opcodes.readDone, correlation)
    d.a = 1
    d.b = lease
    this.exchange.reply(peer, d, this.writer.bytes())
  }

  /** 0 when no file need be kept. */
  private leaseFor(peer: Peer, results: readonly ReadResult[]): number {
    const { leases } = this.client(peer.shard)
    const withData = results.some((result) => result.length > 0)
    if (withData && !leases.full) {
      this.exchange.leases++
      return leases.add(results)
    }
    for (const result of results) {
      // Too many files are kept already: the reader gets nothing now and asks again.
      if (result.length > 0) result.length = 0
      result.release()
    }
    return 0
  }

  private cancelRead(peer: Peer, correlation: number): void {
    const { reads } = this.client(peer.shard)
    const handle = reads.get(correlation)
    // Answered already: that reply is under way, and its lease comes back by itself.
    if (handle === undefined) return
    reads.delete(correlation)
    handle.cancel()
    const d = this.exchange.outgoing
    d.reset(opcodes.readDone, correlation)
    this.exchange.reply(peer, d, null)
  }

  private call(peer: Peer, d: Descriptor): void {
    const op = callsByOpcode.get(d.opcode)
    if (op === undefined) broken(`opcode ${d.opcode} of shard ${peer.shard}`)
    const { correlation } = d
    // Calls take their time; the ring's bytes do not wait for them.
    const payload = Buffer.from(this.exchange.payload(peer, peer.requestsIn, d))
    const request = op.decodeRequest(new Reader(payload))
    this.run(op, request).then(
      (response) => this.callDone(peer, correlation, op, response),
      (error: unknown) => this.callFailed(peer, correlation, op, error),
    )
  }

  private async run(op: CallOp<unknown, unknown>, request: unknown): Promise<unknown> {
    return op.run(this.calls, request)
  }

  private callDone(
    peer: Peer,
    correlation: number,
    op: CallOp<unknown, unknown>,
    response: unknown,
  ): void {
    const d = this.exchange.outgoing
    d.reset(opcodes.callDone, correlation)
    d.a = op.opcode
    this.writer.reset()
    op.encodeResponse(this.writer, response)
    this.exchange.reply(peer, d, this.writer.bytes())
  }

  /** Errors of the client and the world travel; our own end this thread, and so the process. */
  private callFailed(
    peer: Peer,
    correlation: number,
    op: CallOp<unknown, unknown>,
    error: unknown,
  ): void {
    if (error instanceof InvariantError) throw error
    const d = this.exchange.outgoing
    d.reset(opcodes.callFailed, correlation)
    d.b = failureKinds.apiError
    let message = error instanceof Error ? error.message : String(error)
    if (error instanceof ApiError) d.a = error.code
    else if (error instanceof MalformedRequest) d.b = failureKinds.malformedRequest
    else {
      this.logger.error(`the call ${op.name} of shard ${peer.shard} failed: ${message}`)
      d.a = ErrorCode.UNKNOWN_SERVER_ERROR
      message = 'the broker failed to run this request; its log says more'
    }
    this.writer.reset()
    encoderFor(CallFailure, 0)(this.writer, { message })
    this.exchange.reply(peer, d, this.writer.bytes())
  }

  private client(shard: number): Client {
    const client = this.clients[shard]
    if (client === undefined) broken(`shard ${shard} asks`)
    return client
  }
}

const NO_OPTIONS: AppendOptions = {
  acks: 0,
  timeoutMs: -1,
  produceVersion: 0,
  internalAllowed: false,
}

const NO_RECORD_ERRORS: readonly AppendRecordError[] = []

/** One append's way back; used again for another once it has been answered. */
class AppendAnswer {
  peer: Peer | null = null
  correlation = 0
  readonly done: AppendDone

  constructor(worker: ShardWorker) {
    this.done = (errorCode, baseOffset, logAppendTimeMs, logStartOffset, message, recordErrors) =>
      worker.appended(
        this,
        errorCode,
        baseOffset,
        logAppendTimeMs,
        logStartOffset,
        message,
        recordErrors ?? NO_RECORD_ERRORS,
      )
  }
}

function releaseReplySlab(peer: Peer, id: number): void {
  const slab = peer.replySlabs.get(id)
  if (slab === undefined)
    broken(`slab ${id} is given back by shard ${peer.shard} and not lent to it`)
  peer.replySlabs.delete(id)
  slab.release()
}

/** Replies of other shards: finds the request each belongs to and answers whoever asked. */
import { assert, unreachable } from '../engine/base/assert.ts'
import { ApiError, type ErrorCode, MalformedRequest } from '../engine/base/errors.ts'
import { decoderFor } from '../engine/schema/codec.ts'
import { Reader } from '../engine/schema/reader.ts'
import type { AppendDone, ReadResult } from '../engine/shard-port.ts'
import type { Exchange, Peer } from './exchange.ts'
import { AppendRefusal, CallFailure, failureKinds, opcodes, ReadResults } from './messages.ts'
import type { PendingTable } from './pending.ts'
import { ReadPart } from './read-fanout.ts'
import { type BorrowFile, RemoteLease, RemoteResult } from './remote-read.ts'
import type { Descriptor } from './ring.ts'

/** Who waits for the answer of a call. */
export interface CallWaiter {
  readonly opcode: number
  /** The response's bytes, the waiter's own. */
  resolve(payload: Buffer): void
  reject(error: Error): void
}

export type Waiting = AppendDone | ReadPart | CallWaiter

export class ReplyReceiver {
  private readonly exchange: Exchange
  private readonly pending: readonly PendingTable<Waiting>[]
  private readonly borrowFile: BorrowFile
  private readonly reader = new Reader(Buffer.alloc(0))

  constructor(
    exchange: Exchange,
    pending: readonly PendingTable<Waiting>[],
    borrowFile: BorrowFile,
  ) {
    this.exchange = exchange
    this.pending = pending
    this.borrowFile = borrowFile
  }

  receive(peer: Peer, d: Descriptor): void {
    const { entry, slab } = this.pending[peer.shard]!.take(d.correlation)
    slab?.release()
    switch (d.opcode) {
      case opcodes.appended:
        assert(entry === null || typeof entry === 'function', 'appended answers an append')
        if (entry !== null) this.appended(peer, d, entry)
        return
      case opcodes.readDone:
        assert(entry === null || entry instanceof ReadPart, 'readDone answers a read')
        this.readDone(peer, d, entry)
        return
      case opcodes.callDone:
      case opcodes.callFailed: {
        assert(entry === null || 'resolve' in entry, 'callDone answers a call')
        // Decoded in a promise's own time, when the ring is somebody else's again.
        const payload = Buffer.from(this.exchange.payload(peer, peer.repliesIn, d))
        this.taken(peer, d)
        if (entry !== null) settle(entry, d, payload)
        return
      }
      default:
        unreachable(`reply ${d.opcode} of shard ${peer.shard}`)
    }
  }

  private appended(peer: Peer, d: Descriptor, done: AppendDone): void {
    // Codes come from our own table on the other side.
    const errorCode = d.a as ErrorCode
    if (d.b === 0) {
      done(errorCode, d.w, d.x, d.y, null)
      return
    }
    const { w, x, y } = d
    this.reader.reset(this.exchange.payload(peer, peer.repliesIn, d))
    const refusal = decoderFor(AppendRefusal, 0)(this.reader)
    this.taken(peer, d)
    if (refusal.recordErrors.length === 0) done(errorCode, w, x, y, refusal.message)
    else done(errorCode, w, x, y, refusal.message, refusal.recordErrors)
  }

  private readDone(peer: Peer, d: Descriptor, part: ReadPart | null): void {
    const lease = d.b
    // A cancelled read is answered without results.
    if (d.a === 0) {
      part?.unavailable()
      return
    }
    if (part === null || part.read.cancelled || part.done) {
      this.taken(peer, d)
      if (lease !== 0) this.releaseLease(peer, lease)
      return
    }
    const results = this.results(peer, d, lease)
    this.taken(peer, d)
    part.answer(results)
  }

  private results(peer: Peer, d: Descriptor, leaseId: number): ReadResult[] {
    this.reader.reset(this.exchange.payload(peer, peer.repliesIn, d))
    const wire = decoderFor(ReadResults, 0)(this.reader).results
    let withData = 0
    for (const result of wire) if (result.length > 0) withData++
    assert(withData === 0 || leaseId !== 0, `${withData} results with data and no lease`)
    const lease =
      withData === 0 ? null : new RemoteLease(withData, () => this.releaseLease(peer, leaseId))
    return wire.map((result, index) =>
      result.length === 0
        ? new RemoteResult(result, null, null)
        : new RemoteResult(result, this.borrowFile(peer.shard, result.fd, leaseId, index), lease),
    )
  }

  private releaseLease(peer: Peer, lease: number): void {
    const d = this.exchange.outgoing
    d.reset(opcodes.releaseLease, 0)
    d.a = lease
    peer.requests.postQuietly(d)
  }

  /** The payload has been decoded or copied: a slab of the other side goes back. */
  private taken(peer: Peer, d: Descriptor): void {
    if (d.slab === 0) return
    const release = this.exchange.outgoing
    release.reset(opcodes.releaseSlab, 0)
    release.a = d.slab
    peer.requests.post(release, null)
  }
}

function settle(waiter: CallWaiter, d: Descriptor, payload: Buffer): void {
  if (d.opcode === opcodes.callDone) {
    assert(d.a === waiter.opcode, `answer of call ${d.a} to call ${waiter.opcode}`)
    waiter.resolve(payload)
    return
  }
  const { message } = decoderFor(CallFailure, 0)(new Reader(payload))
  waiter.reject(
    d.b === failureKinds.malformedRequest
      ? new MalformedRequest(message)
      : new ApiError(d.a, message),
  )
}

/**
 * One shard's end of all its channels, and the loop that serves them:
 *
 *   signal → take every reply → take every request → move what was held back → end the turn → rest
 *
 * Ending the turn (`flush`, called by whoever ends turns, be it for sockets or for rings) tells the
 * other shards of what was posted, lets the shard write and answer, tells them of the answers, and
 * only then gives back the requests' memory: appended bytes lie in the rings until they are
 * written. Nothing is done per message that can be done per turn, and an idle exchange does
 * nothing at all.
 *
 * A turn takes at most one ringful per lane, since nothing is given back within it; the rest
 * follows in the next one, after the sockets had theirs.
 */
import { broken } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { Channel, Channels } from './channel.ts'
import { Outlet, type OutletEvents } from './outlet.ts'
import { Descriptor, type RingReader } from './ring.ts'
import type { Slab, SlabPool } from './slab.ts'
import type { SlabCourier } from './slab-courier.ts'

/** One other shard, as seen from this one. */
export interface Peer {
  readonly shard: number
  readonly requests: Outlet
  readonly replies: Outlet
  readonly requestsIn: RingReader
  readonly repliesIn: RingReader
  readonly courier: SlabCourier
  /** Slabs of ours with replies the other side has not read yet, by id. */
  readonly replySlabs: Map<number, Slab>
}

/** What an exchange needs of its thread. */
export interface ExchangeHost {
  /** Something was posted outside a turn: `flush` must be called soon. */
  requestTurn(): void
  /** The end of a turn that began with a signal; calls `flush`. */
  endTurn(): void
  /** Runs later in this thread, after the sockets had their turn (setImmediate). */
  defer(run: () => void): void
  /** The shard's own end of turn: ShardPort.flush. */
  flushShard(): void
  /** Runs once in so many milliseconds; does not keep the thread alive. */
  after(delayMs: number, run: () => void): void
  /** True: requests for other shards pile up, sockets should not be read; false: go on. */
  onPressure(pressed: boolean): void
}

export type MessageHandler = (peer: Peer, d: Descriptor) => void

export class Exchange {
  readonly shard: number
  readonly shards: number
  readonly slabs: SlabPool
  readonly messageBytesMax: number
  /** By shard; null at our own place. */
  readonly peers: readonly (Peer | null)[]
  /** Descriptor to fill and post at once. */
  readonly outgoing = new Descriptor()
  turns = 0
  /** Answers whose files are kept for other shards; kept up to date by whoever serves requests. */
  leases = 0
  onReply: MessageHandler = unheard
  onRequest: MessageHandler = unheard
  private readonly channels: Channels
  private readonly host: ExchangeHost
  private readonly others: readonly Peer[]
  private readonly incoming = new Descriptor()
  private draining = false
  /** A flush will follow in this very turn, so posting need not ask for one. */
  private flushComing = false
  private pressedOutlets = 0
  private quietTimerArmed = false
  private closed = false

  constructor(channels: Channels, slabs: SlabPool, host: ExchangeHost) {
    this.shard = channels.shard
    this.shards = channels.shards
    this.messageBytesMax = channels.messageBytesMax
    this.channels = channels
    this.slabs = slabs
    this.host = host
    this.others = channels.peers.map((channel) => this.newPeer(channel))
    this.peers = Array.from(
      { length: this.shards },
      (_, shard) => this.others.find((peer) => peer.shard === shard) ?? null,
    )
    channels.signal.onSignal = () => this.run()
  }

  /** Serves what came before, and from now on. Handlers are set. */
  start(): void {
    this.host.defer(() => this.run())
  }

  get wakesSent(): number {
    return this.channels.bell.signalsSent
  }

  /** Requests and replies held back for full rings. */
  get backlog(): number {
    let count = 0
    for (const peer of this.others) count += peer.requests.backlog + peer.replies.backlog
    return count
  }

  peer(shard: number): Peer {
    const peer = this.peers[shard]
    if (peer === undefined || peer === null) broken(`shard ${shard} is no peer of ${this.shard}`)
    return peer
  }

  /** The payload of a message just taken. In a ring: valid until the end of the turn. */
  payload(peer: Peer, lane: RingReader, d: Descriptor): Buffer {
    if (d.slab === 0) return lane.payload(d)
    const memory = peer.courier.lookUp(d.slab)
    if (d.offset + d.length > memory.byteLength) broken(`slab ${d.slab}: ${d.offset} + ${d.length}`)
    return Buffer.from(memory, d.offset, d.length)
  }

  /** Posts a reply; with a payload too long for the ring it waits for a slab, and is overtaken. */
  reply(peer: Peer, d: Descriptor, payload: Buffer | null): void {
    if (payload === null || payload.length <= this.messageBytesMax) peer.replies.post(d, payload)
    else this.replyInSlab(peer, d.copy(), Buffer.from(payload))
  }

  /** The end of a turn; see the head of this file. */
  flush(): void {
    this.flushComing = true
    this.announce()
    this.host.flushShard()
    this.announce()
    this.flushComing = false
    if (this.draining) return
    for (const peer of this.others)
      if (peer.requestsIn.release()) this.channels.bell.ring(peer.shard)
  }

  close(): void {
    this.closed = true
    this.channels.signal.close()
    for (const peer of this.others) peer.courier.close()
  }

  private run(): void {
    if (this.closed) return
    this.turns++
    this.flushComing = true
    this.draining = true
    const d = this.incoming
    for (const peer of this.others) {
      while (peer.repliesIn.next(d)) this.onReply(peer, d)
      if (peer.repliesIn.release()) this.channels.bell.ring(peer.shard)
    }
    for (const peer of this.others) while (peer.requestsIn.next(d)) this.onRequest(peer, d)
    this.draining = false
    for (const peer of this.others) {
      peer.requests.pump()
      peer.replies.pump()
    }
    this.host.endTurn()
    this.rest()
  }

  /** Steps (4) and (5) of wake.ts. */
  private rest(): void {
    const { bell } = this.channels
    bell.announceRest()
    if (this.hasWork()) bell.stayAwake()
    else if (bell.rest()) return
    this.host.defer(() => this.run())
  }

  private hasWork(): boolean {
    for (const peer of this.others) {
      if (peer.repliesIn.hasNext() || peer.requestsIn.hasNext()) return true
      if (peer.requests.roomAfterAsking() || peer.replies.roomAfterAsking()) return true
    }
    return false
  }

  private announce(): void {
    for (const peer of this.others) {
      if (!peer.requests.unannounced && !peer.replies.unannounced) continue
      peer.requests.announced()
      peer.replies.announced()
      this.channels.bell.ring(peer.shard)
    }
  }

  /** Releases that nothing else has told of by now. */
  private announceQuiet(): void {
    this.quietTimerArmed = false
    if (this.closed) return
    for (const peer of this.others) {
      if (peer.requests.quiet === 0) continue
      peer.requests.announced()
      this.channels.bell.ring(peer.shard)
    }
  }

  private quietPosted(): void {
    if (this.quietTimerArmed) return
    this.quietTimerArmed = true
    this.host.after(limits.quietReleaseMs, () => this.announceQuiet())
  }

  private replyInSlab(peer: Peer, d: Descriptor, payload: Buffer): void {
    const send = (slab: Slab): void => {
      payload.copy(slab.bytes)
      slab.tell(peer.courier)
      peer.replySlabs.set(slab.id, slab)
      d.slab = slab.id
      d.offset = 0
      d.length = payload.length
      peer.replies.post(d, null)
    }
    const slab = this.slabs.acquire(payload.length, send)
    if (slab !== null) send(slab)
  }

  private newPeer(channel: Channel): Peer {
    const onPosted = (): void => {
      if (!this.flushComing) this.host.requestTurn()
    }
    const events: OutletEvents = {
      onPosted,
      onQuiet: () => this.quietPosted(),
      onPressure: (pressed) => this.pressure(pressed),
    }
    return {
      shard: channel.shard,
      requests: new Outlet(channel.requestsOut, events),
      replies: new Outlet(channel.repliesOut, { onPosted, onQuiet() {}, onPressure() {} }),
      requestsIn: channel.requestsIn,
      repliesIn: channel.repliesIn,
      courier: channel.courier,
      replySlabs: new Map(),
    }
  }

  private pressure(pressed: boolean): void {
    this.pressedOutlets += pressed ? 1 : -1
    if (this.pressedOutlets === (pressed ? 1 : 0)) this.host.onPressure(pressed)
  }
}

function unheard(_peer: Peer, d: Descriptor): void {
  broken(`message ${d.opcode} before anyone listens`)
}

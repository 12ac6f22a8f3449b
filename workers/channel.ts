/**
 * What a shard talks through: for each other shard four lanes and a courier for slabs, and one bell
 * to be woken by. Two kinds: between threads (here, from the pool's wiring), and within one thread
 * for tests and simulation (test/support/in-process-channels.ts): the same rings, other signals.
 */
import { assert } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import { RingReader, type RingSize, RingWriter } from './ring.ts'
import { PortCourier, type SlabCourier } from './slab-courier.ts'
import { Doorbell, type WakeSignal } from './wake.ts'
import { AtomicsSignal } from './wake-atomics.ts'
import { PortSignal } from './wake-port.ts'
import type { ShardWiring } from './wiring.ts'

/** The lanes between this shard and one other. */
export interface Channel {
  readonly shard: number
  readonly requestsOut: RingWriter
  readonly repliesIn: RingReader
  readonly requestsIn: RingReader
  readonly repliesOut: RingWriter
  readonly courier: SlabCourier
}

export interface Channels {
  readonly shard: number
  readonly shards: number
  readonly bell: Doorbell
  readonly signal: WakeSignal
  /** Payloads above this travel in slabs. */
  readonly messageBytesMax: number
  readonly peers: readonly Channel[]
}

/** How many messages of the largest size a ring holds at least. */
const LARGE_MESSAGES_PER_RING = 4

export function messageBytesMax(size: RingSize): number {
  return Math.min(
    limits.ringMessageBytesMax,
    Math.floor(size.payloadBytes / LARGE_MESSAGES_PER_RING),
  )
}

/** The channels of the thread that was given this wiring; once per wiring. */
export function openChannels(wiring: ShardWiring): Channels {
  const { shard, shards, ringSize } = wiring
  assert(wiring.peers.length === shards - 1, `${wiring.peers.length} peers of ${shards} shards`)
  const signal = signalFor(wiring)
  return {
    shard,
    shards,
    bell: new Doorbell(wiring.wakeWords, shard, signal),
    signal,
    messageBytesMax: messageBytesMax(ringSize),
    peers: wiring.peers.map((peer) => ({
      shard: peer.shard,
      requestsOut: new RingWriter(peer.asking.requests, ringSize),
      repliesIn: new RingReader(peer.asking.replies, ringSize),
      requestsIn: new RingReader(peer.asked.requests, ringSize),
      repliesOut: new RingWriter(peer.asked.replies, ringSize),
      courier: new PortCourier(peer.slabPort),
    })),
  }
}

function signalFor(wiring: ShardWiring): WakeSignal {
  if (wiring.wake === 'atomics') return new AtomicsSignal(wiring.wakeWords, wiring.shard)
  const ports: (PeerPort | null)[] = new Array(wiring.shards).fill(null)
  for (const peer of wiring.peers) ports[peer.shard] = peer.wakePort
  return new PortSignal(ports)
}

type PeerPort = ShardWiring['peers'][number]['wakePort']

/**
 * The memory and ports that join N shards, made once by the pool and handed to each thread as plain
 * data. Per ordered pair of shards two rings: requests from → to, and the replies that come back.
 * Memory is touched, and thereby becomes real, only where messages pass.
 */
import { MessageChannel, type MessagePort, type TransferListItem } from 'node:worker_threads'
import { assert } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import { newRing, type RingSize } from './ring.ts'
import { newWakeWords } from './wake.ts'

export type WakeWay = 'atomics' | 'port'

/** Two lanes of one direction of asking. */
interface AskingLanes {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
}

export interface PeerWiring {
  readonly shard: number
  /** We ask. */
  readonly asking: AskingLanes
  /** They ask. */
  readonly asked: AskingLanes
  readonly slabPort: MessagePort
  /** Only for the `port` way of waking. */
  readonly wakePort: MessagePort | null
}

/** What one shard is given. */
export interface ShardWiring {
  readonly shard: number
  readonly shards: number
  readonly wake: WakeWay
  readonly wakeWords: SharedArrayBuffer
  readonly ringSize: RingSize
  readonly peers: readonly PeerWiring[]
}

/** With more shards than this each ring gets less, so that one shard's rings stay within bounds. */
const FULL_RINGS_SHARDS_MAX = 8
const PAYLOAD_BYTES_MIN = 64 * 1024

/** Rings for so many shards; powers of two. */
export function ringSizeFor(shards: number): RingSize {
  let { ringPayloadBytes: payloadBytes, ringDescriptors: descriptors }: RingLimits = limits
  for (let of = FULL_RINGS_SHARDS_MAX; of < shards; of *= 2) {
    payloadBytes = Math.max(payloadBytes / 2, PAYLOAD_BYTES_MIN)
    descriptors = Math.max(descriptors / 2, DESCRIPTORS_MIN)
  }
  return { descriptors, payloadBytes }
}

const DESCRIPTORS_MIN = 128
interface RingLimits {
  readonly ringPayloadBytes: number
  readonly ringDescriptors: number
}

/** Wiring of every shard, by shard. */
export function wireShards(
  shards: number,
  wake: WakeWay,
  ringSize: RingSize = ringSizeFor(shards),
): ShardWiring[] {
  assert(shards >= 1 && shards <= limits.shardsMax, `${shards} shards`)
  const wakeWords = newWakeWords(shards)
  const peers: PeerWiring[][] = Array.from({ length: shards }, () => [])
  for (let one = 0; one < shards; one++)
    for (let other = one + 1; other < shards; other++) {
      const oneAsks = { requests: newRing(ringSize), replies: newRing(ringSize) }
      const otherAsks = { requests: newRing(ringSize), replies: newRing(ringSize) }
      const slabs = new MessageChannel()
      const wakes = wake === 'port' ? new MessageChannel() : null
      peers[one]!.push({
        shard: other,
        asking: oneAsks,
        asked: otherAsks,
        slabPort: slabs.port1,
        wakePort: wakes?.port1 ?? null,
      })
      peers[other]!.push({
        shard: one,
        asking: otherAsks,
        asked: oneAsks,
        slabPort: slabs.port2,
        wakePort: wakes?.port2 ?? null,
      })
    }
  return peers.map((own, shard) => ({ shard, shards, wake, wakeWords, ringSize, peers: own }))
}

/** What has to be transferred when the wiring is posted to its thread. */
export function wiringPorts(wiring: ShardWiring): TransferListItem[] {
  const ports: TransferListItem[] = []
  for (const { slabPort, wakePort } of wiring.peers) {
    ports.push(slabPort)
    if (wakePort !== null) ports.push(wakePort)
  }
  return ports
}

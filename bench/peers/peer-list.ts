/**
 * Peers by name, as --peers takes them: `sluice`, `kafka` with its 1 GiB heap or `kafka-256` with one of
 * so many MiB, `sluice-plain` without native calls, `floor`, peers of other protocols (`redis`, `redis-always`, `nats`, `rabbitmq`), and
 * `NAME=path/to/bin/sluice.js` for another build of ours under a name of its own.
 */
import { PLAIN_PEER } from '../fallback-verdict.ts'
import { floorPeer } from './floor.ts'
import { kafkaPeer } from './kafka.ts'
import { natsPeer } from './nats.ts'
import type { Peer } from './peer.ts'
import { rabbitmqPeer } from './rabbitmq.ts'
import { redisPeer } from './redis.ts'
import { sluicePeer } from './sluice.ts'

export interface PeerOptions {
  readonly overrides: readonly string[]
  readonly nodeOptions: readonly string[]
}

const PLAIN = 'sluice.native.calls=false'
const KAFKA_HEAP_MIB = 1024
const KNOWN =
  'sluice, sluice-plain, kafka, kafka-MIB, floor, redis, redis-always, nats, rabbitmq and NAME=path/to/bin/sluice.js'

/** Throws RangeError for a name it does not know. */
export function peerOf(text: string, options: PeerOptions): Peer {
  const [name = '', binary] = text.split('=', 2)
  if (binary !== undefined) return sluicePeer({ ...options, name, binary })
  if (name === 'sluice') return sluicePeer({ ...options, name, binary: null })
  if (name === PLAIN_PEER)
    return sluicePeer({ ...options, name, binary: null, overrides: [...options.overrides, PLAIN] })
  if (name === 'floor') return floorPeer
  if (name === 'redis' || name === 'redis-always') return redisPeer(name)
  if (name === 'nats') return natsPeer
  if (name === 'rabbitmq') return rabbitmqPeer
  const heap = /^kafka(?:-(\d+))?$/.exec(name)
  if (heap !== null) return kafkaPeer(name, Number(heap[1] ?? KAFKA_HEAP_MIB))
  throw new RangeError(`no peer '${text}'; known are ${KNOWN}`)
}

/**
 * Peers by name, as --peers takes them: `sluice`, `kafka`, and `NAME=path/to/bin/sluice.js` for another
 * build of ours under a name of its own.
 */
import { kafkaPeer } from './kafka.ts'
import type { Peer } from './peer.ts'
import { sluicePeer } from './sluice.ts'

export interface PeerOptions {
  readonly overrides: readonly string[]
  readonly nodeOptions: readonly string[]
  readonly kafkaHeapMib: number
}

/** Throws RangeError for a name it does not know. */
export function peerOf(text: string, options: PeerOptions): Peer {
  const [name = '', binary] = text.split('=', 2)
  if (binary !== undefined) return sluicePeer({ ...options, name, binary })
  if (name === 'sluice') return sluicePeer({ ...options, name, binary: null })
  if (name === 'kafka') return kafkaPeer(options.kafkaHeapMib)
  throw new RangeError(`no peer '${text}'; known are sluice, kafka and NAME=path/to/bin/sluice.js`)
}

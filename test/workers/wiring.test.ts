import { describe, expect, it } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { ringSizeFor, wireShards, wiringPorts } from '../../workers/wiring.ts'

const SMALL = { descriptors: 2, payloadBytes: 64 }

describe('wiring', () => {
  it('gives both ends of a pair the same rings, seen from either side', () => {
    const wirings = wireShards(3, 'port', SMALL)
    for (const { shard, peers } of wirings)
      for (const peer of peers) {
        const back = wirings[peer.shard]!.peers.find((other) => other.shard === shard)!
        expect(peer.asking).toEqual(back.asked)
        expect(peer.asking.requests).toBe(back.asked.requests)
        expect(peer.asked.replies).toBe(back.asking.replies)
      }
    expect(wirings.map((wiring) => wiring.peers.length)).toEqual([2, 2, 2])
    const ports = wirings.flatMap((wiring) => wiringPorts(wiring))
    expect(new Set(ports).size).toBe(12)
    for (const { peers } of wirings)
      for (const { slabPort, wakePort } of peers) {
        slabPort.close()
        wakePort?.close()
      }
  })

  it('shrinks rings as shards multiply', () => {
    expect(ringSizeFor(2)).toEqual({
      descriptors: limits.ringDescriptors,
      payloadBytes: limits.ringPayloadBytes,
    })
    expect(ringSizeFor(8)).toEqual(ringSizeFor(2))
    expect(ringSizeFor(16).payloadBytes).toBe(limits.ringPayloadBytes / 2)
    const most = limits.shardsMax
    const { descriptors, payloadBytes } = ringSizeFor(most)
    expect(2 * most * (descriptors * 64 + payloadBytes)).toBeLessThan(32 * 1024 * 1024)
  })
})

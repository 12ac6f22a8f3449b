/** Connections on their way from one shard to another: two rigs that stand for the shards. */
import { afterEach, describe, expect, it } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { ConnectionMoves, type MovedConnection } from '../../net/connection-moves.ts'
import { nativeSocketsAvailable } from '../../net/native-sockets.ts'
import { Notices } from '../../net/notices.ts'
import type { ReceiveMode } from '../../net/socket-handle.ts'
import type { Router } from '../../workers/router.ts'
import { ConnectionRig, ManualClock, MemoryLogger } from '../support/connection-rig.ts'
import { heartbeat, ParkingApi, produce } from '../support/parking-api.ts'

const rigs: ConnectionRig[] = []

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop()
})

type Adopt = (moved: MovedConnection) => boolean

/** Two shards; a connection accepted by the first is judged by `keys`, odd ones are the second's. */
async function twoShards(keys: number[], answer?: Adopt, receiveMode: ReceiveMode = 'onread') {
  const sent: number[] = []
  let adoptHere: Adopt = () => false
  let adoptThere: Adopt = () => false
  const router = {
    shard: 0,
    shards: 2,
    ownerOf: (key: number) => key % 2,
    onAdopt: () => {},
    adoptConnection: async (shard: number, moved: MovedConnection) => {
      sent.push(shard)
      return (answer ?? adoptThere)(moved)
    },
  }
  const moves = new ConnectionMoves({
    router: router as Partial<Router> as Router,
    notices: new Notices(new ManualClock(), new MemoryLogger()),
    adopt: (moved) => adoptHere(moved),
  })
  const [home, away] = [new ParkingApi(), new ParkingApi()]
  for (const api of [home, away]) {
    api.keys = keys
    api.autoProduce = true
  }
  const options = { receiveMode, requestBytesMax: 32 << 20 }
  const first = new ConnectionRig({ handlers: home.handlers, moves, ...options })
  const second = new ConnectionRig({ handlers: away.handlers, moves, ...options })
  adoptHere = (moved) => first.adopt(moved)
  adoptThere = (moved) => second.adopt(moved)
  rigs.push(first, second)
  await first.start()
  await second.start()
  return { first, second, home, away, sent, client: await first.client() }
}

describe.runIf(nativeSocketsAvailable())('a connection that uses what another shard owns', () => {
  it('moves at its first hot request, with all it had sent, cut anywhere', async () => {
    const opening = heartbeat(1).length
    const stream = Buffer.concat([heartbeat(1), produce(2), produce(3, 40_000), produce(4)])
    const cuts = [0, 2, 4, 5, 200, 20_000].map((bytes) => opening + bytes)
    for (const cut of [...cuts, stream.length - 3, stream.length]) {
      const { first, second, home, away, sent, client } = await twoShards([1, 3, 2])
      client.socket.write(stream.subarray(0, cut))
      await client.answered(1)
      client.socket.write(stream.subarray(cut))
      await client.answered(4)
      expect(client.order).toEqual([1, 2, 3, 4])
      expect(sent).toEqual([1])
      expect(home.started.length).toBe(0)
      expect(away.started.length).toBe(3)
      expect([first.connections.size, second.connections.size]).toEqual([0, 1])
      client.send(heartbeat(5), produce(6), produce(7))
      await client.answered(7)
      expect(client.order.slice(4)).toEqual([5, 6, 7])
    }
  })

  it('stays where most of it is, and is judged once', async () => {
    const { first, home, sent, client } = await twoShards([1, 2])
    client.send(produce(1))
    await client.answered(1)
    home.keys = [1]
    client.send(produce(2))
    await client.answered(2)
    expect(sent).toEqual([])
    expect(first.connections.size).toBe(1)
  })

  it('is judged by the first request that names a partition there is', async () => {
    const { home, away, sent, client } = await twoShards([])
    client.send(produce(1))
    await client.answered(1)
    home.keys = [1]
    client.send(produce(2))
    await client.answered(2)
    expect(sent).toEqual([1])
    expect(away.started.length).toBe(1)
  })

  it('goes on here when the other shard takes none', async () => {
    const { first, home, sent, client } = await twoShards([1], () => false)
    client.send(heartbeat(1), produce(2), produce(3), heartbeat(4))
    await client.answered(4)
    client.send(produce(5))
    await client.answered(5)
    expect(client.order).toEqual([1, 2, 3, 4, 5])
    expect(sent).toEqual([1])
    expect(home.started.length).toBe(3)
    expect(first.connections.size).toBe(1)
  })

  it('stays with a request too large to be carried over', async () => {
    const { home, sent, client } = await twoShards([1])
    client.send(produce(1, limits.connectionRequestBytesMax), produce(2))
    await client.answered(2)
    expect(client.order).toEqual([1, 2])
    expect(sent).toEqual([])
    expect(home.started.length).toBe(2)
  })

  it('ends for the client when it ends there', async () => {
    const { second, client } = await twoShards([1])
    client.send(produce(1))
    await client.answered(1)
    for (const connection of [...second.connections]) connection.destroy()
    await client.ended()
    expect(second.connections.size).toBe(0)
  })
})

it('stays where it was accepted when it is read by data events', async () => {
  const { home, sent, client } = await twoShards([1], undefined, 'data')
  client.send(produce(1))
  await client.answered(1)
  expect(sent).toEqual([])
  expect(home.started.length).toBe(1)
})

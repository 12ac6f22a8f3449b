import { afterEach, describe, expect, it } from 'vitest'
import { limits } from '../../engine/base/limits.ts'
import { directSend } from '../../net/native-send.ts'
import type { ReceiveMode } from '../../net/socket-handle.ts'
import { ConnectionRig, type RawClient, type RigOptions } from '../support/connection-rig.ts'
import { FillerBody, heartbeat, ParkingApi, produce } from '../support/parking-api.ts'

let rig: ConnectionRig | null = null

async function startRig(api: ParkingApi, options: Partial<RigOptions> = {}): Promise<RawClient> {
  rig = new ConnectionRig({ handlers: api.handlers, ...options })
  await rig.start()
  return rig.client()
}

function theRig(): ConnectionRig {
  if (rig === null) throw new Error('no rig')
  return rig
}

afterEach(async () => {
  await rig?.stop()
  rig = null
})

describe.each<ReceiveMode>(['onread', 'data'])('a connection that reads by %s', (receiveMode) => {
  it('answers requests cut at any byte and pipelined in one write', async () => {
    const api = new ParkingApi()
    api.autoProduce = true
    const client = await startRig(api, { receiveMode })
    expect([...theRig().connections][0]?.receiveMode ?? receiveMode).toBe(receiveMode)
    const stream = Buffer.concat([produce(1), heartbeat(2), produce(3), heartbeat(4)])
    client.send(stream)
    await client.answered(4)
    let expected = 4
    for (let cut = 1; cut < stream.length; cut += 17) {
      client.socket.write(stream.subarray(0, cut))
      await new Promise((resolve) => setImmediate(resolve))
      client.socket.write(stream.subarray(cut))
      expected += 4
      await client.answered(expected)
    }
    const order = client.order
    for (let i = 0; i < order.length; i++) expect(order[i]).toBe((i % 4) + 1)
  })

  it('takes frames larger than any read and gives their memory back', async () => {
    const api = new ParkingApi()
    const client = await startRig(api, { receiveMode, requestBytesMax: 4 << 20 })
    client.send(produce(1, 3_000_000), produce(2, 100), produce(3, 700_000))
    await api.until(() => api.started.length === 3)
    expect(theRig().slabs.inUse).toBeGreaterThanOrEqual(1)
    const sizes = api.started.map(
      ({ request }) => request.topicData[0]?.partitionData[0]?.records?.length,
    )
    expect(sizes).toEqual([3_000_000, 100, 700_000])
    for (const { reply } of api.started) reply.send(new FillerBody())
    await client.answered(3)
    expect(client.order).toEqual([1, 2, 3])
    expect(theRig().slabs.inUse).toBe(0)
  })

  it('stops reading at the bound of requests and goes on when they are answered', async () => {
    const api = new ParkingApi()
    const client = await startRig(api, { receiveMode })
    const total = limits.connectionRequestsMax * 3
    for (let i = 1; i <= total; i++) client.send(produce(i))
    await api.until(() => api.started.length >= limits.connectionRequestsMax)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(api.started.length).toBe(limits.connectionRequestsMax)
    for (let i = 0; i < total; i++) {
      await api.until(() => api.started.length > i)
      api.started[i]?.reply.send(new FillerBody())
    }
    await client.answered(total)
    expect(client.order).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  })
})

describe.each<ReceiveMode>(['onread', 'data'])(
  'a muted connection that reads by %s',
  (receiveMode) => {
    const TURN_MS = 20
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, TURN_MS))

    it('gets its answer at once and is heard again when its time is over', async () => {
      const api = new ParkingApi()
      const client = await startRig(api, { receiveMode })
      client.send(produce(1))
      await api.until(() => api.started.length === 1)
      api.replyTo(1).throttle(5_000)
      api.replyTo(1).send(new FillerBody())
      await client.answered(1)
      client.send(produce(2), heartbeat(3))
      await pause()
      theRig().pass(4_990)
      await pause()
      expect(api.started.length).toBe(1)
      expect(client.answers.length).toBe(1)
      theRig().pass(20)
      await api.until(() => api.started.length === 2)
      api.replyTo(2).send(new FillerBody())
      await client.answered(3)
      expect(client.order).toEqual([1, 2, 3])
    })

    it('holds what it had sent already, and the longest silence counts', async () => {
      const api = new ParkingApi()
      const client = await startRig(api, { receiveMode })
      client.send(produce(1), produce(2), heartbeat(3))
      await api.until(() => api.started.length === 2)
      api.replyTo(1).throttle(3_000)
      api.replyTo(1).send(new FillerBody())
      api.replyTo(2).throttle(1_000)
      api.replyTo(2).send(new FillerBody())
      await client.answered(2)
      theRig().pass(2_000)
      await pause()
      expect(client.answers.length).toBe(2)
      theRig().pass(1_010)
      await client.answered(3)
      expect(client.order).toEqual([1, 2, 3])
    })

    it('is not taken for idle, and may leave', async () => {
      const api = new ParkingApi()
      const client = await startRig(api, { receiveMode, idleMs: 1_000 })
      client.send(produce(1))
      await api.until(() => api.started.length === 1)
      api.replyTo(1).throttle(10_000)
      api.replyTo(1).send(new FillerBody())
      await client.answered(1)
      for (let i = 0; i < 9; i++) theRig().pass(1_000)
      await pause()
      expect(client.closed).toBe(false)
      for (const connection of theRig().connections) connection.drain()
      await client.ended()
    })

    it('leaves the other connections of its client alone', async () => {
      const api = new ParkingApi()
      const client = await startRig(api, { receiveMode })
      const other = await theRig().client()
      client.send(produce(1))
      await api.until(() => api.started.length === 1)
      api.replyTo(1).throttle(60_000)
      api.replyTo(1).send(new FillerBody())
      await client.answered(1)
      other.send(heartbeat(7))
      await other.answered(1)
      expect(other.order).toEqual([7])
    })
  },
)

describe('order on a connection', () => {
  it('replies in request order whatever order the work ends in', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.send(produce(1), produce(2), produce(3))
    await api.until(() => api.started.length === 3)
    const bodies = [new FillerBody(5), new FillerBody(6), new FillerBody(7)]
    api.replyTo(3).send(bodies[2] as FillerBody)
    api.replyTo(2).send(bodies[1] as FillerBody)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(client.answers.length).toBe(0)
    api.replyTo(1).send(bodies[0] as FillerBody)
    await client.answered(3)
    expect(client.order).toEqual([1, 2, 3])
    expect(client.answers.map((answer) => answer.length)).toEqual([10, 11, 12])
    expect(bodies.map((body) => body.released)).toEqual([1, 1, 1])
  })

  it('runs a cold request alone: after all earlier answers, before any later start', async () => {
    const api = new ParkingApi()
    api.autoCold = false
    const client = await startRig(api)
    client.send(produce(1), heartbeat(2), produce(3), heartbeat(4), produce(5))
    await api.until(() => api.started.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(api.cold.length).toBe(0)
    api.replyTo(1).send(new FillerBody())
    await api.until(() => api.cold.length === 1)
    expect(api.started.length).toBe(1)
    api.cold[0]?.answer()
    await api.until(() => api.started.length === 2)
    expect(api.cold.length).toBe(1)
    api.replyTo(3).send(new FillerBody())
    await api.until(() => api.cold.length === 2)
    api.cold[1]?.answer()
    await api.until(() => api.started.length === 3)
    api.replyTo(5).send(new FillerBody())
    await client.answered(5)
    expect(client.order).toEqual([1, 2, 3, 4, 5])
  })

  it('keeps the bytes of a held request, although its arena is reused meanwhile', async () => {
    const api = new ParkingApi()
    api.autoCold = false
    const client = await startRig(api)
    client.send(heartbeat(1), produce(2, 500))
    await api.until(() => api.cold.length === 1)
    const other = await theRig().client()
    for (let i = 0; i < 50; i++) other.send(produce(100 + i, 9_000))
    await api.until(() => api.started.length === 50)
    api.cold[0]?.answer()
    await api.until(() => api.started.length === 51)
    const held = api.started[50]?.request.topicData[0]?.partitionData[0]?.records
    expect(held?.equals(Buffer.alloc(500, 1))).toBe(true)
  })

  it('skips the slot of a request without answer', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.send(produce(1), produce(2), produce(3))
    await api.until(() => api.started.length === 3)
    api.replyTo(2).nothing()
    api.replyTo(3).send(new FillerBody())
    api.replyTo(1).send(new FillerBody())
    await client.answered(2)
    expect(client.order).toEqual([1, 3])
  })

  it('sends all answers of a turn in one write', async () => {
    const api = new ParkingApi()
    const client = await startRig(api, { direct: null })
    client.send(...Array.from({ length: 20 }, (_, i) => produce(i)))
    await api.until(() => api.started.length === 20)
    let writes = 0
    const [connection] = theRig().connections
    const socket = connection?.socket
    const write = socket?.write.bind(socket)
    if (socket !== undefined && write !== undefined)
      socket.write = ((...args: Parameters<typeof write>) => {
        writes++
        return write(...args)
      }) as typeof socket.write
    for (const { reply } of api.started) reply.send(new FillerBody(3))
    await client.answered(20)
    expect(writes).toBe(1)
  })

  it.each([directSend()].filter((way) => way !== null))('or in one send', async (real) => {
    const api = new ParkingApi()
    let sends = 0
    const bytes: typeof real.bytes = (...args) => {
      sends++
      return real.bytes(...args)
    }
    const client = await startRig(api, { direct: { ...real, bytes } })
    client.send(...Array.from({ length: 20 }, (_, i) => produce(i)))
    await api.until(() => api.started.length === 20)
    for (const { reply } of api.started) reply.send(new FillerBody(3))
    await client.answered(20)
    expect(sends).toBe(1)
  })

  it('streams a reply larger than a chunk, and what follows after it', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.send(produce(1), produce(2))
    await api.until(() => api.started.length === 2)
    api.replyTo(1).send(new FillerBody(5_000_000))
    api.replyTo(2).send(new FillerBody(1))
    await client.answered(2)
    expect(client.answers.map((answer) => answer.length)).toEqual([5_000_005, 6])
  })

  it('starts nothing more for a client that does not take its replies', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.socket.pause()
    client.send(produce(1))
    await api.until(() => api.started.length === 1)
    api.replyTo(1).send(new FillerBody(30_000_000))
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.send(produce(2))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(api.started.length).toBe(1)
    client.socket.resume()
    await client.answered(1)
    await api.until(() => api.started.length === 2)
  })
})

it('starts nothing more while other shards are pressed', async () => {
  const api = new ParkingApi()
  let pressed = true
  const client = await startRig(api, { pressed: () => pressed })
  client.send(produce(1), produce(2), produce(3))
  await api.until(() => api.started.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(api.started.length).toBe(1)
  pressed = false
  for (const connection of theRig().connections) connection.reconsider()
  await api.until(() => api.started.length === 3)
})

/** A connection with one request in work, given bytes by hand, on a storage that `fail` breaks. */
async function onStorageThatFails() {
  const api = new ParkingApi()
  let fails = false
  const flushStorage = (): void => {
    if (fails) throw new Error('storage')
  }
  const client = await startRig(api, { flushStorage })
  client.send(produce(1))
  await api.until(() => api.started.length === 1)
  const [connection] = theRig().connections
  if (connection === undefined) throw new Error('no connection')
  return {
    receive(frames: Buffer): boolean {
      const into = connection.nextBuffer()
      return connection.received(frames.copy(into), into)
    },
    fail(on: boolean): void {
      fails = on
    },
    connection,
  }
}

it('leaves what fails in storage to the process, also in a turn right behind its read', async () => {
  const { receive, fail, connection } = await onStorageThatFails()
  for (let i = 2; i <= limits.loneReadsMin + 1; i++) {
    expect(receive(produce(i))).toBe(true)
    await new Promise((resolve) => setImmediate(resolve))
  }
  fail(true)
  expect(() => receive(produce(limits.loneReadsMin + 2))).toThrow('storage')
  expect([connection.alive, theRig().logger.lines]).toEqual([true, []])
  fail(false)
})

it('leaves what fails in storage to the process, also in a turn amid its read', async () => {
  const { receive, fail, connection } = await onStorageThatFails()
  const upToBound = Array.from({ length: limits.connectionRequestsMax - 1 }, (_, i) =>
    produce(i + 2),
  )
  fail(true)
  expect(() => receive(Buffer.concat(upToBound))).toThrow(
    expect.objectContaining({ name: 'InvariantError', message: 'storage' }),
  )
  expect([connection.alive, theRig().logger.lines]).toEqual([true, []])
  fail(false)
})

import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { InvariantError } from '../../engine/base/assert.ts'
import { ApiError, ErrorCode } from '../../engine/base/errors.ts'
import { limits } from '../../engine/base/limits.ts'
import { HeartbeatResponse } from '../../engine/protocol/12-heartbeat.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { directSend } from '../../net/native-send.ts'
import { SlabPool } from '../../workers/slab.ts'
import {
  ConnectionRig,
  type RawClient,
  type RigOptions,
  rawFrame,
} from '../support/connection-rig.ts'
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

const oddFrames: readonly [string, Buffer, RegExp][] = [
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /HTTP/],
  ['a TLS hello', Buffer.from('16030100f5010000f10303', 'hex'), /TLS handshake.*PLAINTEXT/],
  ['a length of 2 GiB', Buffer.from('7fffffff00', 'hex'), /2147483647 bytes/],
  ['a negative length', Buffer.from('ffffffff00', 'hex'), /-1 bytes/],
  ['a length beyond the limit', Buffer.from('00100001', 'hex'), /socket\.request\.max\.bytes/],
  ['an unknown API', rawFrame(Buffer.from('006300000000000500017800', 'hex')), /API key 99/],
  ['an unknown version', rawFrame(Buffer.from('000c00630000000500017800', 'hex')), /version 99/],
  ['a version that is only advertised', rawFrame(Buffer.alloc(40)), /version 0 of API key 0/],
  ['a truncated body', rawFrame(heartbeat(1).subarray(4, 25)), /left/],
  [
    'a string that reaches beyond its frame',
    rawFrame(Buffer.from('000c0000000000010004ffffffff7fff00', 'hex')),
    /./,
  ],
]

describe('a connection that breaks the rules', () => {
  it.each(oddFrames)('%s closes it with one line and disturbs no other', async (_, bytes, why) => {
    const api = new ParkingApi()
    api.autoProduce = true
    const client = await startRig(api)
    const other = await theRig().client()
    other.send(produce(1))
    await other.answered(1)
    client.send(bytes)
    await client.ended()
    expect(client.answers.length).toBe(0)
    expect(theRig().logger.lines.length).toBe(1)
    expect(theRig().logger.lines[0]).toMatch(why)
    expect(theRig().logger.lines[0]).toMatch(/^warn closed the connection from 127\.0\.0\.1/)
    other.send(produce(2), heartbeat(3))
    await other.answered(3)
    expect(other.order).toEqual([1, 2, 3])
  })

  it('writes one line per address and minute for the same offence', async () => {
    const api = new ParkingApi()
    const first = await startRig(api)
    first.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await first.ended()
    for (let i = 0; i < 3; i++) {
      const again = await theRig().client()
      again.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
      await again.ended()
    }
    expect(theRig().logger.lines.length).toBe(1)
    theRig().pass(limits.noticeIntervalMs)
    const later = await theRig().client()
    later.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await later.ended()
    expect(theRig().logger.lines[1]).toMatch(/and 3 more since/)
  })

  it('answers ApiVersions of a version to come as Kafka does, and goes on', async () => {
    const client = await startRig(new ParkingApi())
    const lines = readFileSync('test/golden/wire/odd.jsonl', 'utf8').trim().split('\n')
    const golden = lines
      .map((line) => JSON.parse(line) as { note: string; request: string; response: string | null })
      .filter(({ note }) => note.startsWith('ApiVersions in a version'))
    expect(golden.length).toBeGreaterThan(1)
    let count = 0
    for (const { request, response } of golden) {
      client.send(Buffer.from(request, 'base64'))
      count++
      await client.answered(count)
      const expected = Buffer.from(response ?? '', 'base64').subarray(4)
      expect(client.answers[count - 1]?.toString('hex')).toBe(expected.toString('hex'))
    }
    client.send(heartbeat(7))
    await client.answered(count + 1)
  })

  it('ignores bytes left over behind a body', async () => {
    const client = await startRig(new ParkingApi())
    client.send(rawFrame(Buffer.concat([heartbeat(3).subarray(4), Buffer.from('abc')])))
    await client.answered(1)
    expect(client.order).toEqual([3])
  })

  it('closes it when a frame once begun does not end in time', async () => {
    const api = new ParkingApi()
    api.autoProduce = true
    const client = await startRig(api)
    client.send(produce(1), produce(2).subarray(0, 10))
    await client.answered(1)
    theRig().pass(limits.frameDeadlineMs - 100)
    expect(client.closed).toBe(false)
    theRig().pass(200)
    await client.ended()
    expect(theRig().logger.lines[0]).toMatch(/not complete after 30000 ms/)
  })

  it('does not take a busy stream of frames for one that never ends', async () => {
    const api = new ParkingApi()
    api.autoProduce = true
    const client = await startRig(api)
    const frame = produce(1)
    client.send(frame.subarray(0, 10))
    for (let i = 1; i <= 8; i++) {
      client.send(frame.subarray(10), frame.subarray(0, 10))
      await client.answered(i)
      theRig().pass(limits.frameDeadlineMs / 2)
    }
    expect(client.closed).toBe(false)
  })

  it.each([
    ['by Node', null],
    ['directly', directSend()],
  ])(
    'closes it without a line when idle too long, never while a request waits: %s',
    async (_, direct) => {
      const api = new ParkingApi()
      const client = await startRig(api, { idleMs: 10_000, direct })
      client.send(produce(1))
      await api.until(() => api.started.length === 1)
      theRig().pass(9_000)
      theRig().pass(9_000)
      theRig().pass(9_000)
      expect(client.closed).toBe(false)
      api.replyTo(1).send(new FillerBody())
      await client.answered(1)
      // It counts from the answer.
      theRig().pass(9_000)
      expect(theRig().connections.size).toBe(1)
      theRig().pass(2_000)
      await client.ended()
      expect(theRig().logger.lines).toEqual([])
    },
  )

  it('closes it when it takes no reply byte in time', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.socket.pause()
    client.send(produce(1))
    await api.until(() => api.started.length === 1)
    const body = new FillerBody(30_000_000)
    api.replyTo(1).send(body)
    while (theRig().connections.size > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      theRig().pass(limits.drainDeadlineMs + 10)
    }
    expect(theRig().logger.lines[0]).toMatch(/took no reply byte/)
    expect(theRig().connections.size).toBe(0)
    expect(body.released).toBe(1)
  })
})

describe('a handler that fails', () => {
  it('answers an ApiError with its code', async () => {
    const api = new ParkingApi()
    api.throwing = new ApiError(ErrorCode.NOT_COORDINATOR, 'moved')
    const client = await startRig(api)
    client.send(heartbeat(1))
    await client.answered(1)
    const response = decoderFor(HeartbeatResponse, 4)(new Reader(client.answers[0] as Buffer, 5))
    expect(response.errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    expect(theRig().logger.lines).toEqual([])
  })

  it('answers anything unexpected with UNKNOWN_SERVER_ERROR and a line', async () => {
    const api = new ParkingApi()
    api.throwing = new TypeError('x is not a function')
    const client = await startRig(api)
    client.send(heartbeat(1))
    await client.answered(1)
    api.throwing = null
    api.autoCold = false
    client.send(heartbeat(2))
    await api.until(() => api.cold.length === 1)
    api.cold[0]?.fail(new TypeError('y is not a function'))
    await client.answered(2)
    for (const answer of client.answers) {
      const response = decoderFor(HeartbeatResponse, 4)(new Reader(answer, 5))
      expect(response.errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
    }
    expect(theRig().logger.lines.length).toBe(2)
    expect(theRig().logger.lines[1]).toMatch(/y is not a function/)
  })

  it('hands a broken invariant in a promise to whoever ends the process', async () => {
    const api = new ParkingApi()
    api.autoCold = false
    const client = await startRig(api)
    client.send(heartbeat(1))
    await api.until(() => api.cold.length === 1)
    api.cold[0]?.fail(new InvariantError('offset 3 < 2'))
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(theRig().fatal.length).toBe(1)
  })

  it('closes the connection when a reply cannot be encoded, and no other', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.send(produce(1), produce(2))
    await api.until(() => api.started.length === 2)
    const broken = new FillerBody()
    broken.encode = () => {
      throw new TypeError('no such field')
    }
    api.replyTo(1).send(broken)
    await client.ended()
    expect(broken.released).toBe(1)
    // What is still in work answers into the void.
    const late = new FillerBody()
    api.replyTo(2).send(late)
    expect(late.released).toBe(1)
  })
})

describe('memory for large frames', () => {
  const LARGE = 900_000
  const bytesMax = 1 << 20
  const scarce = (): SlabPool =>
    new SlabPool({ bytesMax, smallBytesMax: bytesMax, largeBytesMax: bytesMax, idleBytesMax: 0 })
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve))
  }

  it('is taken from who announces and does not send, as soon as others wait for it', async () => {
    const slabs = scarce()
    const api = new ParkingApi()
    api.autoProduce = true
    const slow = await startRig(api, { slabs })
    slow.send(produce(1, LARGE).subarray(0, 20_000))
    await until(() => slabs.bytesInUse > 0)
    theRig().pass(10_000)
    theRig().pass(10_000)
    expect(slow.closed).toBe(false)
    const other = await theRig().client()
    other.send(produce(2, LARGE))
    await until(() => slabs.waiting === 1)
    theRig().pass(limits.slowFrameMs + 10)
    await Promise.all([slow.ended(), other.answered(1)])
    expect(other.order).toEqual([2])
    expect(theRig().logger.lines[0]).toMatch(/slowly while others waited/)
  })

  it('is left to who sends at a pace', async () => {
    const slabs = scarce()
    const api = new ParkingApi()
    api.autoProduce = true
    const steady = await startRig(api, { slabs })
    const frame = produce(1, LARGE)
    const part = 200_000
    steady.send(frame.subarray(0, part))
    await until(() => slabs.bytesInUse > 0)
    const other = await theRig().client()
    other.send(produce(2, LARGE))
    await until(() => slabs.waiting === 1)
    for (let at = part; at < frame.length; at += part) {
      theRig().pass(limits.slowFrameMs)
      expect(steady.closed).toBe(false)
      steady.send(frame.subarray(at, at + part))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await Promise.all([steady.answered(1), other.answered(1)])
  })

  it('is waited for no longer by a connection that ended', async () => {
    const slabs = scarce()
    const taken = slabs.acquire(LARGE, () => {})
    const client = await startRig(new ParkingApi(), { slabs })
    client.send(produce(1, LARGE).subarray(0, 1_000))
    await until(() => slabs.waiting === 1)
    for (const connection of theRig().connections) connection.destroy()
    expect(slabs.waiting).toBe(0)
    taken?.release()
    expect(slabs.bytesInUse).toBe(0)
  })

  it('is waited for without being idle; once it is there the frame must come', async () => {
    const slabs = scarce()
    const taken = slabs.acquire(LARGE, () => {})
    const client = await startRig(new ParkingApi(), { slabs, idleMs: 5_000 })
    client.send(produce(1, LARGE).subarray(0, 1_000))
    await until(() => slabs.waiting === 1)
    for (let passed = 0; passed < 60_000; passed += 4_000) theRig().pass(4_000)
    expect(client.closed).toBe(false)
    taken?.release()
    await new Promise((resolve) => setTimeout(resolve, 20))
    theRig().pass(4_000)
    expect(client.closed).toBe(false)
    theRig().pass(2_000)
    await client.ended()
    expect(slabs.bytesInUse).toBe(0)
  })
})

describe('the end of a connection', () => {
  it('tells parked requests, and takes their late answers back', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.send(produce(1, 900_000), produce(2))
    await api.until(() => api.started.length === 2)
    const abandoned: number[] = []
    for (const { context, reply } of api.started)
      reply.onAbandon(() => abandoned.push(context.correlationId))
    client.socket.destroy()
    await new Promise<void>((resolve) => {
      const poll = (): void => {
        if (theRig().connections.size === 0) resolve()
        else setImmediate(poll)
      }
      poll()
    })
    expect(abandoned).toEqual([1, 2])
    // The appended bytes may still be in use until the handler says otherwise.
    expect(theRig().slabs.inUse).toBe(1)
    const late = new FillerBody()
    expect(api.replyTo(1).alive).toBe(false)
    api.replyTo(1).send(late)
    expect(late.released).toBe(1)
    expect(theRig().slabs.inUse).toBe(0)
  })

  it('drains: answers what it took, takes nothing more, then ends', async () => {
    const api = new ParkingApi()
    const client = await startRig(api)
    client.send(produce(1))
    await api.until(() => api.started.length === 1)
    const [connection] = theRig().connections
    connection?.drain()
    client.send(produce(2))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(api.started.length).toBe(1)
    api.replyTo(1).send(new FillerBody())
    await client.ended()
    expect(client.order).toEqual([1])
  })
})

/**
 * What no client should send, sent to a whole broker: each is answered or closed as Kafka would, none
 * stalls another client or grows memory, and each leaves one line in the log. With BAD_INPUT_BROKER=
 * host:port the same goes to another broker, as a real Kafka, whose answers are the specification.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { MetadataRequest, MetadataResponse } from '../../engine/protocol/03-metadata.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import { encodeRequestFrame } from '../../engine/protocol/header.ts'
import { BatchField, setBatchCrc } from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { parseAddress } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { type Answer, RawConnection, requestFrame } from '../support/raw-connection.ts'

/** Correlation id and no tags, in front of an answer of a flexible version. */
const HEADER_BYTES = 5
const GIVEN = process.env['BAD_INPUT_BROKER']
/** A healthy answer takes a millisecond or two; on a busy machine a bad input must not make it this. */
const SLOWEST_ANSWER_MS = 1000
const CLOSE_LIMIT_MS = 5000
const MIB = 1024 * 1024

let broker: BrokerProcess | null = null
let address = GIVEN ?? ''
let client: ClientConnection
let watch: Watch

/** A client that goes on all the while: its slowest answer is the harm done. */
class Watch {
  slowestMs = 0
  answers = 0
  private running = true
  private readonly work: Promise<void>

  constructor(connection: ClientConnection) {
    this.work = this.run(connection)
  }

  async stop(): Promise<void> {
    this.running = false
    await this.work
  }

  private async run(connection: ClientConnection): Promise<void> {
    while (this.running) {
      const startedMs = performance.now()
      const errorCode = await produce(connection, 'watched', [batchOf('still here')])
      expect(errorCode).toBe(ErrorCode.NONE)
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs)
      this.answers++
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

beforeAll(async () => {
  if (GIVEN === undefined) {
    broker = await startBroker({ overrides: { 'sluice.shards': '2' } })
    address = broker.address
  }
  client = await openClient()
  await createTopics(client, [
    ['watched', {}],
    ['plain', { 'max.message.bytes': '100000' }],
    ['compact', { 'cleanup.policy': 'compact' }],
  ])
  watch = new Watch(await openClient())
})

afterAll(async () => {
  client.close()
  await broker?.discard()
})

function openClient(): Promise<ClientConnection> {
  return ClientConnection.connect(parseAddress(address), { clientId: 'test', timeoutMs: 20_000 })
}

async function createTopics(
  connection: ClientConnection,
  topics: [name: string, configs: Record<string, string>][],
): Promise<number[]> {
  const answer = await connection.send(CreateTopicsRequest, CreateTopicsResponse, {
    timeoutMs: 10_000,
    topics: topics.map(([name, configs]) => ({
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    })),
  })
  return answer.topics.map(({ errorCode }) => errorCode)
}

/** Sends the batches, one behind the other, as the records of partition 0 of a topic. */
async function produce(
  connection: ClientConnection,
  topic: string,
  batches: Buffer[],
  index = 0,
): Promise<number> {
  const partitionData = [{ index, records: Buffer.concat(batches) }]
  const body = { acks: -1, timeoutMs: 5000, topicData: [{ name: topic, partitionData }] }
  const answer = await connection.send(ProduceRequest, ProduceResponse, body, { version: 9 })
  return answer.responses[0]?.partitionResponses[0]?.errorCode ?? Number.NaN
}

function batchOf(value: string, key: string | null = null): Buffer {
  const record = { key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }
  return buildBatch({ records: [{ ...record, timestamp: Date.now() }] })
}

/** A batch whose bytes were changed and, unless told otherwise, its CRC made right again. */
function spoiled(change: (batch: Buffer) => void, repair = true): Buffer {
  const batch = batchOf('spoiled')
  change(batch)
  if (repair) setBatchCrc(batch, 0)
  return batch
}

/** Writes bytes on a connection of their own; what came back. */
async function answerTo(bytes: Buffer, limitMs = CLOSE_LIMIT_MS): Promise<Answer> {
  const connection = await RawConnection.open(address)
  connection.write(bytes)
  const answer = await connection.answer(limitMs)
  connection.destroy()
  return answer
}

function logLines(pattern: RegExp): string[] {
  return broker === null
    ? []
    : broker
        .output()
        .split('\n')
        .filter((line) => pattern.test(line))
}

/** Resident memory of the broker in bytes; 0 when it is not ours. */
function residentBytes(): number {
  if (broker === null) return 0
  const status = readFileSync(`/proc/${broker.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}

describe('bytes that are no request', () => {
  const lengthOnly = (length: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    return bytes
  }
  const garbage = Buffer.alloc(64, 0xa5)
  garbage.writeInt32BE(60)
  for (const [name, bytes] of [
    ['garbage in a frame', garbage],
    ['an HTTP request', Buffer.from('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a TLS hello', Buffer.from('160301020001000001fc0303', 'hex')],
    ['a frame of 2 GiB', lengthOnly(0x7fffffff)],
    ['a negative length', lengthOnly(-5)],
    ['an API that does not exist', requestFrame(9999, 0, 1, Buffer.alloc(8))],
    ['a version that does not exist', requestFrame(3, 99, 1, Buffer.alloc(8))],
    ['a body cut short', requestFrame(3, 1, 1, Buffer.from('00000001000a61', 'hex'))],
    ['two billion topics', requestFrame(3, 1, 1, Buffer.from('7ffffff0', 'hex'))],
  ] as const)
    it(`closes the connection on ${name}`, async () => {
      expect(await answerTo(bytes)).toBe('closed')
    })

  it('answers ApiVersions of a version to come with the versions it has', async () => {
    const answer = await answerTo(requestFrame(18, 99, 77, Buffer.alloc(4)))
    if (!Buffer.isBuffer(answer)) throw new Error(`expected an answer, got ${answer}`)
    expect(answer.readInt32BE(0)).toBe(77)
    expect(answer.readInt16BE(4)).toBe(ErrorCode.UNSUPPORTED_VERSION)
  })

  it('keeps serving others while frames hang that never complete', async () => {
    const before = watch.answers
    const hanging = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const connection = await RawConnection.open(address)
        connection.write(Buffer.from('0000ffff00000009', 'hex'))
        return connection
      }),
    )
    expect(await hanging[0]?.answer(300)).toBe('silence')
    expect(watch.answers).toBeGreaterThan(before)
    for (const connection of hanging) connection.destroy()
  })
})

describe('requests that ask for what cannot be', () => {
  it('refuses batches as Kafka does', async () => {
    const errors = {
      'bad CRC': await produce(client, 'plain', [
        spoiled((b) => b.writeUInt8(b[70]! ^ 1, 70), false),
      ]),
      'magic 1': await produce(client, 'plain', [spoiled((b) => b.writeInt8(1, BatchField.magic))]),
      'count off': await produce(client, 'plain', [
        spoiled((b) => b.writeInt32BE(2, BatchField.recordCount)),
      ]),
      'two batches': await produce(client, 'plain', [batchOf('a'), batchOf('b')]),
      'no batch': await produce(client, 'plain', []),
      'too large': await produce(client, 'plain', [batchOf('x'.repeat(200_000))]),
      'no key in a compacted topic': await produce(client, 'compact', [batchOf('keyless')]),
      'unknown topic': await produce(client, 'never-created', [batchOf('a')]),
      'unknown partition': await produce(client, 'plain', [batchOf('a')], 77),
    }
    expect(errors).toEqual({
      'bad CRC': ErrorCode.CORRUPT_MESSAGE,
      'magic 1': ErrorCode.INVALID_RECORD,
      'count off': ErrorCode.INVALID_RECORD,
      'two batches': ErrorCode.INVALID_RECORD,
      'no batch': ErrorCode.INVALID_RECORD,
      'too large': ErrorCode.MESSAGE_TOO_LARGE,
      'no key in a compacted topic': ErrorCode.INVALID_RECORD,
      'unknown topic': ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      'unknown partition': ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    })
    expect(await produce(client, 'plain', [batchOf('good')])).toBe(ErrorCode.NONE)
  })

  it('refuses a compression bomb without its memory', async () => {
    const innocent = batchOf('v', 'k')
    // Not the synchronous one: the watching client lives in this thread too.
    const packed = await promisify(gzip)(Buffer.alloc(400 * MIB))
    const whole = Buffer.concat([innocent.subarray(0, BatchField.records), packed])
    whole.writeInt16BE(1, BatchField.attributes)
    whole.writeInt32BE(whole.length - 12, BatchField.length)
    setBatchCrc(whole, 0)
    const before = residentBytes()
    expect(await produce(client, 'compact', [whole])).not.toBe(ErrorCode.NONE)
    expect(residentBytes() - before).toBeLessThan(100 * MIB)
  })

  it('refuses invalid topic names, and creates nothing for them', async () => {
    const names = ['', '.', '..', 'a b', 'ä', 'x'.repeat(250), 'a/b']
    const created = await createTopics(
      client,
      names.map((name) => [name, {}]),
    )
    expect(created).toEqual(names.map(() => ErrorCode.INVALID_TOPIC_EXCEPTION))
    const asked = await client.send(
      MetadataRequest,
      MetadataResponse,
      { topics: [{ name: 'a b' }, { name: 'not-here' }], allowAutoTopicCreation: false },
      { version: 9 },
    )
    expect(asked.topics.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ])
  })

  it('answers a fetch beyond the end at once, and beyond 2^53 too', async () => {
    const fetch = (fetchOffset: number) => ({
      maxWaitMs: 10_000,
      minBytes: 1,
      topics: [
        { topic: 'plain', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 9999 }] },
      ],
    })
    const startedMs = performance.now()
    const answer = await client.send(FetchRequest, FetchResponse, fetch(1_000_000), { version: 12 })
    const [partition] = answer.responses[0]?.partitions ?? []
    expect(partition?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(performance.now() - startedMs).toBeLessThan(SLOWEST_ANSWER_MS)
    const writer = new Writer()
    const header = { apiVersion: 12, correlationId: 1, clientId: null }
    encodeRequestFrame(writer, FetchRequest, header, fetch(Number.MAX_SAFE_INTEGER))
    const frame = Buffer.from(writer.bytes())
    const at = frame.indexOf(Buffer.from('001fffffffffffff', 'hex'))
    frame.writeUInt8(0x7f, at)
    const told = await answerTo(frame)
    if (!Buffer.isBuffer(told)) throw new Error(`expected an answer, got ${told}`)
    const { responses } = decoderFor(FetchResponse, 12)(new Reader(told.subarray(HEADER_BYTES)))
    expect(responses[0]?.partitions[0]?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  it('survives a reader that leaves in the middle of its answer', async () => {
    const value = 'y'.repeat(60_000)
    for (let at = 0; at < 40; at++) await produce(client, 'plain', [batchOf(value)])
    const writer = new Writer()
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50 * MIB }]
    const body = { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'plain', partitions }] }
    const header = { apiVersion: 12, correlationId: 5, clientId: null }
    encodeRequestFrame(writer, FetchRequest, header, { ...body, maxBytes: 50 * MIB })
    const { host, port } = parseAddress(address)
    await Promise.all(
      Array.from(
        { length: 10 },
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(port, host, () => socket.write(Buffer.from(writer.bytes())))
            socket.once('data', () => socket.resetAndDestroy())
            socket.once('close', () => resolve())
          }),
      ),
    )
    expect(await produce(client, 'plain', [batchOf('after')])).toBe(ErrorCode.NONE)
  })
})

it('none of it stalled another client, and the log tells each offence once', async () => {
  await watch.stop()
  expect(watch.answers).toBeGreaterThan(20)
  expect(watch.slowestMs).toBeLessThan(SLOWEST_ANSWER_MS)
  expect(logLines(/\] ERROR /)).toEqual([])
  const warnings = logLines(/\] WARN /)
  if (GIVEN === undefined) expect(warnings.length).toBeGreaterThan(0)
  // One address, two shards: a line per kind of offence and shard, not one per offence.
  expect(warnings.length).toBeLessThan(14)
})

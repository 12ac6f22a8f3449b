/**
 * Client quotas of a whole broker on two shards: set through the API, felt by raw
 * connections and kafkajs, gone when removed. Set and felt by Kafka's own programs: test/outside.
 */
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
} from '../../engine/protocol/49-alter-client-quotas.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { Client } from '../../net/client/client.ts'
import type { ClientConnection } from '../../net/client/client-connection.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { RawConnection } from '../support/raw-connection.ts'

const TOPIC = 'watched'
const PARTITIONS = 2

let broker: BrokerProcess
const clients: Client[] = []

beforeAll(async () => {
  broker = await startBroker({ overrides: { 'sluice.shards': '2' } })
  const connection = await connect('setup')
  await connection.send(CreateTopicsRequest, CreateTopicsResponse, {
    topics: [newTopic(TOPIC, PARTITIONS)],
  })
})

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

afterAll(async () => {
  await broker.discard()
})

async function connect(clientId: string): Promise<ClientConnection> {
  const client = new Client({ bootstrap: broker.address, clientId, timeoutMs: 60_000 })
  clients.push(client)
  return client.anyBroker()
}

function newTopic(name: string, numPartitions: number) {
  return { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }
}

type Entity = Record<string, string | null>

/** Values by key; null removes. */
async function setQuota(
  entity: Entity,
  values: Record<string, number | null>,
  through: ClientConnection | null = null,
): Promise<void> {
  const connection = through ?? (await connect('quota-setter'))
  const { entries } = await connection.send(AlterClientQuotasRequest, AlterClientQuotasResponse, {
    validateOnly: false,
    entries: [
      {
        entity: Object.entries(entity).map(([entityType, entityName]) => ({
          entityType,
          entityName,
        })),
        ops: Object.entries(values).map(([key, value]) => ({
          key,
          value: value ?? 0,
          remove: value === null,
        })),
      },
    ],
  })
  expect(entries.map(({ errorCode }) => errorCode)).toEqual([0])
}

async function produce(
  connection: ClientConnection,
  bytes: number,
  acks = 1,
): Promise<{ errorCode: number | undefined; throttleTimeMs: number }> {
  const records = buildBatch({
    records: [{ key: null, value: Buffer.alloc(bytes, 'v'), timestamp: Date.now() }],
  })
  const answer = await connection.send(
    ProduceRequest,
    ProduceResponse,
    {
      acks,
      timeoutMs: 5_000,
      topicData: [{ name: TOPIC, partitionData: [{ index: 0, records }] }],
    },
    { version: 9 },
  )
  const { errorCode } = answer.responses[0]?.partitionResponses[0] ?? {}
  return { errorCode, throttleTimeMs: answer.throttleTimeMs }
}

async function fetch(
  connection: ClientConnection,
  fetchOffset: number,
): Promise<{ bytes: number; throttleTimeMs: number }> {
  const answer = await connection.send(
    FetchRequest,
    FetchResponse,
    {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1_000_000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: TOPIC,
          partitions: [
            { partition: 0, fetchOffset, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 },
          ],
        },
      ],
    },
    { version: 12 },
  )
  const partition = answer.responses[0]?.partitions[0]
  return { bytes: partition?.records?.length ?? 0, throttleTimeMs: answer.throttleTimeMs }
}

async function timed<T>(run: () => Promise<T>): Promise<{ value: T; tookMs: number }> {
  const startedMs = performance.now()
  const value = await run()
  return { value, tookMs: performance.now() - startedMs }
}

describe('a quota of produced bytes', () => {
  it('answers at once, then does not read the connection for the time told; others go on', async () => {
    await setQuota({ 'client-id': 'raw' }, { producer_byte_rate: 10_000 })
    const slow = await connect('raw')
    const other = await connect('other')
    // 108 KB over ten seconds are about 800 bytes a second too much: close to a second of silence.
    const over = await timed(() => produce(slow, 108_000))
    expect(over.value.errorCode).toBe(0)
    expect(over.value.throttleTimeMs).toBeGreaterThan(600)
    expect(over.value.throttleTimeMs).toBeLessThan(1_200)
    expect(over.tookMs).toBeLessThan(over.value.throttleTimeMs)
    const [held, free] = await Promise.all([
      timed(() => produce(slow, 10)),
      timed(() => produce(other, 200_000)),
    ])
    expect(held.tookMs).toBeGreaterThan(over.value.throttleTimeMs - 250)
    expect(held.value.errorCode).toBe(0)
    expect(free.value.throttleTimeMs).toBe(0)
    expect(free.tookMs).toBeLessThan(held.tookMs)
  })

  it('counts the connections of a client together, on whichever shard they are', async () => {
    await setQuota({ 'client-id': 'many' }, { producer_byte_rate: 10_000 })
    let told = 0
    for (let i = 0; i < 12; i++)
      told = (await produce(await connect('many'), 10_000)).throttleTimeMs
    expect(told).toBeGreaterThan(1_000)
  })

  it('is of the user before that of the client id, and back when removed', async () => {
    await setQuota({ user: null }, { producer_byte_rate: 1_000_000_000 })
    await setQuota({ 'client-id': null }, { producer_byte_rate: 100 })
    expect((await produce(await connect('any'), 20_000)).throttleTimeMs).toBe(0)
    await setQuota({ user: null }, { producer_byte_rate: null })
    expect((await produce(await connect('any'), 20_000)).throttleTimeMs).toBeGreaterThan(10_000)
    await setQuota({ 'client-id': null }, { producer_byte_rate: null })
    expect((await produce(await connect('any'), 20_000)).throttleTimeMs).toBe(0)
  })
})

describe('a quota of fetched bytes', () => {
  it('caps one answer, then sends an empty one at once and holds the connection', async () => {
    const writer = await connect('writer')
    const first = await offsetOf(writer)
    for (let i = 0; i < 4; i++) await produce(writer, 40_000)
    await setQuota({ 'client-id': 'reader' }, { consumer_byte_rate: 10_000 })
    const reader = await connect('reader')
    // Ten seconds of the rate: two of the four batches.
    const two = await fetch(reader, first)
    expect(two.throttleTimeMs).toBe(0)
    expect(two.bytes).toBeGreaterThan(80_000)
    expect(two.bytes).toBeLessThanOrEqual(100_000)
    const empty = await timed(() => fetch(reader, first + 2))
    expect(empty.value.bytes).toBe(0)
    expect(empty.value.throttleTimeMs).toBeGreaterThan(2_000)
    expect(empty.tookMs).toBeLessThan(1_000)
    await setQuota({ 'client-id': 'reader' }, { consumer_byte_rate: null })
    const late = await timed(() => fetch(reader, first + 2))
    expect(late.value.bytes).toBeGreaterThan(80_000)
    expect(late.tookMs).toBeGreaterThan(empty.value.throttleTimeMs - 300)
  })

  async function offsetOf(connection: ClientConnection): Promise<number> {
    const answer = await connection.send(
      ProduceRequest,
      ProduceResponse,
      {
        acks: 1,
        timeoutMs: 5_000,
        topicData: [
          {
            name: TOPIC,
            partitionData: [
              {
                index: 0,
                records: buildBatch({ records: [{ key: null, value: null, timestamp: 1 }] }),
              },
            ],
          },
        ],
      },
      { version: 9 },
    )
    return Number(answer.responses[0]?.partitionResponses[0]?.baseOffset ?? 0) + 1
  }
})

describe('a quota of time', () => {
  it('holds a client that takes more of the thread than its share, a window at most', async () => {
    await setQuota({ 'client-id': 'greedy' }, { request_percentage: 0.001 })
    const connection = await connect('greedy')
    const told: number[] = []
    for (let i = 0; i < 3; i++) told.push((await produce(connection, 1_000)).throttleTimeMs)
    expect(Math.max(...told)).toBeGreaterThan(0)
    expect(Math.max(...told)).toBeLessThanOrEqual(1_000)
    expect((await produce(await connect('modest'), 1_000)).throttleTimeMs).toBe(0)
  })
})

describe('a quota of topic changes', () => {
  it('refuses strict versions with THROTTLING_QUOTA_EXCEEDED and has older ones wait', async () => {
    await setQuota({ 'client-id': 'maker' }, { controller_mutation_rate: 5 })
    const create = async (name: string, partitions: number, version: number) => {
      const connection = await connect('maker')
      const { topics, throttleTimeMs } = await connection.send(
        CreateTopicsRequest,
        CreateTopicsResponse,
        { topics: [newTopic(name, partitions)] },
        { version },
      )
      return { errorCode: topics[0]?.errorCode, throttleTimeMs }
    }
    // Twenty seconds' worth above the burst: a slow machine does not make up for it.
    expect(await create('made-1', 150, 7)).toEqual({ errorCode: 0, throttleTimeMs: 0 })
    const refused = await create('made-2', 1, 7)
    expect(refused.errorCode).toBe(89)
    expect(refused.throttleTimeMs).toBeGreaterThan(100)
    const older = await create('made-3', 1, 5)
    expect(older.errorCode).toBe(0)
    expect(older.throttleTimeMs).toBeGreaterThan(100)
  })
})

describe('a quota of connections', () => {
  it('holds what an address opens too fast, then closes it, and lets it in again later', async () => {
    const admin = await connect('quota-setter')
    await setQuota({ ip: '127.0.0.1' }, { connection_creation_rate: 1 }, admin)
    const outcomes: ('open' | 'closed')[] = []
    for (let i = 0; i < 14; i++) outcomes.push(await greeted())
    expect(outcomes).toContain('open')
    expect(outcomes.at(-1)).toBe('closed')
    const { tookMs } = await timed(greeted)
    expect(tookMs).toBeGreaterThan(100)
    const way = await RawConnection.open(broker.address)
    expect(await way.answer(5_000)).toBe('closed')
    way.destroy()
    await setQuota({ ip: '127.0.0.1' }, { connection_creation_rate: null }, admin)
    expect(await greeted()).toBe('open')
  })

  /** Whether a new connection is served. */
  async function greeted(): Promise<'open' | 'closed'> {
    const connection = await RawConnection.open(broker.address)
    connection.request(18, 0, 1)
    const answer = await connection.answer(10_000)
    connection.destroy()
    return Buffer.isBuffer(answer) ? 'open' : 'closed'
  }
})

describe('real clients', () => {
  it('kafkajs reads everything once at the rate it is given', async () => {
    const topic = 'paced'
    const kafka = (clientId: string) =>
      new Kafka({ clientId, brokers: [broker.address], logLevel: logLevel.NOTHING })
    const admin = kafka('admin').admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    await admin.disconnect()
    const producer = kafka('filler').producer()
    await producer.connect()
    for (let i = 0; i < 60; i++)
      await producer.send({ topic, messages: [{ value: `${i}`.padStart(10_000, '.') }] })
    await producer.disconnect()
    // 600 KB at 40 KB a second: 400 KB of the first window, then five seconds.
    await setQuota({ 'client-id': 'paced-reader' }, { consumer_byte_rate: 40_000 })
    const consumer = kafka('paced-reader').consumer({ groupId: 'paced' })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const seen: number[] = []
    const read = await timed(
      () =>
        new Promise<void>((resolve, reject) => {
          consumer
            .run({
              eachMessage: async ({ message }) => {
                seen.push(Number(message.value?.toString().replaceAll('.', '')))
                if (seen.length === 60) resolve()
              },
            })
            .catch(reject)
        }),
    )
    await consumer.disconnect()
    expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i))
    expect(read.tookMs).toBeGreaterThan(3_500)
  })
})

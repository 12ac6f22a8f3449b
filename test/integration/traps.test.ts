/**
 * The traps of advertising versions (reference/kafka-map.md §1.4), one test each, against a whole
 * broker: what clients in use make of what ApiVersions says.
 */
import { readFileSync } from 'node:fs'
import { Consumer, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import { ProduceRequest, ProduceResponse } from '../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../engine/protocol/01-fetch.ts'
import { MetadataRequest, MetadataResponse } from '../../engine/protocol/03-metadata.ts'
import {
  FindCoordinatorRequest,
  FindCoordinatorResponse,
} from '../../engine/protocol/10-find-coordinator.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../engine/protocol/11-join-group.ts'
import {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../engine/protocol/15-describe-groups.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../engine/protocol/18-api-versions.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../engine/protocol/69-consumer-group-describe.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Client } from '../../net/client/client.ts'
import type { ClientConnection } from '../../net/client/client-connection.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { exchangesOf, wireFiles } from '../support/golden-wire.ts'
import { type Answer, RawConnection, requestFrame } from '../support/raw-connection.ts'

const ANSWER_MS = 8_000
const PRODUCE = 0
const METADATA = 3
const API_VERSIONS = 18
/** Their answers wait for other members. */
const PARKING = new Set([11, 14])
const EMPTY = Buffer.alloc(0)

let broker: BrokerProcess
let ranges: ReadonlyMap<number, readonly [min: number, max: number]>
const closings: (() => unknown)[] = []

beforeAll(async () => {
  broker = await startBroker({ overrides: { 'sluice.shards': '2' } })
  ranges = await advertised()
})

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close()
})

afterAll(async () => {
  await broker.discard()
})

async function raw(): Promise<RawConnection> {
  const connection = await RawConnection.open(broker.address)
  closings.push(() => connection.destroy())
  return connection
}

async function connected(): Promise<ClientConnection> {
  const client = new Client({ bootstrap: broker.address, clientId: 'traps' })
  closings.push(() => client.close())
  return client.anyBroker()
}

/** As a client of version 0 reads them. */
async function advertised(): Promise<Map<number, readonly [number, number]>> {
  const connection = await RawConnection.open(broker.address)
  connection.request(API_VERSIONS, 0, 1)
  const answer = await connection.answer(ANSWER_MS)
  connection.destroy()
  if (!Buffer.isBuffer(answer)) throw new Error(`ApiVersions 0 brought ${answer}`)
  const { errorCode, apiKeys } = decoderFor(ApiVersionsResponse, 0)(new Reader(answer, 4))
  expect(errorCode).toBe(0)
  return new Map(
    apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]),
  )
}

function serves(apiKey: number, version: number): boolean {
  const [min, max] = ranges.get(apiKey) ?? [1, 0]
  return version >= min && version <= max
}

/** What one request on a connection of its own brings. */
async function exchange(frame: Buffer): Promise<Answer> {
  const connection = await raw()
  connection.write(frame)
  return connection.answer(ANSWER_MS)
}

async function createTopic(connection: ClientConnection, name: string): Promise<void> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = await connection.send(CreateTopicsRequest, CreateTopicsResponse, {
    topics: [topic],
  })
  expect(topics[0]?.errorCode).toBe(0)
}

async function topicIdOf(name: string): Promise<string> {
  const connection = await connected()
  const { topics } = await connection.send(MetadataRequest, MetadataResponse, {
    topics: [{ name }],
  })
  return topics[0]?.topicId ?? ZERO_UUID
}

const batch = (value: string): Buffer =>
  buildBatch({ records: [{ key: null, value: Buffer.from(value), timestamp: Date.now() }] })

describe('traps of advertised versions', () => {
  it('T1: the exact versions by which librdkafka before 2.11 switches its features are in range', () => {
    const needed: readonly (readonly [feature: string, apiKey: number, version: number])[] = [
      ['batch format 2', 0, 3],
      ['batch format 2', 1, 4],
      ['zstd', 0, 7],
      ['zstd', 1, 10],
      ['offsets by time', 2, 1],
      ['idempotence', 22, 0],
      ['coordinators', 10, 0],
      ['stored offsets', 8, 2],
      ['stored offsets', 9, 1],
      ['groups', 11, 0],
      ['groups', 12, 0],
      ['groups', 13, 0],
      ['groups', 14, 0],
      ['negotiation', 18, 0],
    ]
    for (const [feature, apiKey, version] of needed)
      expect(serves(apiKey, version), `${feature}: API ${apiKey} version ${version}`).toBe(true)
  })

  it('T2: Produce is announced from 0, and 0 to 2 close the connection without an answer', async () => {
    expect(ranges.get(PRODUCE)?.[0]).toBe(0)
    const bystander = await raw()
    for (const version of [0, 1, 2]) {
      const body = Buffer.alloc(10)
      body.writeInt16BE(1, 0)
      expect(await exchange(requestFrame(PRODUCE, version, 7, body)), `v${version}`).toBe('closed')
    }
    bystander.request(API_VERSIONS, 0, 1)
    expect(Buffer.isBuffer(await bystander.answer(ANSWER_MS))).toBe(true)
  })

  it('T3: ApiVersions 0 and Metadata 0 sent in one piece are both answered, in order', async () => {
    const noTopics = Buffer.alloc(4)
    const answers = async (...pieces: Buffer[]): Promise<Buffer[]> => {
      const connection = await raw()
      for (const piece of pieces) connection.write(piece)
      const both = [await connection.answer(ANSWER_MS), await connection.answer(ANSWER_MS)]
      return both.map((answer) => (Buffer.isBuffer(answer) ? answer : EMPTY))
    }
    const probe = requestFrame(API_VERSIONS, 0, 1, EMPTY)
    const metadata = requestFrame(METADATA, 0, 2, noTopics)
    for (const pieces of [[Buffer.concat([probe, metadata])], [probe, metadata]]) {
      const [first = EMPTY, second = EMPTY] = await answers(...pieces)
      expect([first.readInt32BE(0), second.readInt32BE(0)]).toEqual([1, 2])
      expect(decoderFor(ApiVersionsResponse, 0)(new Reader(first, 4)).apiKeys.length).toBe(
        ranges.size,
      )
      const { brokers } = decoderFor(MetadataResponse, 0)(new Reader(second, 4))
      expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([broker.address])
    }
  })

  it('T4: both ends are served: kafkajs without flexible versions, @platformatic with them', async () => {
    /** Highest of kafkajs, lowest of @platformatic, by API. */
    const ends: readonly (readonly [apiKey: number, kafkajs: number, platformatic: number])[] = [
      [0, 7, 7],
      [1, 11, 12],
      [2, 3, 5],
      [3, 6, 9],
      [8, 5, 8],
      [9, 4, 8],
      [10, 2, 4],
      [11, 5, 6],
      [12, 3, 4],
      [13, 3, 4],
      [14, 3, 4],
      [18, 2, 3],
      [22, 1, 3],
    ]
    for (const [apiKey, old, flexible] of ends)
      expect([serves(apiKey, old), serves(apiKey, flexible)], `API ${apiKey}`).toEqual([true, true])
    const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'both-ends', numPartitions: 1 }] })
    await admin.disconnect()
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 'both-ends', messages: [{ value: 'from the old end' }] })
    await producer.disconnect()
    const consumer = new Consumer({
      groupId: 'traps',
      clientId: 'traps',
      bootstrapBrokers: [broker.address],
      deserializers: stringDeserializers,
      maxWaitTime: 100,
    })
    closings.push(() => consumer.close(true))
    const mode = MessagesStreamModes.EARLIEST
    const stream = await consumer.consume({ topics: ['both-ends'], mode })
    for await (const { value } of stream) {
      expect(value).toBe('from the old end')
      break
    }
  })

  it('T5: what is announced is answered at its top and its bottom; what is not closes', async () => {
    const kafka = new Map(announcedByKafka().map((api) => [api.apiKey, api.advertised]))
    let asked = 0
    for (const [apiKey, [min, max]] of ranges) {
      const [kafkaMin = -1, kafkaMax = -1] = kafka.get(apiKey)?.split('-').map(Number) ?? []
      expect([min >= kafkaMin, max <= kafkaMax], `API ${apiKey}: ${min}-${max}`).toEqual([
        true,
        true,
      ])
      if (PARKING.has(apiKey)) continue
      const file = wireFiles().find((name) => Number.parseInt(name, 10) === apiKey)
      const recorded = file === undefined ? [] : exchangesOf(file)
      for (const version of new Set([Math.max(min, apiKey === PRODUCE ? 3 : 0), max])) {
        const known = recorded.find((each) => each.version === version && answered(each.response))
        if (known === undefined) continue
        const answer = await exchange(known.request)
        expect(Buffer.isBuffer(answer), `${known.at}: API ${apiKey} v${version}`).toBe(true)
        asked++
      }
    }
    expect(asked).toBeGreaterThan(ranges.size)
    const absent = [...kafka.keys()].filter((apiKey) => !ranges.has(apiKey))
    for (const apiKey of [...absent.slice(0, 3), 52, 999])
      expect(await exchange(requestFrame(apiKey, 0, 1, EMPTY)), `API ${apiKey}`).toBe('closed')
  })

  it('T6: the second transaction protocol is announced with transaction.version 2, or not at all', async () => {
    const connection = await connected()
    const body = { clientSoftwareName: 'traps', clientSoftwareVersion: '1' }
    for (const version of [3, 4]) {
      const options = { version }
      const answer = await connection.send(ApiVersionsRequest, ApiVersionsResponse, body, options)
      const level =
        answer.finalizedFeatures.find(({ name }) => name === 'transaction.version')
          ?.maxVersionLevel ?? 0
      const second = serves(PRODUCE, 12) && serves(26, 5) && serves(28, 5)
      expect(level < 2 || second, `level ${level}`).toBe(true)
    }
    // Produce 12 alone keeps clients on the first protocol, which works without the feature.
    expect(serves(PRODUCE, 12)).toBe(true)
    await createTopic(connection, 'first-protocol')
    const { errorCode } = await produced(connection, 12, 'first-protocol')
    expect(errorCode).toBe(0)
  })

  it('T7: every topic has an id that lasts, by which Produce 13 and Fetch 13 work', async () => {
    await createTopic(await connected(), 'by-id')
    const topicId = await topicIdOf('by-id')
    expect(topicId).not.toBe(ZERO_UUID)
    await broker.stop()
    await broker.start()
    expect(await topicIdOf('by-id')).toBe(topicId)
    const connection = await connected()
    const appended = await produced(connection, 13, topicId)
    expect([appended.errorCode, appended.topicId]).toEqual([0, topicId])
    const read = await fetched(connection, topicId)
    expect([read.errorCode, read.topicId]).toEqual([0, topicId])
    expect(read.records?.includes('by v13')).toBe(true)
    const unknown = 'AAAAAAAAAAAAAAAAAAAAcw'
    expect((await produced(connection, 13, unknown)).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
    expect((await fetched(connection, unknown)).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
    expect((await produced(connection, 12, 'by-id')).errorCode).toBe(0)
  })

  it('T8: a classic group is described after 69 says GROUP_ID_NOT_FOUND; coordinators come in batches', async () => {
    const groupId = 'trap-eight'
    const client = new Client({ bootstrap: broker.address, clientId: 'traps' })
    closings.push(() => client.close())
    const connection = await client.coordinator(groupId)
    const joined = await connection.send(
      JoinGroupRequest,
      JoinGroupResponse,
      {
        groupId,
        sessionTimeoutMs: 30_000,
        rebalanceTimeoutMs: 30_000,
        memberId: '',
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: EMPTY }],
      },
      { version: 2 },
    )
    expect(joined.errorCode).toBe(0)
    if (serves(69, 0)) {
      const { groups } = await connection.send(
        ConsumerGroupDescribeRequest,
        ConsumerGroupDescribeResponse,
        { groupIds: [groupId], includeAuthorizedOperations: false },
      )
      expect(groups.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.GROUP_ID_NOT_FOUND])
    } else expect(await exchange(requestFrame(69, 0, 1, EMPTY))).toBe('closed')
    const described = await connection.send(DescribeGroupsRequest, DescribeGroupsResponse, {
      groups: [groupId],
      includeAuthorizedOperations: false,
    })
    expect(described.groups[0]).toMatchObject({ errorCode: 0, groupId, protocolType: 'consumer' })
    const keys = [groupId, 'another', 'third']
    for (const version of [4, ranges.get(10)?.[1] ?? 4]) {
      const { coordinators } = await connection.send(
        FindCoordinatorRequest,
        FindCoordinatorResponse,
        { keyType: 0, coordinatorKeys: keys },
        { version },
      )
      expect(coordinators.map(({ key }) => key)).toEqual(keys)
      for (const { errorCode, host, port } of coordinators)
        expect([errorCode, `${host}:${port}`]).toEqual([0, broker.address])
    }
    for (const version of [0, 3]) {
      const { host, port } = await connection.send(
        FindCoordinatorRequest,
        FindCoordinatorResponse,
        { key: groupId, keyType: 0 },
        { version },
      )
      expect(`${host}:${port}`).toBe(broker.address)
    }
  })
})

function answered(response: Buffer | null): boolean {
  return response !== null && response.length > 0
}

interface KafkaApi {
  readonly apiKey: number
  /** min-max; absent on APIs of controllers. */
  readonly advertised?: string
}

function announcedByKafka(): KafkaApi[] {
  const index = new URL('../golden/messages/index.json', import.meta.url)
  const apis = JSON.parse(readFileSync(index, 'utf8')) as KafkaApi[]
  return apis.filter((api) => api.advertised !== undefined)
}

/** Appends one record to partition 0; `topic` is an id from version 13 on. */
async function produced(
  connection: ClientConnection,
  version: number,
  topic: string,
): Promise<{ errorCode: number | undefined; topicId: string | undefined }> {
  const partitionData = [{ index: 0, records: batch(`by v${version}`) }]
  const topicData = version >= 13 ? { topicId: topic } : { name: topic }
  const { responses } = await connection.send(
    ProduceRequest,
    ProduceResponse,
    { acks: 1, timeoutMs: 5_000, topicData: [{ ...topicData, partitionData }] },
    { version },
  )
  const [first] = responses
  return { errorCode: first?.partitionResponses[0]?.errorCode, topicId: first?.topicId }
}

async function fetched(
  connection: ClientConnection,
  topicId: string,
): Promise<{ errorCode: number | undefined; topicId: string | undefined; records: Buffer | null }> {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100_000 }]
  const { responses } = await connection.send(
    FetchRequest,
    FetchResponse,
    { maxWaitMs: 0, minBytes: 1, maxBytes: 100_000, topics: [{ topicId, partitions }] },
    { version: 13 },
  )
  const partition = responses[0]?.partitions[0]
  return {
    errorCode: partition?.errorCode,
    topicId: responses[0]?.topicId,
    records: partition?.records ?? null,
  }
}

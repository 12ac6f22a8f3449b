/**
 * Options changed while a broker process serves: in force on every shard once answered, kept over a
 * stop and a kill, shown by DescribeConfigs with their source.
 */
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ErrorCode } from '../../engine/base/errors.ts'
import { ConfigResourceType as Type } from '../../engine/metadata/config-resource.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../../engine/protocol/32-describe-configs.ts'
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../../engine/protocol/44-incremental-alter-configs.ts'
import { Client } from '../../net/client/client.ts'
import { sampleBatch } from '../support/batches.ts'
import { BrokerProcess } from '../support/broker-process.ts'
import { produceEverywhere } from '../support/produce-everywhere.ts'

const LIMIT_MS = 120_000
const PARTITIONS = 8
const SMALL = sampleBatch(500)
const LARGE = sampleBatch(4_000)
const OK = ErrorCode.NONE
const TOO_LARGE = ErrorCode.MESSAGE_TOO_LARGE

const broker = new BrokerProcess({ overrides: { 'sluice.shards': '2' } })
let client: Client

beforeAll(async () => {
  await broker.start()
  client = new Client({ bootstrap: broker.address })
  const topics = ['orders', 'large'].map((name) => ({
    name,
    numPartitions: PARTITIONS,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }))
  await client.send(CreateTopicsRequest, CreateTopicsResponse, { topics })
}, LIMIT_MS)

afterAll(async () => {
  await client.close()
  await broker.discard()
}, LIMIT_MS)

type Values = Readonly<Record<string, string | null>>

/** Null deletes. */
async function alter(resourceType: number, resourceName: string, values: Values): Promise<void> {
  const configs = Object.entries(values).map(([name, value]) => ({
    name,
    configOperation: value === null ? 1 : 0,
    value,
  }))
  const { responses } = await client.send(
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    { resources: [{ resourceType, resourceName, configs }], validateOnly: false },
  )
  expect(responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
    [0, null],
  ])
}

/** The different error codes of a batch sent to every partition: they are owned by different shards. */
async function produceAll(topic: string, records: Buffer): Promise<number[]> {
  const codes = await produceEverywhere(client, topic, PARTITIONS, records)
  expect(codes.length).toBe(PARTITIONS)
  return [...new Set(codes)]
}

async function shown(resourceType: number, resourceName: string, option: string) {
  const { results } = await client.send(DescribeConfigsRequest, DescribeConfigsResponse, {
    resources: [{ resourceType, resourceName, configurationKeys: [option] }],
    includeSynonyms: true,
    includeDocumentation: false,
  })
  const [entry] = results[0]?.configs ?? []
  return [entry?.value, entry?.configSource]
}

async function restart(how: 'stop' | 'kill'): Promise<void> {
  await client.close()
  await broker[how]()
  await broker.start()
  client = new Client({ bootstrap: broker.address })
}

describe('an option changed at run time', () => {
  it('counts at once for every partition, on whichever shard, level by level', async () => {
    expect(await produceAll('orders', LARGE)).toEqual([OK])
    await alter(Type.broker, '', { 'message.max.bytes': '2000' })
    expect(await produceAll('orders', LARGE)).toEqual([TOO_LARGE])
    expect(await produceAll('orders', SMALL)).toEqual([OK])
    await alter(Type.topic, 'large', { 'max.message.bytes': '9000' })
    expect(await produceAll('large', LARGE)).toEqual([OK])
    await alter(Type.broker, '1', { 'message.max.bytes': '8000' })
    expect(await produceAll('orders', LARGE)).toEqual([OK])
    await alter(Type.broker, '1', { 'message.max.bytes': null })
    expect(await produceAll('orders', LARGE)).toEqual([TOO_LARGE])
    await alter(Type.topic, 'large', { 'max.message.bytes': null })
    expect(await produceAll('large', LARGE)).toEqual([TOO_LARGE])
  })

  it(
    'is kept over a clean stop and over a kill',
    async () => {
      await alter(Type.topic, 'large', { 'max.message.bytes': '9000' })
      await alter(Type.group, 'readers', { 'consumer.session.timeout.ms': '50000' })
      for (const how of ['kill', 'stop', 'kill'] as const) {
        await restart(how)
        expect(await produceAll('orders', LARGE)).toEqual([TOO_LARGE])
        expect(await produceAll('large', LARGE)).toEqual([OK])
        expect(await shown(Type.topic, 'orders', 'max.message.bytes')).toEqual(['2000', 3])
        expect(await shown(Type.topic, 'large', 'max.message.bytes')).toEqual(['9000', 1])
        expect(await shown(Type.group, 'readers', 'consumer.session.timeout.ms')).toEqual([
          '50000',
          8,
        ])
      }
    },
    LIMIT_MS,
  )

  it('counts for topics made afterwards', async () => {
    const topic = {
      name: 'later',
      numPartitions: PARTITIONS,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }
    await client.send(CreateTopicsRequest, CreateTopicsResponse, { topics: [topic] })
    expect(await produceAll('later', LARGE)).toEqual([TOO_LARGE])
  })

  it('counts for connections that come, and not against those that are there', async () => {
    await alter(Type.broker, '1', { 'max.connections': '2' })
    const [host = '', port = '0'] = broker.address.split(':')
    const sockets: Socket[] = []
    try {
      const ends = Array.from({ length: 8 }, () => {
        const socket = connect(Number(port), host)
        sockets.push(socket)
        return new Promise<void>((resolve) => {
          socket.on('error', () => {})
          socket.on('close', () => resolve())
        })
      })
      // One of the two allowed is this client's own; which shard takes the other one is chance.
      const turnedAway = new Promise<void>((resolve) => {
        let count = 0
        for (const end of ends)
          void end.then(() => {
            if (++count === 6) resolve()
          })
      })
      await turnedAway
      await alter(Type.broker, '1', { 'max.connections': null })
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    const another = new Client({ bootstrap: broker.address })
    expect((await another.metadata(['orders'])).topics.length).toBe(1)
    await another.close()
  })
})

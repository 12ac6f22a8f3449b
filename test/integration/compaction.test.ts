/** A broker process that compacts while it serves: its threads, its files, its checkpoint, a kill. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ZERO_UUID } from '../../engine/base/random.ts'
import {
  OffsetCommitRequest,
  OffsetCommitResponse,
} from '../../engine/protocol/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../engine/protocol/09-offset-fetch.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../../engine/protocol/20-delete-topics.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { Client } from '../../net/client/client.ts'
import { readTopic } from '../clients/read-topic.ts'
import { BrokerProcess } from '../support/broker-process.ts'
import { produceEverywhere } from '../support/produce-everywhere.ts'

const LIMIT_MS = 120_000
const PARTITIONS = 4
const KEYS = 50
const ROUNDS = 40

const broker = new BrokerProcess({
  overrides: {
    'sluice.shards': '2',
    'log.cleaner.backoff.ms': '100',
    'log.cleaner.min.cleanable.ratio': '0.1',
    'log.flush.offset.checkpoint.interval.ms': '200',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.segment.bytes': '1048576',
  },
})
let client: Client

beforeAll(async () => {
  await broker.start()
  client = new Client({ bootstrap: broker.address })
  await create('orders')
}, LIMIT_MS)

afterAll(async () => {
  await client.close()
  await broker.discard()
}, LIMIT_MS)

async function create(name: string): Promise<void> {
  const configs = { 'cleanup.policy': 'compact', 'internal.segment.bytes': '20000' }
  const { topics } = await client.send(CreateTopicsRequest, CreateTopicsResponse, {
    topics: [
      {
        name,
        numPartitions: PARTITIONS,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
  })
  expect(topics.map(({ errorCode }) => errorCode)).toEqual([0])
}

/** A value for every key, in every partition. */
async function produce(topic: string, round: number): Promise<void> {
  const records = buildBatch({
    records: Array.from({ length: KEYS }, (_, key) => ({
      key: Buffer.from(`key-${key}`),
      value: Buffer.from(`round ${round}`.padEnd(40)),
      timestamp: Date.now(),
    })),
  })
  const codes = await produceEverywhere(client, topic, PARTITIONS, records)
  expect([...new Set(codes)]).toEqual([0])
}

/** Offsets left of a partition, with every key's last round as expected. */
async function offsetsLeft(round: number): Promise<number[][]> {
  const cleanups: (() => Promise<void> | void)[] = []
  const defer = (cleanup: () => Promise<void> | void): void => void cleanups.push(cleanup)
  const partitions = await readTopic({ address: broker.address, defer }, 'orders')
  for (const cleanup of cleanups) await cleanup()
  for (const records of partitions) {
    const last = new Map(records.map(({ key, value }) => [String(key), String(value).trim()]))
    expect(last.size).toBe(KEYS)
    expect([...new Set(last.values())]).toEqual([`round ${round}`])
  }
  return partitions.map((records) => records.map(({ offset }) => offset))
}

const compactedUpTo = (partition: string): number[] =>
  [...broker.output().matchAll(new RegExp(`compacted ${partition} up to offset (\\d+)`, 'g'))].map(
    (match) => Number(match[1]),
  )

it(
  'keeps the newest record of each key, on every shard, and over a kill',
  async () => {
    for (let round = 0; round < ROUNDS; round++) await produce('orders', round)
    for (let index = 0; index < PARTITIONS; index++)
      await expect
        .poll(() => compactedUpTo(`orders-${index}`).at(-1) ?? 0, { timeout: 30_000 })
        .toBeGreaterThan((ROUNDS * KEYS) / 2)
    const left = await offsetsLeft(ROUNDS - 1)
    for (const offsets of left) {
      expect(offsets.length).toBeLessThan((ROUNDS * KEYS) / 2)
      expect(offsets.at(-1)).toBe(ROUNDS * KEYS - 1)
    }
    const checkpoint = (): string =>
      readFileSync(join(broker.dataFolder, 'cleaner-offset-checkpoint'), 'utf8')
    await expect.poll(checkpoint, { timeout: 10_000 }).toMatch(/^0\n\d+\n(.+\n)*orders 3 \d+\n/)
    await client.close()
    await broker.kill()
    await broker.start()
    client = new Client({ bootstrap: broker.address })
    await produce('orders', ROUNDS)
    await offsetsLeft(ROUNDS)
    const names = readdirSync(join(broker.dataFolder, 'orders-0'))
    expect(names.filter((name) => /cleaned|swap/.test(name))).toEqual([])
  },
  LIMIT_MS,
)

it(
  "compacts the groups' own log, whose offsets are what they were after a restart",
  async () => {
    const commit = async (committedOffset: number): Promise<void> => {
      const partitions = [
        { partitionIndex: 0, committedOffset, committedMetadata: 'x'.repeat(4_000) },
      ]
      const { topics } = await client.send(
        OffsetCommitRequest,
        OffsetCommitResponse,
        {
          groupId: 'readers',
          memberId: '',
          groupInstanceId: null,
          topics: [{ name: 'orders', partitions }],
        },
        { version: 8 },
      )
      expect(topics[0]?.partitions[0]?.errorCode).toBe(0)
    }
    await expect
      .poll(
        () =>
          commit(0).then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true)
    for (let offset = 1; offset < 400; offset++) await commit(offset)
    await expect
      .poll(() => compactedUpTo('__consumer_offsets-0').at(-1) ?? 0, { timeout: 30_000 })
      .toBeGreaterThan(100)
    await client.close()
    await broker.stop()
    await broker.start()
    client = new Client({ bootstrap: broker.address })
    const fetched = async () => {
      const { groups } = await client.send(
        OffsetFetchRequest,
        OffsetFetchResponse,
        { groups: [{ groupId: 'readers', memberId: null, topics: null }], requireStable: false },
        { version: 8 },
      )
      return groups[0]?.topics[0]?.partitions[0]?.committedOffset
    }
    await expect.poll(fetched, { timeout: 20_000 }).toBe(399)
  },
  LIMIT_MS,
)

it(
  'lets go of a topic that is deleted while it is compacted',
  async () => {
    for (let turn = 0; turn < 3; turn++) {
      await create('passing')
      for (let round = 0; round < 15; round++) await produce('passing', round)
      const { responses } = await client.send(DeleteTopicsRequest, DeleteTopicsResponse, {
        topics: [{ name: 'passing', topicId: ZERO_UUID }],
        timeoutMs: 10_000,
      })
      expect(responses.map(({ errorCode }) => errorCode)).toEqual([0])
    }
    await produce('orders', ROUNDS + 1)
    expect(broker.output()).not.toMatch(/ERROR|FATAL/)
  },
  LIMIT_MS,
)

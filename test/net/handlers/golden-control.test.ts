/**
 * Requests that real clients and generated ones sent to Apache Kafka 4.2, sent to us: the answers must
 * agree in all but ids, ports and order. Before each exchange the topics are made that Kafka's answer
 * shows to have been there.
 */
import { describe, expect, it } from 'vitest'
import { decodeRequestHeader, decodeResponseHeader } from '../../../engine/protocol/header.ts'
import { apis } from '../../../engine/protocol/index.ts'
import { decoderFor } from '../../../engine/schema/codec.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import type { Handler } from '../../../net/handler.ts'
import { metadata } from '../../../net/handlers/03-metadata.ts'
import { findCoordinator } from '../../../net/handlers/10-find-coordinator.ts'
import { createTopics } from '../../../net/handlers/19-create-topics.ts'
import { deleteTopics } from '../../../net/handlers/20-delete-topics.ts'
import { describeConfigs } from '../../../net/handlers/32-describe-configs.ts'
import { createPartitions } from '../../../net/handlers/37-create-partitions.ts'
import { describeCluster } from '../../../net/handlers/60-describe-cluster.ts'
import { describeTopicPartitions } from '../../../net/handlers/75-describe-topic-partitions.ts'
import { type ControlRig, controlRig } from '../../support/control-rig.ts'
import { type Exchange, exchangesOf } from '../../support/golden-wire.ts'

/** Decoded messages as plain trees: they are compared, and only a few fields of them are known here. */
type Tree = Record<string, unknown>
type Topics = Record<string, { partitions: number; configs?: Record<string, string> }>

const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA'
const IDS = new Set(['topicId', 'clusterId'])
const ADDRESSES = new Set(['host', 'port'])
/** Stored by Kafka when a feature of replication was switched on; a default here. */
const SET_BY_KAFKA = 'min.insync.replicas'

interface Golden {
  readonly at: string
  readonly version: number
  readonly request: Tree
  readonly response: Tree
}

function decoded(exchange: Exchange): Golden[] {
  const { request, response, at } = exchange
  if (response === null || response.length === 0) return []
  const header = decodeRequestHeader(request, 4, request.length)
  const api = apis.get(header.apiKey)
  if (api === undefined) throw new Error(`${at}: unknown API`)
  const reader = new Reader(response, 4)
  decodeResponseHeader(reader, header.apiKey, header.apiVersion)
  const body = decoderFor(api.request, header.apiVersion)
  return [
    {
      at,
      version: header.apiVersion,
      request: body(new Reader(request, header.bodyStart)) as Tree,
      response: decoderFor(api.response, header.apiVersion)(reader) as Tree,
    },
  ]
}

function golden(file: string): Golden[] {
  return exchangesOf(file).flatMap(decoded)
}

function trees(value: unknown): Tree[] {
  return value as Tree[]
}

/** Ids become "none" or "some", addresses go, lists that are sets are sorted. */
function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const rows = value.map((row) => comparable(row))
    if (key === 'synonyms') return rows
    return rows.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  const pairs = Object.entries(value)
    .filter(([name]) => !ADDRESSES.has(name))
    .map(([name, field]): [string, unknown] => {
      if (IDS.has(name)) return [name, field === ZERO || field === '' || field === null ? 0 : 1]
      return [name, comparable(field, name)]
    })
  return Object.fromEntries(pairs)
}

async function prepared(topics: Topics): Promise<ControlRig> {
  const rig = await controlRig()
  for (const [name, { partitions, configs }] of Object.entries(topics))
    await rig.create(name, partitions, configs)
  return rig
}

async function expectSame(
  handler: Handler,
  { at, version, request, response }: Golden,
  topics: Topics,
  adapt: (answer: Tree) => Tree = (answer) => answer,
): Promise<void> {
  const rig = await prepared(topics)
  const answer = (await rig.ask(handler, version, request)) as Tree
  expect(comparable(adapt(answer)), at).toEqual(comparable(adapt(response)))
}

describe('CreateTopics', () => {
  it.each(golden('19-CreateTopics.jsonl').map((each) => [each.at, each] as const))(
    '%s',
    async (_at, exchange) => {
      const existing: Topics = {}
      for (const { name, errorMessage } of trees(exchange.response['topics'])) {
        const text = String(errorMessage)
        if (text.includes('already exists')) existing[String(name)] = { partitions: 1 }
        const collision = /existing topic: (.*)$/.exec(text)?.[1]
        if (collision !== undefined) existing[collision] = { partitions: 1 }
      }
      await expectSame(createTopics as Handler, exchange, existing, withoutOwnConfigs)
    },
  )
})

describe('DeleteTopics', () => {
  it.each(golden('20-DeleteTopics.jsonl').map((each) => [each.at, each] as const))(
    '%s',
    async (_at, exchange) => {
      const existing: Topics = {}
      for (const { name, errorCode } of trees(exchange.response['responses']))
        if (errorCode === 0) existing[String(name)] = { partitions: 1 }
      await expectSame(deleteTopics as Handler, exchange, existing)
    },
  )
})

describe('CreatePartitions', () => {
  it.each(golden('37-CreatePartitions.jsonl').map((each) => [each.at, each] as const))(
    '%s',
    async (_at, exchange) => {
      const existing: Topics = {}
      const asked = new Map(trees(exchange.request['topics']).map((each) => [each['name'], each]))
      for (const { name, errorCode, errorMessage } of trees(exchange.response['results'])) {
        const told = /currently has (\d+)/.exec(String(errorMessage))?.[1]
        const count = Number(asked.get(name)?.['count'])
        if (errorCode !== 3)
          existing[String(name)] = { partitions: told === undefined ? count - 1 : Number(told) }
      }
      await expectSame(createPartitions as Handler, exchange, existing)
    },
  )
})

/** Options only we have, and the source of one that Kafka stored on its own, are left out. */
function withoutOwnConfigs(answer: Tree): Tree {
  const key = answer['results'] === undefined ? 'topics' : 'results'
  return {
    ...answer,
    [key]: trees(answer[key]).map((row) => ({
      ...row,
      configs: row['configs'] === null ? null : comparableConfigs(trees(row['configs'])),
    })),
  }
}

function comparableConfigs(configs: readonly Tree[]): Tree[] {
  return configs
    .filter(({ name }) => !String(name).startsWith('sluice.') && name !== SET_BY_KAFKA)
    .map((config) => config)
}

describe('DescribeConfigs', () => {
  it.each(golden('32-DescribeConfigs.jsonl').map((each) => [each.at, each] as const))(
    '%s',
    async (_at, exchange) => {
      const existing: Topics = {}
      for (const { resourceType, resourceName, errorCode, configs } of trees(
        exchange.response['results'],
      )) {
        if (resourceType !== 2 || errorCode !== 0) continue
        const own = trees(configs).filter(({ configSource }) => configSource === 1)
        const pairs = own.map(({ name, value }) => [String(name), String(value)])
        existing[String(resourceName)] = { partitions: 1, configs: Object.fromEntries(pairs) }
      }
      // What was set for the whole cluster on that broker is not set here.
      const dynamic = ({ resourceType, resourceName }: Tree) =>
        resourceType === 4 && resourceName === ''
      const adapt = (answer: Tree): Tree => ({
        ...withoutOwnConfigs(answer),
        results: trees(withoutOwnConfigs(answer)['results']).map((row) =>
          dynamic(row) ? { ...row, configs: [] } : row,
        ),
      })
      await expectSame(describeConfigs as Handler, exchange, existing, adapt)
    },
  )
})

describe('DescribeCluster', () => {
  it.each(golden('60-DescribeCluster.jsonl').map((each) => [each.at, each] as const))(
    '%s',
    async (_at, exchange) => expectSame(describeCluster as Handler, exchange, {}),
  )
})

/** Topics with the partitions of an answer that shows them all, or as many as a cursor says. */
function shown(response: Tree): Topics {
  const existing: Topics = {}
  for (const { name, errorCode, partitions } of trees(response['topics'])) {
    const indexes = trees(partitions).map(({ partitionIndex }) => Number(partitionIndex))
    if (errorCode === 0) existing[String(name)] = { partitions: Math.max(...indexes) + 1 }
  }
  const cursor = response['nextCursor'] as Tree | null | undefined
  if (cursor !== null && cursor !== undefined)
    existing[String(cursor['topicName'])] = { partitions: Number(cursor['partitionIndex']) + 1 }
  return existing
}

/** Epochs tell how often the other broker was restarted. */
function withoutEpochs(answer: Tree): Tree {
  return {
    ...answer,
    topics: trees(answer['topics']).map((topic) => ({
      ...topic,
      partitions: trees(topic['partitions']).map((partition) => ({ ...partition, leaderEpoch: 0 })),
    })),
  }
}

describe('DescribeTopicPartitions', () => {
  it.each(golden('75-DescribeTopicPartitions.jsonl').map((each) => [each.at, each] as const))(
    '%s',
    async (_at, exchange) =>
      expectSame(
        describeTopicPartitions as Handler,
        exchange,
        shown(exchange.response),
        withoutEpochs,
      ),
  )
})

describe('Metadata', () => {
  /** Kafka answers an error while it creates; here the topic is there at once. */
  const created = ({ request, response }: Golden): boolean =>
    request['allowAutoTopicCreation'] === true &&
    trees(response['topics']).some(({ errorCode }) => errorCode === 3 || errorCode === 5)
  /** Ids differ, so what is asked for by id is put in our words. */
  const byId = ({ request }: Golden): boolean =>
    (request['topics'] as Tree[] | null)?.some(({ topicId }) => topicId !== ZERO) ?? false

  it.each(
    golden('03-Metadata.jsonl')
      .filter((each) => !created(each) && !byId(each))
      .map((each) => [each.at, each] as const),
  )('%s', async (_at, exchange) =>
    expectSame(metadata as Handler, exchange, shown(exchange.response), withoutEpochs),
  )
})

describe('FindCoordinator', () => {
  const group = ({ request }: Golden): boolean => request['keyType'] === 0
  const refused = ({ response }: Golden): boolean =>
    [response, ...trees(response['coordinators'])].some(({ errorCode }) => errorCode !== 0)

  it.each(
    golden('10-FindCoordinator.jsonl')
      .filter((each) => group(each) && !refused(each))
      .map((each) => [each.at, each] as const),
  )('%s', async (_at, exchange) => expectSame(findCoordinator as Handler, exchange, {}))
})

/** DescribeLogDirs, AlterReplicaLogDirs, DescribeProducers, and offline partitions in Metadata. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { partitionKey, withOffline } from '../../../engine/metadata/image.ts'
import { decodeRequestHeader, decodeResponseHeader } from '../../../engine/protocol/header.ts'
import { decoderFor, encoderFor } from '../../../engine/schema/codec.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { Writer } from '../../../engine/schema/writer.ts'
import type { Handler, RequestContext } from '../../../net/handler.ts'
import { metadata } from '../../../net/handlers/03-metadata.ts'
import { alterReplicaLogDirsHandler } from '../../../net/handlers/34-alter-replica-log-dirs.ts'
import { describeLogDirsHandler } from '../../../net/handlers/35-describe-log-dirs.ts'
import { describeProducersHandler } from '../../../net/handlers/61-describe-producers.ts'
import { describeTopicPartitions } from '../../../net/handlers/75-describe-topic-partitions.ts'
import { FakeRouter } from '../../support/fake-router.ts'
import { exchangesOf } from '../../support/golden-wire.ts'

const FOLDERS = ['/data/one', '/data/two']

function contextOf(router: FakeRouter, apiVersion: number): RequestContext {
  return {
    apiVersion,
    router,
    config: { dataFolders: FOLDERS, brokerRack: null, maxRequestPartitionSizeLimit: 2_000 },
    connection: { advertised: { host: 'h', port: 1 } },
  } as unknown as RequestContext
}

/** Through the response's bytes, as a client would see it. */
async function ask<Req extends object, Res extends object>(
  handler: Handler<Req, Res>,
  router: FakeRouter,
  apiVersion: number,
  request: object,
): Promise<Res> {
  const response = await handler.handle(contextOf(router, apiVersion), request as Req)
  const writer = new Writer()
  const encode = encoderFor(handler.response, apiVersion) as (w: Writer, value: object) => void
  encode(writer, response)
  return decoderFor(handler.response, apiVersion)(new Reader(writer.bytes())) as unknown as Res
}

interface Golden<Req, Res> {
  readonly version: number
  readonly request: Req
  readonly response: Res
}

/** What Kafka 4.2 was asked and answered. */
function golden<Req extends object, Res extends object>(
  handler: Handler<Req, Res>,
  file: string,
): Golden<Req, Res>[] {
  return exchangesOf(file).flatMap(({ request, response }) => {
    if (response === null) return []
    const header = decodeRequestHeader(request, 4, request.length)
    const reader = new Reader(response, 4)
    decodeResponseHeader(reader, header.apiKey, header.apiVersion)
    const version = header.apiVersion
    const body = new Reader(request, header.bodyStart)
    return [
      {
        version,
        request: decoderFor(handler.request, version)(body) as unknown as Req,
        response: decoderFor(handler.response, version)(reader) as unknown as Res,
      },
    ]
  })
}

describe('DescribeLogDirs', () => {
  function rig(): FakeRouter {
    const router = new FakeRouter(2)
    router.addTopic('orders', 1, 3)
    router.addTopic('other', 2, 1)
    router.answers.describeVolumes = () => ({
      volumes: [
        { errorCode: 0, totalBytes: 1_000, usableBytes: 400 },
        { errorCode: 0, totalBytes: 2_000, usableBytes: 800 },
      ],
    })
    const replica = (ordinal: number, index: number, folder: number, isFuture = false) => ({
      key: partitionKey(ordinal, index),
      folder,
      sizeBytes: 10 * index + folder,
      offsetLag: isFuture ? 5 : 0,
      isFuture,
    })
    router.answers.describeFolders = (_: never, shard: number) => ({
      replicas:
        shard === 0
          ? [replica(1, 1, 0), replica(1, 1, 1, true), replica(2, 0, 1), replica(77, 0, 1)]
          : [replica(1, 0, 1), replica(1, 2, 0)],
    })
    return router
  }

  it('tells every folder what every shard has there, and what is on its way', async () => {
    const response = await ask(describeLogDirsHandler, rig(), 4, { topics: null })
    expect(response).toEqual({
      throttleTimeMs: 0,
      errorCode: 0,
      results: [
        {
          errorCode: 0,
          logDir: '/data/one',
          topics: [
            {
              name: 'orders',
              partitions: [
                { partitionIndex: 1, partitionSize: 10, offsetLag: 0, isFutureKey: false },
                { partitionIndex: 2, partitionSize: 20, offsetLag: 0, isFutureKey: false },
              ],
            },
          ],
          totalBytes: 1_000,
          usableBytes: 400,
        },
        {
          errorCode: 0,
          logDir: '/data/two',
          topics: [
            {
              name: 'orders',
              partitions: [
                { partitionIndex: 1, partitionSize: 11, offsetLag: 5, isFutureKey: true },
                { partitionIndex: 0, partitionSize: 1, offsetLag: 0, isFutureKey: false },
              ],
            },
            {
              name: 'other',
              partitions: [
                { partitionIndex: 0, partitionSize: 1, offsetLag: 0, isFutureKey: false },
              ],
            },
          ],
          totalBytes: 2_000,
          usableBytes: 800,
        },
      ],
    })
  })

  it('tells of nothing but what was asked for', async () => {
    const topics = [
      { topic: 'orders', partitions: [2, 9] },
      { topic: 'missing', partitions: [0] },
    ]
    const response = await ask(describeLogDirsHandler, rig(), 1, { topics })
    expect(response.results.map((each) => each.topics)).toEqual([
      [{ name: 'orders', partitions: [expect.objectContaining({ partitionIndex: 2 })] }],
      [],
    ])
  })

  it('answers a failed folder with the error alone', async () => {
    const router = rig()
    router.answers.describeVolumes = () => ({
      volumes: [
        { errorCode: 0, totalBytes: 1, usableBytes: 1 },
        { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, totalBytes: -1, usableBytes: -1 },
      ],
    })
    const response = await ask(describeLogDirsHandler, router, 4, { topics: null })
    expect(response.results[1]).toEqual({
      errorCode: ErrorCode.KAFKA_STORAGE_ERROR,
      logDir: '/data/two',
      topics: [],
      totalBytes: -1,
      usableBytes: -1,
    })
  })
})

describe('AlterReplicaLogDirs', () => {
  it('asks each owner, and answers each partition of the request', async () => {
    const router = new FakeRouter(2)
    router.addTopic('orders', 1, 4)
    router.answers.moveReplicas = ({ partitions }: { partitions: { folder: number }[] }) => ({
      partitions: partitions.map(({ folder }) => ({ errorCode: folder === 0 ? 0 : 56 })),
    })
    const request = {
      dirs: [
        { path: '/data/two', topics: [{ name: 'orders', partitions: [0, 1] }] },
        { path: '/data/one', topics: [{ name: 'orders', partitions: [2, 8] }] },
        { path: '/else', topics: [{ name: 'missing', partitions: [3] }] },
      ],
    }
    const { results } = await ask(alterReplicaLogDirsHandler, router, 2, request)
    expect(
      results.map(({ topicName, partitions }) => [
        topicName,
        partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
      ]),
    ).toEqual([
      [
        'orders',
        [
          [0, ErrorCode.KAFKA_STORAGE_ERROR],
          [1, ErrorCode.KAFKA_STORAGE_ERROR],
          [2, 0],
          [8, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
        ],
      ],
      ['missing', [[3, ErrorCode.LOG_DIR_NOT_FOUND]]],
    ])
    expect(router.called).toHaveLength(2)
  })

  it('answers as Kafka 4.2 did', async () => {
    const router = new FakeRouter(1)
    router.addTopic('syn', 1, 2)
    const exchanges = golden(alterReplicaLogDirsHandler, '34-AlterReplicaLogDirs.jsonl')
    expect(exchanges.length).toBeGreaterThan(1)
    for (const { version, request, response } of exchanges)
      expect(await ask(alterReplicaLogDirsHandler, router, version, request)).toEqual(response)
  })
})

describe('DescribeProducers', () => {
  it('answers as Kafka 4.2 did, given the same producers', async () => {
    const exchanges = golden(describeProducersHandler, '61-DescribeProducers.jsonl')
    expect(exchanges.length).toBeGreaterThan(2)
    for (const { version, request, response } of exchanges) {
      const router = new FakeRouter(1)
      const producers = new Map<number, object>()
      for (const [ordinal, { name, partitions }] of response.topics.entries()) {
        const known = partitions.filter(({ errorCode }) => errorCode === 0)
        const highest = Math.max(-1, ...known.map(({ partitionIndex }) => partitionIndex))
        router.addTopic(name, ordinal, highest + 1)
        for (const { partitionIndex, activeProducers } of known)
          producers.set(partitionKey(ordinal, partitionIndex), {
            errorCode: 0,
            producers: activeProducers.map(({ currentTxnStartOffset, ...producer }) => ({
              ...producer,
              transactionFirstOffset: currentTxnStartOffset,
            })),
          })
      }
      router.answers.describeProducers = ({ partitions }: { partitions: { key: number }[] }) => ({
        partitions: partitions.map(({ key }) => producers.get(key)),
      })
      expect(await ask(describeProducersHandler, router, version, request)).toEqual(response)
    }
  })
})

describe('DescribeProducers of a name that no topic can have', () => {
  it('says so, since clients ask again for a topic that is only unknown', async () => {
    const { topics } = await ask(describeProducersHandler, new FakeRouter(1), 0, {
      topics: [{ name: 'a/b', partitionIndexes: [0] }],
    })
    expect(topics[0]?.partitions[0]).toMatchObject({
      errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
      errorMessage: expect.stringContaining("'a/b'"),
    })
  })
})

describe('a partition whose disk failed', () => {
  const router = new FakeRouter(1)
  const { ordinal } = router.addTopic('orders', 1, 2)
  router.metadata = withOffline(router.metadata, [partitionKey(ordinal, 1)])

  it('has no leader in Metadata, as Kafka 4.2 tells it', async () => {
    const { topics } = await ask(metadata, router, 12, {
      topics: [{ name: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
      allowAutoTopicCreation: false,
    })
    const [topic] = topics
    expect(topic?.errorCode).toBe(0)
    expect(topic?.partitions).toMatchObject([
      { errorCode: 0, leaderId: 1, isrNodes: [1], offlineReplicas: [] },
      {
        errorCode: ErrorCode.LEADER_NOT_AVAILABLE,
        leaderId: -1,
        replicaNodes: [1],
        isrNodes: [],
        offlineReplicas: [1],
      },
    ])
  })

  it('is its own eligible leader in DescribeTopicPartitions', async () => {
    const { topics } = await ask(describeTopicPartitions, router, 0, {
      topics: [{ name: 'orders' }],
      responsePartitionLimit: 100,
      cursor: null,
    })
    expect(topics[0]?.partitions).toMatchObject([
      { leaderId: 1, eligibleLeaderReplicas: [], lastKnownElr: [] },
      { leaderId: -1, isrNodes: [], eligibleLeaderReplicas: [1], lastKnownElr: [1] },
    ])
  })
})

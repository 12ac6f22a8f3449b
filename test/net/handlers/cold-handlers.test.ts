import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ApiError, ErrorCode } from '../../../engine/base/errors.ts'
import { partitionKey } from '../../../engine/metadata/image.ts'
import { HeartbeatResponse } from '../../../engine/protocol/12-heartbeat.ts'
import { DescribeGroupsResponse } from '../../../engine/protocol/15-describe-groups.ts'
import { ApiVersionsResponse } from '../../../engine/protocol/18-api-versions.ts'
import { decodeRequestHeader } from '../../../engine/protocol/header.ts'
import { decoderFor, encoderFor } from '../../../engine/schema/codec.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { Writer } from '../../../engine/schema/writer.ts'
import type { AnyHandler, Handler, RequestContext } from '../../../net/handler.ts'
import { listOffsetsHandler } from '../../../net/handlers/02-list-offsets.ts'
import { heartbeatHandler } from '../../../net/handlers/12-heartbeat.ts'
import { describeGroupsHandler } from '../../../net/handlers/15-describe-groups.ts'
import { listGroupsHandler } from '../../../net/handlers/16-list-groups.ts'
import { deleteRecordsHandler } from '../../../net/handlers/21-delete-records.ts'
import { initProducerIdHandler } from '../../../net/handlers/22-init-producer-id.ts'
import { offsetForLeaderEpochHandler } from '../../../net/handlers/23-offset-for-leader-epoch.ts'
import { handlers } from '../../../net/handlers/index.ts'
import { ProducerIds } from '../../../net/producer-ids.ts'
import { MemoryLogger } from '../../support/connection-rig.ts'
import { FakeRouter } from '../../support/fake-router.ts'
import { exchangesOf } from '../../support/golden-wire.ts'

function contextOf(router: FakeRouter, apiVersion: number): RequestContext {
  return {
    apiVersion,
    clientId: 'c',
    router,
    producerIds: new ProducerIds(router as unknown as RequestContext['router']),
    logger: new MemoryLogger(),
    connection: {
      id: 1,
      clientHost: '10.0.0.9',
      listenerName: 'L',
      advertised: { host: 'h', port: 1 },
    },
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

describe('ListOffsets', () => {
  it('asks each owner once and keeps the order asked', async () => {
    const router = new FakeRouter(2)
    router.addTopic('t', 0, 4)
    router.answers.listOffsets = ({ partitions }: { partitions: { key: number }[] }) => ({
      partitions: partitions.map(({ key }) => ({
        errorCode: 0,
        timestamp: -1,
        offset: key * 10,
        leaderEpoch: 4,
      })),
    })
    const partitions = [3, 0, 2, 1, 9].map((partitionIndex) => ({
      partitionIndex,
      currentLeaderEpoch: -1,
      timestamp: -1,
    }))
    const response = await ask(listOffsetsHandler, router, 7, {
      replicaId: -1,
      isolationLevel: 1,
      topics: [{ name: 't', partitions }],
    })
    expect(
      response.topics[0]?.partitions.map((each) => [each.partitionIndex, each.offset]),
    ).toEqual([
      [3, 30],
      [0, 0],
      [2, 20],
      [1, 10],
      [9, -1],
    ])
    expect(response.topics[0]?.partitions[4]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(router.called.map(({ shard }) => shard).sort()).toEqual([0, 1])
  })

  it('refuses duplicates and timestamps newer than the version; finds nothing tiered', async () => {
    const router = new FakeRouter()
    router.addTopic('t', 0, 4)
    const codes = async (version: number, timestamps: [number, number][]): Promise<number[]> => {
      const response = await ask(listOffsetsHandler, router, version, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [
          {
            name: 't',
            partitions: timestamps.map(([partitionIndex, timestamp]) => ({
              partitionIndex,
              currentLeaderEpoch: -1,
              timestamp,
            })),
          },
        ],
      })
      return response.topics[0]?.partitions.map((each) => each.errorCode) ?? []
    }
    const { INVALID_REQUEST, UNSUPPORTED_VERSION } = ErrorCode
    expect(
      await codes(9, [
        [1, -6],
        [1, -1],
      ]),
    ).toEqual([INVALID_REQUEST, INVALID_REQUEST])
    expect(await codes(6, [[0, -3]])).toEqual([UNSUPPORTED_VERSION])
    expect(
      await codes(11, [
        [0, -7],
        [1, -6],
      ]),
    ).toEqual([UNSUPPORTED_VERSION, 0])
    expect(router.called.length).toBe(0)
  })
})

describe('other partition calls', () => {
  it('DeleteRecords and OffsetForLeaderEpoch go to the owner and name unknown partitions', async () => {
    const router = new FakeRouter()
    router.addTopic('t', 1, 1)
    router.answers.deleteRecords = () => ({ partitions: [{ errorCode: 0, lowWatermark: 8 }] })
    router.answers.endOffsetsForEpoch = () => ({
      partitions: [{ errorCode: 0, leaderEpoch: 3, endOffset: 12 }],
    })
    const deleted = await ask(deleteRecordsHandler, router, 2, {
      timeoutMs: 1,
      topics: [
        {
          name: 't',
          partitions: [
            { partitionIndex: 0, offset: 8 },
            { partitionIndex: 5, offset: 8 },
          ],
        },
      ],
    })
    expect(deleted.topics[0]?.partitions).toEqual([
      { partitionIndex: 0, lowWatermark: 8, errorCode: 0 },
      { partitionIndex: 5, lowWatermark: -1, errorCode: 3 },
    ])
    const ends = await ask(offsetForLeaderEpochHandler, router, 4, {
      replicaId: -1,
      topics: [
        {
          topic: 't',
          partitions: [
            { partition: 0, currentLeaderEpoch: -1, leaderEpoch: 3 },
            { partition: 1, currentLeaderEpoch: -1, leaderEpoch: 3 },
          ],
        },
      ],
    })
    expect(ends.topics[0]?.partitions).toEqual([
      { errorCode: 0, partition: 0, leaderEpoch: 3, endOffset: 12 },
      { errorCode: 3, partition: 1, leaderEpoch: -1, endOffset: -1 },
    ])
    expect(router.called.map(({ request }) => request)).toEqual([
      { partitions: [expect.objectContaining({ key: partitionKey(1, 0), offset: 8 })] },
      { partitions: [expect.objectContaining({ key: partitionKey(1, 0), leaderEpoch: 3 })] },
    ])
  })
})

describe('InitProducerId', () => {
  const request = {
    transactionalId: null,
    transactionTimeoutMs: 0,
    producerId: -1,
    producerEpoch: -1,
  }

  it('gives every producer its own id, from blocks fetched once', async () => {
    const router = new FakeRouter()
    let next = 5_000
    router.answers.allocateProducerIds = ({ count }: { count: number }) => {
      next += count
      return { firstProducerId: next - count, count }
    }
    const context = contextOf(router, 4)
    const ids = await Promise.all(
      Array.from({ length: 1_500 }, () => initProducerIdHandler.handle(context, request)),
    )
    expect(new Set(ids.map(({ producerId }) => producerId)).size).toBe(1_500)
    expect(ids[0]).toEqual({ errorCode: 0, producerId: 5_000, producerEpoch: 0 })
    expect(router.called.length).toBe(2)
  })

  it('refuses transactional ids, and half of an id and epoch', async () => {
    const router = new FakeRouter()
    const code = async (values: object): Promise<number> =>
      (await ask(initProducerIdHandler, router, 4, { ...request, ...values })).errorCode
    expect(await code({ transactionalId: 'tx' })).toBe(
      ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    )
    expect(await code({ transactionalId: '' })).toBe(ErrorCode.INVALID_REQUEST)
    expect(await code({ producerId: 5 })).toBe(ErrorCode.INVALID_REQUEST)
    expect(await code({ producerEpoch: 5 })).toBe(ErrorCode.INVALID_REQUEST)
  })
})

describe('group requests', () => {
  const beat = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }

  it('answer NOT_COORDINATOR while the offsets topic is missing', async () => {
    const router = new FakeRouter()
    expect((await ask(heartbeatHandler, router, 4, beat)).errorCode).toBe(ErrorCode.NOT_COORDINATOR)
    const listed = await ask(listGroupsHandler, router, 4, { statesFilter: [] })
    expect(listed).toEqual({ throttleTimeMs: 0, errorCode: 0, groups: [] })
    expect(router.called.length).toBe(0)
  })

  it('go to the owner of the partition the group hashes to, with the client they came from', async () => {
    const router = new FakeRouter(2)
    router.addTopic('__consumer_offsets', 0, 50, true)
    router.answers.coordinate = () => {
      const writer = new Writer()
      encoderFor(HeartbeatResponse, 4)(writer, { errorCode: 27 })
      return { body: writer.take() }
    }
    const response = await ask(heartbeatHandler, router, 4, beat)
    expect(response.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const [call] = router.called
    // 'g'.hashCode() is 103.
    expect(call?.shard).toBe(1)
    expect(call?.request).toMatchObject({
      partition: 3,
      apiKey: 12,
      apiVersion: 4,
      clientId: 'c',
      clientHost: '/10.0.0.9',
    })
  })

  it('of several groups are split and put together in the order asked', async () => {
    const router = new FakeRouter()
    router.addTopic('__consumer_offsets', 0, 4, true)
    const seen: string[][] = []
    router.answers.coordinate = ({ body }: { body: Buffer }) => {
      const request = decoderFor(describeGroupsHandler.request, 5)(new Reader(body)) as unknown as {
        groups: string[]
      }
      seen.push(request.groups)
      const writer = new Writer()
      encoderFor(DescribeGroupsResponse, 5)(writer, {
        groups: request.groups.map((groupId) => ({
          errorCode: 0,
          groupId,
          groupState: 'Empty',
          protocolType: '',
          protocolData: '',
          members: [],
        })),
      })
      return { body: writer.take() }
    }
    const groups = ['a', 'b', 'c', 'd', 'e', 'f']
    const response = await ask(describeGroupsHandler, router, 5, {
      groups,
      includeAuthorizedOperations: false,
    })
    expect(response.groups.map(({ groupId }) => groupId)).toEqual(groups)
    expect(seen.length).toBe(4)
  })

  it('carry an error of the coordinator call in their own form', () => {
    const failed = heartbeatHandler.failed?.(beat, ErrorCode.NOT_COORDINATOR, 'moved', 4)
    expect(failed).toMatchObject({ errorCode: ErrorCode.NOT_COORDINATOR })
    expect(new ApiError(16, 'moved').code).toBe(ErrorCode.NOT_COORDINATOR)
  })
})

describe('every version', () => {
  it('of every cold handler here can say its answers and its errors', async () => {
    const router = new FakeRouter()
    router.addTopic('t', 1, 1)
    router.answers.listOffsets = () => ({
      partitions: [{ errorCode: 0, timestamp: 5, offset: 6, leaderEpoch: 7 }],
    })
    router.answers.deleteRecords = () => ({ partitions: [{ errorCode: 0, lowWatermark: 8 }] })
    router.answers.endOffsetsForEpoch = () => ({
      partitions: [{ errorCode: 0, leaderEpoch: 3, endOffset: 12 }],
    })
    router.answers.allocateProducerIds = () => ({ firstProducerId: 1, count: 1_000 })
    const requests: Record<string, object> = {
      2: {
        replicaId: -1,
        isolationLevel: 0,
        topics: [
          { name: 't', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }] },
        ],
      },
      18: { clientSoftwareName: 'a', clientSoftwareVersion: '1' },
      21: { timeoutMs: 1, topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 1 }] }] },
      22: { transactionalId: null, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 },
      23: {
        replicaId: -1,
        topics: [
          { topic: 't', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 1 }] },
        ],
      },
    }
    for (const handler of handlers) {
      if (handler.pipelined) continue
      const request = requests[handler.apiKey]
      const [min, max] = handler.versions
      for (let version = min; version <= max; version++) {
        if (request !== undefined) await ask(handler, router, version, request)
      }
    }
  })

  it('of every group API can say that there is no coordinator', async () => {
    const router = new FakeRouter()
    let compared = 0
    for (const file of [
      '08-OffsetCommit',
      '09-OffsetFetch',
      '11-JoinGroup',
      '12-Heartbeat',
      '13-LeaveGroup',
      '14-SyncGroup',
      '15-DescribeGroups',
      '16-ListGroups',
      '42-DeleteGroups',
      '47-OffsetDelete',
    ])
      for (const { apiKey, version, request } of exchangesOf(`${file}.jsonl`)) {
        const handler = handlers.find((each) => each.apiKey === Number(apiKey ?? file.slice(0, 2)))
        if (handler === undefined || handler.pipelined) throw new Error(file)
        const [min, max] = handler.versions
        if (version < min || version > max) continue
        const { bodyStart } = decodeRequestHeader(request, 4, request.length)
        const body = decoderFor(handler.request, version)(new Reader(request, bodyStart))
        await ask(handler, router, version, body)
        compared++
      }
    expect(compared).toBeGreaterThan(100)
  })
})

describe('ApiVersions', () => {
  const handler = handlers.find(({ apiKey }) => apiKey === 18) as Handler<
    object,
    ApiVersionsResponse
  >
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0-x' }

  it('announces each handler, within what a Kafka 4.2 announces', async () => {
    const { apiKeys } = await ask(handler, new FakeRouter(), 4, software)
    const index = JSON.parse(readFileSync('test/golden/messages/index.json', 'utf8')) as {
      apiKey: number
      advertised?: string
    }[]
    expect(apiKeys.map(({ apiKey }) => apiKey)).toEqual(
      handlers.map(({ apiKey }) => apiKey).sort((a, b) => a - b),
    )
    for (const { apiKey, minVersion, maxVersion } of apiKeys)
      expect(`${apiKey}: ${minVersion}-${maxVersion}`).toBe(
        `${apiKey}: ${index.find((each) => each.apiKey === apiKey)?.advertised}`,
      )
  })

  it('keeps the promises older clients read out of the ranges (traps T1 and T2)', async () => {
    const { apiKeys } = await ask(handler, new FakeRouter(), 0, software)
    const includes = (apiKey: number, version: number): boolean =>
      apiKeys.some((r) => r.apiKey === apiKey && r.minVersion <= version && version <= r.maxVersion)
    const needed: [number, number][] = [
      [0, 0],
      [0, 3],
      [0, 7],
      [1, 4],
      [1, 10],
      [2, 1],
      [22, 0],
      [8, 2],
      [9, 1],
      [11, 0],
      [14, 0],
      [12, 0],
      [13, 0],
      [18, 0],
    ]
    for (const [apiKey, version] of needed) expect(includes(apiKey, version)).toBe(true)
  })

  it('has the shape of a real answer in every version, features included from v3 on', async () => {
    for (const { version, response, request } of exchangesOf('18-ApiVersions.jsonl')) {
      if (response === null || response.readInt16BE(8) !== 0) continue
      const golden = decoderFor(ApiVersionsResponse, version)(new Reader(response, 8))
      const router = new FakeRouter()
      const ours = await ask(handler, router, version, software)
      expect(ours.errorCode).toBe(golden.errorCode)
      for (const range of ours.apiKeys) expect(golden.apiKeys).toContainEqual(range)
      for (const feature of ours.supportedFeatures)
        expect(golden.supportedFeatures).toContainEqual(feature)
      for (const feature of ours.finalizedFeatures)
        expect(golden.finalizedFeatures).toContainEqual(feature)
      expect(request.length).toBeGreaterThan(0)
    }
  })

  it('refuses client software that is no name', async () => {
    for (const clientSoftwareName of ['', 'a b', '-a', 'a.']) {
      const response = await ask(handler, new FakeRouter(), 3, { ...software, clientSoftwareName })
      expect(response.errorCode).toBe(ErrorCode.INVALID_REQUEST)
    }
    expect(
      (
        await ask(handler, new FakeRouter(), 2, {
          clientSoftwareName: '',
          clientSoftwareVersion: '',
        })
      ).errorCode,
    ).toBe(0)
  })

  it('serves every version between the two ends of each handler', () => {
    for (const each of handlers as readonly AnyHandler[]) {
      const [min, max] = each.versions
      expect(each.request.apiKey).toBe(each.apiKey)
      for (let version = min; version <= max; version++) {
        decoderFor(each.request, version)
        encoderFor(each.response, version)
      }
    }
  })
})

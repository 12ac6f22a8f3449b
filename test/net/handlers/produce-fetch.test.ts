import { afterEach, describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { ZERO_UUID } from '../../../engine/base/random.ts'
import { partitionKey } from '../../../engine/metadata/image.ts'
import { ProduceRequest, ProduceResponse } from '../../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../../engine/protocol/01-fetch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { decoderFor } from '../../../engine/schema/codec.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import type { ReadResult } from '../../../engine/shard-port.ts'
import { FetchSessions } from '../../../net/fetch-sessions.ts'
import type { HandlerServices } from '../../../net/handler.ts'
import { produceHandler } from '../../../net/handlers/00-produce.ts'
import { fetchHandler } from '../../../net/handlers/01-fetch.ts'
import {
  ConnectionRig,
  ManualClock,
  type RawClient,
  requestFrame,
} from '../../support/connection-rig.ts'
import { FakeRouter } from '../../support/fake-router.ts'

let rig: ConnectionRig | null = null

async function setup(): Promise<{ router: FakeRouter; client: RawClient; rig: ConnectionRig }> {
  const router = new FakeRouter()
  let seed = 1
  const random = { uuid: () => ZERO_UUID, int: (bound: number) => (seed++ * 7_919) % bound }
  rig = new ConnectionRig({
    handlers: [produceHandler, fetchHandler],
    services: {
      router: router as unknown as HandlerServices['router'],
      config: { fetchMaxBytes: 57_671_680 } as HandlerServices['config'],
      fetchSessions: new FetchSessions(10, new ManualClock(), random),
    },
  })
  await rig.start()
  return { router, client: await rig.client(), rig }
}

afterEach(async () => {
  await rig?.stop()
  rig = null
})

const batch = (isTransactional = false): Buffer =>
  buildBatch({
    records: [{ key: null, value: Buffer.from('v'), timestamp: 5 }],
    isTransactional,
    ...(isTransactional ? { producerId: 1, producerEpoch: 0, baseSequence: 0 } : null),
  })

interface ProduceOptions {
  acks?: number
  name?: string
  topicId?: string
  partitions?: readonly number[]
  records?: Buffer | null
  clientId?: string
}

function produce(version: number, correlationId: number, options: ProduceOptions = {}): Buffer {
  const { acks = -1, name = 't', topicId = ZERO_UUID, partitions = [0] } = options
  const records = options.records === undefined ? batch() : options.records
  const body = {
    transactionalId: null,
    acks,
    timeoutMs: 700,
    topicData: [{ name, topicId, partitionData: partitions.map((index) => ({ index, records })) }],
  }
  return requestFrame(ProduceRequest, version, correlationId, body, options.clientId ?? 'c')
}

function produced(version: number, answer: Buffer | undefined) {
  if (answer === undefined) throw new Error('no answer')
  return decoderFor(ProduceResponse, version)(new Reader(answer, version >= 9 ? 5 : 4))
}

describe('Produce', () => {
  it.each([3, 7, 9, 13])('v%i appends in order and answers with what the owner says', async (v) => {
    const { router, client } = await setup()
    const topic = router.addTopic('t', 2, 3)
    router.onAppend = ({ key, done }) => setImmediate(() => done(0, 100 + (key % 10), -1, 7, null))
    client.send(produce(v, 1, { partitions: [2, 0], topicId: v >= 13 ? topic.topicId : ZERO_UUID }))
    await client.answered(1)
    expect(router.appends.map(({ key }) => key)).toEqual([partitionKey(2, 2), partitionKey(2, 0)])
    expect(router.appends[0]?.records.equals(batch())).toBe(true)
    expect(router.appends[0]?.options).toEqual({
      acks: -1,
      timeoutMs: 700,
      produceVersion: v,
      internalAllowed: false,
    })
    const [answer] = produced(v, client.answers[0]).responses
    expect(v >= 13 ? answer?.topicId : answer?.name).toBe(v >= 13 ? topic.topicId : 't')
    expect(answer?.partitionResponses.map((each) => [each.index, each.errorCode])).toEqual([
      [2, 0],
      [0, 0],
    ])
    expect(answer?.partitionResponses[0]?.logStartOffset).toBe(v >= 5 ? 7 : -1)
    expect(answer?.partitionResponses[0]?.baseOffset).toBe(100 + (partitionKey(2, 2) % 10))
  })

  it('tells unknown topics, ids and partitions without asking anybody', async () => {
    const { router, client } = await setup()
    router.addTopic('t', 2, 1)
    client.send(
      produce(9, 1, { name: 'nope' }),
      produce(9, 2, { partitions: [1, -1] }),
      produce(13, 3, { topicId: 'zzzzzzzzzzzzzzzzzzzzzg' }),
    )
    await client.answered(3)
    const codes = [9, 9, 13].map((version, at) =>
      produced(version, client.answers[at]).responses[0]?.partitionResponses.map(
        (each) => each.errorCode,
      ),
    )
    expect(codes).toEqual([
      [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
      [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
      [ErrorCode.UNKNOWN_TOPIC_ID],
    ])
    expect(router.appends.length).toBe(0)
  })

  it('refuses acks that do not exist and transactional batches', async () => {
    const { router, client } = await setup()
    router.addTopic('t', 2, 1)
    router.onAppend = ({ done }) => done(0, 0, -1, 0, null)
    client.send(
      produce(9, 1, { acks: 2 }),
      produce(9, 2, { records: batch(true) }),
      produce(9, 3, { clientId: '__admin_client' }),
      produce(9, 4, { records: null }),
    )
    await client.answered(4)
    const codes = client.answers.map(
      (answer) => produced(9, answer).responses[0]?.partitionResponses[0]?.errorCode,
    )
    expect(codes).toEqual([
      ErrorCode.INVALID_REQUIRED_ACKS,
      ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      0,
      0,
    ])
    expect(router.appends.map(({ options }) => options.internalAllowed)).toEqual([true, false])
    expect(router.appends[1]?.records.length).toBe(0)
  })

  it('carries record errors and the leader hint', async () => {
    const { router, client } = await setup()
    router.addTopic('t', 2, 2)
    router.onAppend = ({ key, done }) =>
      key === partitionKey(2, 0)
        ? done(ErrorCode.INVALID_RECORD, -1, -1, 3, 'bad', [{ batchIndex: 1, message: 'no key' }])
        : done(ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, -1, -1, null)
    client.send(produce(10, 1, { partitions: [0, 1] }))
    await client.answered(1)
    const response = produced(10, client.answers[0])
    const [first, second] = response.responses[0]?.partitionResponses ?? []
    expect(first?.errorMessage).toBe('bad')
    expect(first?.recordErrors).toEqual([{ batchIndex: 1, batchIndexErrorMessage: 'no key' }])
    expect(second?.currentLeader).toEqual({ leaderId: 1, leaderEpoch: 4 })
    expect(response.nodeEndpoints).toEqual([
      { nodeId: 1, host: 'broker.example', port: 9092, rack: null },
    ])
  })

  it('with acks=0 answers nothing, and closes on an error only', async () => {
    const { router, client, rig: used } = await setup()
    router.addTopic('t', 2, 1)
    router.onAppend = ({ done, options }) => done(0, options.acks === 0 ? 1 : 2, -1, 0, null)
    client.send(produce(9, 1, { acks: 0 }), produce(9, 2), produce(9, 3, { acks: 0 }))
    await client.answered(1)
    expect(client.order).toEqual([2])
    expect(router.appends.length).toBe(3)
    client.send(produce(9, 4, { acks: 0, name: 'nope' }))
    await client.ended()
    expect(client.answers.length).toBe(1)
    expect(used.logger.lines[0]).toMatch(/acks=0 failed on partition 0: UNKNOWN_TOPIC_OR_PARTITION/)
  })
})

const CONTENT = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) >>> 3))

function result(values: Partial<ReadResult> & { released?: number[] } = {}): ReadResult {
  const { released, ...rest } = values
  return {
    errorCode: 0,
    highWatermark: 50,
    lastStableOffset: 50,
    logStartOffset: 0,
    divergingEpoch: null,
    abortedTransactions: null,
    leaderEpoch: 4,
    file: {
      fd: -1,
      path: 'memory',
      readSync: (into, position) => CONTENT.copy(into, 0, position),
      readCached: () => -1,
      read: async (into, position) => CONTENT.copy(into, 0, position, position + 100_000),
    },
    position: 0,
    length: 0,
    firstBatchBytes: 0,
    cached: true,
    zerosBehind: 0,
    release: () => released?.push(rest.position ?? 0),
    ...rest,
  }
}

interface FetchOptions {
  sessionId?: number
  sessionEpoch?: number
  topics?: readonly { topic?: string; topicId?: string; partitions: readonly number[] }[]
  maxWaitMs?: number
  isolationLevel?: number
}

function fetch(version: number, correlationId: number, options: FetchOptions = {}): Buffer {
  const { sessionId = 0, sessionEpoch = -1, maxWaitMs = 500, isolationLevel = 0 } = options
  const topics = options.topics ?? [{ topic: 't', partitions: [0] }]
  return requestFrame(FetchRequest, version, correlationId, {
    maxWaitMs,
    minBytes: 1,
    maxBytes: 1 << 30,
    isolationLevel,
    ...(version >= 7 ? { sessionId, sessionEpoch } : null),
    topics: topics.map(({ topic = '', topicId = ZERO_UUID, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map((partition) => ({
        partition,
        fetchOffset: 10,
        partitionMaxBytes: 1 << 20,
      })),
    })),
    ...(version >= 7 ? { forgottenTopicsData: [] } : null),
  })
}

function fetched(version: number, answer: Buffer | undefined) {
  if (answer === undefined) throw new Error('no answer')
  return decoderFor(FetchResponse, version)(new Reader(answer, version >= 12 ? 5 : 4))
}

describe('Fetch', () => {
  it.each([4, 11, 12, 13, 18])(
    'v%i sends the ranges its owner gave, and releases them',
    async (v) => {
      const { router, client } = await setup()
      const topic = router.addTopic('t', 2, 2)
      const released: number[] = []
      router.onRead = ({ done }) =>
        setImmediate(() =>
          done([
            result({ position: 100, length: 300, released }),
            result({ position: 900, length: 20, abortedTransactions: [], released }),
          ]),
        )
      const by = v >= 13 ? { topicId: topic.topicId } : { topic: 't' }
      client.send(fetch(v, 1, { topics: [{ ...by, partitions: [0, 1] }] }))
      await client.answered(1)
      const [first, second] = fetched(v, client.answers[0]).responses[0]?.partitions ?? []
      expect(first?.records?.equals(CONTENT.subarray(100, 400))).toBe(true)
      expect(second?.records?.equals(CONTENT.subarray(900, 920))).toBe(true)
      expect(second?.abortedTransactions).toEqual([])
      expect(first?.abortedTransactions).toBe(null)
      expect(released).toEqual([100, 900])
      expect(router.reads[0]?.request).toEqual({
        partitions: [0, 1].map((index) => ({
          key: partitionKey(2, index),
          fetchOffset: 10,
          maxBytes: 1 << 20,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
        })),
        isolation: 0,
        maxBytes: 57_671_680,
        minBytes: 1,
        deadlineMs: 1_500,
      })
    },
  )

  it('streams large cached ranges, and cold ones through the asynchronous read only', async () => {
    const { router, client } = await setup()
    router.addTopic('t', 2, 3)
    const released: number[] = []
    let syncReads = 0
    router.onRead = ({ request, done }) => {
      const large = result({ position: 0, length: 1_200_000, released })
      const cold = result({ position: 5, length: 900_001, cached: false, released })
      const coldFile = cold.file
      if (coldFile === null) throw new Error('a file')
      const small = result({ position: 7, length: 50, released })
      const results = [
        large,
        {
          ...cold,
          file: {
            ...coldFile,
            readSync: () => {
              syncReads++
              return 0
            },
          },
        },
        small,
      ]
      done(results.slice(0, request.partitions.length))
    }
    client.send(fetch(12, 1, { topics: [{ topic: 't', partitions: [0, 1, 2] }] }), fetch(12, 2))
    await client.answered(2)
    const parts = fetched(12, client.answers[0]).responses[0]?.partitions ?? []
    expect(parts[0]?.records?.equals(CONTENT.subarray(0, 1_200_000))).toBe(true)
    expect(parts[1]?.records?.equals(CONTENT.subarray(5, 900_006))).toBe(true)
    expect(parts[2]?.records?.equals(CONTENT.subarray(7, 57))).toBe(true)
    expect(client.order).toEqual([1, 2])
    expect(syncReads).toBe(0)
    expect(released.length).toBe(4)
  })

  it('answers at once when a partition is unknown, asking for the rest', async () => {
    const { router, client } = await setup()
    router.addTopic('t', 2, 1)
    router.onRead = ({ done }) => done([result({ length: 10 })])
    client.send(
      fetch(12, 1, {
        topics: [
          { topic: 'nope', partitions: [0] },
          { topic: 't', partitions: [0, 9] },
        ],
      }),
      fetch(13, 2, { topics: [{ topicId: 'zzzzzzzzzzzzzzzzzzzzzg', partitions: [0] }] }),
    )
    await client.answered(2)
    expect(router.reads[0]?.request.deadlineMs).toBe(0)
    const [nope, known] = fetched(12, client.answers[0]).responses
    expect(nope?.partitions[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(known?.partitions.map((each) => each.errorCode)).toEqual([0, 3])
    expect(known?.partitions[0]?.records?.length).toBe(10)
    const byId = fetched(13, client.answers[1]).responses[0]?.partitions[0]
    expect(byId?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
  })

  it('keeps a session and leaves out what brings nothing new', async () => {
    const { router, client } = await setup()
    router.addTopic('t', 2, 2)
    router.onRead = ({ request, done }) => done(request.partitions.map(() => result()))
    const topics = [{ topic: 't', partitions: [0, 1] }]
    client.send(fetch(12, 1, { sessionEpoch: 0, topics }))
    await client.answered(1)
    const first = fetched(12, client.answers[0])
    expect(first.sessionId).toBeGreaterThan(0)
    expect(first.responses[0]?.partitions.length).toBe(2)
    const { sessionId } = first
    router.onRead = ({ request, done }) => {
      expect(request.partitions.length).toBe(2)
      done([result(), result({ highWatermark: 51, position: 3, length: 4 })])
    }
    client.send(fetch(12, 2, { sessionId, sessionEpoch: 1, topics: [] }))
    await client.answered(2)
    const second = fetched(12, client.answers[1])
    expect(second.sessionId).toBe(sessionId)
    expect(second.responses[0]?.partitions.map((each) => each.partitionIndex)).toEqual([1])
    client.send(fetch(12, 3, { sessionId, sessionEpoch: 1, topics: [] }))
    await client.answered(3)
    expect(fetched(12, client.answers[2]).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    client.send(fetch(12, 4, { sessionId: sessionId + 1, sessionEpoch: 1, topics: [] }))
    await client.answered(4)
    expect(fetched(12, client.answers[3]).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  })

  it('releases what an incremental reply leaves out', async () => {
    const { router, client } = await setup()
    router.addTopic('t', 2, 1)
    const released: number[] = []
    router.onRead = ({ done }) => done([result({ released })])
    client.send(fetch(12, 1, { sessionEpoch: 0 }))
    await client.answered(1)
    const { sessionId } = fetched(12, client.answers[0])
    client.send(fetch(12, 2, { sessionId, sessionEpoch: 1, topics: [] }))
    await client.answered(2)
    expect(fetched(12, client.answers[1]).responses).toEqual([])
    expect(released.length).toBe(2)
  })

  it('cancels a parked read when its connection goes', async () => {
    const { router, client, rig: used } = await setup()
    router.addTopic('t', 2, 1)
    const parked = new Promise<void>((resolve) => {
      router.onRead = () => resolve()
    })
    client.send(fetch(12, 1))
    await parked
    client.socket.destroy()
    while (used.connections.size > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(router.reads[0]?.cancelled).toBe(true)
  })

  it('releases the leases of a reply whose connection dies while it streams', async () => {
    const { router, client, rig: used } = await setup()
    router.addTopic('t', 2, 1)
    const released: number[] = []
    const long = { ...result({ released }), length: 1 << 30 }
    const file = { ...long.file, readSync: (into: Buffer) => into.length } as ReadResult['file']
    router.onRead = ({ done }) => done([{ ...long, file }])
    client.socket.pause()
    client.send(fetch(12, 1))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(released).toEqual([])
    client.socket.destroy()
    while (used.connections.size > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(released.length).toBe(1)
  })

  it('closes the connection when a file ends before its range', async () => {
    const { router, client, rig: used } = await setup()
    router.addTopic('t', 2, 1)
    const released: number[] = []
    const short = { ...result({ released }), length: 400_000 }
    const file = { ...short.file, path: '/data/t-0/0.log', readSync: () => 0 } as ReadResult['file']
    router.onRead = ({ done }) => done([{ ...short, file }])
    client.send(fetch(12, 1))
    await client.ended()
    expect(released.length).toBe(1)
    expect(used.logger.lines[0]).toMatch(/t-0\/0\.log:0 could not be read: the file is shorter/)
  })
})

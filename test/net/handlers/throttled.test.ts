/** What requests of a client over a quota bring, through a real connection and the dispatcher. */
import { afterEach, describe, expect, it } from 'vitest'
import { ZERO_UUID } from '../../../engine/base/random.ts'
import { type ClientQuotas, entityKey } from '../../../engine/metadata/client-quotas.ts'
import { ProduceRequest, ProduceResponse } from '../../../engine/protocol/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../../engine/protocol/01-fetch.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../../engine/protocol/19-create-topics.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { decoderFor } from '../../../engine/schema/codec.ts'
import type { Message } from '../../../engine/schema/fields.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import type { ReadResult } from '../../../engine/shard-port.ts'
import { FetchSessions } from '../../../net/fetch-sessions.ts'
import type { AnyHandler, Handler, HandlerServices } from '../../../net/handler.ts'
import { produceHandler } from '../../../net/handlers/00-produce.ts'
import { fetchHandler } from '../../../net/handlers/01-fetch.ts'
import { RateTable, rateTableMemory, rateWindow } from '../../../net/quotas/rate-table.ts'
import { ShardQuotas } from '../../../net/quotas/shard-quotas.ts'
import {
  ConnectionRig,
  ManualClock,
  type RawClient,
  requestFrame,
} from '../../support/connection-rig.ts'
import { FakeRouter } from '../../support/fake-router.ts'

const PRODUCE_VERSION = 9
const FETCH_VERSION = 12
const CONTENT = Buffer.alloc(100_000, 'c')

let rig: ConnectionRig | null = null
afterEach(async () => {
  await rig?.stop()
  rig = null
})

function ofEverybody(values: Record<string, number>): ClientQuotas {
  const entity = { clientId: null }
  return new Map([[entityKey(entity), { entity, values: new Map(Object.entries(values)) }]])
}

interface Setup {
  readonly router: FakeRouter
  readonly client: RawClient
  readonly used: ConnectionRig
  readonly quotas: ShardQuotas
}

async function setup(
  values: Record<string, number>,
  cold: readonly AnyHandler[] = [],
): Promise<Setup> {
  const router = new FakeRouter()
  router.addTopic('t', 2, 1)
  router.onAppend = ({ done }) => done(0, 5, -1, 0, null)
  const window = rateWindow(11, 1)
  const clock = { nowMs: () => rig?.clock.nowMs ?? 0 }
  const quotas = new ShardQuotas(new RateTable(rateTableMemory(window, 16), window), clock.nowMs)
  quotas.apply(ofEverybody(values))
  let seed = 1
  const random = { uuid: () => ZERO_UUID, int: (bound: number) => (seed++ * 7_919) % bound }
  const services: Partial<HandlerServices> = {
    router: router as unknown as HandlerServices['router'],
    fetchSessions: new FetchSessions(10, new ManualClock(), random),
    quotas,
  }
  rig = new ConnectionRig({ handlers: [produceHandler, fetchHandler, ...cold], services })
  await rig.start()
  return { router, client: await rig.client(), used: rig, quotas }
}

function produce(correlationId: number, bytes: number, acks = 1): Buffer {
  const records = buildBatch({
    records: [{ key: null, value: Buffer.alloc(bytes), timestamp: 5 }],
  })
  const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
  const body = { transactionalId: null, acks, timeoutMs: 700, topicData }
  return requestFrame(ProduceRequest, PRODUCE_VERSION, correlationId, body)
}

function fetch(correlationId: number, sessionId: number, sessionEpoch: number): Buffer {
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
  const body = {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    sessionId,
    sessionEpoch,
    topics: [{ topic: 't', partitions }],
  }
  return requestFrame(FetchRequest, FETCH_VERSION, correlationId, body)
}

function decoded<M extends Message>(table: M, version: number, answer: Buffer | undefined) {
  if (answer === undefined) throw new Error('no answer')
  return decoderFor(table, version)(new Reader(answer, version >= table.flexibleSince ? 5 : 4))
}

function result(length: number, released: number[]): ReadResult {
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
      read: async (into, position) => CONTENT.copy(into, 0, position),
    },
    position: 0,
    length,
    firstBatchBytes: length,
    cached: true,
    zerosBehind: 0,
    release: () => released.push(length),
  }
}

describe('over the quota of produced bytes', () => {
  it('the records are there, the answer says how long to be quiet, and nothing more is read', async () => {
    const { client, router, used } = await setup({ producer_byte_rate: 1_000 })
    client.send(produce(1, 14_800))
    await client.answered(1)
    const answer = decoded(ProduceResponse, PRODUCE_VERSION, client.answers[0])
    expect(answer.responses[0]?.partitionResponses[0]?.baseOffset).toBe(5)
    // Some 15,000 bytes, header and all, where 10,000 are allowed in ten seconds.
    expect(answer.throttleTimeMs).toBeGreaterThan(4_850)
    expect(answer.throttleTimeMs).toBeLessThan(5_050)
    client.send(produce(2, 10))
    used.pass(answer.throttleTimeMs - 20)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(router.appends.length).toBe(1)
    used.pass(40)
    await client.answered(2)
    expect(router.appends.length).toBe(2)
  })

  it('with acks=0 nobody is told, and the connection is held all the same', async () => {
    const { client, router, used } = await setup({ producer_byte_rate: 1_000 })
    client.send(produce(1, 20_000, 0))
    client.send(produce(2, 10))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([router.appends.length, client.answers.length]).toEqual([1, 0])
    used.pass(10_500)
    await client.answered(1)
    expect(client.order).toEqual([2])
  })
})

describe('over the quota of fetched bytes', () => {
  it('an empty answer comes at once, files are let go, and the session misses nothing', async () => {
    const { client, router, used } = await setup({ consumer_byte_rate: 1_000 })
    const released: number[] = []
    const lengths = [9_000, 4_000, 4_000]
    router.onRead = ({ done }) => done([result(lengths.shift() ?? 0, released)])
    client.send(fetch(1, 0, 0))
    await client.answered(1)
    const first = decoded(FetchResponse, FETCH_VERSION, client.answers[0])
    expect(first.throttleTimeMs).toBe(0)
    expect(first.sessionId).toBeGreaterThan(0)
    client.send(fetch(2, first.sessionId, 1))
    await client.answered(2)
    const empty = decoded(FetchResponse, FETCH_VERSION, client.answers[1])
    expect(empty).toMatchObject({ errorCode: 0, sessionId: first.sessionId, responses: [] })
    expect(empty.throttleTimeMs).toBeGreaterThan(3_000)
    expect(released).toEqual([9_000, 4_000])
    used.pass(12_000)
    client.send(fetch(3, first.sessionId, 2))
    await client.answered(3)
    const third = decoded(FetchResponse, FETCH_VERSION, client.answers[2])
    expect(third.throttleTimeMs).toBe(0)
    expect(third.responses[0]?.partitions[0]?.records?.length).toBe(4_000)
  })

  it('a full request is answered without a session', async () => {
    const { client, router } = await setup({ consumer_byte_rate: 10 })
    router.onRead = ({ done }) => done([result(90_000, [])])
    client.send(fetch(1, 0, 0))
    await client.answered(1)
    const empty = decoded(FetchResponse, FETCH_VERSION, client.answers[0])
    expect(empty).toMatchObject({ errorCode: 0, sessionId: 0, responses: [] })
    expect(empty.throttleTimeMs).toBeGreaterThan(1_000_000)
  })

  it('owners are asked for no more than the quota lets through', async () => {
    const { client, router } = await setup({ consumer_byte_rate: 2_000 })
    router.onRead = ({ done }) => done([result(0, [])])
    client.send(fetch(1, 0, -1))
    await client.answered(1)
    expect(router.reads[0]?.request.maxBytes).toBe(20_000)
  })
})

describe('over a quota decided elsewhere', () => {
  const createTopics = (throttleTimeMs: number, takesMs: number): Handler => ({
    apiKey: 19,
    versions: [2, 7],
    pipelined: false,
    request: CreateTopicsRequest,
    response: CreateTopicsResponse,
    handle: () => {
      const clock = rig?.clock
      if (clock !== undefined) clock.nowMs += takesMs
      return { throttleTimeMs, topics: [] }
    },
  })
  const request = (correlationId: number): Buffer =>
    requestFrame(CreateTopicsRequest, 7, correlationId, {
      topics: [],
      timeoutMs: 1,
      validateOnly: false,
    })

  it('a throttle time in a response is kept to', async () => {
    const { client, used } = await setup({}, [createTopics(3_000, 0)])
    client.send(request(1), request(2))
    await client.answered(1)
    used.pass(2_900)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(client.order).toEqual([1])
    used.pass(150)
    await client.answered(2)
    expect(decoded(CreateTopicsResponse, 7, client.answers[1]).throttleTimeMs).toBe(3_000)
  })

  it('the longer of two times is told: that of the response and that of the handler', async () => {
    const { client } = await setup({ request_percentage: 1 }, [createTopics(200, 400)])
    client.send(request(1))
    await client.answered(1)
    // 400 ms in ten seconds are four percent; a window is the most.
    expect(decoded(CreateTopicsResponse, 7, client.answers[0]).throttleTimeMs).toBe(1_000)
  })
})

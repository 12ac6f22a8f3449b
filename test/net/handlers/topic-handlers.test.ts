/** What the recorded exchanges do not show: creation on demand, refusals, pages, failures. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { ZERO_UUID } from '../../../engine/base/random.ts'
import { metadata } from '../../../net/handlers/03-metadata.ts'
import { findCoordinator } from '../../../net/handlers/10-find-coordinator.ts'
import { createTopics } from '../../../net/handlers/19-create-topics.ts'
import { deleteTopics } from '../../../net/handlers/20-delete-topics.ts'
import { createPartitions } from '../../../net/handlers/37-create-partitions.ts'
import { describeCluster } from '../../../net/handlers/60-describe-cluster.ts'
import { describeTopicPartitions } from '../../../net/handlers/75-describe-topic-partitions.ts'
import { ADVERTISED, type ControlRig, controlRig } from '../../support/control-rig.ts'

const UNKNOWN_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const OFFSETS = '__consumer_offsets'

const byName = (...names: string[]) => names.map((name) => ({ name, topicId: ZERO_UUID }))

async function topicsOf(
  rig: ControlRig,
  version: number,
  topics: object[] | null,
  allowAutoTopicCreation = false,
): Promise<[name: string | null, errorCode: number, partitions: number][]> {
  const answer = await rig.ask(metadata, version, { topics, allowAutoTopicCreation })
  return answer.topics.map(({ name, errorCode, partitions }) => [
    name,
    errorCode,
    partitions.length,
  ])
}

describe('Metadata', () => {
  it('names the broker by the address of the listener, with its rack', async () => {
    const rig = await controlRig({ 'broker.rack': 'r1' })
    const answer = await rig.ask(metadata, 12, { topics: [] })
    expect(answer.brokers).toEqual([{ nodeId: 1, ...ADVERTISED, rack: 'r1' }])
    expect(answer.controllerId).toBe(1)
    expect(answer.clusterId).toBe(rig.controller.image.clusterId)
  })

  it('takes an empty list for all topics in v0, for none later', async () => {
    const rig = await controlRig()
    await rig.create('a', 2)
    expect(await topicsOf(rig, 0, [])).toEqual([['a', 0, 2]])
    expect(await topicsOf(rig, 1, [])).toEqual([])
    expect(await topicsOf(rig, 1, null)).toEqual([['a', 0, 2]])
  })

  it('creates what is missing when client and broker allow it, and knows it from the next request on', async () => {
    const rig = await controlRig({ 'num.partitions': '3' })
    await rig.create('a.b', 1)
    const asked = byName('new', 'bad!', 'a_b', 'new')
    const unknown = [
      ['new', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0],
      ['bad!', ErrorCode.INVALID_TOPIC_EXCEPTION, 0],
      ['a_b', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0],
    ]
    expect(await topicsOf(rig, 12, asked)).toEqual(unknown)
    expect(await topicsOf(rig, 12, byName('new'))).toEqual(unknown.slice(0, 1))
    expect(await topicsOf(rig, 12, asked, true)).toEqual(unknown)
    expect(await topicsOf(rig, 12, asked, true)).toEqual([['new', 0, 3], ...unknown.slice(1)])
    const fromOldClient = () => topicsOf(rig, 3, byName('old-client'))
    expect(await fromOldClient()).toEqual([['old-client', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0]])
    expect(await fromOldClient()).toEqual([['old-client', 0, 3]])
  })

  it('creates nothing when the broker forbids it', async () => {
    const rig = await controlRig({ 'auto.create.topics.enable': 'false' })
    expect((await topicsOf(rig, 12, byName('new'), true))[0]?.[1]).toBe(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )
    expect(rig.router.called).toEqual([])
  })

  it('creates the internal topic in use with its own size, and no other', async () => {
    const rig = await controlRig({ 'offsets.topic.num.partitions': '5' })
    const asked = byName(OFFSETS, '__transaction_state', '__cluster_metadata')
    await topicsOf(rig, 12, asked, true)
    expect(await topicsOf(rig, 12, asked, true)).toEqual([
      [OFFSETS, 0, 5],
      ['__transaction_state', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0],
      ['__cluster_metadata', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 0],
    ])
  })

  it('answers although creating failed', async () => {
    const rig = await controlRig()
    rig.disk.inject({ at: 1, operation: 'write', fault: { kind: 'error', code: 'EIO' } })
    expect((await topicsOf(rig, 12, byName('new'), true))[0]?.[1]).toBe(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )
    expect(rig.logger.lines.join()).toContain('not created')
  })

  it('looks up by id first, once per topic', async () => {
    const rig = await controlRig()
    await rig.create('a', 1)
    await rig.create('b', 1)
    const topicId = rig.router.metadata.topics.get('a')?.topicId ?? ''
    const asked = [
      { name: null, topicId },
      { name: 'unheard', topicId },
      { name: null, topicId: UNKNOWN_ID },
      ...byName('b', 'a'),
    ]
    expect(await topicsOf(rig, 12, asked, true)).toEqual([
      ['a', 0, 1],
      [null, ErrorCode.UNKNOWN_TOPIC_ID, 0],
      ['b', 0, 1],
    ])
    expect(rig.router.called).toEqual([])
  })
})

describe('FindCoordinator', () => {
  const here = { nodeId: 1, ...ADVERTISED }
  const none = { nodeId: -1, host: '', port: -1 }

  it('creates the topic of offsets with the first question, and answers with this broker', async () => {
    const rig = await controlRig({ 'offsets.topic.num.partitions': '5' })
    expect(
      await rig.ask(findCoordinator, 4, { keyType: 0, coordinatorKeys: ['g', ''] }),
    ).toMatchObject({
      coordinators: [
        { key: 'g', ...here, errorCode: 0, errorMessage: '' },
        { key: '', ...here, errorCode: 0, errorMessage: '' },
      ],
    })
    expect(rig.router.metadata.topics.get(OFFSETS)?.partitions).toHaveLength(5)
    const second = await rig.ask(findCoordinator, 3, { key: 'g', keyType: 0 })
    expect(second).toMatchObject({ ...here, errorCode: 0, errorMessage: 'NONE' })
    expect(rig.router.called).toHaveLength(1)
  })

  it('is not available while the topic cannot be made', async () => {
    const rig = await controlRig()
    rig.disk.inject({ at: 1, operation: 'write', fault: { kind: 'error', code: 'ENOSPC' } })
    const asked = { key: 'g', keyType: 0 }
    expect(await rig.ask(findCoordinator, 2, asked)).toMatchObject({
      ...none,
      errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    })
    expect((await rig.ask(findCoordinator, 2, asked)).errorCode).toBe(0)
  })

  it.each([
    [1, 9, ErrorCode.INVALID_REQUEST],
    [3, 2, ErrorCode.INVALID_REQUEST],
    [5, 2, ErrorCode.INVALID_REQUEST],
    [6, 2, ErrorCode.GROUP_AUTHORIZATION_FAILED],
    [6, 1, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED],
    [6, 9, ErrorCode.INVALID_REQUEST],
  ])('v%i refuses key type %i', async (version, keyType, errorCode) => {
    const rig = await controlRig()
    const many = version >= 4
    const asked = many ? { keyType, coordinatorKeys: ['k'] } : { keyType, key: 'k' }
    const answer = await rig.ask(findCoordinator, version, asked)
    expect(many ? answer.coordinators[0] : answer).toMatchObject({ ...none, errorCode })
  })

  it('answers nothing to no keys', async () => {
    const rig = await controlRig()
    const answer = await rig.ask(findCoordinator, 4, { keyType: 0, coordinatorKeys: [] })
    expect(answer.coordinators).toEqual([])
  })
})

describe('CreateTopics', () => {
  const asked = (name: string, rest = {}) => ({
    topics: [
      { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [], ...rest },
    ],
    timeoutMs: 1_000,
    validateOnly: false,
  })

  it('gives internal topics their own size, unless another is named', async () => {
    const settings = { 'offsets.topic.num.partitions': '5', 'num.partitions': '2' }
    const first = await (await controlRig(settings)).ask(createTopics, 7, asked(OFFSETS))
    expect(first.topics[0]).toMatchObject({ errorCode: 0, numPartitions: 5 })
    const options = new Map(first.topics[0]?.configs?.map(({ name, value }) => [name, value]))
    expect(options.get('cleanup.policy')).toBe('compact')
    const rig = await controlRig(settings)
    const second = await rig.ask(createTopics, 7, asked(OFFSETS, { numPartitions: 9 }))
    expect(second.topics[0]).toMatchObject({ errorCode: 0, numPartitions: 9 })
    const third = await rig.ask(createTopics, 7, asked(OFFSETS))
    expect(third.topics[0]?.errorCode).toBe(ErrorCode.TOPIC_ALREADY_EXISTS)
  })

  it('tells the id of a topic that was only validated, and creates none', async () => {
    const rig = await controlRig()
    for (const name of ['t', OFFSETS]) {
      const answer = await rig.ask(createTopics, 7, { ...asked(name), validateOnly: true })
      expect(answer.topics[0]).toMatchObject({ errorCode: 0, replicationFactor: 1 })
    }
    expect(rig.router.metadata.topics.size).toBe(0)
  })

  it('told of a failure answers it for every topic', () => {
    const answer = createTopics.failed?.(asked('t'), ErrorCode.KAFKA_STORAGE_ERROR, 'disk', 7)
    expect(answer?.topics).toMatchObject([{ name: 't', errorMessage: 'disk', configs: [] }])
  })
})

describe('DeleteTopics', () => {
  it.each([
    [2, ErrorCode.INVALID_REQUEST],
    [3, ErrorCode.TOPIC_DELETION_DISABLED],
    [6, ErrorCode.TOPIC_DELETION_DISABLED],
  ])('v%i is refused where deletion is disabled, known or not', async (version, errorCode) => {
    const rig = await controlRig({ 'delete.topic.enable': 'false' })
    await rig.create('a', 1)
    const names = ['a', 'nosuch']
    const asked = version < 6 ? { topicNames: names } : { topics: byName(...names) }
    const answer = await rig.ask(deleteTopics, version, { ...asked, timeoutMs: 1 })
    expect(answer.responses.map((each) => [each.name, each.errorCode])).toEqual([
      ['a', errorCode],
      ['nosuch', errorCode],
    ])
    expect(rig.router.metadata.topics.has('a')).toBe(true)
  })
})

describe('CreatePartitions', () => {
  it('told of a failure answers it for every topic', () => {
    const asked = {
      topics: [{ name: 't', count: 2, assignments: null }],
      timeoutMs: 1,
      validateOnly: false,
    }
    const answer = createPartitions.failed?.(asked, ErrorCode.NOT_CONTROLLER, 'gone', 3)
    expect(answer?.results).toEqual([
      { name: 't', errorCode: ErrorCode.NOT_CONTROLLER, errorMessage: 'gone' },
    ])
  })
})

describe('DescribeCluster', () => {
  const { MISMATCHED_ENDPOINT_TYPE, UNSUPPORTED_ENDPOINT_TYPE } = ErrorCode
  it.each([
    [0, UNSUPPORTED_ENDPOINT_TYPE, 'Unsupported endpoint type 0'],
    [
      2,
      MISMATCHED_ENDPOINT_TYPE,
      'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
    ],
    [3, UNSUPPORTED_ENDPOINT_TYPE, 'Unsupported endpoint type 3'],
  ])('refuses endpoint type %i', async (endpointType, errorCode, errorMessage) => {
    const asked = { endpointType, includeClusterAuthorizedOperations: true }
    expect(await (await controlRig()).ask(describeCluster, 2, asked)).toEqual({
      throttleTimeMs: 0,
      errorCode,
      errorMessage,
      endpointType: 1,
      clusterId: '',
      controllerId: -1,
      brokers: [],
      clusterAuthorizedOperations: -2_147_483_648,
    })
  })
})

describe('DescribeTopicPartitions', () => {
  interface Cursor {
    topicName: string
    partitionIndex: number
  }

  async function page(
    rig: ControlRig,
    names: string[],
    responsePartitionLimit: number,
    cursor: Cursor | null = null,
  ) {
    const topics = names.map((name) => ({ name }))
    const answer = await rig.ask(describeTopicPartitions, 0, {
      topics,
      responsePartitionLimit,
      cursor,
    })
    const lines = answer.topics.map(
      ({ name, errorCode, partitions }) =>
        `${name} ${errorCode} ${partitions.map(({ partitionIndex }) => partitionIndex)}`,
    )
    return { lines, next: answer.nextCursor as Cursor | null }
  }

  async function rig(settings = {}): Promise<ControlRig> {
    const on = await controlRig(settings)
    await on.create('b', 3)
    await on.create('a', 2)
    await on.create('c', 1)
    return on
  }

  it.each([1, 2, 3, 4, 5, 100])('shows everything once in pages of %i', async (limit) => {
    const on = await rig()
    const seen: string[] = []
    let cursor: Cursor | null = null
    do {
      const { lines, next }: Awaited<ReturnType<typeof page>> = await page(on, [], limit, cursor)
      for (const line of lines) {
        const [name, , partitions] = line.split(' ')
        for (const index of (partitions ?? '').split(',')) seen.push(`${name}${index}`)
      }
      cursor = next
    } while (cursor !== null)
    expect(seen).toEqual(['a0', 'a1', 'b0', 'b1', 'b2', 'c0'])
  })

  it('sorts what was asked for, and answers each name once, unknown ones too', async () => {
    const on = await rig()
    expect((await page(on, ['z', 'c', 'a', 'c', 'bad!'], 100)).lines).toEqual([
      'a 0 0,1',
      'bad! 17 ',
      'c 0 0',
      'z 3 ',
    ])
  })

  it('ends a full page before the next name, whatever it is', async () => {
    const on = await rig()
    expect(await page(on, ['a', 'c'], 2)).toEqual({
      lines: ['a 0 0,1'],
      next: { topicName: 'c', partitionIndex: 0 },
    })
    expect((await page(on, ['a', 'aa-unknown'], 2)).next?.topicName).toBe('aa-unknown')
    expect((await page(on, ['a'], 2)).next).toBeNull()
  })

  it('shows one partition at least, and no more than the broker allows', async () => {
    const on = await rig({ 'max.request.partition.size.limit': '2' })
    for (const limit of [0, -1]) expect((await page(on, ['b'], limit)).lines).toEqual(['b 0 0'])
    expect((await page(on, ['b'], 100)).lines).toEqual(['b 0 0,1'])
  })

  it('refuses a cursor of no topic asked for, and a negative one; beyond the end is nothing', async () => {
    const on = await rig()
    const refused = { lines: ['a 42 ', 'c 42 '], next: null }
    const at = (topicName: string, partitionIndex: number) => ({ topicName, partitionIndex })
    expect(await page(on, ['a', 'c'], 2, at('b', 0))).toEqual(refused)
    expect(await page(on, ['a', 'c'], 2, at('a', -1))).toEqual(refused)
    expect(await page(on, ['a'], 2, at('a', 7))).toEqual({ lines: ['a 0 '], next: null })
  })
})

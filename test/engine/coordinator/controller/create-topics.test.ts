/** Codes and texts are those Apache Kafka 4.2 gave to the same requests. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { limits } from '../../../../engine/base/limits.ts'
import type { CreateTopicsRequest } from '../../../../engine/protocol/19-create-topics.ts'
import {
  type ControllerRig,
  creation,
  newDisk,
  startController,
  topic,
} from '../../../support/controller-rig.ts'

type TopicRequest = CreateTopicsRequest['topics'][number]

async function rig(): Promise<ControllerRig> {
  return startController(await newDisk(), { 'num.partitions': '3' })
}

/** Code and text for each topic, none of them created. */
async function judged(
  on: ControllerRig,
  ...topics: TopicRequest[]
): Promise<[string, number, string | null][]> {
  const results = await on.controller.createTopics(creation(topics, true))
  return results.map(({ name, errorCode, errorMessage }) => [name, errorCode, errorMessage])
}

async function refusedWith(request: TopicRequest): Promise<[number, string | null]> {
  const [result] = await judged(await rig(), request)
  if (result === undefined) throw new Error('one answer per topic')
  return [result[1], result[2]]
}

function assigned(...rows: [index: number, brokerIds: number[]][]): Partial<TopicRequest> {
  const assignments = rows.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds }))
  return { numPartitions: -1, replicationFactor: -1, assignments }
}

function configured(...pairs: [name: string, value: string | null][]): TopicRequest {
  return topic('t', { configs: pairs.map(([name, value]) => ({ name, value })) })
}

describe('a topic that is created', () => {
  it('is durable, published with a new id and ordinal, and answered as it is', async () => {
    const { controller, images, store } = await rig()
    const results = await controller.createTopics(
      creation([
        topic('a', { numPartitions: 2, configs: [{ name: 'retention.ms', value: '5' }] }),
        topic('b', { numPartitions: -1, replicationFactor: -1 }),
        topic('c', assigned([1, [1]], [0, [1]])),
      ]),
    )
    expect(results.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0])
    expect(results.map((each) => each.topic?.partitions.length)).toEqual([2, 3, 2])
    expect(images).toHaveLength(1)
    const [image] = images
    expect([...(image?.topics.keys() ?? [])]).toEqual(['a', 'b', 'c'])
    for (const { topic: created } of results)
      expect(image?.topicsById.get(created?.topicId ?? '')).toBe(created)
    expect(new Set(results.map((each) => each.topic?.ordinal)).size).toBe(3)
    expect(image?.topics.get('a')?.configs).toEqual(new Map([['retention.ms', '5']]))
    expect((await store.range('topics/')).map(({ key }) => key)).toEqual([
      'topics/a',
      'topics/b',
      'topics/c',
    ])
  })

  it('is not there when only validation was asked for', async () => {
    const on = await rig()
    const [result] = await on.controller.createTopics(creation([topic('a')], true))
    expect(result?.topic?.partitions).toHaveLength(1)
    expect(on.images).toEqual([])
    expect(on.controller.image.topics.size).toBe(0)
    expect(await on.store.range('topics/')).toEqual([])
  })

  it('is answered once it is published everywhere', async () => {
    const on = await rig()
    const order: string[] = []
    on.onPublish = async () => {
      for (let turns = 0; turns < 5; turns++) await null
      order.push('published')
    }
    await on.controller.createTopics(creation([topic('a')]))
    order.push('answered')
    expect(order).toEqual(['published', 'answered'])
  })

  it('goes with others of the request that are refused', async () => {
    const on = await rig()
    const results = await on.controller.createTopics(
      creation([topic('bad name!'), topic('good'), topic('none', { numPartitions: 0 })]),
    )
    expect(results.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      0,
      ErrorCode.INVALID_PARTITIONS,
    ])
    expect([...on.controller.image.topics.keys()]).toEqual(['good'])
  })

  it('keeps the last value of an option given twice', async () => {
    const on = await rig()
    const request = configured(['retention.ms', '1'], ['retention.ms', '2'])
    const [result] = await on.controller.createTopics(creation([request]))
    expect(result?.topic?.configs).toEqual(new Map([['retention.ms', '2']]))
  })
})

describe('a name', () => {
  it('must be legal', async () => {
    const answers = await judged(
      await rig(),
      topic(''),
      topic('.'),
      topic('..'),
      topic('x'.repeat(249)),
      topic('x'.repeat(250)),
      topic('é'),
    )
    const code = ErrorCode.INVALID_TOPIC_EXCEPTION
    expect(answers.map(([, ...rest]) => rest)).toEqual([
      [code, 'Topic name is invalid: the empty string is not allowed'],
      [code, "Topic name is invalid: '.' is not allowed"],
      [code, "Topic name is invalid: '..' is not allowed"],
      [0, null],
      [
        code,
        `Topic name is invalid: the length of '${'x'.repeat(250)}' is longer than the max allowed length 249`,
      ],
      [
        code,
        "Topic name is invalid: 'é' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
      ],
    ])
  })

  it('must be new, and not collide with one that is there or comes in the same request', async () => {
    const on = await rig()
    await on.controller.createTopics(creation([topic('a'), topic('a.b')]))
    const broken = { configs: [{ name: 'no.such', value: '1' }] }
    expect(
      await judged(on, topic('a', broken), topic('a_b'), topic('a.b'), topic('q.r'), topic('q_r')),
    ).toEqual([
      ['a', ErrorCode.TOPIC_ALREADY_EXISTS, "Topic 'a' already exists."],
      ['a_b', ErrorCode.INVALID_TOPIC_EXCEPTION, "Topic 'a_b' collides with existing topic: a.b"],
      ['a.b', ErrorCode.TOPIC_ALREADY_EXISTS, "Topic 'a.b' already exists."],
      ['q.r', 0, null],
      ['q_r', ErrorCode.INVALID_TOPIC_EXCEPTION, "Topic 'q_r' collides with existing topic: q.r"],
    ])
  })

  it('given twice is answered once, whatever else is wrong with it', async () => {
    const twice = [topic('d'), topic('d'), topic('e'), topic('bad!'), topic('bad!')]
    expect(await judged(await rig(), ...twice)).toEqual([
      ['d', ErrorCode.INVALID_REQUEST, 'Duplicate topic name.'],
      ['e', 0, null],
      ['bad!', ErrorCode.INVALID_REQUEST, 'Duplicate topic name.'],
    ])
  })

  it('may be that of an internal topic, but not of the metadata log', async () => {
    expect(
      await judged(await rig(), topic('__consumer_offsets'), topic('__cluster_metadata')),
    ).toEqual([
      ['__consumer_offsets', 0, null],
      [
        '__cluster_metadata',
        ErrorCode.INVALID_REQUEST,
        'Creation of internal topic __cluster_metadata is prohibited.',
      ],
    ])
  })
})

describe('counts', () => {
  const factor = 'Replication factor must be larger than 0, or -1 to use the default value.'
  const count = 'Number of partitions was set to an invalid non-positive value.'

  it.each([
    [{ replicationFactor: 0 }, ErrorCode.INVALID_REPLICATION_FACTOR, factor],
    [{ replicationFactor: -2 }, ErrorCode.INVALID_REPLICATION_FACTOR, factor],
    [{ replicationFactor: 0, numPartitions: 0 }, ErrorCode.INVALID_REPLICATION_FACTOR, factor],
    [{ numPartitions: 0 }, ErrorCode.INVALID_PARTITIONS, count],
    [{ numPartitions: -2 }, ErrorCode.INVALID_PARTITIONS, count],
    [{ numPartitions: 0, replicationFactor: 5 }, ErrorCode.INVALID_PARTITIONS, count],
    [
      { replicationFactor: 3 },
      ErrorCode.INVALID_REPLICATION_FACTOR,
      'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be ' +
        'reached because only 1 broker(s) are registered.',
    ],
  ])('%j', async (counts, errorCode, text) => {
    expect(await refusedWith(topic('t', counts))).toEqual([errorCode, text])
  })

  it('are bounded for the request as a whole, assignments and defaults included', async () => {
    const half = limits.requestPartitionsMax / 2
    const text = 'Excessively large number of partitions per request.'
    const on = await rig()
    const rows = Array.from({ length: half }, (_, index): [number, number[]] => [index, [1]])
    const two = [topic('a', { numPartitions: half }), topic('b', assigned(...rows))]
    expect((await judged(on, ...two)).map(([, code]) => code)).toEqual([0, 0])
    expect(await judged(on, ...two, topic('c', { numPartitions: -1 }))).toEqual(
      ['a', 'b', 'c'].map((name) => [name, ErrorCode.POLICY_VIOLATION, text]),
    )
  })
})

describe('an assignment by hand', () => {
  const { INVALID_REQUEST, INVALID_REPLICA_ASSIGNMENT } = ErrorCode
  const unknown = (id: number) =>
    `The manual partition assignment includes broker ${id}, but no such broker is registered.`
  const order = 'partitions should be a consecutive 0-based integer sequence'

  it.each<[Partial<TopicRequest>, number, string]>([
    [
      { ...assigned([0, [1]]), replicationFactor: 1 },
      INVALID_REQUEST,
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    ],
    [
      { ...assigned([0, [1]]), numPartitions: 1 },
      INVALID_REQUEST,
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    ],
    [
      assigned([0, [1]], [0, [1]]),
      INVALID_REPLICA_ASSIGNMENT,
      'Found multiple manual partition assignments for partition 0',
    ],
    [assigned([1, [1]]), INVALID_REPLICA_ASSIGNMENT, order],
    [assigned([0, [1]], [2, [1]]), INVALID_REPLICA_ASSIGNMENT, order],
    [assigned([-1, [1]], [0, [1]]), INVALID_REPLICA_ASSIGNMENT, order],
    [
      assigned([0, []]),
      INVALID_REPLICA_ASSIGNMENT,
      'The manual partition assignment includes an empty replica list.',
    ],
    [
      assigned([0, [1, 1]]),
      INVALID_REPLICA_ASSIGNMENT,
      'The manual partition assignment includes the broker 1 more than once.',
    ],
    [assigned([0, [2]]), INVALID_REPLICA_ASSIGNMENT, unknown(2)],
    [assigned([0, [1, 2]]), INVALID_REPLICA_ASSIGNMENT, unknown(2)],
    [assigned([0, [-1]]), INVALID_REPLICA_ASSIGNMENT, unknown(-1)],
  ])('%j', async (request, errorCode, text) => {
    expect(await refusedWith(topic('t', request))).toEqual([errorCode, text])
  })
})

describe('an option', () => {
  const invalid = (value: string, name: string, complaint: string) =>
    `Invalid value ${value} for configuration ${name}: ${complaint}`

  it.each<[[string, string | null][], string]>([
    [[['retention.ms', 'abc']], invalid('abc', 'retention.ms', 'Not a number of type LONG')],
    [[['no.such', '1']], 'Unknown topic config name: no.such'],
    [
      [
        ['retention.ms', 'abc'],
        ['no.such', '1'],
      ],
      'Unknown topic config name: no.such',
    ],
    [[['', '']], 'Unknown topic config name: '],
    [[['__proto__', '1']], 'Unknown topic config name: __proto__'],
    [[['retention.ms', null]], 'Null value not supported for topic configs: retention.ms'],
    [[['no.such', null]], 'Null value not supported for topic configs: no.such'],
    [
      [['cleanup.policy', 'foo']],
      invalid('foo', 'cleanup.policy', 'String must be one of: compact, delete'),
    ],
    [[['retention.ms', '-2']], invalid('-2', 'retention.ms', 'Value must be at least -1')],
    [[['segment.bytes', '1']], invalid('1', 'segment.bytes', 'Value must be at least 1048576')],
    [
      [['remote.storage.enable', 'true']],
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with ' +
        'remote log storage.',
    ],
    [
      [
        ['min.compaction.lag.ms', '10'],
        ['max.compaction.lag.ms', '5'],
      ],
      'conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)',
    ],
  ])('%j', async (pairs, text) => {
    expect(await refusedWith(configured(...pairs))).toEqual([ErrorCode.INVALID_CONFIG, text])
  })

  it('is judged before counts and assignments', async () => {
    const request = topic('t', { numPartitions: 0, configs: [{ name: 'no.such', value: '1' }] })
    expect((await refusedWith(request))[0]).toBe(ErrorCode.INVALID_CONFIG)
  })
})

describe('an internal topic', () => {
  it('is created once with its own size and options', async () => {
    const on = await startController(await newDisk(), {
      'offsets.topic.num.partitions': '7',
      'offsets.topic.segment.bytes': '2097152',
    })
    const [first, second] = await Promise.all([
      on.controller.ensureInternalTopic('__consumer_offsets'),
      on.controller.ensureInternalTopic('__consumer_offsets'),
    ])
    expect(first).toBe(second)
    expect(first?.internal).toBe(true)
    expect(first?.partitions).toHaveLength(7)
    expect(Object.fromEntries(first?.configs ?? [])).toEqual({
      'cleanup.policy': 'compact',
      'compression.type': 'producer',
      'segment.bytes': '2097152',
    })
    expect(on.images).toHaveLength(1)
  })

  it('is none when the broker has no use for it', async () => {
    const on = await rig()
    for (const name of ['__transaction_state', 'mine'])
      expect(await on.controller.ensureInternalTopic(name)).toBeNull()
    expect(on.controller.image.topics.size).toBe(0)
  })
})

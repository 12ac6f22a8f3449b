/** Removal and growth. Codes and texts are those Apache Kafka 4.2 gave to the same requests. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { limits } from '../../../../engine/base/limits.ts'
import { ZERO_UUID } from '../../../../engine/base/random.ts'
import {
  type ControllerRig,
  creation,
  newDisk,
  removal,
  removalBy,
  restarted,
  startController,
  topic,
} from '../../../support/controller-rig.ts'

const UNKNOWN_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const { INVALID_REQUEST, INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT } = ErrorCode

async function rig(): Promise<ControllerRig> {
  const on = await startController(await newDisk())
  await on.controller.createTopics(
    creation([topic('a', { numPartitions: 2 }), topic('z'), topic('other')]),
  )
  on.images.length = 0
  return on
}

const idOf = (on: ControllerRig, name: string): string =>
  on.controller.image.topics.get(name)?.topicId ?? ''

describe('a removal', () => {
  it('by name or id takes the topic from the image and answers with both', async () => {
    const on = await rig()
    const [aId, zId] = [idOf(on, 'a'), idOf(on, 'z')]
    expect(
      await on.controller.deleteTopics(
        removalBy({ name: 'a', topicId: ZERO_UUID }, { name: null, topicId: zId }),
      ),
    ).toEqual([
      { name: 'a', topicId: aId, errorCode: 0, errorMessage: null },
      { name: 'z', topicId: zId, errorCode: 0, errorMessage: null },
    ])
    expect([...on.controller.image.topics.keys()]).toEqual(['other'])
    expect(on.images).toHaveLength(1)
  })

  it('of what does not exist is refused topic by topic', async () => {
    const on = await rig()
    const results = await on.controller.deleteTopics(
      removalBy(
        { name: 'nosuch', topicId: ZERO_UUID },
        { name: null, topicId: UNKNOWN_ID },
        { name: '', topicId: ZERO_UUID },
        { name: 'a', topicId: idOf(on, 'a') },
        { name: null, topicId: ZERO_UUID },
        { name: 'z', topicId: ZERO_UUID },
      ),
    )
    const noTopic = 'This server does not host this topic-partition.'
    expect(results.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, noTopic],
      [ErrorCode.UNKNOWN_TOPIC_ID, 'This server does not host this topic ID.'],
      [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, noTopic],
      [INVALID_REQUEST, 'You may not specify both topic name and topic id.'],
      [INVALID_REQUEST, 'Neither topic name nor id were specified.'],
      [0, null],
    ])
    expect([...on.controller.image.topics.keys()].sort()).toEqual(['a', 'other'])
  })

  it('of one topic named twice is refused once, however it is named', async () => {
    const on = await rig()
    const zId = idOf(on, 'z')
    const [name, id] = [
      { name: 'z', topicId: ZERO_UUID },
      { name: null, topicId: zId },
    ]
    expect(await on.controller.deleteTopics(removalBy(name, name))).toEqual([
      {
        ...name,
        errorCode: INVALID_REQUEST,
        errorMessage: 'Duplicate topic name.',
      },
    ])
    expect(await on.controller.deleteTopics(removalBy(id, id, id))).toEqual([
      { ...id, errorCode: INVALID_REQUEST, errorMessage: 'Duplicate topic id.' },
    ])
    expect(await on.controller.deleteTopics(removalBy(name, id))).toEqual([
      {
        name: 'z',
        topicId: zId,
        errorCode: INVALID_REQUEST,
        errorMessage: 'The provided topic name maps to an ID that was already supplied.',
      },
    ])
    expect(await on.controller.deleteTopics(removal('nosuch', 'nosuch'))).toMatchObject([
      { name: 'nosuch', errorCode: INVALID_REQUEST, errorMessage: 'Duplicate topic name.' },
    ])
    expect(on.images).toEqual([])
  })

  it('stays known as unfinished until it was published everywhere', async () => {
    const on = await rig()
    const zId = idOf(on, 'z')
    on.onPublish = async () => {
      expect((await on.store.range('deleted/')).map(({ key }) => key)).toEqual([`deleted/${zId}`])
      throw new Error('a shard did not follow')
    }
    await expect(on.controller.deleteTopics(removal('z'))).rejects.toThrow('did not follow')
    const next = await restarted(on)
    expect(next.controller.unfinishedDeletions).toEqual(new Map([[zId, 'z']]))
    expect(next.controller.image.topics.has('z')).toBe(false)
    await next.controller.forgetDeletions([zId])
    expect((await restarted(next)).controller.unfinishedDeletions.size).toBe(0)
  })

  it('leaves nothing to finish once it is answered', async () => {
    const on = await rig()
    await on.controller.deleteTopics(removal('z', 'a'))
    expect(await on.store.range('deleted/')).toEqual([])
  })

  it('gives the name free for a topic with another id and ordinal', async () => {
    const on = await rig()
    const before = on.controller.image.topics.get('z')
    await on.controller.deleteTopics(removal('z'))
    await on.controller.createTopics(creation([topic('z')]))
    const after = on.controller.image.topics.get('z')
    expect(after?.topicId).not.toBe(before?.topicId)
    expect(after?.ordinal).toBeGreaterThan(before?.ordinal ?? Number.POSITIVE_INFINITY)
  })
})

describe('growth', () => {
  interface Wanted {
    name: string
    count: number
    assignments: { brokerIds: number[] }[] | null
  }
  const wanted = (name: string, count: number, brokers: number[][] | null = null): Wanted => ({
    name,
    count,
    assignments: brokers?.map((brokerIds) => ({ brokerIds })) ?? null,
  })
  const grow = (on: ControllerRig, topics: Wanted[], validateOnly = false) =>
    on.controller.createPartitions({ topics, timeoutMs: 1_000, validateOnly })

  it('adds partitions and keeps everything else', async () => {
    const on = await rig()
    const before = on.controller.image.topics.get('a')
    expect(await grow(on, [wanted('a', 5, [[1], [1], [1]])])).toEqual([
      { name: 'a', errorCode: 0, errorMessage: null },
    ])
    const after = on.controller.image.topics.get('a')
    expect(after?.partitions.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
    expect({ ...after, partitions: [] }).toEqual({ ...before, partitions: [] })
    const again = await restarted(on)
    expect(again.controller.image.topics.get('a')?.partitions).toHaveLength(5)
  })

  it('changes nothing when only validation was asked for', async () => {
    const on = await rig()
    expect((await grow(on, [wanted('a', 5)], true))[0]?.errorCode).toBe(0)
    expect(on.controller.image.topics.get('a')?.partitions).toHaveLength(2)
    expect(on.images).toEqual([])
  })

  const unknownBroker =
    'The manual partition assignment includes broker 2, but no such broker is registered.'
  it.each<[Wanted, number, string | null]>([
    [wanted('nosuch', 5), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, null],
    [wanted('', 5), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, null],
    [wanted('a', 2), INVALID_PARTITIONS, 'Topic already has 2 partition(s).'],
    [
      wanted('a', 1),
      INVALID_PARTITIONS,
      'The topic a currently has 2 partition(s); 1 would not be an increase.',
    ],
    [
      wanted('a', -1),
      INVALID_PARTITIONS,
      'The topic a currently has 2 partition(s); -1 would not be an increase.',
    ],
    [
      wanted('a', 4, [[1]]),
      INVALID_REPLICA_ASSIGNMENT,
      'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.',
    ],
    [
      wanted('a', 3, [[1], [1]]),
      INVALID_REPLICA_ASSIGNMENT,
      'Attempted to add 1 additional partition(s), but only 2 assignment(s) were specified.',
    ],
    [
      wanted('a', 3, [[]]),
      INVALID_REPLICA_ASSIGNMENT,
      'The manual partition assignment includes an empty replica list.',
    ],
    [
      wanted('a', 3, [[1, 1]]),
      INVALID_REPLICA_ASSIGNMENT,
      'The manual partition assignment includes the broker 1 more than once.',
    ],
    [wanted('a', 4, [[1], [1, 2]]), INVALID_REPLICA_ASSIGNMENT, unknownBroker],
    [
      wanted('a', limits.requestPartitionsMax + 3),
      ErrorCode.POLICY_VIOLATION,
      'Excessively large number of partitions per request.',
    ],
  ])('%j', async (request, errorCode, errorMessage) => {
    const on = await rig()
    expect(await grow(on, [request])).toEqual([{ name: request.name, errorCode, errorMessage }])
    expect(on.images).toEqual([])
  })

  it('of one topic named twice is refused once, the others go', async () => {
    const on = await rig()
    expect(await grow(on, [wanted('a', 3), wanted('z', 2), wanted('a', 4)])).toEqual([
      { name: 'a', errorCode: INVALID_REQUEST, errorMessage: 'Duplicate topic name.' },
      { name: 'z', errorCode: 0, errorMessage: null },
    ])
    expect(on.controller.image.topics.get('a')?.partitions).toHaveLength(2)
    expect(on.controller.image.topics.get('z')?.partitions).toHaveLength(2)
  })
})

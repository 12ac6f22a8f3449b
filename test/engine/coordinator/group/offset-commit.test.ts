import { describe, expect, it } from 'vitest'
import { limits } from '../../../../engine/base/limits.ts'
import { decodeGroupRecord } from '../../../../engine/coordinator/group/records.ts'
import { VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient } from '../../../support/group-client.ts'

const ZERO = 'AAAAAAAAAAAAAAAAAAAAAA'

async function started(config = {}) {
  const host = new VirtualHost()
  host.addTopic('t', 4)
  host.addTopic('u', 2)
  return GroupClient.start(config, host)
}

describe('OffsetCommit without membership', () => {
  it('makes a simple group', async () => {
    const client = await started()
    expect(await client.commit({ 't-0': 5, 'u-1': 7 })).toEqual([0, 0])
    expect(client.group()).toMatchObject({ state: 'Empty', protocolType: null })
    expect(await client.fetch()).toEqual({ 't-0': 5, 'u-1': 7 })
  })

  it('is accepted with the empty group id', async () => {
    const client = await started()
    expect(await client.commit({ 't-0': 5 }, { groupId: '' })).toEqual([0])
    expect(await client.fetch(['t-0'], { groupId: '' })).toEqual({ 't-0': 5 })
  })

  it('is accepted in a group that became Empty', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    await client.leave([{ memberId: member! }])
    expect(await client.commit({ 't-0': 5 })).toEqual([0])
  })

  it('answers UNKNOWN_MEMBER_ID in a group with members', async () => {
    const client = await started()
    await client.stable(1)
    expect(await client.commit({ 't-0': 5 })).toEqual([25])
  })

  it('answers UNKNOWN_MEMBER_ID to a generation in an Empty group', async () => {
    const client = await started()
    await client.commit({ 't-0': 5 })
    expect(await client.commit({ 't-0': 6 }, { memberId: 'm', generationId: 1 })).toEqual([25])
  })

  it('answers ILLEGAL_GENERATION to v8, GROUP_ID_NOT_FOUND from v9 in unknown groups', async () => {
    const client = await started()
    const options = { memberId: 'm', generationId: 1 }
    expect(await client.commit({ 't-0': 5 }, { ...options, version: 8 })).toEqual([22])
    expect(await client.commit({ 't-0': 5 }, { ...options, version: 9 })).toEqual([69])
    expect(client.hasGroup()).toBe(false)
  })
})

describe('OffsetCommit of a member', () => {
  it('is accepted with member and generation', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    expect(await client.commit({ 't-0': 5 }, { memberId: member!, generationId: 1 })).toEqual([0])
  })

  it('answers UNKNOWN_MEMBER_ID and ILLEGAL_GENERATION', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    expect(await client.commit({ 't-0': 5 }, { memberId: 'who', generationId: 1 })).toEqual([25])
    expect(await client.commit({ 't-0': 5 }, { memberId: member!, generationId: 0 })).toEqual([22])
    expect(await client.commit({ 't-0': 5 }, { memberId: member!, generationId: -1 })).toEqual([22])
  })

  it('answers REBALANCE_IN_PROGRESS while the assignment is awaited', async () => {
    const client = await started()
    const { memberId } = await client.joinTwice()
    await client.advance(3_000)
    expect(await client.commit({ 't-0': 5 }, { memberId, generationId: 1 })).toEqual([27])
  })

  it('is accepted while joins are collected, so that partitions can be handed over', async () => {
    const client = await started()
    const [leader, follower] = await client.stable(2)
    await client.join({ memberId: leader! })
    expect(await client.commit({ 't-0': 5 }, { memberId: follower!, generationId: 1 })).toEqual([0])
  })

  it('extends the session', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    for (let at = 0; at < 4; at++) {
      await client.commit({ 't-0': at }, { memberId: member!, generationId: 1 })
      await client.advance(9_000)
    }
    expect(client.group().state).toBe('Stable')
  })
})

describe('OffsetCommit, partition by partition', () => {
  it('answers UNKNOWN_TOPIC_OR_PARTITION for what does not exist', async () => {
    const client = await started()
    const body = client.commitBody({ 'none-0': 1, 't-0': 2, 't-4': 3 })
    const { topics } = await client.ask(8, 9, body)
    expect(topics.map(({ name }) => name)).toEqual(['none', 't'])
    expect(topics[0]?.partitions).toEqual([{ partitionIndex: 0, errorCode: 3 }])
    expect(topics[1]?.partitions).toEqual([
      { partitionIndex: 0, errorCode: 0 },
      { partitionIndex: 4, errorCode: 3 },
    ])
    expect(await client.fetch()).toEqual({ 't-0': 2 })
  })

  it('writes nothing when every partition fails', async () => {
    const client = await started()
    await client.commit({ 'none-0': 1 })
    expect(client.host.batches.length).toBe(0)
    expect(client.hasGroup()).toBe(false)
  })

  it('answers OFFSET_METADATA_TOO_LARGE above the bound only', async () => {
    const client = await started()
    expect(await client.commit({ 't-0': 1 }, { metadata: 'x'.repeat(4_096) })).toEqual([0])
    expect(await client.commit({ 't-1': 1 }, { metadata: 'x'.repeat(4_097) })).toEqual([12])
  })

  it('answers INVALID_COMMIT_OFFSET_SIZE for an offset that would not be kept as it is', async () => {
    const client = await started()
    const last = Number.MAX_SAFE_INTEGER
    expect(await client.commit({ 't-0': last, 't-1': last - 1 })).toEqual([28, 0])
    expect(await client.fetch()).toEqual({ 't-1': last - 1 })
  })

  it('keeps what is to be kept for ever', async () => {
    const client = await started()
    const body = { ...client.commitBody({ 't-0': 1 }), retentionTimeMs: Number.MAX_SAFE_INTEGER }
    const { topics } = await client.ask(8, 4, body)
    expect(topics[0]?.partitions).toEqual([{ partitionIndex: 0, errorCode: 0 }])
    expect(await client.fetch()).toEqual({ 't-0': 1 })
  })

  it('takes null metadata for empty', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 }, { metadata: null })
    const { groups } = await client.ask(9, 9, {
      groupId: '',
      topics: [],
      requireStable: false,
      groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics: null }],
    })
    expect(groups[0]?.topics[0]?.partitions[0]).toEqual({
      partitionIndex: 0,
      committedOffset: 1,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode: 0,
    })
  })

  it('writes one batch for one request', async () => {
    const client = await started()
    await client.commit({ 't-0': 1, 't-1': 2, 'u-0': 3 })
    expect(client.host.batches.map((batch) => batch.length)).toEqual([3])
  })

  it('keeps the last of two commits of a partition in one request', async () => {
    const client = await started()
    const body = client.commitBody({ 't-0': 1 })
    await client.ask(8, 9, {
      ...body,
      topics: [body.topics[0]!, client.commitBody({ 't-0': 2 }).topics[0]!],
    })
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 2 })
  })

  it('bounds the offsets of a group', async () => {
    const client = await started()
    const { offsets } = client.coordinator.machineOf(0)!
    const value = { offset: 0, leaderEpoch: 0, metadata: '', commitTimestampMs: 0 }
    const stored = { ...value, expireTimestampMs: -1, topicId: ZERO, position: 0 }
    for (let at = 0; at < limits.groupOffsetsMax; at++) offsets.commit('g', 'many', at, stored, -1)
    expect(await client.commit({ 't-0': 1 })).toEqual([28])
  })

  it('reports the failed append for every partition, and keeps nothing', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    client.host.appendError = 7
    expect(await client.commit({ 't-0': 2, 't-1': 3 })).toEqual([15, 15])
    expect(await client.fetch()).toEqual({ 't-0': 1 })
    client.host.appendError = 0
    expect(await client.commit({ 't-0': 2 })).toEqual([0])
  })

  it('is seen once it is committed, not before', async () => {
    const client = await started()
    client.host.holding = true
    const commit = await client.send(8, 9, client.commitBody({ 't-0': 5 }))
    expect(commit.answer).toBeNull()
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': -1 })
    client.host.commitNext()
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 5 })
  })

  it('applies commits in flight in the order of the log', async () => {
    const client = await started()
    client.host.holding = true
    for (const offset of [1, 2, 3]) await client.send(8, 9, client.commitBody({ 't-0': offset }))
    client.host.commitAll()
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 3 })
  })
})

describe('topic ids in OffsetCommit and OffsetFetch (v10)', () => {
  async function byId(client: GroupClient, topicId: string, partition = 0) {
    const body = client.commitBody({ [`-${partition}`]: 9 })
    return client.ask(8, 10, {
      ...body,
      topics: body.topics.map((topic) => ({ ...topic, topicId })),
    })
  }

  async function fetchById(client: GroupClient, topicId: string) {
    const topics = [{ name: '', topicId, partitionIndexes: [0] }]
    const { groups } = await client.ask(9, 10, {
      groupId: '',
      topics: [],
      requireStable: false,
      groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }],
    })
    return groups[0]!.topics[0]!
  }

  it('commits and fetches by id, and the id is stored', async () => {
    const client = await started()
    const topicId = client.host.topics.get('t')!.topicId
    const { topics } = await byId(client, topicId)
    expect(topics).toEqual([
      { name: '', topicId, partitions: [{ partitionIndex: 0, errorCode: 0 }] },
    ])
    expect(await client.fetch()).toEqual({ 't-0': 9 })
    expect((await fetchById(client, topicId)).partitions[0]?.committedOffset).toBe(9)
    const record = decodeGroupRecord(client.host.batches[0]![0]!)
    expect(record).toMatchObject({ kind: 'offset', topic: 't', value: { topicId } })
  })

  it('answers UNKNOWN_TOPIC_ID to an unknown id', async () => {
    const client = await started()
    const { topics } = await byId(client, 'unknownunknownunknownA')
    expect(topics[0]?.partitions[0]?.errorCode).toBe(100)
    expect((await fetchById(client, 'unknownunknownunknownA')).partitions[0]?.errorCode).toBe(100)
  })

  it('answers UNKNOWN_TOPIC_OR_PARTITION to an unknown partition of a known id', async () => {
    const client = await started()
    const { topics } = await byId(client, client.host.topics.get('t')!.topicId, 4)
    expect(topics[0]?.partitions[0]?.errorCode).toBe(3)
  })

  it('does not give a new topic the offset of a deleted one of its name', async () => {
    const client = await started()
    await byId(client, client.host.topics.get('t')!.topicId)
    client.host.removeTopic('t')
    const topicId = client.host.addTopic('t', 1)
    expect((await fetchById(client, topicId)).partitions[0]?.committedOffset).toBe(-1)
  })

  it('stores the id of a topic that the client named, and keeps its offset from a new one', async () => {
    const client = await started()
    const topicId = client.host.topics.get('t')!.topicId
    await client.commit({ 't-0': 9, 'u-0': 8 })
    const record = decodeGroupRecord(client.host.batches[0]![0]!)
    expect(record).toMatchObject({ kind: 'offset', topic: 't', value: { topicId } })
    client.host.removeTopic('t')
    const newId = client.host.addTopic('t', 1)
    expect(await client.fetch(['t-0', 'u-0'])).toEqual({ 't-0': -1, 'u-0': 8 })
    expect(await client.fetch()).toEqual({ 'u-0': 8 })
    expect((await fetchById(client, newId)).partitions[0]?.committedOffset).toBe(-1)
    await client.commit({ 't-0': 1 })
    expect(await client.fetch()).toEqual({ 'u-0': 8, 't-0': 1 })
  })

  it('names all topics by id, and leaves out those without', async () => {
    const client = await started()
    await client.commit({ 't-0': 1, 'u-0': 2 })
    client.host.removeTopic('u')
    const { groups } = await client.ask(9, 10, {
      groupId: '',
      topics: [],
      requireStable: false,
      groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics: null }],
    })
    expect(groups[0]?.topics.map(({ topicId }) => topicId)).toEqual([
      client.host.topics.get('t')!.topicId,
    ])
  })
})

describe('OffsetFetch', () => {
  it('answers offset -1 and no error for what was never committed', async () => {
    const client = await started()
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': -1 })
    await client.commit({ 't-0': 1 })
    expect(await client.fetch(['t-0', 't-1', 'none-0'])).toEqual({
      't-0': 1,
      't-1': -1,
      'none-0': -1,
    })
  })

  it('answers no topics for all topics of an unknown group', async () => {
    const client = await started()
    expect(await client.fetch()).toEqual({})
  })

  it('answers at the top up to v7', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 }, { metadata: 'm', leaderEpoch: 3 })
    const topics = [{ name: 't', partitionIndexes: [0, 1] }]
    const response = await client.ask(9, 7, {
      groupId: 'g',
      topics,
      groups: [],
      requireStable: false,
    })
    expect(response).toMatchObject({ errorCode: 0, groups: [] })
    expect(response.topics[0]?.partitions).toEqual([
      {
        partitionIndex: 0,
        committedOffset: 1,
        committedLeaderEpoch: 3,
        metadata: 'm',
        errorCode: 0,
      },
      {
        partitionIndex: 1,
        committedOffset: -1,
        committedLeaderEpoch: -1,
        metadata: '',
        errorCode: 0,
      },
    ])
    const all = await client.ask(9, 2, {
      groupId: 'g',
      topics: null,
      groups: [],
      requireStable: false,
    })
    expect(all.topics.map(({ name }) => name)).toEqual(['t'])
  })

  it('answers several groups in one request', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 }, { groupId: 'a' })
    await client.commit({ 't-0': 2 }, { groupId: 'b' })
    const groups = ['b', 'a', 'c'].map((groupId) => ({
      groupId,
      memberId: null,
      memberEpoch: -1,
      topics: null,
    }))
    const response = await client.ask(9, 8, {
      groupId: '',
      topics: [],
      groups,
      requireStable: false,
    })
    expect(response.groups.map(({ groupId, topics }) => [groupId, topics.length])).toEqual([
      ['b', 1],
      ['a', 1],
      ['c', 0],
    ])
  })
})

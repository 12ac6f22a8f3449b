/** KIP-848 case by case, as kafka-map §2.10 lists them: joining, epochs, reconciliation, timeouts. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import {
  ConsumerMemberClient,
  consumerGroup,
  hasConsumerGroup,
  heartbeat,
  heartbeatBody,
  joinBody,
  settle,
} from '../../../support/consumer-group-client.ts'
import { VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient } from '../../../support/group-client.ts'

async function start(partitions = 4, config: Parameters<typeof GroupClient.start>[0] = {}) {
  const host = new VirtualHost()
  const topicId = host.addTopic('t', partitions)
  return { client: await GroupClient.start(config, host), host, topicId }
}

const partitionsOf = (answer: { assignment: { topicPartitions: object[] } | null }) =>
  answer.assignment?.topicPartitions ?? null

describe('joining a consumer group', () => {
  it('gives the first member everything, at epoch 1, with Kafka’s heartbeat interval', async () => {
    const { client, topicId } = await start()
    const answer = await heartbeat(client, joinBody('a'))
    expect(answer).toEqual({
      throttleTimeMs: 0,
      errorCode: 0,
      errorMessage: null,
      memberId: 'a',
      memberEpoch: 1,
      heartbeatIntervalMs: 5_000,
      assignment: { topicPartitions: [{ topicId, partitions: [0, 1, 2, 3] }] },
    })
  })

  it('makes the member id in v0, and wants one from v1 on', async () => {
    const { client } = await start()
    const made = await heartbeat(client, { ...joinBody(''), version: 0 })
    expect(made.memberId).toMatch(/^[\w-]{22}$/)
    const refused = await heartbeat(client, joinBody(''))
    expect([refused.errorCode, refused.errorMessage]).toEqual([42, "MemberId can't be empty."])
  })

  const invalid: [string, Parameters<typeof heartbeatBody>[0], string][] = [
    ['a group', { groupId: ' ' }, "GroupId can't be empty."],
    ['an instance', { instanceId: '' }, "InstanceId can't be empty."],
    ['a rack', { rackId: '' }, "RackId can't be empty."],
    [
      'a rebalance timeout',
      { rebalanceTimeoutMs: -1 },
      'RebalanceTimeoutMs must be provided in first request.',
    ],
    [
      'no owned partitions at all',
      { topicPartitions: null },
      'TopicPartitions must be empty when (re-)joining.',
    ],
    [
      'empty owned partitions',
      { topicPartitions: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions: [0] }] },
      'TopicPartitions must be empty when (re-)joining.',
    ],
    [
      'a subscription',
      { subscribedTopicNames: null },
      'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.',
    ],
    ['an epoch of -2 at least', { memberEpoch: -3 }, 'MemberEpoch is invalid.'],
    ['an instance to be away', { memberEpoch: -2 }, "InstanceId can't be null."],
  ]
  for (const [what, body, message] of invalid)
    it(`wants ${what}: INVALID_REQUEST otherwise`, async () => {
      const { client } = await start()
      const answer = await heartbeat(client, { ...joinBody('a'), ...body })
      expect([answer.errorCode, answer.errorMessage]).toEqual([ErrorCode.INVALID_REQUEST, message])
      expect(hasConsumerGroup(client)).toBe(false)
    })

  it('refuses an assignor that is not there', async () => {
    const { client } = await start()
    const answer = await heartbeat(client, { ...joinBody('a'), serverAssignor: 'nope' })
    expect([answer.errorCode, answer.errorMessage]).toEqual([
      112,
      'ServerAssignor nope is not supported. Supported assignors: uniform, range.',
    ])
  })

  it('refuses members beyond group.consumer.max.size, but not those inside', async () => {
    const consumer = { ...(await start()).client.config.consumer, maxSize: 1 }
    const { client } = await start(4, { consumer })
    const first = await heartbeat(client, joinBody('a'))
    expect(first.errorCode).toBe(0)
    expect((await heartbeat(client, joinBody('b'))).errorCode).toBe(81)
    expect((await heartbeat(client, { memberId: 'a', memberEpoch: 1 })).errorCode).toBe(0)
  })

  it('is UNSUPPORTED_VERSION when the option or the feature says there is no such protocol', async () => {
    const consumer = { ...(await start()).client.config.consumer, isServed: false }
    const { client } = await start(4, { consumer })
    expect((await heartbeat(client, joinBody('a'))).errorCode).toBe(35)
    const other = await start()
    other.host.features.set('group.version', 0)
    expect((await heartbeat(other.client, joinBody('a'))).errorCode).toBe(35)
    other.host.features.set('group.version', 1)
    expect((await heartbeat(other.client, joinBody('a'))).errorCode).toBe(0)
  })

  it('waits for the group’s record under way and is decided on what it leads to', async () => {
    const { client, host } = await start()
    host.holding = true
    const one = await client.send(68, 1, heartbeatBody(joinBody('a')))
    const two = await client.send(68, 1, heartbeatBody(joinBody('b')))
    expect([one.answer, two.answer, host.held.length]).toEqual([null, null, 1])
    host.commitNext()
    expect((await one.promise).memberEpoch).toBe(1)
    host.commitNext()
    expect((await two.promise).memberEpoch).toBe(2)
  })

  it('is told that the coordinator has gone, decided already or still in line', async () => {
    const { client, host } = await start()
    host.holding = true
    const one = await client.send(68, 1, heartbeatBody(joinBody('a')))
    const two = await client.send(68, 1, heartbeatBody(joinBody('b')))
    client.coordinator.unloadAll()
    host.commitAll()
    expect([(await one.promise).errorCode, (await two.promise).errorCode]).toEqual([16, 16])
    expect(host.timersArmed).toBe(0)
  })

  it('leaves nothing behind when its records were not written', async () => {
    const { client, host } = await start()
    host.appendError = ErrorCode.KAFKA_STORAGE_ERROR
    expect((await heartbeat(client, joinBody('a'))).errorCode).toBe(16)
    expect(hasConsumerGroup(client)).toBe(false)
    host.appendError = 0
    expect((await heartbeat(client, joinBody('a'))).memberEpoch).toBe(1)
  })
})

describe('the member epoch', () => {
  it('answers nothing new while nothing is', async () => {
    const { client, host } = await start()
    await heartbeat(client, joinBody('a'))
    const written = host.batches.length
    const answer = await heartbeat(client, { memberId: 'a', memberEpoch: 1 })
    expect([answer.memberEpoch, answer.assignment]).toEqual([1, null])
    expect(host.batches.length).toBe(written)
  })

  it('tells the assignment again to a member that tells everything', async () => {
    const { client } = await start()
    await heartbeat(client, joinBody('a'))
    const full = await heartbeat(client, { ...joinBody('a'), memberEpoch: 1 })
    expect(partitionsOf(full)).toHaveLength(1)
  })

  it('fences one that is ahead, and one that is behind', async () => {
    const { client } = await start()
    await heartbeat(client, joinBody('a'))
    await heartbeat(client, { ...joinBody('a', ['t', 'u']), memberEpoch: 1 })
    await heartbeat(client, { ...joinBody('a', ['t']), memberEpoch: 2 })
    const ahead = await heartbeat(client, { memberId: 'a', memberEpoch: 55 })
    expect([ahead.errorCode, ahead.errorMessage]).toEqual([
      110,
      'The consumer group member has a greater member epoch (55) than the one known by the group ' +
        'coordinator (3). The member must abandon all its partitions and rejoin.',
    ])
    expect((await heartbeat(client, { memberId: 'a', memberEpoch: 1 })).errorCode).toBe(110)
  })

  it('takes the previous epoch when all that is owned is assigned: an answer was lost', async () => {
    const { client, topicId } = await start()
    await heartbeat(client, joinBody('a'))
    await heartbeat(client, { ...joinBody('a', ['t', 'u']), memberEpoch: 1 })
    const previous = { memberId: 'a', memberEpoch: 1 }
    const within = [{ topicId, partitions: [1, 2] }]
    const beyond = [{ topicId, partitions: [1, 9] }]
    expect((await heartbeat(client, previous)).errorCode).toBe(110)
    expect((await heartbeat(client, { ...previous, topicPartitions: beyond })).errorCode).toBe(110)
    const accepted = await heartbeat(client, { ...previous, topicPartitions: within })
    expect([accepted.errorCode, accepted.memberEpoch]).toEqual([0, 2])
  })

  it('lets a fenced member join again with epoch 0', async () => {
    const { client } = await start()
    await heartbeat(client, joinBody('a'))
    const again = await heartbeat(client, joinBody('a'))
    expect([again.errorCode, again.memberEpoch]).toEqual([0, 1])
    expect(partitionsOf(again)).toHaveLength(1)
  })

  it('is UNKNOWN_MEMBER_ID for a stranger, GROUP_ID_NOT_FOUND without a group', async () => {
    const { client } = await start()
    const none = await heartbeat(client, { memberId: 'a', memberEpoch: 1 })
    expect([none.errorCode, none.errorMessage]).toEqual([69, 'Consumer group g not found.'])
    await heartbeat(client, joinBody('a'))
    const stranger = await heartbeat(client, { memberId: 'nobody', memberEpoch: 5 })
    expect([stranger.errorCode, stranger.errorMessage]).toEqual([
      25,
      'Member nobody is not a member of group g.',
    ])
  })
})

describe('reconciliation', () => {
  it('gives a partition to its new owner only when the old one has let go', async () => {
    const { client } = await start()
    const a = new ConsumerMemberClient(client, 'a')
    const b = new ConsumerMemberClient(client, 'b')
    await a.beat()
    await b.beat()
    // b is at the group's epoch with nothing, since a still has everything.
    expect([b.epoch, b.count, consumerGroup(client).state]).toEqual([2, 0, 'Reconciling'])
    await a.beat()
    // a is told to give two up and stays in its epoch until it has.
    expect([a.epoch, a.count]).toEqual([1, 2])
    await b.beat()
    expect(b.count).toBe(0)
    await a.beat()
    expect(a.epoch).toBe(2)
    await b.beat()
    expect([a.count, b.count, consumerGroup(client).state]).toEqual([2, 2, 'Stable'])
  })

  it('waits with the epoch while revoked partitions are still reported as owned', async () => {
    const { client, topicId } = await start()
    const a = new ConsumerMemberClient(client, 'a')
    const b = new ConsumerMemberClient(client, 'b')
    await a.beat()
    await b.beat()
    const all = [{ topicId, partitions: [0, 1, 2, 3] }]
    const still = { memberId: 'a', memberEpoch: 1, topicPartitions: all }
    expect(partitionsOf(await heartbeat(client, still))).toEqual([{ topicId, partitions: [0, 1] }])
    expect((await heartbeat(client, still)).memberEpoch).toBe(1)
    // Saying nothing about what it owns confirms nothing.
    expect((await heartbeat(client, { memberId: 'a', memberEpoch: 1 })).memberEpoch).toBe(1)
  })

  it('takes a member out that does not give partitions up in its rebalance timeout', async () => {
    const { client } = await start()
    const a = new ConsumerMemberClient(client, 'a')
    const b = new ConsumerMemberClient(client, 'b')
    await a.beat()
    await b.beat()
    const held = a.owned
    await a.beat()
    for (let second = 0; second < 60; second += 5) {
      await client.advance(5_000)
      a.owned = held
      await a.beat()
      await b.beat()
    }
    expect(consumerGroup(client).members.has('a')).toBe(false)
    await b.beat()
    expect(b.count).toBe(4)
  })

  it('follows a topic that grows and one that goes', async () => {
    const { client, host } = await start(2)
    const a = new ConsumerMemberClient(client, 'a')
    await a.beat()
    host.removeTopic('t')
    await settle([a])
    expect(a.count).toBe(0)
    host.addTopic('t', 3)
    await settle([a])
    expect([a.count, a.epoch]).toEqual([3, 3])
  })

  it('takes partitions of topics away at once that the member no longer subscribes to', async () => {
    const { client, host } = await start(2)
    host.addTopic('u', 1)
    const a = new ConsumerMemberClient(client, 'a', ['t', 'u'])
    await settle([a])
    expect(a.count).toBe(3)
    a.topics = ['u']
    await settle([a])
    expect(a.count).toBe(1)
  })

  it('uses the assignor that most members ask for', async () => {
    const { client } = await start(3)
    const members = ['a', 'b'].map((id) => new ConsumerMemberClient(client, id))
    for (const member of members) member.serverAssignor = 'range'
    await settle(members)
    expect(members.map(({ count }) => count)).toEqual([2, 1])
    const { groups } = await client.ask(69, 1, {
      groupIds: ['g'],
      includeAuthorizedOperations: false,
    })
    expect(groups[0]?.assignorName).toBe('range')
  })
})

describe('leaving', () => {
  it('hands everything to the others', async () => {
    const { client } = await start()
    const a = new ConsumerMemberClient(client, 'a')
    const b = new ConsumerMemberClient(client, 'b')
    await settle([a, b])
    const answer = await heartbeat(client, { memberId: 'a', memberEpoch: -1 })
    expect(answer).toMatchObject({ errorCode: 0, memberId: 'a', memberEpoch: -1 })
    expect(answer).toMatchObject({ heartbeatIntervalMs: 0, assignment: null })
    await settle([b])
    expect(b.count).toBe(4)
  })

  it('is UNKNOWN_MEMBER_ID for one that is not there', async () => {
    const { client } = await start()
    await heartbeat(client, joinBody('a'))
    const answer = await heartbeat(client, { memberId: 'b', memberEpoch: -1 })
    expect(answer.errorCode).toBe(25)
  })

  it('happens by itself when a session is over, and not before', async () => {
    const { client } = await start()
    await heartbeat(client, joinBody('a'))
    await client.advance(44_000)
    await heartbeat(client, { memberId: 'a', memberEpoch: 1 })
    await client.advance(44_999)
    expect(consumerGroup(client).state).toBe('Stable')
    await client.advance(1)
    expect(consumerGroup(client).state).toBe('Empty')
  })

  it('follows the session timeout of the group itself', async () => {
    const { client, host } = await start()
    const settings = new Map([
      ['consumer.session.timeout.ms', '50000'],
      ['consumer.heartbeat.interval.ms', '6000'],
    ])
    host.groupConfigs.set('g', settings)
    expect((await heartbeat(client, joinBody('a'))).heartbeatIntervalMs).toBe(6_000)
    await client.advance(49_999)
    expect(consumerGroup(client).isEmpty).toBe(false)
    await client.advance(1)
    expect(consumerGroup(client).isEmpty).toBe(true)
  })
})

describe('static members', () => {
  it('keep place and partitions while they are away, under whatever id they come back', async () => {
    const { client } = await start()
    const a = new ConsumerMemberClient(client, 'a', ['t'], 'one')
    const b = new ConsumerMemberClient(client, 'b')
    await settle([a, b])
    const kept = a.partitions
    expect(await a.leave(-2)).toBe(0)
    await settle([b])
    expect(b.count).toBe(2)
    const back = new ConsumerMemberClient(client, 'a2', ['t'], 'one')
    await settle([back, b])
    expect(back.partitions).toEqual(kept)
    expect([...consumerGroup(client).members.keys()].sort()).toEqual(['a2', 'b'])
  })

  it('are refused while the instance is in use, and fenced once it has moved on', async () => {
    const { client } = await start()
    const a = new ConsumerMemberClient(client, 'a', ['t'], 'one')
    await a.beat()
    const taken = await heartbeat(client, { ...joinBody('a2'), instanceId: 'one' })
    expect([taken.errorCode, taken.errorMessage]).toEqual([
      111,
      'Static member a2 with instance id one cannot join the group because the instance id is ' +
        'owned by a member.',
    ])
    await a.leave(-2)
    await heartbeat(client, { ...joinBody('a2'), instanceId: 'one' })
    const fenced = await heartbeat(client, { memberId: 'a', memberEpoch: 1, instanceId: 'one' })
    expect([fenced.errorCode, fenced.errorMessage]).toEqual([
      82,
      'Static member a with instance id one was fenced by member a2.',
    ])
    const unknown = await heartbeat(client, { memberId: 'a', memberEpoch: 1, instanceId: 'two' })
    expect([unknown.errorCode, unknown.errorMessage]).toEqual([25, 'Instance id two is unknown.'])
  })

  it('go for good with epoch -1, or when their session ends', async () => {
    const { client } = await start()
    const a = new ConsumerMemberClient(client, 'a', ['t'], 'one')
    await a.beat()
    expect(await a.leave(-1)).toBe(0)
    expect(consumerGroup(client).state).toBe('Empty')
    await a.beat()
    await a.leave(-2)
    await client.advance(45_000)
    expect(consumerGroup(client).staticMembers.size).toBe(0)
  })
})

/** Consumer groups (KIP-848) as offsets, listings, descriptions, deletions and the log see them. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { decodeAnyRecord } from '../../../../engine/coordinator/group/records.ts'
import {
  ConsumerMemberClient,
  consumerGroup,
  hasConsumerGroup,
  heartbeat,
  joinBody,
  settle,
} from '../../../support/consumer-group-client.ts'
import { VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient } from '../../../support/group-client.ts'

async function start(config: Parameters<typeof GroupClient.start>[0] = {}) {
  const host = new VirtualHost()
  const topicId = host.addTopic('t', 2)
  host.addTopic('u', 1)
  const client = await GroupClient.start(config, host)
  const a = new ConsumerMemberClient(client, 'a')
  await a.beat()
  return { client, host, topicId, a }
}

const asMember = (memberId: string, generationId: number) => ({ memberId, generationId })

describe('offsets of a consumer group', () => {
  it('are committed by a member in its epoch', async () => {
    const { client } = await start()
    expect(await client.commit({ 't-0': 5 }, asMember('a', 1))).toEqual([0])
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': 5 })
  })

  it('are refused with STALE_MEMBER_EPOCH in any other, UNSUPPORTED_VERSION below v9', async () => {
    const { client } = await start()
    for (const epoch of [0, 2])
      expect(await client.commit({ 't-0': 5 }, asMember('a', epoch))).toEqual([113])
    expect(await client.commit({ 't-0': 5 }, { ...asMember('a', 1), version: 8 })).toEqual([35])
  })

  it('are refused to strangers, and to nobody in particular while there are members', async () => {
    const { client, a } = await start()
    expect(await client.commit({ 't-0': 5 }, asMember('b', 1))).toEqual([25])
    expect(await client.commit({ 't-0': 5 })).toEqual([25])
    await a.leave()
    expect(await client.commit({ 't-0': 5 })).toEqual([0])
  })

  it('are fetched by members in their epoch, and by whoever does not say who it is', async () => {
    const { client } = await start()
    const fetch = async (memberId: string | null, memberEpoch: number) => {
      const groups = [{ groupId: 'g', memberId, memberEpoch, topics: null }]
      const body = { groupId: '', topics: [], groups, requireStable: false }
      return (await client.ask(9, 9, body)).groups[0]?.errorCode
    }
    expect(await fetch('a', 1)).toBe(0)
    expect(await fetch('a', 7)).toBe(113)
    expect(await fetch('b', 1)).toBe(25)
    expect(await fetch(null, -1)).toBe(0)
  })

  it('cannot be deleted for topics that members subscribe to', async () => {
    const { client } = await start()
    await client.commit({ 't-0': 5, 'u-0': 6 }, asMember('a', 1))
    const { topics } = await client.deleteOffsets(['t-0', 'u-0'])
    const codes = topics.map(({ partitions }) => partitions[0]?.errorCode)
    expect(codes).toEqual([ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, 0])
    expect(await client.fetch()).toEqual({ 't-0': 5 })
  })

  it('expire since their commit, unless members subscribe to the topic', async () => {
    const { client } = await start({
      offsetsRetentionMs: 60_000,
      offsetsRetentionCheckIntervalMs: 10_000,
    })
    await client.commit({ 't-0': 5, 'u-0': 6 }, asMember('a', 1))
    for (let at = 0; at < 9; at++) {
      await client.advance(10_000)
      await heartbeat(client, { memberId: 'a', memberEpoch: 1 })
    }
    expect(await client.fetch()).toEqual({ 't-0': 5 })
  })

  it('take the empty group along when the last of them expires', async () => {
    const { client, a } = await start({
      offsetsRetentionMs: 60_000,
      offsetsRetentionCheckIntervalMs: 10_000,
    })
    await client.commit({ 't-0': 5 }, asMember('a', 1))
    await a.leave()
    await client.advance(50_000)
    expect(hasConsumerGroup(client)).toBe(true)
    await client.advance(20_000)
    expect(hasConsumerGroup(client)).toBe(false)
    await client.restart()
    expect(await client.list()).toEqual([])
  })
})

describe('administration of consumer groups', () => {
  it('lists them by type and state', async () => {
    const { client, a } = await start()
    const all = await client.ask(16, 5, { statesFilter: [], typesFilter: [] })
    expect(all.groups).toEqual([
      { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'consumer' },
    ])
    expect(await client.list(['stable'], ['Consumer'])).toEqual(['g'])
    expect(await client.list([], ['classic'])).toEqual([])
    await a.leave()
    expect(await client.list(['Empty'])).toEqual(['g'])
  })

  it('describes them with epochs, members, assignment and target', async () => {
    const { client, topicId } = await start()
    await heartbeat(client, { ...joinBody('b'), instanceId: 'one', rackId: 'r' })
    const body = { groupIds: ['g', 'none'], includeAuthorizedOperations: true }
    const { groups } = await client.ask(69, 1, body)
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: 'Reconciling',
      groupEpoch: 2,
      assignmentEpoch: 2,
      assignorName: 'uniform',
      authorizedOperations: 3400,
    })
    const both = { topicPartitions: [{ topicId, topicName: 't', partitions: [0, 1] }] }
    expect(groups[0]?.members[0]).toMatchObject({ memberId: 'a', memberEpoch: 1, assignment: both })
    expect(groups[0]?.members[1]).toEqual({
      memberId: 'b',
      instanceId: 'one',
      rackId: 'r',
      memberEpoch: 2,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      subscribedTopicNames: ['t'],
      subscribedTopicRegex: '',
      assignment: { topicPartitions: [] },
      targetAssignment: {
        topicPartitions: [{ topicId, topicName: 't', partitions: [1] }],
      },
      memberType: 1,
    })
    expect([groups[1]?.errorCode, groups[1]?.errorMessage]).toEqual([69, 'Group none not found.'])
  })

  it('has none without a name', async () => {
    const { client } = await start()
    const body = { groupIds: ['', 'g'], includeAuthorizedOperations: true }
    const { groups } = await client.ask(69, 1, body)
    expect(
      groups.map(({ errorCode, authorizedOperations }) => [errorCode, authorizedOperations]),
    ).toEqual([
      [24, -2_147_483_648],
      [0, 0b1101_0100_1000],
    ])
  })

  it('lets an administrator take a member out by its id', async () => {
    const { client } = await start()
    const { members } = await client.leave([{ memberId: 'b' }, { memberId: 'a' }])
    expect(members.map(({ errorCode }) => errorCode)).toEqual([25, 0])
    const { groups } = await client.ask(69, 1, {
      groupIds: ['g'],
      includeAuthorizedOperations: false,
    })
    expect([groups[0]?.groupState, groups[0]?.members]).toEqual(['Empty', []])
  })

  it('says of a group of the other kind that it is one', async () => {
    const { client } = await start()
    const classic = await client.describe('g')
    expect([classic.errorCode, classic.errorMessage, classic.groupState]).toEqual([
      69,
      'Group g is not a classic group.',
      'Dead',
    ])
    await client.commit({ 't-0': 1 }, { groupId: 'simple' })
    const body = { groupIds: ['simple'], includeAuthorizedOperations: false }
    const { groups } = await client.ask(69, 0, body)
    expect(groups[0]?.errorMessage).toBe('Group simple is not a consumer group.')
  })

  it('deletes an empty one with its offsets, and no other', async () => {
    const { client, a } = await start()
    await client.commit({ 't-0': 5 }, asMember('a', 1))
    expect(await client.delete('g')).toEqual([68])
    await a.leave()
    expect(await client.delete('g')).toEqual([0])
    expect([hasConsumerGroup(client), await client.fetch()]).toEqual([false, {}])
    expect(await client.delete('g')).toEqual([69])
    await client.restart()
    expect(hasConsumerGroup(client)).toBe(false)
  })

  it('does not delete a group that a member is about to join', async () => {
    const { client, host, a } = await start()
    await a.leave()
    host.holding = true
    const joining = client.send(68, 1, {
      ...{ groupId: 'g', instanceId: null, rackId: null, subscribedTopicRegex: null },
      ...{ serverAssignor: null, memberId: 'b', memberEpoch: 0, rebalanceTimeoutMs: 1_000 },
      ...{ subscribedTopicNames: ['t'], topicPartitions: [] },
    })
    expect(await client.delete('g')).toEqual([68])
    host.commitAll()
    expect((await (await joining).promise).errorCode).toBe(0)
  })
})

describe('the log of a consumer group', () => {
  it('has Kafka’s records in Kafka’s order for a first member', async () => {
    const { host } = await start()
    const read = host.batches[0]!.map((record) => decodeAnyRecord(record)!)
    expect(read.map(({ recordType }) => recordType)).toEqual([5, 3, 7, 6, 8])
    expect(read[0]?.value).toMatchObject({
      clientId: 'client',
      clientHost: '/127.0.0.1',
      subscribedTopicNames: ['t'],
      subscribedTopicRegex: '',
      rebalanceTimeoutMs: 60_000,
      serverAssignor: null,
      classicMemberMetadata: null,
    })
    expect(read[4]?.value).toMatchObject({ memberEpoch: 1, previousMemberEpoch: 0, state: 0 })
  })

  it('brings everything back after a restart, and members go on as if nothing was', async () => {
    const { client, a } = await start()
    const b = new ConsumerMemberClient(client, 'b')
    await settle([a, b])
    await client.commit({ 't-0': 5 }, asMember('a', 2))
    const { epoch, owned } = a
    await client.restart()
    await settle([a, b])
    expect([a.epoch, a.owned]).toEqual([epoch, owned])
    expect(await client.fetch()).toEqual({ 't-0': 5 })
    await client.advance(45_000)
    expect(consumerGroup(client).isEmpty).toBe(true)
  })

  it('takes the place of a simple group that offsets alone had made', async () => {
    const host = new VirtualHost()
    host.addTopic('t', 2)
    const client = await GroupClient.start({}, host)
    await client.commit({ 't-0': 7 })
    expect((await heartbeat(client, joinBody('a'))).errorCode).toBe(0)
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([false, true])
    expect(await client.fetch()).toEqual({ 't-0': 7 })
    await client.restart()
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([false, true])
  })
})

/** Groups that change between the classic and the consumer protocol while they are in use. */
import { describe, expect, it } from 'vitest'
import { defaultConsumerGroupConfig } from '../../../../engine/coordinator/group/consumer-options.ts'
import {
  decodeAssignment,
  encodeAssignment,
  encodeSubscription,
} from '../../../../engine/protocol/consumer-protocol.ts'
import {
  ConsumerMemberClient,
  consumerGroup,
  hasConsumerGroup,
  heartbeat,
  joinBody,
  settle,
} from '../../../support/consumer-group-client.ts'
import { VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient, type JoinOptions } from '../../../support/group-client.ts'

type Policy = typeof defaultConsumerGroupConfig.migrationPolicy

async function start(migrationPolicy: Policy = 'bidirectional') {
  const host = new VirtualHost()
  host.addTopic('t', 4)
  const consumer = { ...defaultConsumerGroupConfig, migrationPolicy }
  return { host, client: await GroupClient.start({ consumer }, host) }
}

function offers(owned: number[] = [], topics = ['t']): JoinOptions {
  const ownedPartitions = owned.length === 0 ? [] : [{ topic: 't', partitions: owned }]
  const metadata = encodeSubscription({ topics, userData: null, ownedPartitions }, 1)
  return { protocols: [{ name: 'range', metadata }], sessionTimeoutMs: 10_000 }
}

function partitionsOf(assignment: Buffer): number[] {
  return decodeAssignment(assignment).assignedPartitions.flatMap(({ partitions }) => partitions)
}

/** A Stable classic group of one member that has all partitions. */
async function classicGroup(client: GroupClient): Promise<string> {
  const { memberId } = await client.joinTwice(offers())
  await client.advance(6_000)
  const all = encodeAssignment({
    assignedPartitions: [{ topic: 't', partitions: [0, 1, 2, 3] }],
    userData: null,
  })
  await client.send(14, 5, {
    groupId: 'g',
    generationId: 1,
    memberId,
    groupInstanceId: null,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: all }],
  })
  return memberId
}

describe('a classic group that a member of the new protocol joins', () => {
  it('becomes a consumer group with everyone in it, whose partitions move one by one', async () => {
    const { client } = await start()
    const classic = await classicGroup(client)
    await client.commit({ 't-0': 3 }, { memberId: classic, generationId: 1 })
    const a = new ConsumerMemberClient(client, 'a')
    await a.beat()
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([false, true])
    expect([a.epoch, a.count]).toEqual([2, 0])
    // The classic member is told to join again, and gives two partitions up by doing so.
    expect(await client.heartbeat(classic, 1)).toBe(27)
    const first = await client.join({ ...offers([0, 1, 2, 3]), memberId: classic })
    expect(first.answer).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range' })
    const less = (await client.sync(classic, 1)).answer!
    expect([less.errorCode, partitionsOf(less.assignment)]).toEqual([0, [0, 1]])
    await a.beat()
    expect(a.count).toBe(0)
    expect(await client.heartbeat(classic, 1)).toBe(27)
    const second = await client.join({ ...offers([0, 1]), memberId: classic })
    expect(second.answer).toMatchObject({ generationId: 2, leader: '', members: [] })
    expect(partitionsOf((await client.sync(classic, 2)).answer!.assignment)).toEqual([0, 1])
    await a.beat()
    expect(a.count).toBe(2)
    expect(await client.heartbeat(classic, 2)).toBe(0)
    expect(await client.fetch()).toEqual({ 't-0': 3 })
    expect(await client.commit({ 't-0': 4 }, { memberId: classic, generationId: 1 })).toEqual([22])
    const described = await client.ask(69, 1, {
      groupIds: ['g'],
      includeAuthorizedOperations: false,
    })
    expect(described.groups[0]?.members.map(({ memberType }) => memberType)).toEqual([0, 1])
  })

  it('answers joins that were parked with REBALANCE_IN_PROGRESS', async () => {
    const { client } = await start()
    const classic = await classicGroup(client)
    const other = await client.joinTwice(offers())
    expect(other.join.answer).toBeNull()
    await heartbeat(client, joinBody('a'))
    expect(other.join.answer?.errorCode).toBe(27)
    expect(consumerGroup(client).members.has(classic)).toBe(true)
  })

  it('stays as it is where the policy says so, and where it is of another kind', async () => {
    const { client } = await start('downgrade')
    await classicGroup(client)
    const refused = await heartbeat(client, joinBody('a'))
    expect([refused.errorCode, refused.errorMessage]).toEqual([
      69,
      'Cannot upgrade classic group g to consumer group because online upgrade is disabled.',
    ])
    const other = await start()
    await other.client.stable(1, { protocolType: 'connect' })
    expect((await heartbeat(other.client, joinBody('a'))).errorCode).toBe(69)
  })

  it('stays a classic group when the change could not be written', async () => {
    const { client, host } = await start()
    const classic = await classicGroup(client)
    host.appendError = 56
    expect((await heartbeat(client, joinBody('a'))).errorCode).not.toBe(0)
    host.appendError = 0
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([true, false])
    expect((await client.join({ ...offers(), memberId: classic })).answer?.generationId).toBe(2)
  })

  it('is a consumer group after a restart as well', async () => {
    const { client } = await start()
    const classic = await classicGroup(client)
    const a = new ConsumerMemberClient(client, 'a')
    await a.beat()
    await client.restart()
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([false, true])
    expect(await client.heartbeat(classic, 1)).toBe(27)
    expect(await a.beat()).toBe(0)
  })

  it('is replaced when it is empty', async () => {
    const { client } = await start()
    const classic = await classicGroup(client)
    await client.leave([{ memberId: classic }])
    await client.advance(1)
    expect((await heartbeat(client, joinBody('a'))).memberEpoch).toBe(1)
    expect(client.hasGroup()).toBe(false)
  })
})

describe('classic members of a consumer group', () => {
  async function mixed() {
    const { client, host } = await start()
    const a = new ConsumerMemberClient(client, 'a')
    await a.beat()
    const asked = await client.join(offers())
    expect(asked.answer?.errorCode).toBe(79)
    const memberId = asked.answer!.memberId
    const joined = await client.join({ ...offers(), memberId })
    return { client, host, a, memberId, generationId: joined.answer!.generationId }
  }

  it('join, sync and get what others have let go', async () => {
    const { client, a, memberId, generationId } = await mixed()
    expect(partitionsOf((await client.sync(memberId, generationId)).answer!.assignment)).toEqual([])
    expect(await client.heartbeat(memberId, generationId)).toBe(0)
    await settle([a])
    expect(await client.heartbeat(memberId, generationId)).toBe(27)
    await client.join({ ...offers(), memberId })
    expect(partitionsOf((await client.sync(memberId, 2)).answer!.assignment)).toHaveLength(2)
  })

  it('are known by id, generation and protocol', async () => {
    const { client, memberId, generationId } = await mixed()
    expect(await client.heartbeat('nobody', 1)).toBe(25)
    expect(await client.heartbeat('a', 1)).toBe(25)
    expect(await client.heartbeat(memberId, generationId + 1)).toBe(22)
    expect((await client.sync(memberId, 9)).answer?.errorCode).toBe(22)
    const other = await client.sync(memberId, generationId, {}, { protocolName: 'other' })
    expect(other.answer?.errorCode).toBe(23)
    const wrong = await client.join({ ...offers(), protocolType: 'connect' })
    expect(wrong.answer?.errorCode).toBe(23)
  })

  it('are taken out when silent, or late to sync or join', async () => {
    const { client, memberId } = await mixed()
    await client.advance(10_000)
    expect(consumerGroup(client).members.has(memberId)).toBe(false)
    const late = await mixed()
    for (let at = 0; at < 12; at++) {
      await late.client.advance(5_000)
      await late.a.beat()
      if (at < 11) await late.client.heartbeat(late.memberId, late.generationId)
    }
    expect(consumerGroup(late.client).members.has(late.memberId)).toBe(false)
  })

  it('leave by their own word; strangers are told', async () => {
    const { client, memberId } = await mixed()
    const answer = await client.leave([{ memberId: 'nobody' }, { memberId }])
    expect(answer.members.map(({ errorCode }) => errorCode)).toEqual([25, 0])
    expect(consumerGroup(client).members.size).toBe(1)
  })

  it('have a classic group again when the last other member leaves', async () => {
    const { client, a, memberId, generationId } = await mixed()
    await client.sync(memberId, generationId)
    await a.leave()
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([true, false])
    expect(client.group().state).toBe('PreparingRebalance')
    const joined = await client.join({ ...offers(), memberId })
    expect(joined.answer).toMatchObject({ errorCode: 0, leader: memberId })
    await client.restart()
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([true, false])
  })

  it('stay in a consumer group where the policy keeps it one', async () => {
    const { client } = await start('upgrade')
    const a = new ConsumerMemberClient(client, 'a')
    await a.beat()
    const memberId = (await client.join(offers())).answer!.memberId
    await client.join({ ...offers(), memberId })
    await a.leave()
    expect(hasConsumerGroup(client)).toBe(true)
  })

  it('make an empty consumer group a classic one', async () => {
    const { client } = await start()
    const a = new ConsumerMemberClient(client, 'a')
    await a.beat()
    await client.commit({ 't-0': 4 }, { memberId: 'a', generationId: 1 })
    await a.leave()
    const { join } = await client.joinTwice(offers())
    await client.advance(6_000)
    expect(join.answer).toMatchObject({ errorCode: 0, generationId: 1 })
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([true, false])
    await client.restart()
    expect([client.hasGroup(), hasConsumerGroup(client)]).toEqual([true, false])
    expect(await client.fetch()).toEqual({ 't-0': 4 })
  })
})

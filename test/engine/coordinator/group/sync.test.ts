import { describe, expect, it } from 'vitest'
import { GroupClient } from '../../../support/group-client.ts'

/** A generation of `count` members that nobody has synced in yet. */
async function joined(count: number, client: GroupClient) {
  const joins = []
  for (let at = 0; at < count; at++) joins.push(await client.joinTwice())
  await client.advance(3_000 * count)
  return joins.map(({ memberId }) => memberId)
}

describe('SyncGroup', () => {
  it('answers INVALID_GROUP_ID to the empty group', async () => {
    const client = await GroupClient.start()
    expect((await client.sync('m', 1, {}, { groupId: '' })).answer?.errorCode).toBe(24)
  })

  it('answers UNKNOWN_MEMBER_ID for an unknown group and an unknown member', async () => {
    const client = await GroupClient.start()
    expect((await client.sync('m', 1)).answer?.errorCode).toBe(25)
    await client.stable(1)
    expect((await client.sync('m', 1)).answer?.errorCode).toBe(25)
  })

  it('answers UNKNOWN_MEMBER_ID in an Empty group', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join()
    expect((await client.sync(answer!.memberId, 0)).answer?.errorCode).toBe(25)
  })

  it('parks followers until the assignment of the leader is committed', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await joined(2, client)
    const parked = await client.sync(follower!, 1)
    expect(parked.answer).toBeNull()
    client.host.holding = true
    const sync = await client.sync(leader!, 1, { [leader!]: 'one', [follower!]: 'two' })
    expect(sync.answer).toBeNull()
    expect(parked.answer).toBeNull()
    expect(client.group().state).toBe('CompletingRebalance')
    client.host.commitNext()
    expect((await sync.promise).assignment.toString()).toBe('one')
    expect((await parked.promise).assignment.toString()).toBe('two')
    expect(client.group().state).toBe('Stable')
  })

  it('tells protocol and type with the assignment', async () => {
    const client = await GroupClient.start()
    const [leader] = await joined(1, client)
    const { answer } = await client.sync(leader!, 1, { [leader!]: 'a' })
    expect(answer).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' })
  })

  it('gives members the leader left out empty bytes', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await joined(2, client)
    const parked = await client.sync(follower!, 1)
    await client.sync(leader!, 1, { [leader!]: 'one' })
    expect(parked.answer).toMatchObject({ errorCode: 0, assignment: Buffer.alloc(0) })
  })

  it('ignores assignments for strangers', async () => {
    const client = await GroupClient.start()
    const [leader] = await joined(1, client)
    await client.sync(leader!, 1, { [leader!]: 'one', stranger: 'two' })
    expect(client.group().members.size).toBe(1)
  })

  it('repeats the assignment in a Stable group', async () => {
    const client = await GroupClient.start()
    const [, follower] = await client.stable(2)
    const { answer } = await client.sync(follower!, 1)
    expect(answer?.assignment.toString()).toBe('p1')
  })

  it('answers ILLEGAL_GENERATION to another generation', async () => {
    const client = await GroupClient.start()
    const [leader] = await joined(1, client)
    expect((await client.sync(leader!, 0)).answer?.errorCode).toBe(22)
    expect((await client.sync(leader!, 2)).answer?.errorCode).toBe(22)
  })

  it('answers REBALANCE_IN_PROGRESS while joins are collected', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await client.stable(2)
    await client.join({ memberId: leader! })
    expect((await client.sync(follower!, 1)).answer?.errorCode).toBe(27)
  })

  it('answers INCONSISTENT_GROUP_PROTOCOL to another type or name', async () => {
    const client = await GroupClient.start()
    const [leader] = await joined(1, client)
    const other = await client.sync(leader!, 1, {}, { protocolType: 'connect' })
    expect(other.answer?.errorCode).toBe(23)
    const name = await client.sync(leader!, 1, {}, { protocolName: 'sticky' })
    expect(name.answer?.errorCode).toBe(23)
  })

  it('wants type and name from v5 on', async () => {
    const client = await GroupClient.start()
    const [leader] = await joined(1, client)
    const none = { protocolType: null, protocolName: null }
    expect((await client.sync(leader!, 1, {}, none)).answer?.errorCode).toBe(23)
    const old = await client.sync(leader!, 1, {}, { ...none, version: 4 })
    expect(old.answer?.errorCode).toBe(0)
  })

  it('answers FENCED_INSTANCE_ID to a replaced static member', async () => {
    const client = await GroupClient.start()
    const first = await client.join({ instanceId: 'i' })
    await client.advance(3_000)
    await client.join({ instanceId: 'i' })
    const sync = await client.sync(first.answer!.memberId, 1, {}, { instanceId: 'i' })
    expect(sync.answer?.errorCode).toBe(82)
  })

  it('removes members that never sync, after the rebalance timeout', async () => {
    const client = await GroupClient.start()
    const options = { rebalanceTimeoutMs: 12_000, sessionTimeoutMs: 60_000 }
    const first = await client.joinTwice(options)
    const second = await client.joinTwice(options)
    await client.advance(6_000)
    await client.sync(first.memberId, 1)
    expect(client.group().state).toBe('Stable')
    await client.advance(11_999)
    expect(client.group().members.size).toBe(2)
    await client.advance(1)
    expect(client.group().state).toBe('PreparingRebalance')
    expect(await client.heartbeat(second.memberId, 1)).toBe(25)
    expect(await client.heartbeat(first.memberId, 1)).toBe(27)
  })

  it('tells parked followers to rejoin when the leader never syncs', async () => {
    const client = await GroupClient.start()
    const options = { rebalanceTimeoutMs: 12_000, sessionTimeoutMs: 60_000 }
    const first = await client.joinTwice(options)
    const second = await client.joinTwice(options)
    await client.advance(6_000)
    const parked = await client.sync(second.memberId, 1)
    await client.advance(12_000)
    expect(parked.answer?.errorCode).toBe(27)
    expect(client.group().members.has(first.memberId)).toBe(false)
    expect(client.group().leaderId).toBe(second.memberId)
  })

  it('does not remove anybody once all have synced', async () => {
    const client = await GroupClient.start()
    await client.stable(2, { sessionTimeoutMs: 1_800_000 })
    await client.advance(120_000)
    expect(client.group()).toMatchObject({ state: 'Stable', generationId: 1 })
  })

  it('answers the earlier sync of a member that syncs again while parked', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await joined(2, client)
    const first = await client.sync(follower!, 1)
    const second = await client.sync(follower!, 1)
    expect(first.answer?.errorCode).toBe(27)
    await client.sync(leader!, 1, { [follower!]: 'two' })
    expect(second.answer?.assignment.toString()).toBe('two')
  })

  it('does not write a second assignment behind the one in flight', async () => {
    const client = await GroupClient.start()
    const [leader] = await joined(1, client)
    client.host.holding = true
    await client.sync(leader!, 1, { [leader!]: 'one' })
    const again = await client.sync(leader!, 1, { [leader!]: 'other' })
    expect(client.host.held.length).toBe(1)
    client.host.commitNext()
    expect((await again.promise).assignment.toString()).toBe('one')
  })
})

describe('an assignment that cannot be written', () => {
  it('is told to everyone, and the group rebalances', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await joined(2, client)
    const parked = await client.sync(follower!, 1)
    client.host.appendError = 19
    const sync = await client.sync(leader!, 1, { [leader!]: 'one' })
    expect(sync.answer).toMatchObject({ errorCode: 15, assignment: Buffer.alloc(0) })
    expect(parked.answer?.errorCode).toBe(15)
    expect(client.group().state).toBe('PreparingRebalance')
    client.host.appendError = 0
    const again = await client.join({ memberId: leader! })
    await client.join({ memberId: follower! })
    expect(again.answer?.generationId).toBe(2)
  })

  it.each([
    [3, 15],
    [7, 15],
    [6, 16],
    [56, 16],
    [10, -1],
    [29, 29],
  ])('reports the error %i of the append as %i', async (appendError, seen) => {
    const client = await GroupClient.start()
    const [leader] = await joined(1, client)
    client.host.appendError = appendError
    expect((await client.sync(leader!, 1)).answer?.errorCode).toBe(seen)
  })

  it('is forgotten when a rebalance has begun meanwhile', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await joined(2, client)
    client.host.holding = true
    const sync = await client.sync(leader!, 1, { [leader!]: 'one' })
    await client.leave([{ memberId: follower! }])
    expect(sync.answer?.errorCode).toBe(27)
    const join = await client.join({ memberId: leader! })
    expect(join.answer?.generationId).toBe(2)
    client.host.commitNext()
    expect(client.group()).toMatchObject({ state: 'CompletingRebalance', generationId: 2 })
    expect(client.group().member(leader!).assignment.length).toBe(0)
  })
})

describe('Heartbeat', () => {
  it('answers INVALID_GROUP_ID to the empty group', async () => {
    const client = await GroupClient.start()
    const body = { groupId: '', generationId: 1, memberId: 'm', groupInstanceId: null }
    expect((await client.ask(12, 4, body)).errorCode).toBe(24)
  })

  it('answers UNKNOWN_MEMBER_ID for unknown groups and members', async () => {
    const client = await GroupClient.start()
    expect(await client.heartbeat('m', 1)).toBe(25)
    await client.stable(1)
    expect(await client.heartbeat('m', 1)).toBe(25)
  })

  it('answers NONE in Stable and while the assignment is awaited', async () => {
    const client = await GroupClient.start()
    const [member] = await joined(1, client)
    expect(await client.heartbeat(member!, 1)).toBe(0)
    await client.sync(member!, 1)
    expect(await client.heartbeat(member!, 1)).toBe(0)
  })

  it('answers REBALANCE_IN_PROGRESS while joins are collected', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await client.stable(2)
    await client.join({ memberId: leader! })
    expect(await client.heartbeat(follower!, 1)).toBe(27)
  })

  it('answers ILLEGAL_GENERATION to another generation', async () => {
    const client = await GroupClient.start()
    const [member] = await client.stable(1)
    expect(await client.heartbeat(member!, 0)).toBe(22)
  })

  it('answers UNKNOWN_MEMBER_ID in an Empty group', async () => {
    const client = await GroupClient.start()
    const [member] = await client.stable(1)
    await client.leave([{ memberId: member! }])
    expect(client.group().state).toBe('Empty')
    expect(await client.heartbeat(member!, 1)).toBe(25)
  })

  it('answers FENCED_INSTANCE_ID when another id owns the instance', async () => {
    const client = await GroupClient.start()
    const join = await client.join({ instanceId: 'i' })
    await client.advance(3_000)
    expect(await client.heartbeat('other', 1, 'i')).toBe(82)
    expect(await client.heartbeat(join.answer!.memberId, 1, 'unknown')).toBe(25)
    expect(await client.heartbeat(join.answer!.memberId, 1, 'i')).toBe(0)
  })
})

describe('sessions', () => {
  it('end without heartbeats, and the group rebalances', async () => {
    const client = await GroupClient.start({ initialRebalanceDelayMs: 0 })
    const [first, second] = await client.stable(2)
    await client.advance(9_000)
    expect(await client.heartbeat(first!, 1)).toBe(0)
    await client.advance(1_001)
    expect(client.group().members.has(second!)).toBe(false)
    expect(await client.heartbeat(first!, 1)).toBe(27)
  })

  it('last as long as heartbeats come', async () => {
    const client = await GroupClient.start()
    const [member] = await client.stable(1)
    for (let at = 0; at < 10; at++) {
      expect(await client.heartbeat(member!, 1)).toBe(0)
      await client.advance(9_999)
    }
    expect(client.group().state).toBe('Stable')
  })

  it('are extended during a rebalance', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await client.stable(2)
    await client.join({ memberId: leader! })
    for (let at = 0; at < 3; at++) {
      expect(await client.heartbeat(follower!, 1)).toBe(27)
      await client.advance(9_000)
    }
    expect(client.group().members.size).toBe(2)
  })

  it('cannot end while an old member waits in Join or Sync', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await client.stable(2, { rebalanceTimeoutMs: 100_000 })
    const join = await client.join({ memberId: leader!, rebalanceTimeoutMs: 100_000 })
    for (let at = 0; at < 5; at++) {
      await client.heartbeat(follower!, 1)
      await client.advance(9_000)
    }
    expect(join.answer).toBeNull()
    await client.join({ memberId: follower!, rebalanceTimeoutMs: 100_000 })
    expect(join.answer?.generationId).toBe(2)
    const parked = await client.sync(follower!, 2)
    for (let at = 0; at < 3; at++) {
      await client.heartbeat(leader!, 2)
      await client.advance(9_000)
    }
    expect(parked.answer).toBeNull()
    await client.sync(leader!, 2, { [follower!]: 'x' })
    expect(parked.answer?.assignment.toString()).toBe('x')
  })

  it('of new members parked in Join end after five minutes', async () => {
    const client = await GroupClient.start()
    const [leader] = await client.stable(1, { rebalanceTimeoutMs: 1_000_000 })
    const fresh = await client.join({ version: 3, rebalanceTimeoutMs: 1_000_000 })
    for (let at = 0; at < 59; at++) {
      await client.advance(5_000)
      expect(await client.heartbeat(leader!, 1)).toBe(27)
    }
    expect(fresh.answer).toBeNull()
    await client.advance(5_000)
    expect(fresh.answer).toMatchObject({ errorCode: 25, memberId: '' })
    expect(client.group().members.size).toBe(1)
  })

  it('of the last member leave an Empty group that is written down', async () => {
    const client = await GroupClient.start()
    await client.stable(1)
    const batches = client.host.batches.length
    await client.advance(10_000)
    expect(client.group()).toMatchObject({ state: 'Empty', generationId: 2, protocolName: null })
    expect(client.host.batches.length).toBe(batches + 1)
  })

  it('survive a failed write of the empty generation', async () => {
    const client = await GroupClient.start()
    await client.stable(1)
    client.host.appendError = 56
    await client.advance(10_000)
    expect(client.group().state).toBe('Empty')
    expect(client.host.warnings.length).toBe(1)
  })
})

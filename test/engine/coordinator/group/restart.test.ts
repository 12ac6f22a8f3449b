import { describe, expect, it } from 'vitest'
import { limits } from '../../../../engine/base/limits.ts'
import type { ClassicGroup } from '../../../../engine/coordinator/group/classic-group.ts'
import { flush, VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient } from '../../../support/group-client.ts'

async function started(config = {}) {
  const host = new VirtualHost()
  host.addTopic('t', 4)
  return GroupClient.start(config, host)
}

describe('a restart', () => {
  it('brings a Stable group back with generation, leader, members and assignments', async () => {
    const client = await started()
    const [leader, follower] = await client.stable(2)
    await client.restart()
    const group = client.group()
    expect(group).toMatchObject({
      state: 'Stable',
      generationId: 1,
      protocolType: 'consumer',
      protocolName: 'range',
      leaderId: leader,
    })
    expect(group.member(follower!).assignment.toString()).toBe('p1')
    expect(group.isSubscribedTo('t')).toBe(true)
    expect(await client.heartbeat(follower!, 1)).toBe(0)
    expect((await client.sync(follower!, 1)).answer?.assignment.toString()).toBe('p1')
  })

  it('gives members a fresh session', async () => {
    const client = await started()
    await client.stable(1)
    client.host.nowMs += 3_600_000
    await client.restart()
    await client.advance(9_999)
    expect(client.group().state).toBe('Stable')
    await client.advance(1)
    expect(client.group()).toMatchObject({ state: 'Empty', generationId: 2 })
  })

  it('brings offsets back, with metadata and epoch, without what was deleted', async () => {
    const client = await started()
    await client.commit({ 't-0': 1, 't-1': 2 }, { metadata: 'note', leaderEpoch: 4 })
    await client.commit({ 't-0': 3 })
    await client.deleteOffsets(['t-1'])
    await client.restart()
    expect(await client.fetch()).toEqual({ 't-0': 3 })
  })

  it('brings an Empty group back with the time it became so', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    await client.leave([{ memberId: member! }])
    const { stateTimestampMs } = client.group()
    client.host.nowMs += 1_000
    await client.restart()
    expect(client.group()).toMatchObject({ state: 'Empty', generationId: 2, stateTimestampMs })
  })

  it('brings a group back that has only handed out an id', async () => {
    const client = await started()
    await client.join()
    await client.restart()
    expect(client.group()).toMatchObject({ state: 'Empty', generationId: 0, protocolType: null })
  })

  it('loses a generation whose assignment was never written', async () => {
    const client = await started()
    const [leader, follower] = await client.stable(2)
    await client.join({ memberId: leader! })
    await client.join({ memberId: follower! })
    expect(client.group().generationId).toBe(2)
    await client.restart()
    expect(client.group()).toMatchObject({ state: 'Stable', generationId: 1 })
    expect(await client.heartbeat(leader!, 2)).toBe(22)
  })

  it('keeps static members by instance', async () => {
    const client = await started()
    const join = await client.join({ instanceId: 'i' })
    await client.advance(3_000)
    await client.sync(
      join.answer!.memberId,
      1,
      { [join.answer!.memberId]: 'x' },
      { instanceId: 'i' },
    )
    await client.restart()
    const again = await client.join({ instanceId: 'i' })
    expect(again.answer).toMatchObject({ errorCode: 0, generationId: 1, skipAssignment: true })
  })

  it('rebalances a group that is larger than the bound now', async () => {
    const client = await started({ maxSize: 3 })
    const [first] = await client.stable(3)
    const config = client.config as { maxSize: number }
    config.maxSize = 2
    await client.restart()
    expect(client.group().state).toBe('PreparingRebalance')
    expect(await client.heartbeat(first!, 1)).toBe(27)
  })
})

describe('a partition that is not served', () => {
  it('answers NOT_COORDINATOR where every API has its error', async () => {
    const client = await started()
    client.partition = 9
    expect((await client.join({ memberId: 'm' })).answer).toMatchObject({
      errorCode: 16,
      memberId: 'm',
    })
    expect((await client.sync('m', 1)).answer?.errorCode).toBe(16)
    expect(await client.heartbeat('m', 1)).toBe(16)
    expect((await client.leave([{ memberId: 'm' }])).errorCode).toBe(16)
    expect((await client.leave([{ memberId: 'm' }], 1)).errorCode).toBe(16)
    expect(await client.commit({ 't-0': 1, 't-1': 1 })).toEqual([16, 16])
    expect(await client.delete('a', 'b')).toEqual([16, 16])
    expect((await client.deleteOffsets(['t-0'])).errorCode).toBe(16)
    expect(await client.describe('a')).toMatchObject({ groupId: 'a', errorCode: 16 })
    const list = await client.ask(16, 5, { statesFilter: [], typesFilter: [] })
    expect(list).toMatchObject({ errorCode: 16, groups: [] })
  })

  it('answers OffsetFetch by version: per partition, at the top, per group', async () => {
    const client = await started()
    client.partition = 9
    const topics = [{ name: 't', partitionIndexes: [0] }]
    const old = { groupId: 'g', topics, groups: [], requireStable: false }
    const first = await client.ask(9, 1, old)
    expect(first.topics[0]?.partitions[0]).toMatchObject({ errorCode: 16, committedOffset: -1 })
    expect(await client.ask(9, 7, old)).toMatchObject({ errorCode: 16, topics: [] })
    const group = { groupId: 'g', memberId: null, memberEpoch: -1, topics: null }
    const recent = await client.ask(9, 8, { ...old, topics: [], groups: [group] })
    expect(recent.groups).toEqual([{ groupId: 'g', topics: [], errorCode: 16 }])
  })

  it('answers COORDINATOR_LOAD_IN_PROGRESS while it loads, and NONE to heartbeats', async () => {
    const client = await started()
    let release: () => void = () => {}
    client.host.beforeLoaded = () => new Promise((resolve) => (release = resolve))
    client.partition = 3
    const loading = client.coordinator.loadPartition(3)
    expect((await client.join()).answer?.errorCode).toBe(14)
    expect(await client.commit({ 't-0': 1 })).toEqual([14])
    expect(await client.heartbeat('m', 1)).toBe(0)
    release()
    await loading
    expect((await client.join()).answer?.errorCode).toBe(79)
  })

  it('lets go again of a partition that cannot be loaded', async () => {
    const client = await started()
    client.host.beforeLoaded = () => Promise.reject(new Error('disk'))
    await expect(client.coordinator.loadPartition(4)).rejects.toThrow('disk')
    client.partition = 4
    expect((await client.join()).answer?.errorCode).toBe(16)
    client.host.beforeLoaded = () => Promise.resolve()
    await client.coordinator.loadPartition(4)
    expect((await client.join()).answer?.errorCode).toBe(79)
  })

  it('can be given up while it loads', async () => {
    const client = await started()
    let release: () => void = () => {}
    client.host.beforeLoaded = () => new Promise((resolve) => (release = resolve))
    const loading = client.coordinator.loadPartition(5)
    client.coordinator.unloadPartition(5)
    release()
    await loading
    client.partition = 5
    expect((await client.join()).answer?.errorCode).toBe(16)
  })
})

describe('giving a partition up', () => {
  it('answers what is parked, and leaves no timer behind', async () => {
    const client = await started()
    const first = await client.joinTwice()
    const second = await client.joinTwice()
    await client.advance(6_000)
    const sync = await client.sync(second.memberId, 1)
    const other = await client.joinTwice({ groupId: 'other' })
    client.coordinator.unloadPartition(0)
    await flush()
    expect(sync.answer?.errorCode).toBe(16)
    expect(other.join.answer?.errorCode).toBe(16)
    expect(first.join.answer?.errorCode).toBe(0)
    expect(client.unanswered).toBe(0)
    expect(client.host.timersArmed).toBe(0)
  })

  it('answers NOT_COORDINATOR to what is still being written', async () => {
    const client = await started()
    client.host.holding = true
    const commit = await client.send(8, 9, client.commitBody({ 't-0': 1 }))
    const join = await client.join()
    client.coordinator.unloadPartition(0)
    client.host.commitAll()
    await flush()
    expect(commit.answer?.topics[0]?.partitions[0]?.errorCode).toBe(16)
    expect(join.answer?.errorCode).toBe(16)
  })
})

describe('bounds', () => {
  it('refuse groups beyond those that may exist', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    const groups = client.coordinator.machineOf(0)!.groups as Map<string, ClassicGroup>
    for (let at = groups.size; at < limits.groupsMax; at++) groups.set(`g${at}`, client.group())
    const body = client.commitBody({ 't-0': 1 }, { groupId: 'new' })
    const coordinator = client.coordinator
    const from = { clientId: 'c', host: 'h' }
    const commit = await coordinator.handle(0, 8, 9, from, body)
    expect(commit.topics[0]?.partitions[0]?.errorCode).toBe(15)
    const join = await coordinator.handle(0, 11, 9, from, {
      groupId: 'new',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
      reason: null,
    })
    expect(join.errorCode).toBe(15)
  })
})

describe('a new group that cannot be written', () => {
  it('is told to whoever joined, and does not exist', async () => {
    const client = await started()
    client.host.appendError = 56
    expect((await client.join()).answer).toMatchObject({ errorCode: 16 })
    expect(client.hasGroup()).toBe(false)
    const old = await client.join({ version: 2 })
    expect(old.answer).toMatchObject({ errorCode: 16, memberId: '' })
    expect(client.hasGroup()).toBe(false)
    client.host.appendError = 0
    expect((await client.join()).answer?.errorCode).toBe(79)
  })
})

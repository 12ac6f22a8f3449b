import { describe, expect, it } from 'vitest'
import { GroupClient as Client, type GroupClient } from '../../../support/group-client.ts'

/** A Stable group of static members i0, i1, …; gives their ids. */
async function stableStatic(client: GroupClient, count: number): Promise<string[]> {
  const joins = []
  for (let at = 0; at < count; at++) joins.push(await client.join({ instanceId: `i${at}` }))
  await client.advance(3_000 * count)
  const ids = joins.map((join) => join.answer!.memberId)
  const assignments = Object.fromEntries(ids.map((id, at) => [id, `p${at}`]))
  for (const [at, id] of ids.entries())
    await client.sync(id, 1, at === 0 ? assignments : {}, { instanceId: `i${at}` })
  expect(client.group().state).toBe('Stable')
  return ids
}

describe('a static member that comes back to a Stable group', () => {
  it('keeps generation and assignment under a new id, without rebalance', async () => {
    const client = await Client.start()
    const [, follower] = await stableStatic(client, 2)
    const { answer } = await client.join({ instanceId: 'i1' })
    expect(answer).toMatchObject({
      errorCode: 0,
      generationId: 1,
      members: [],
      skipAssignment: false,
    })
    expect(answer?.memberId).not.toBe(follower)
    expect(client.group().state).toBe('Stable')
    const sync = await client.sync(answer!.memberId, 1, {}, { instanceId: 'i1' })
    expect(sync.answer?.assignment.toString()).toBe('p1')
  })

  it('fences its old id', async () => {
    const client = await Client.start()
    const [, follower] = await stableStatic(client, 2)
    await client.join({ instanceId: 'i1' })
    expect(await client.heartbeat(follower!, 1, 'i1')).toBe(82)
    expect(await client.heartbeat(follower!, 1)).toBe(25)
    const commit = { memberId: follower!, generationId: 1, instanceId: 'i1' }
    client.host.addTopic('t', 1)
    expect(await client.commit({ 't-0': 1 }, commit)).toEqual([82])
    const join = await client.join({ memberId: follower!, instanceId: 'i1' })
    expect(join.answer).toMatchObject({ errorCode: 82, memberId: follower })
  })

  it('is told to skip the assignment as leader from v9 on, with the members', async () => {
    const client = await Client.start()
    await stableStatic(client, 2)
    const { answer } = await client.join({ instanceId: 'i0' })
    expect(answer?.leader).toBe(answer?.memberId)
    expect(answer).toMatchObject({ skipAssignment: true, generationId: 1 })
    expect(answer?.members.length).toBe(2)
  })

  it('is told the old leader id below v9', async () => {
    const client = await Client.start()
    const [leader] = await stableStatic(client, 2)
    const { answer } = await client.join({ instanceId: 'i0', version: 8 })
    expect(answer).toMatchObject({ leader, skipAssignment: false, members: [], errorCode: 0 })
    expect(answer?.memberId).not.toBe(leader)
  })

  it('has its new id written before it is answered', async () => {
    const client = await Client.start()
    await stableStatic(client, 2)
    client.host.holding = true
    const join = await client.join({ instanceId: 'i1' })
    expect(join.answer).toBeNull()
    client.host.commitNext()
    const { memberId } = await join.promise
    client.host.holding = false
    await client.restart()
    expect(client.group().staticMembers.get('i1')).toBe(memberId)
    expect(client.group().member(memberId).assignment.toString()).toBe('p1')
  })

  it('goes by its old id when the new one could not be written', async () => {
    const client = await Client.start()
    const [leader, follower] = await stableStatic(client, 2)
    client.host.appendError = 7
    const { answer } = await client.join({ instanceId: 'i1', sessionTimeoutMs: 20_000 })
    expect(answer).toMatchObject({ errorCode: 15, memberId: '' })
    expect(client.group().staticMembers.get('i1')).toBe(follower)
    expect(client.group().member(follower!).terms.sessionTimeoutMs).toBe(10_000)
    expect(client.group().leaderId).toBe(leader)
    expect(await client.heartbeat(follower!, 1, 'i1')).toBe(0)
  })

  it('rebalances when the selected protocol would change', async () => {
    const client = await Client.start()
    const [leader] = await stableStatic(client, 1)
    const protocols = [
      { name: 'sticky', metadata: Buffer.of(1) },
      { name: 'range', metadata: Buffer.of(2) },
    ]
    const { answer } = await client.join({ instanceId: 'i0', protocols })
    expect(answer).toMatchObject({ errorCode: 0, generationId: 2, protocolName: 'sticky' })
    expect(answer?.memberId).not.toBe(leader)
  })

  it('owes the sync that its old id owed', async () => {
    const client = await Client.start()
    const options = { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 }
    const first = await client.join({ ...options, instanceId: 'i0' })
    await client.join({ ...options, instanceId: 'i1' })
    await client.advance(6_000)
    await client.sync(first.answer!.memberId, 1, {}, { instanceId: 'i0' })
    const again = await client.join({ ...options, instanceId: 'i1' })
    expect(again.answer?.generationId).toBe(1)
    await client.sync(again.answer!.memberId, 1, {}, { instanceId: 'i1' })
    await client.advance(20_000)
    expect(client.group()).toMatchObject({ state: 'Stable', generationId: 1 })
  })

  it('is not asked to leave by a restart of its process', async () => {
    const client = await Client.start()
    const [leader] = await stableStatic(client, 2)
    for (let at = 0; at < 3; at++) {
      await client.join({ instanceId: 'i1' })
      await client.advance(5_000)
      expect(await client.heartbeat(leader!, 1, 'i0')).toBe(0)
    }
    expect(client.group().generationId).toBe(1)
  })
})

describe('a static member that comes back during a rebalance', () => {
  it('starts a new one while the assignment is awaited', async () => {
    const client = await Client.start()
    const first = await client.join({ instanceId: 'i0' })
    const second = await client.join({ instanceId: 'i1' })
    await client.advance(6_000)
    const sync = await client.sync(second.answer!.memberId, 1, {}, { instanceId: 'i1' })
    const again = await client.join({ instanceId: 'i1' })
    expect(sync.answer?.errorCode).toBe(82)
    expect(again.answer).toBeNull()
    expect(await client.heartbeat(first.answer!.memberId, 1, 'i0')).toBe(27)
    await client.join({ memberId: first.answer!.memberId, instanceId: 'i0' })
    expect(again.answer?.generationId).toBe(2)
  })

  it('takes part in the one that collects joins', async () => {
    const client = await Client.start()
    const [leader, follower] = await stableStatic(client, 2)
    const join = await client.join({ memberId: leader!, instanceId: 'i0' })
    const again = await client.join({ instanceId: 'i1' })
    expect(join.answer?.generationId).toBe(2)
    expect(again.answer?.generationId).toBe(2)
    expect(client.group().members.has(follower!)).toBe(false)
  })

  it('fences the join that is parked under the old id', async () => {
    const client = await Client.start()
    const [leader, follower] = await stableStatic(client, 3)
    await client.join({ memberId: leader!, instanceId: 'i0' })
    const old = await client.join({ memberId: follower!, instanceId: 'i1' })
    const again = await client.join({ instanceId: 'i1' })
    expect(old.answer).toMatchObject({ errorCode: 82, memberId: follower })
    expect(again.answer).toBeNull()
  })

  it('passes leadership on to the new id', async () => {
    const client = await Client.start()
    await stableStatic(client, 2)
    const again = await client.join({ instanceId: 'i0' })
    expect(client.group().leaderId).toBe(again.answer?.memberId)
  })
})

describe('absent static members', () => {
  it('are dropped when their session ends', async () => {
    const client = await Client.start()
    await stableStatic(client, 1)
    await client.advance(10_000)
    expect(client.group().state).toBe('Empty')
  })

  it('keep a rebalance from completing without anybody', async () => {
    const client = await Client.start()
    const options = { rebalanceTimeoutMs: 4_000, sessionTimeoutMs: 30_000 }
    const still = await client.join({ ...options, instanceId: 'i0' })
    const { memberId } = await client.joinTwice(options)
    await client.advance(4_000)
    await client.sync(still.answer!.memberId, 1, {}, { instanceId: 'i0' })
    await client.sync(memberId, 1)
    await client.leave([{ memberId }])
    expect(client.group().state).toBe('PreparingRebalance')
    await client.advance(20_000)
    expect(client.group()).toMatchObject({ state: 'PreparingRebalance', generationId: 1 })
    await client.advance(20_000)
    expect(client.group()).toMatchObject({ state: 'Empty', generationId: 2 })
  })
})

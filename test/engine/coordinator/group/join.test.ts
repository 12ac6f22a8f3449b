import { describe, expect, it } from 'vitest'
import { limits } from '../../../../engine/base/limits.ts'
import { GroupClient, range, subscription } from '../../../support/group-client.ts'

const two = (first: string, second: string) => [
  { name: first, metadata: subscription('t') },
  { name: second, metadata: subscription('t') },
]

describe('what JoinGroup refuses', () => {
  it('answers INVALID_GROUP_ID to the empty group', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join({ groupId: '' })
    expect(answer).toMatchObject({ errorCode: 24, memberId: '' })
  })

  it('answers INVALID_SESSION_TIMEOUT below and above the bounds, not on them', async () => {
    const client = await GroupClient.start()
    const codeOf = async (sessionTimeoutMs: number) =>
      (await client.join({ sessionTimeoutMs })).answer?.errorCode
    expect(await codeOf(5_999)).toBe(26)
    expect(await codeOf(1_800_001)).toBe(26)
    expect(await codeOf(6_000)).toBe(79)
    expect(await codeOf(1_800_000)).toBe(79)
  })

  it('answers INCONSISTENT_GROUP_PROTOCOL without protocols or protocol type', async () => {
    const client = await GroupClient.start()
    expect((await client.join({ protocols: [] })).answer?.errorCode).toBe(23)
    expect((await client.join({ protocolType: '' })).answer?.errorCode).toBe(23)
    expect(client.hasGroup()).toBe(false)
  })

  it('answers INCONSISTENT_GROUP_PROTOCOL to another protocol type', async () => {
    const client = await GroupClient.start()
    await client.stable(1)
    const { answer } = await client.join({ protocolType: 'connect' })
    expect(answer).toMatchObject({ errorCode: 23, memberId: '' })
  })

  it('answers INCONSISTENT_GROUP_PROTOCOL when no protocol is common to all', async () => {
    const client = await GroupClient.start()
    await client.stable(1)
    const { answer } = await client.join({
      protocols: [{ name: 'sticky', metadata: Buffer.of(1) }],
    })
    expect(answer?.errorCode).toBe(23)
  })

  it('answers UNKNOWN_MEMBER_ID to a member id in an unknown group', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join({ memberId: 'who' })
    expect(answer).toMatchObject({ errorCode: 25, memberId: 'who' })
    expect(client.hasGroup()).toBe(false)
  })

  it('answers UNKNOWN_MEMBER_ID to a foreign member id in a live group', async () => {
    const client = await GroupClient.start()
    await client.stable(1)
    expect((await client.join({ memberId: 'who' })).answer?.errorCode).toBe(25)
  })

  it('answers UNKNOWN_MEMBER_ID to an unknown instance with a member id', async () => {
    const client = await GroupClient.start()
    const [member] = await client.stable(1)
    const { answer } = await client.join({ memberId: member!, instanceId: 'i' })
    expect(answer?.errorCode).toBe(25)
  })

  it('answers INCONSISTENT_GROUP_PROTOCOL to more protocols than the bound', async () => {
    const client = await GroupClient.start()
    const protocols = Array.from({ length: limits.groupProtocolsMax + 1 }, (_, at) => ({
      name: `p${at}`,
      metadata: Buffer.alloc(0),
    }))
    expect((await client.join({ protocols })).answer?.errorCode).toBe(23)
  })
})

describe('two-step member ids (KIP-394)', () => {
  it('gives a dynamic member of v4+ an id and MEMBER_ID_REQUIRED', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join({ version: 4, clientId: 'app' })
    expect(answer?.errorCode).toBe(79)
    expect(answer?.memberId).toMatch(/^app-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(client.group().members.size).toBe(0)
    expect(client.group().pendingJoins.size).toBe(1)
  })

  it('writes the empty group before it answers', async () => {
    const client = await GroupClient.start()
    client.host.holding = true
    const join = await client.join()
    expect(join.answer).toBeNull()
    expect(client.host.held[0]?.records.length).toBe(1)
    client.host.commitNext()
    expect((await join.promise).errorCode).toBe(79)
  })

  it('lets the pending id in', async () => {
    const client = await GroupClient.start()
    const { memberId, join } = await client.joinTwice()
    await client.advance(3_000)
    expect(join.answer).toMatchObject({ errorCode: 0, memberId, leader: memberId, generationId: 1 })
  })

  it('forgets a pending id after one session timeout', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join({ sessionTimeoutMs: 7_000 })
    await client.advance(6_999)
    expect(client.group().pendingJoins.size).toBe(1)
    await client.advance(1)
    expect(client.group().pendingJoins.size).toBe(0)
    const late = await client.join({ memberId: answer!.memberId })
    expect(late.answer?.errorCode).toBe(25)
  })

  it('refuses a pending id that comes with an instance', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join()
    const second = await client.join({ memberId: answer!.memberId, instanceId: 'i' })
    expect(second.answer?.errorCode).toBe(-1)
  })

  it('lets members of v0-3 in at once', async () => {
    const client = await GroupClient.start()
    const join = await client.join({ version: 3 })
    expect(join.answer).toBeNull()
    await client.advance(3_000)
    expect(join.answer).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  it('lets static members in at once, with an id made of the instance', async () => {
    const client = await GroupClient.start()
    const join = await client.join({ instanceId: 'i-1' })
    await client.advance(3_000)
    expect(join.answer?.errorCode).toBe(0)
    expect(join.answer?.memberId).toMatch(/^i-1-[0-9a-f-]{36}$/)
  })

  it('bounds the ids handed out', async () => {
    const client = await GroupClient.start()
    await client.join()
    const group = client.group()
    const timer = [...group.pendingJoins.values()][0]!
    for (let at = 1; at < limits.groupPendingMembersMax; at++)
      group.pendingJoins.set(`p${at}`, timer)
    expect((await client.join()).answer?.errorCode).toBe(81)
  })

  it('makes an id without client id too', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join({ clientId: null })
    expect(answer?.memberId).toMatch(/^-[0-9a-f-]{36}$/)
  })
})

describe('the first rebalance', () => {
  it('waits group.initial.rebalance.delay.ms', async () => {
    const client = await GroupClient.start()
    const { join } = await client.joinTwice()
    await client.advance(2_999)
    expect(join.answer).toBeNull()
    expect(client.group().state).toBe('PreparingRebalance')
    await client.advance(1)
    expect(join.answer?.errorCode).toBe(0)
    expect(client.group().state).toBe('CompletingRebalance')
  })

  it('extends the delay for every new member', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice()
    await client.advance(2_000)
    const second = await client.joinTwice()
    await client.advance(1_000)
    expect(first.join.answer).toBeNull()
    await client.advance(2_999)
    expect(first.join.answer).toBeNull()
    await client.advance(1)
    expect(first.join.answer?.generationId).toBe(1)
    expect(second.join.answer?.generationId).toBe(1)
  })

  it('does not extend the delay beyond the rebalance timeout', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice({ rebalanceTimeoutMs: 5_000 })
    for (let at = 0; at < 4; at++) {
      await client.advance(1_200)
      await client.joinTwice({ rebalanceTimeoutMs: 5_000 })
    }
    expect(first.join.answer).toBeNull()
    await client.advance(200)
    expect(first.join.answer?.generationId).toBe(1)
    expect(client.group().members.size).toBe(5)
  })

  it('does not wait for ids that are only pending', async () => {
    const client = await GroupClient.start()
    const { join } = await client.joinTwice()
    await client.join()
    await client.advance(3_000)
    expect(join.answer?.errorCode).toBe(0)
  })

  it('answers at once when the delay is zero', async () => {
    const client = await GroupClient.start({ initialRebalanceDelayMs: 0 })
    const { join } = await client.joinTwice()
    await client.advance(0)
    expect(join.answer?.generationId).toBe(1)
  })

  it('takes the session timeout for the rebalance timeout in v0', async () => {
    const client = await GroupClient.start()
    await client.join({ version: 0, sessionTimeoutMs: 9_000, rebalanceTimeoutMs: -1 })
    expect(client.group().rebalanceTimeoutMs).toBe(9_000)
  })
})

describe('the join answer', () => {
  it('shows metadata to the leader only', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice()
    const second = await client.joinTwice()
    await client.advance(6_000)
    expect(first.join.answer?.members.map(({ memberId }) => memberId)).toEqual([
      first.memberId,
      second.memberId,
    ])
    expect(first.join.answer?.members[0]?.metadata).toEqual(subscription('t'))
    expect(second.join.answer?.members).toEqual([])
    expect(second.join.answer?.leader).toBe(first.memberId)
  })

  it('names protocol and type', async () => {
    const client = await GroupClient.start()
    const { join } = await client.joinTwice()
    await client.advance(3_000)
    expect(join.answer).toMatchObject({ protocolType: 'consumer', protocolName: 'range' })
  })

  it('says the empty protocol name instead of null below v7', async () => {
    const client = await GroupClient.start()
    expect((await client.join({ version: 6 })).answer?.protocolName).toBe('')
    expect((await client.join({ version: 7 })).answer?.protocolName).toBeNull()
  })

  it('tells the leader the instance ids', async () => {
    const client = await GroupClient.start()
    const join = await client.join({ instanceId: 'i' })
    await client.advance(3_000)
    expect(join.answer?.members[0]?.groupInstanceId).toBe('i')
  })
})

describe('the choice of the protocol', () => {
  it('takes the most preferred one among those all offer', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice({ protocols: two('a', 'b') })
    await client.joinTwice({ protocols: two('b', 'c') })
    await client.advance(6_000)
    expect(first.join.answer?.protocolName).toBe('b')
  })

  it('counts the votes', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice({ protocols: two('a', 'b') })
    await client.joinTwice({ protocols: two('b', 'a') })
    await client.joinTwice({ protocols: two('b', 'a') })
    await client.advance(9_000)
    expect(first.join.answer?.protocolName).toBe('b')
  })

  it('gives a tie to the one voted for first', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice({ protocols: two('b', 'a') })
    await client.joinTwice({ protocols: two('a', 'b') })
    await client.advance(6_000)
    expect(first.join.answer?.protocolName).toBe('b')
  })

  it('counts a protocol that a member names twice once', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice({ protocols: two('a', 'a') })
    const second = await client.joinTwice({ protocols: two('a', 'b') })
    await client.advance(6_000)
    expect(first.join.answer?.protocolName).toBe('a')
    expect(second.join.answer?.errorCode).toBe(0)
  })
})

describe('rejoining', () => {
  it('rebalances when the leader of a Stable group rejoins unchanged', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await client.stable(2)
    const join = await client.join({ memberId: leader! })
    expect(join.answer).toBeNull()
    expect(client.group().state).toBe('PreparingRebalance')
    const other = await client.join({ memberId: follower! })
    expect(join.answer?.generationId).toBe(2)
    expect(other.answer?.generationId).toBe(2)
  })

  it('gives a follower with the same metadata the current generation', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await client.stable(2)
    const { answer } = await client.join({ memberId: follower! })
    expect(answer).toMatchObject({ errorCode: 0, generationId: 1, leader, members: [] })
    expect(client.group().state).toBe('Stable')
  })

  it('rebalances when a follower comes with other metadata', async () => {
    const client = await GroupClient.start()
    const [leader, follower] = await client.stable(2)
    const join = await client.join({ memberId: follower!, protocols: range('t', 'u') })
    expect(join.answer).toBeNull()
    expect(await client.heartbeat(leader!, 1)).toBe(27)
  })

  it('repeats the answer while the assignment is awaited', async () => {
    const client = await GroupClient.start()
    const { memberId } = await client.joinTwice()
    const other = await client.joinTwice()
    await client.advance(6_000)
    const again = await client.join({ memberId })
    expect(again.answer).toMatchObject({ errorCode: 0, generationId: 1, skipAssignment: false })
    expect(again.answer?.members.length).toBe(2)
    const follower = await client.join({ memberId: other.memberId })
    expect(follower.answer?.members).toEqual([])
  })

  it('rebalances when metadata changes while the assignment is awaited', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice()
    const second = await client.joinTwice()
    await client.advance(6_000)
    const sync = await client.sync(second.memberId, 1)
    const again = await client.join({ memberId: first.memberId, protocols: range('u') })
    expect(sync.answer?.errorCode).toBe(27)
    expect(again.answer).toBeNull()
    expect(client.group().state).toBe('PreparingRebalance')
  })

  it('answers the earlier join of a member that joins again while parked', async () => {
    const client = await GroupClient.start()
    const { memberId, join } = await client.joinTwice()
    const again = await client.join({ memberId })
    expect(join.answer?.errorCode).toBe(27)
    await client.advance(3_000)
    expect(again.answer?.generationId).toBe(1)
  })

  it('counts a repeated join of a static member in the first rebalance once', async () => {
    const client = await GroupClient.start()
    const first = await client.join({ instanceId: 'i' })
    const second = await client.join({ instanceId: 'i' })
    expect(first.answer?.errorCode).toBe(82)
    await client.advance(6_000)
    expect(second.answer?.errorCode).toBe(0)
    expect(client.group().members.size).toBe(1)
  })
})

describe('the later rebalance', () => {
  it('ends as soon as all known members are back', async () => {
    const client = await GroupClient.start()
    const [first, second] = await client.stable(2)
    const third = await client.joinTwice()
    await client.join({ memberId: first! })
    expect(third.join.answer).toBeNull()
    await client.join({ memberId: second! })
    expect(third.join.answer?.generationId).toBe(2)
  })

  it('waits for ids that are pending', async () => {
    const client = await GroupClient.start()
    const [leader] = await client.stable(1)
    const pending = await client.join()
    const join = await client.join({ memberId: leader! })
    expect(join.answer).toBeNull()
    await client.join({ memberId: pending.answer!.memberId })
    expect(join.answer?.generationId).toBe(2)
  })

  it('stops waiting for a pending id that expires', async () => {
    const client = await GroupClient.start()
    const [leader] = await client.stable(1)
    await client.join()
    const join = await client.join({ memberId: leader! })
    await client.advance(10_000)
    expect(join.answer?.generationId).toBe(2)
  })

  it('drops dynamic members that do not return within the rebalance timeout', async () => {
    const client = await GroupClient.start()
    const options = { rebalanceTimeoutMs: 8_000, sessionTimeoutMs: 30_000 }
    const [first, second] = await client.stable(2, options)
    const join = await client.join({ ...options, memberId: first! })
    await client.advance(7_999)
    expect(join.answer).toBeNull()
    await client.advance(1)
    expect(join.answer?.generationId).toBe(2)
    expect(await client.heartbeat(second!, 2)).toBe(25)
  })

  it('elects a leader that is present', async () => {
    const client = await GroupClient.start()
    const [, second] = await client.stable(2, { rebalanceTimeoutMs: 8_000 })
    const join = await client.join({
      memberId: second!,
      protocols: range('u'),
      rebalanceTimeoutMs: 8_000,
    })
    await client.advance(8_000)
    expect(join.answer).toMatchObject({ leader: second, generationId: 2 })
    expect(join.answer?.members.length).toBe(1)
  })

  it('keeps a static member that is absent', async () => {
    const client = await GroupClient.start()
    const options = { rebalanceTimeoutMs: 8_000, sessionTimeoutMs: 60_000 }
    const still = await client.join({ ...options, instanceId: 'i' })
    const { memberId } = await client.joinTwice(options)
    await client.advance(6_000)
    await client.sync(still.answer!.memberId, 1, {}, { instanceId: 'i' })
    await client.sync(memberId, 1)
    const join = await client.join({ ...options, memberId, protocols: range('u') })
    await client.advance(8_000)
    expect(join.answer).toMatchObject({ leader: memberId, generationId: 2 })
    expect(join.answer?.members.length).toBe(2)
  })

  it('takes the longest rebalance timeout of the members', async () => {
    const client = await GroupClient.start()
    const first = await client.joinTwice({ rebalanceTimeoutMs: 8_000 })
    const second = await client.joinTwice({ rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 30_000 })
    await client.advance(6_000)
    await client.sync(first.memberId, 1)
    await client.sync(second.memberId, 1)
    const join = await client.join({ memberId: first.memberId, rebalanceTimeoutMs: 8_000 })
    await client.advance(19_000)
    expect(join.answer).toBeNull()
    await client.advance(1_000)
    expect(join.answer?.generationId).toBe(2)
  })
})

describe('group.max.size', () => {
  it('refuses one member too many in a Stable group', async () => {
    const client = await GroupClient.start({ maxSize: 2 })
    await client.stable(2)
    const { answer } = await client.join()
    expect(answer).toMatchObject({ errorCode: 81, memberId: '' })
  })

  it('refuses the member too many while joins are collected', async () => {
    const client = await GroupClient.start({ maxSize: 1 })
    await client.join({ version: 3 })
    const late = await client.join({ version: 3 })
    expect(late.answer?.errorCode).toBe(81)
    await client.advance(3_000)
    expect(client.group().members.size).toBe(1)
  })

  it('turns away the last to rejoin when the bound was lowered', async () => {
    const client = await GroupClient.start({ maxSize: 1 })
    const config = client.config as { maxSize: number }
    config.maxSize = 2
    const [first, second] = await client.stable(2)
    config.maxSize = 1
    const join = await client.join({ memberId: first! })
    const late = await client.join({ memberId: second! })
    expect(late.answer?.errorCode).toBe(81)
    expect(join.answer).toMatchObject({ generationId: 2, leader: first })
  })

  it('refuses a second waiting id when it joins', async () => {
    const client = await GroupClient.start({ maxSize: 1 })
    const first = await client.join()
    const second = await client.join()
    await client.join({ memberId: first.answer!.memberId })
    const late = await client.join({ memberId: second.answer!.memberId })
    expect(late.answer?.errorCode).toBe(81)
    expect(client.group().pendingJoins.size).toBe(0)
  })
})

import { describe, expect, it } from 'vitest'
import { GroupClient } from '../../../support/group-client.ts'

describe('LeaveGroup', () => {
  it('answers INVALID_GROUP_ID to the empty group', async () => {
    const client = await GroupClient.start()
    expect((await client.leave([{ memberId: 'm' }], 5, '')).errorCode).toBe(24)
  })

  it('answers UNKNOWN_MEMBER_ID per member for an unknown group', async () => {
    const client = await GroupClient.start()
    const answer = await client.leave([{ memberId: 'a' }, { memberId: '', instanceId: 'i' }])
    expect(answer.errorCode).toBe(0)
    expect(answer.members).toEqual([
      { memberId: 'a', groupInstanceId: null, errorCode: 25 },
      { memberId: '', groupInstanceId: 'i', errorCode: 25 },
    ])
  })

  it('has the one error at the top up to v2', async () => {
    const client = await GroupClient.start()
    expect(await client.leave([{ memberId: 'm' }], 2)).toMatchObject({ errorCode: 25, members: [] })
    const [member] = await client.stable(1)
    expect(await client.leave([{ memberId: member! }], 0)).toMatchObject({ errorCode: 0 })
    expect(client.group().state).toBe('Empty')
  })

  it('rebalances the others', async () => {
    const client = await GroupClient.start()
    const [first, second] = await client.stable(2)
    expect((await client.leave([{ memberId: second! }])).members[0]?.errorCode).toBe(0)
    expect(await client.heartbeat(first!, 1)).toBe(27)
  })

  it('passes leadership on', async () => {
    const client = await GroupClient.start()
    const [first, second] = await client.stable(2)
    await client.leave([{ memberId: first! }])
    expect(client.group().leaderId).toBe(second)
  })

  it('empties the group with the last member and answers once that is written', async () => {
    const client = await GroupClient.start()
    const [member] = await client.stable(1)
    client.host.holding = true
    const body = {
      groupId: 'g',
      memberId: '',
      members: [{ memberId: member!, groupInstanceId: null, reason: 'bye' }],
    }
    const leave = await client.send(13, 5, body)
    expect(leave.answer).toBeNull()
    client.host.commitNext()
    expect((await leave.promise).members[0]?.errorCode).toBe(0)
    expect(client.group()).toMatchObject({ state: 'Empty', generationId: 2 })
  })

  it('takes several members with an error each', async () => {
    const client = await GroupClient.start()
    const [first, second] = await client.stable(3)
    const answer = await client.leave([
      { memberId: first! },
      { memberId: 'who' },
      { memberId: second! },
    ])
    expect(answer.members.map(({ errorCode }) => errorCode)).toEqual([0, 25, 0])
    expect(client.group().members.size).toBe(1)
  })

  it('removes a static member by its instance alone', async () => {
    const client = await GroupClient.start()
    await client.join({ instanceId: 'i' })
    await client.advance(3_000)
    const answer = await client.leave([{ memberId: '', instanceId: 'i' }])
    expect(answer.members[0]).toEqual({ memberId: '', groupInstanceId: 'i', errorCode: 0 })
    expect(client.group().members.size).toBe(0)
  })

  it('answers FENCED_INSTANCE_ID to the wrong id of an instance', async () => {
    const client = await GroupClient.start()
    await client.join({ instanceId: 'i' })
    await client.advance(3_000)
    const answer = await client.leave([{ memberId: 'other', instanceId: 'i' }])
    expect(answer.members[0]?.errorCode).toBe(82)
  })

  it('answers UNKNOWN_MEMBER_ID to an empty id without instance', async () => {
    const client = await GroupClient.start()
    await client.stable(1)
    expect((await client.leave([{ memberId: '' }])).members[0]?.errorCode).toBe(25)
  })

  it('forgets a pending id', async () => {
    const client = await GroupClient.start()
    const { answer } = await client.join()
    const left = await client.leave([{ memberId: answer!.memberId }])
    expect(left.members[0]?.errorCode).toBe(0)
    expect(client.group().pendingJoins.size).toBe(0)
  })

  it('completes a rebalance that waited for the leaver', async () => {
    const client = await GroupClient.start()
    const [first, second] = await client.stable(2)
    const join = await client.join({ memberId: first! })
    await client.leave([{ memberId: second! }])
    expect(join.answer?.generationId).toBe(2)
  })

  it('completes a rebalance that waited for a pending id', async () => {
    const client = await GroupClient.start()
    const [leader] = await client.stable(1)
    const pending = await client.join()
    const join = await client.join({ memberId: leader! })
    await client.leave([{ memberId: pending.answer!.memberId }])
    expect(join.answer?.generationId).toBe(2)
  })

  it('answers the parked join of the leaver', async () => {
    const client = await GroupClient.start()
    const { memberId, join } = await client.joinTwice()
    await client.leave([{ memberId }])
    expect(join.answer).toMatchObject({ errorCode: 25, memberId: '' })
    await client.advance(3_000)
    expect(client.group().state).toBe('Empty')
  })

  it('answers the parked sync of the leaver', async () => {
    const client = await GroupClient.start()
    await client.joinTwice()
    const second = await client.joinTwice()
    await client.advance(6_000)
    const sync = await client.sync(second.memberId, 1)
    await client.leave([{ memberId: second.memberId }])
    expect(sync.answer?.errorCode).toBe(25)
  })

  it('does not rebalance when nobody left', async () => {
    const client = await GroupClient.start()
    await client.stable(2)
    await client.leave([{ memberId: 'who' }])
    expect(client.group().state).toBe('Stable')
  })
})

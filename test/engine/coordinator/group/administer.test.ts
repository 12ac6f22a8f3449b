import { describe, expect, it } from 'vitest'
import { flush, VirtualHost } from '../../../support/coordinator-host.ts'
import { GroupClient, subscription } from '../../../support/group-client.ts'

async function started() {
  const host = new VirtualHost()
  host.addTopic('t', 4)
  return GroupClient.start({}, host)
}

describe('DescribeGroups', () => {
  it('calls an unknown group Dead without error up to v5', async () => {
    const client = await started()
    expect(await client.describe('x', 5)).toMatchObject({ errorCode: 0, groupState: 'Dead' })
  })

  it('answers GROUP_ID_NOT_FOUND with a message from v6', async () => {
    const client = await started()
    expect(await client.describe('x', 6)).toMatchObject({
      errorCode: 69,
      errorMessage: 'Group x not found.',
      groupState: 'Dead',
    })
  })

  it('tells what may be done with a group, when asked and there is one', async () => {
    const client = await started()
    await client.stable(1)
    const operations = async (groupId: string | undefined, isAsked: boolean) =>
      (await client.describe(groupId, 6, isAsked)).authorizedOperations
    expect(await operations(undefined, false)).toBe(-2_147_483_648)
    expect(await operations(undefined, true)).toBe(0b1101_0100_1000)
    expect(await operations('x', true)).toBe(-2_147_483_648)
  })

  it('shows members with metadata and assignment in Stable', async () => {
    const client = await started()
    const [leader] = await client.stable(1)
    expect(await client.describe()).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      authorizedOperations: -2_147_483_648,
      members: [
        {
          memberId: leader,
          groupInstanceId: null,
          clientId: 'client',
          clientHost: '/127.0.0.1',
          memberMetadata: subscription('t'),
          memberAssignment: Buffer.from('p0'),
        },
      ],
    })
  })

  it('keeps protocol and metadata back in other states', async () => {
    const client = await started()
    const [leader] = await client.stable(2)
    await client.join({ memberId: leader! })
    const group = await client.describe()
    expect(group).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' })
    expect(group.members[0]?.memberMetadata.length).toBe(0)
  })

  it('shows an Empty group and a simple one', async () => {
    const client = await started()
    const [member] = await client.stable(1)
    await client.leave([{ memberId: member! }])
    expect(await client.describe()).toMatchObject({
      groupState: 'Empty',
      protocolType: 'consumer',
      members: [],
    })
    await client.commit({ 't-0': 1 }, { groupId: 'simple' })
    expect(await client.describe('simple')).toMatchObject({ groupState: 'Empty', protocolType: '' })
  })
})

describe('ListGroups', () => {
  it('lists all groups with state, type and protocol type', async () => {
    const client = await started()
    await client.stable(1)
    await client.commit({ 't-0': 1 }, { groupId: 'simple' })
    const { groups } = await client.ask(16, 5, { statesFilter: [], typesFilter: [] })
    expect(groups).toEqual([
      { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' },
      { groupId: 'simple', protocolType: '', groupState: 'Empty', groupType: 'classic' },
    ])
  })

  it('filters by state and by type without regard to case', async () => {
    const client = await started()
    await client.stable(1)
    await client.commit({ 't-0': 1 }, { groupId: 'simple' })
    expect(await client.list(['stable'])).toEqual(['g'])
    expect(await client.list(['EMPTY', 'Dead'])).toEqual(['simple'])
    expect(await client.list(['nonsense'])).toEqual([])
    expect(await client.list([], ['Classic'])).toEqual(['g', 'simple'])
    expect(await client.list([], ['consumer'])).toEqual([])
    expect(await client.list(['Stable'], ['classic'])).toEqual(['g'])
  })
})

describe('DeleteGroups', () => {
  it('answers per group: deleted, NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND', async () => {
    const client = await started()
    await client.stable(1)
    await client.commit({ 't-0': 1, 't-1': 2 }, { groupId: 'simple' })
    expect(await client.delete('simple', 'g', 'none')).toEqual([0, 68, 69])
    expect(client.hasGroup('simple')).toBe(false)
    expect(await client.fetch(null, { groupId: 'simple' })).toEqual({})
    expect(client.host.batches.at(-1)?.length).toBe(3)
    await client.restart()
    expect(await client.list()).toEqual(['g'])
  })

  it('takes a group named twice once', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    expect(await client.delete('g', 'g')).toEqual([0, 69])
  })

  it('takes the group with the empty id', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 }, { groupId: '' })
    expect(await client.delete('')).toEqual([0])
  })

  it('shuts the group while its end is being written', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    client.host.holding = true
    const deletion = await client.send(42, 2, { groupsNames: ['g'] })
    expect((await client.join()).answer).toMatchObject({ errorCode: 15 })
    expect(await client.heartbeat('m', 1)).toBe(15)
    expect((await client.sync('m', 1)).answer?.errorCode).toBe(15)
    expect((await client.leave([{ memberId: 'm' }])).errorCode).toBe(15)
    expect(await client.commit({ 't-0': 2 })).toEqual([15])
    expect(await client.delete('g')).toEqual([69])
    expect((await client.deleteOffsets(['t-0'])).errorCode).toBe(69)
    expect(await client.fetch(['t-0'])).toEqual({ 't-0': -1 })
    expect(await client.fetch()).toEqual({})
    client.host.commitNext()
    expect((await deletion.promise).results[0]?.errorCode).toBe(0)
    client.host.holding = false
    expect((await client.join()).answer?.errorCode).toBe(79)
  })

  it('leaves the group as it was when its end cannot be written', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    const sinceMs = client.group().stateTimestampMs
    client.host.appendError = 7
    await client.advance(1_000)
    expect(await client.delete('g')).toEqual([15])
    client.host.appendError = 0
    expect(client.group()).toMatchObject({ state: 'Empty', stateTimestampMs: sinceMs })
    expect(await client.commit({ 't-0': 2 })).toEqual([0])
  })

  it('reaches commits that are still in flight', async () => {
    const client = await started()
    await client.commit({ 't-0': 1 })
    client.host.holding = true
    await client.send(8, 9, client.commitBody({ 't-1': 2 }))
    await client.send(42, 2, { groupsNames: ['g'] })
    client.host.commitAll()
    await flush()
    client.host.holding = false
    expect(client.hasGroup()).toBe(false)
    await client.restart()
    expect(client.hasGroup()).toBe(false)
    expect(await client.fetch()).toEqual({})
  })
})

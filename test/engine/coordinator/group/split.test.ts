import { describe, expect, it } from 'vitest'
import {
  groupPartition,
  mergeDeleteGroups,
  mergeDescribeGroups,
  mergeListGroups,
  mergeOffsetFetch,
  splitDeleteGroups,
  splitDescribeGroups,
  splitListGroups,
  splitOffsetFetch,
} from '../../../../engine/coordinator/group/split.ts'

describe('groupPartition', () => {
  it("follows Java's String.hashCode", () => {
    // 'group' hashes to 98629247, 'my-group' to -1193456396, 'grüppe' to -1237461286
    expect(groupPartition('group', 50)).toBe(98_629_247 % 50)
    expect(groupPartition('', 50)).toBe(0)
    expect(groupPartition('a', 50)).toBe(97 % 50)
    expect(groupPartition('ab', 50)).toBe((97 * 31 + 98) % 50)
  })

  it('runs over UTF-16 units', () => {
    // U+1F600 is the pair d83d de00
    expect(groupPartition('\u{1f600}', 1_000_003)).toBe((0xd83d * 31 + 0xde00) % 1_000_003)
  })

  it('takes zero for the integer without absolute value', () => {
    // A string whose hash is -2147483648
    expect(groupPartition('polygenelubricants', 50)).toBe(0)
  })

  it('finds the partitions that a real Kafka chose', () => {
    const homes: [string, number][] = [
      ['txn-group', 0],
      ['classic-coop', 0],
      ['rd-group', 0],
      ['classic-range', 2],
      ['consumer-848', 3],
      ['consumer-static', 3],
      ['gone', 3],
      ['share-1', 3],
    ]
    for (const [groupId, partition] of homes) expect(groupPartition(groupId, 4)).toBe(partition)
  })
})

const groupsOf = (...ids: string[]) =>
  ids.map((groupId) => ({ groupId, memberId: null, memberEpoch: -1, topics: null }))

describe('requests of several groups', () => {
  it('OffsetFetch is split by partition and merged in the order asked', () => {
    const groups = groupsOf('group', 'a', 'b', 'k')
    const request = { groupId: '', topics: [], groups, requireStable: true }
    const parts = splitOffsetFetch(request, 8, 10)
    expect(parts.map(({ partition }) => partition)).toEqual([7, 8])
    expect(parts[0]?.request.groups.map(({ groupId }) => groupId)).toEqual(['group', 'a', 'k'])
    expect(parts.every((part) => part.request.requireStable)).toBe(true)
    const responses = [...parts].reverse().map((part) => ({
      throttleTimeMs: 0,
      topics: [],
      errorCode: 0,
      groups: part.request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode: 0 })),
    }))
    const merged = mergeOffsetFetch(request, 8, responses)
    expect(merged.groups.map(({ groupId }) => groupId)).toEqual(['group', 'a', 'b', 'k'])
  })

  it('OffsetFetch of one group goes to its partition as it is', () => {
    const request = { groupId: 'group', topics: null, groups: [], requireStable: false }
    const parts = splitOffsetFetch(request, 7, 10)
    expect(parts).toEqual([{ partition: 7, request }])
    const response = { throttleTimeMs: 0, topics: [], errorCode: 3, groups: [] }
    expect(mergeOffsetFetch(request, 7, [response])).toBe(response)
  })

  it('a request of no groups has no parts and an empty answer', () => {
    const request = { groupId: '', topics: [], groups: [], requireStable: false }
    expect(splitOffsetFetch(request, 9, 10)).toEqual([])
    expect(mergeOffsetFetch(request, 9, []).groups).toEqual([])
    expect(mergeDeleteGroups({ groupsNames: [] }, []).results).toEqual([])
  })

  it('DescribeGroups keeps order and doubles', () => {
    const request = { groups: ['b', 'a', 'b'], includeAuthorizedOperations: true }
    const parts = splitDescribeGroups(request, 10)
    expect(parts.length).toBe(2)
    const described = (groupId: string) => ({
      errorCode: 0,
      errorMessage: null,
      groupId,
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
      authorizedOperations: 0,
    })
    const responses = parts.map((part) => ({
      throttleTimeMs: 0,
      groups: part.request.groups.map(described),
    }))
    const merged = mergeDescribeGroups(request, responses)
    expect(merged.groups.map(({ groupId }) => groupId)).toEqual(['b', 'a', 'b'])
  })

  it('DeleteGroups is merged in the order asked', () => {
    const request = { groupsNames: ['x', 'group', 'y'] }
    const responses = splitDeleteGroups(request, 3).map((part) => ({
      throttleTimeMs: 0,
      results: part.request.groupsNames.map((groupId) => ({ groupId, errorCode: part.partition })),
    }))
    const merged = mergeDeleteGroups(request, responses)
    expect(merged.results).toEqual(
      request.groupsNames.map((groupId) => ({ groupId, errorCode: groupPartition(groupId, 3) })),
    )
  })

  it('ListGroups asks every partition and gives all groups or the first error', () => {
    const request = { statesFilter: [], typesFilter: [] }
    expect(splitListGroups(request, 3).map(({ partition }) => partition)).toEqual([0, 1, 2])
    const one = { groupId: 'a', protocolType: '', groupState: 'Empty', groupType: 'classic' }
    const ok = { throttleTimeMs: 0, errorCode: 0, groups: [one] }
    const elsewhere = { throttleTimeMs: 0, errorCode: 16, groups: [] }
    const loading = { throttleTimeMs: 0, errorCode: 14, groups: [] }
    expect(mergeListGroups([ok, elsewhere])).toMatchObject({ errorCode: 0, groups: [one] })
    expect(mergeListGroups([ok, loading])).toMatchObject({ errorCode: 14, groups: [] })
  })
})

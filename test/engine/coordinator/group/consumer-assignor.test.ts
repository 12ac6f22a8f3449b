/** The server-side assignors: whole, balanced, sticky; ranges by topic. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AssignorMember,
  assignorNamed,
  rangeAssignment,
} from '../../../../engine/coordinator/group/consumer-assignor.ts'
import {
  countPartitions,
  fromList,
  NO_PARTITIONS,
  type Partitions,
} from '../../../../engine/coordinator/group/consumer-partitions.ts'
import { uniformAssignment } from '../../../../engine/coordinator/group/consumer-uniform.ts'

function memberOf(
  memberId: string,
  topicIds: string[],
  previous: Partitions = NO_PARTITIONS,
  instanceId: string | null = null,
): AssignorMember {
  return { memberId, instanceId, topicIds, previous }
}

const of =
  (counts: Record<string, number>) =>
  (topicId: string): number =>
    counts[topicId] ?? 0

const sizes = (assignment: Map<string, Partitions>) => [...assignment.values()].map(countPartitions)
const numbers = (partitions: Partitions | undefined, topicId: string) =>
  [...(partitions?.get(topicId) ?? [])].sort((a, b) => a - b)

describe('the range assignor', () => {
  it('gives the same numbers of every topic to the same member, first members one more', () => {
    const members = ['b', 'a', 'c'].map((id) => memberOf(id, ['x', 'y']))
    const assigned = rangeAssignment({ members, partitionCount: of({ x: 7, y: 7 }) })
    for (const topicId of ['x', 'y']) {
      expect(numbers(assigned.get('a'), topicId)).toEqual([0, 1, 2])
      expect(numbers(assigned.get('b'), topicId)).toEqual([3, 4])
      expect(numbers(assigned.get('c'), topicId)).toEqual([5, 6])
    }
  })

  it('puts static members first, by instance id', () => {
    const members = [
      memberOf('a', ['x']),
      memberOf('z', ['x'], NO_PARTITIONS, 'i2'),
      memberOf('y', ['x'], NO_PARTITIONS, 'i1'),
    ]
    const assigned = rangeAssignment({ members, partitionCount: of({ x: 3 }) })
    expect(['y', 'z', 'a'].map((id) => numbers(assigned.get(id), 'x'))).toEqual([[0], [1], [2]])
  })

  it('looks at each topic’s own subscribers', () => {
    const members = [memberOf('a', ['x']), memberOf('b', ['x', 'y'])]
    const assigned = rangeAssignment({ members, partitionCount: of({ x: 2, y: 2 }) })
    expect(numbers(assigned.get('b'), 'y')).toEqual([0, 1])
  })
})

describe('the uniform assignor', () => {
  it('moves as little as balance allows when a member joins', () => {
    const first = [memberOf('a', ['x']), memberOf('b', ['x'])]
    const partitionCount = of({ x: 5 })
    const before = uniformAssignment({ members: first, partitionCount })
    const members = ['a', 'b', 'c'].map((id) => memberOf(id, ['x'], before.get(id)))
    const after = uniformAssignment({ members, partitionCount })
    expect(sizes(after).sort()).toEqual([1, 2, 2])
    for (const id of ['a', 'b'])
      for (const at of numbers(after.get(id), 'x'))
        expect(numbers(before.get(id), 'x')).toContain(at)
  })

  it('changes nothing when nothing changed', () => {
    const previous = fromList([{ topicId: 'x', partitions: [0, 2, 3] }])
    const members = [
      memberOf('a', ['x'], fromList([{ topicId: 'x', partitions: [1, 4] }])),
      memberOf('b', ['x'], previous),
    ]
    const assigned = uniformAssignment({ members, partitionCount: of({ x: 5 }) })
    expect(numbers(assigned.get('b'), 'x')).toEqual([0, 2, 3])
  })

  it('evens out where members subscribe to different topics', () => {
    const members = [
      memberOf('a', ['x', 'y'], fromList([{ topicId: 'x', partitions: [0, 1, 2, 3] }])),
      memberOf('b', ['x']),
      memberOf('c', ['y']),
    ]
    const assigned = uniformAssignment({ members, partitionCount: of({ x: 4, y: 2 }) })
    expect(sizes(assigned)).toEqual([2, 2, 2])
  })
})

describe('any assignor', () => {
  const topicIds = ['x', 'y', 'z']
  const group = fc.record({
    counts: fc.record({
      x: fc.integer({ min: 1, max: 7 }),
      y: fc.integer({ min: 1, max: 7 }),
      z: fc.integer({ min: 1, max: 7 }),
    }),
    subscriptions: fc.array(fc.subarray(topicIds), { minLength: 1, maxLength: 6 }),
    before: fc.array(fc.subarray(topicIds), { minLength: 1, maxLength: 6 }),
  })

  for (const name of ['uniform', 'range'])
    it(`gives each subscribed partition to one of its subscribers: ${name}`, () => {
      const assign = assignorNamed(name)!
      fc.assert(
        fc.property(group, ({ counts, subscriptions, before }) => {
          const partitionCount = of(counts)
          const old = assign({
            members: before.map((ids, at) => memberOf(`m${at}`, ids)),
            partitionCount,
          })
          const members = subscriptions.map((ids, at) => memberOf(`m${at}`, ids, old.get(`m${at}`)))
          const assigned = assign({ members, partitionCount })
          const given = new Set<string>()
          for (const member of members)
            for (const [topicId, partitions] of assigned.get(member.memberId)!)
              for (const at of partitions) {
                expect(member.topicIds).toContain(topicId)
                expect(given.has(`${topicId}${at}`)).toBe(false)
                given.add(`${topicId}${at}`)
              }
          let wanted = 0
          for (const topicId of new Set(subscriptions.flat())) wanted += partitionCount(topicId)
          expect(given.size).toBe(wanted)
        }),
      )
    })

  it('leaves sizes one apart at most where all subscribe to the same: uniform', () => {
    fc.assert(
      fc.property(group, fc.integer({ min: 1, max: 9 }), ({ counts, before }, count) => {
        const partitionCount = of(counts)
        const old = uniformAssignment({
          members: before.map((ids, at) => memberOf(`m${at}`, ids)),
          partitionCount,
        })
        const members = Array.from({ length: count }, (_, at) =>
          memberOf(`m${at}`, topicIds, old.get(`m${at}`)),
        )
        const all = sizes(uniformAssignment({ members, partitionCount }))
        expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1)
      }),
    )
  })
})

/** The arithmetic of `sluice top`. */
import { describe, expect, it } from 'vitest'
import type { ClusterSnapshot } from '../../../tools/cli/cluster-snapshot.ts'
import { groupRows, topicRows } from '../../../tools/cli/commands/top.ts'

function snapshot(atMs: number, ends: number[], other: number, committed: number): ClusterSnapshot {
  return {
    atMs,
    brokers: 1,
    topics: [
      { name: 'quiet', ends: new Map([[0, other]]) },
      { name: 'busy', ends: new Map(ends.map((end, partition) => [partition, end])) },
    ],
    groups: [
      { name: 'done', state: 'Empty', committed: new Map([['quiet-0', other]]) },
      { name: 'behind', state: 'Stable', committed: new Map([['busy-0', committed]]) },
    ],
  }
}

describe('sluice top', () => {
  const before = snapshot(1_000, [100, 200], 50, 20)
  const now = snapshot(3_000, [300, 400], 50, 80)

  it('puts the busiest topic first, with its rate', () => {
    expect(topicRows(before, now)).toEqual([
      { topic: 'busy', partitions: 2, records: 700, recordsPerSecond: 200 },
      { topic: 'quiet', partitions: 1, records: 50, recordsPerSecond: 0 },
    ])
  })

  it('puts the group that lags most first', () => {
    expect(groupRows(before, now)).toEqual([
      { group: 'behind', state: 'Stable', partitions: 1, lag: 220, recordsPerSecond: 30 },
      { group: 'done', state: 'Empty', partitions: 1, lag: 0, recordsPerSecond: 0 },
    ])
  })

  it('shows no negative rate for a topic made anew', () => {
    const [busy] = topicRows({ ...now, atMs: 0 }, before)
    expect(busy).toMatchObject({ recordsPerSecond: 0 })
  })
})

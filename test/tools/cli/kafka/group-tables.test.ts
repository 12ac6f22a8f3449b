/** Tables of groups with members, against recorded runs; widths aside, as ids are masked there. */
import { describe, expect, it } from 'vitest'
import type { GroupDescription } from '../../../../tools/cli/group-admin.ts'
import { membersTable, offsetsTable, stateTable } from '../../../../tools/cli/kafka/group-tables.ts'
import { goldenRuns } from '../../../support/golden-cli.ts'

const on = (...numbers: number[]) =>
  numbers.map((partition) => ({ topic: 'cli-orders', partition }))
const ends = [2, 1, 2, 2]
const committed = ends.map((offset, partition) => ({
  ...{ topic: 'cli-orders', partition },
  offset,
  leaderEpoch: 0,
}))
const found = new Map(
  committed.map((entry) => [`cli-orders-${entry.partition}`, { ...entry, errorCode: 0 }]),
)

function groupOf(type: 'classic' | 'consumer'): GroupDescription {
  const isNew = type === 'consumer'
  const held = isNew ? [on(0, 1), on(2, 3)] : [on(2, 3), on(0, 1)]
  return {
    groupId: `cli-live-${type}`,
    type,
    state: 'Stable',
    assignor: isNew ? 'uniform' : 'range',
    coordinator: { id: 1, host: 'localhost', port: 9092 },
    epoch: isNew ? 2 : null,
    assignmentEpoch: isNew ? 2 : null,
    members: held.map((assignment) => ({
      memberId: isNew ? '<MEMBER-ID>' : 'live-<UUID>',
      instanceId: null,
      clientId: 'live',
      host: '/127.0.0.1',
      assignment,
      epoch: isNew ? 2 : null,
      targetAssignment: isNew ? assignment : null,
    })),
  }
}

const flat = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().replace(/ +/g, ' '))

describe.each(['classic', 'consumer'] as const)('a live %s group', (type) => {
  const group = groupOf(type)
  const runs = goldenRuns('kafka-consumer-groups').filter(
    ({ args }) => args.includes('--describe') && args.includes(group.groupId),
  )
  it.each(runs.map((run) => [run.args.slice(2).join(' '), run] as const))('%s', (line, run) => {
    const verbose = line.includes('--verbose')
    const text = line.includes('--state')
      ? stateTable(group, verbose)
      : line.includes('--members')
        ? membersTable(group, verbose)
        : offsetsTable(group, committed, found, verbose)
    expect(flat(text)).toEqual(flat(run.stdout))
  })
})

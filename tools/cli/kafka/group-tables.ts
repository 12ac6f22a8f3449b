/** The tables of kafka-consumer-groups: columns and widths as Kafka's tool prints them. */
import type { CommittedOffset, GroupDescription, GroupMember } from '../group-admin.ts'
import { type FoundOffset, type PartitionOf, partitionKey } from '../offsets-admin.ts'

const WIDTH_MIN = 15
const NONE = '-'

/** A width of 0: the last column, as long as it is. */
type Columns = readonly (readonly [head: string, width: number])[]

export function table(columns: Columns, rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    columns.map(([, width], at) => (cells[at] ?? '').padEnd(width)).join(' ')
  return `\n${[columns.map(([head]) => head), ...rows].map((cells) => `${line(cells)}\n`).join('')}`
}

export function widest(texts: Iterable<string>, least = WIDTH_MIN): number {
  return [...texts].reduce((width, { length }) => Math.max(width, length), least)
}

/** Assigned partitions by member, the busiest first, then those nobody reads. */
export function offsetsTable(
  group: GroupDescription,
  committed: readonly CommittedOffset[],
  ends: ReadonlyMap<string, FoundOffset>,
  verbose: boolean,
): string {
  const positions = new Map(committed.map((entry) => [partitionKey(entry), entry]))
  const assigned = new Set<string>()
  const rows: string[][] = []
  const add = (of: PartitionOf, member: GroupMember | null): void => {
    const position = positions.get(partitionKey(of))
    const found = ends.get(partitionKey(of))
    const end = found?.errorCode === 0 ? found.offset : null
    const lag = position === undefined || end === null ? NONE : String(end - position.offset)
    const epoch = position === undefined || position.leaderEpoch < 0 ? NONE : position.leaderEpoch
    rows.push([
      ...[group.groupId, of.topic, String(of.partition)],
      ...(verbose ? [String(epoch)] : []),
      ...[String(position?.offset ?? NONE), String(end ?? 'unknown'), lag],
      ...[memberName(member), member?.host ?? NONE, member?.clientId ?? NONE],
    ])
  }
  const busiest = [...group.members].sort((a, b) => b.assignment.length - a.assignment.length)
  for (const member of busiest)
    for (const of of member.assignment) {
      assigned.add(partitionKey(of))
      add(of, member)
    }
  const free = committed.filter((entry) => !assigned.has(partitionKey(entry)))
  for (const of of [...free].sort(byPartition)) add(of, null)
  const consumerAt = verbose ? 7 : 6
  return table(
    [
      ['GROUP', widest([group.groupId])],
      ['TOPIC', widest(rows.map((row) => row[1] ?? ''))],
      ['PARTITION', 10],
      ...(verbose ? [['LEADER-EPOCH', WIDTH_MIN] as const] : []),
      ['CURRENT-OFFSET', WIDTH_MIN],
      ['LOG-END-OFFSET', WIDTH_MIN],
      ['LAG', WIDTH_MIN],
      ['CONSUMER-ID', widest(rows.map((row) => row[consumerAt] ?? ''))],
      ['HOST', widest(rows.map((row) => row[consumerAt + 1] ?? ''))],
      ['CLIENT-ID', 0],
    ],
    rows,
  )
}

function byPartition(a: PartitionOf, b: PartitionOf): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
}

function memberName(member: GroupMember | null): string {
  return member === null ? NONE : member.memberId
}

export function membersTable(group: GroupDescription, verbose: boolean): string {
  const { members } = group
  const named = members.some(({ instanceId }) => instanceId !== null)
  const rows = members.map((member) => [
    ...[group.groupId, member.memberId],
    ...(named ? [member.instanceId ?? ''] : []),
    ...[member.host, member.clientId, String(member.assignment.length)],
    ...(verbose
      ? [
          String(member.epoch ?? NONE),
          assignmentText(member.assignment),
          member.targetAssignment === null ? NONE : String(group.assignmentEpoch ?? NONE),
          member.targetAssignment === null ? NONE : assignmentText(member.targetAssignment),
        ]
      : []),
  ])
  const currentWidth = widest(
    members.map(({ assignment }) => assignmentText(assignment)),
    20,
  )
  const targetWidth = widest(
    members.map(({ targetAssignment }) => assignmentText(targetAssignment ?? [])),
    20,
  )
  const columns: Columns = [
    ['GROUP', widest([group.groupId])],
    ['CONSUMER-ID', widest(members.map(({ memberId }) => memberId))],
    ...(named
      ? [
          [
            'GROUP-INSTANCE-ID',
            widest(
              members.map(({ instanceId }) => instanceId ?? ''),
              17,
            ),
          ] as const,
        ]
      : []),
    ['HOST', widest(members.map(({ host }) => host))],
    ['CLIENT-ID', widest(members.map(({ clientId }) => clientId))],
    ['#PARTITIONS', WIDTH_MIN + (verbose ? 0 : 1)],
  ]
  if (!verbose) return table(columns, rows)
  return table(
    [
      ...columns,
      ['CURRENT-EPOCH', WIDTH_MIN],
      ['CURRENT-ASSIGNMENT', currentWidth],
      ['TARGET-EPOCH', WIDTH_MIN],
      ['TARGET-ASSIGNMENT', targetWidth],
    ],
    rows,
  )
}

/** `topic:0,1;other:2` */
function assignmentText(partitions: readonly PartitionOf[]): string {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions)
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  if (topics.size === 0) return NONE
  return [...topics].map(([topic, numbers]) => `${topic}:${numbers.join(',')}`).join(';')
}

export function stateTable(group: GroupDescription, verbose: boolean): string {
  const { coordinator } = group
  const where = `${coordinator.host}:${coordinator.port}  (${coordinator.id})`
  const columns: Columns = [
    ['GROUP', widest([group.groupId])],
    ['COORDINATOR (ID)', widest([where], 25)],
    ['ASSIGNMENT-STRATEGY', 20],
    ['STATE', 20],
  ]
  const row = [group.groupId, where, group.assignor === '' ? NONE : group.assignor, group.state]
  const count = String(group.members.length)
  if (!verbose) return table([...columns, ['#MEMBERS', 0]], [[...row, count]])
  return table(
    [...columns, ['GROUP-EPOCH', 15], ['TARGET-ASSIGNMENT-EPOCH', 25], ['#MEMBERS', 0]],
    [[...row, String(group.epoch ?? NONE), String(group.assignmentEpoch ?? NONE), count]],
  )
}

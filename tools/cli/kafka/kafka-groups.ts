/** kafka-groups by its own flags (org.apache.kafka.tools.GroupsCommand, 4.2): groups of all types. */
import { type ListedGroup, listGroups } from '../cluster-admin.ts'
import type { CommandIo } from '../io.ts'
import { withAdminClient } from './admin-client.ts'
import { type Flags, type FlagTable, KafkaToolExit, KafkaToolUsage, runTool } from './flags.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'command-config': 'value',
  list: 'flag',
  'group-type': 'value',
  protocol: 'value',
  consumer: 'flag',
  share: 'flag',
  streams: 'flag',
}
const ABOUT = 'This tool helps to list groups of all types.'
const FILTERS = ['consumer', 'group-type', 'protocol', 'share', 'streams'] as const
const TYPES = ['classic', 'consumer', 'share', 'streams']
/** The protocol type of consumers, new and classic. */
const CONSUMER_PROTOCOL = 'consumer'

export function kafkaGroups(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => {
    check(flags)
    return withAdminClient(flags, io, async (client) => {
      const groups = (await listGroups(client)).filter((group) => wanted(group, flags))
      io.stdout.write(table(groups))
      return 0
    })
  })
}

function check(flags: Flags): void {
  if (!flags.has('bootstrap-server'))
    throw new KafkaToolUsage('Missing required option(s) [bootstrap-server]')
  if (!flags.has('list'))
    throw new KafkaToolUsage('Command must include exactly one action: --list.')
  for (const alone of ['consumer', 'share', 'streams'] as const)
    if (flags.has(alone)) {
      const other = FILTERS.find((name) => name !== alone && flags.has(name))
      if (other !== undefined)
        throw new KafkaToolUsage(`Option "[${alone}]" can't be used with option "[${other}]"`)
    }
  const type = flags.value('group-type')
  if (type !== undefined && !TYPES.includes(type.toLowerCase()))
    throw new KafkaToolExit(
      `--group-type must be a valid group type.\n  next: use one of ${TYPES.join(', ')}`,
    )
}

function wanted({ groupType, protocolType }: ListedGroup, flags: Flags): boolean {
  const type = groupType.toLowerCase()
  if (flags.has('consumer'))
    return (
      type === 'consumer' ||
      (type === 'classic' && (protocolType === CONSUMER_PROTOCOL || protocolType === ''))
    )
  if (flags.has('share')) return type === 'share'
  if (flags.has('streams')) return type === 'streams'
  const [wantedType, wantedProtocol] = [flags.value('group-type'), flags.value('protocol')]
  if (wantedType !== undefined && type !== wantedType.toLowerCase()) return false
  return wantedProtocol === undefined || protocolType === wantedProtocol
}

const WIDTH_MIN = 20

function table(groups: readonly ListedGroup[]): string {
  const rows = [
    ['GROUP', 'TYPE', 'PROTOCOL'],
    ...groups.map(({ groupId, groupType, protocolType }) => [
      groupId,
      titleCase(groupType),
      protocolType,
    ]),
  ]
  // Every column is as wide as the longest group.
  const width = Math.max(WIDTH_MIN, ...groups.map(({ groupId }) => groupId.length))
  return rows
    .map((cells, at) => {
      const line = cells.map((cell) => cell.padEnd(width)).join(' ')
      return `${at === 0 ? line : `${line} `}\n`
    })
    .join('')
}

function titleCase(word: string): string {
  return word === '' ? 'Unknown' : word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase()
}

/**
 * kafka-consumer-groups by its own flags (org.apache.kafka.tools.consumer.group.ConsumerGroupCommand,
 * 4.2): output and exit codes as recorded in test/golden/cli/kafka-consumer-groups.txt. What a broker
 * refuses is told on stdout and ends with 0, as there.
 */
import { ErrorCode } from '../../../engine/base/errors.ts'
import { compilePattern } from '../../../engine/coordinator/group/topic-pattern.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import {
  committedOffsets,
  deleteGroup,
  deleteOffsets,
  describeGroup,
  type GroupDescription,
  listConsumerGroups,
} from '../group-admin.ts'
import { parseTopicWords, ResetRefused } from '../group-reset.ts'
import type { CommandIo } from '../io.ts'
import { listOffsets, OffsetTime, type PartitionOf, partitionKey } from '../offsets-admin.ts'
import { withAdminClient } from './admin-client.ts'
import { type Flags, type FlagTable, KafkaToolExit, KafkaToolUsage, runTool } from './flags.ts'
import { checkReset, resetOffsets } from './group-reset-flags.ts'
import { membersTable, offsetsTable, stateTable, table, widest } from './group-tables.ts'
import { javaError } from './java-errors.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'command-config': 'value',
  timeout: 'value',
  list: 'flag',
  describe: 'flag',
  delete: 'flag',
  'delete-offsets': 'flag',
  'reset-offsets': 'flag',
  'validate-regex': 'value',
  group: 'list',
  'all-groups': 'flag',
  topic: 'list',
  'all-topics': 'flag',
  members: 'flag',
  offsets: 'flag',
  state: 'optional',
  type: 'optional',
  verbose: 'flag',
  'dry-run': 'flag',
  execute: 'flag',
  export: 'flag',
  'from-file': 'value',
  'to-earliest': 'flag',
  'to-latest': 'flag',
  'to-current': 'flag',
  'to-offset': 'list',
  'to-datetime': 'value',
  'by-duration': 'value',
  'shift-by': 'value',
}
const ABOUT =
  'This tool helps to list all consumer groups, describe a consumer group, delete consumer group ' +
  'info, or reset consumer group offsets.'
const ACTIONS = [
  ...['list', 'describe', 'delete', 'reset-offsets', 'delete-offsets', 'validate-regex'],
] as const

const EXECUTE_WARNING =
  'WARN: No action will be performed as the --execute option is missing. In version 5.0, this ' +
  'command will require either --dry-run or --execute to be specified. You should add the ' +
  '--dry-run option explicitly if you are scripting this command and want to keep the current ' +
  'default behavior without prompting.'

const STATES = [
  'Assigning',
  'CompletingRebalance',
  'Dead',
  'Empty',
  'PreparingRebalance',
  'Reconciling',
  'Stable',
]
const TYPES = ['Classic', 'Consumer']

export function kafkaConsumerGroups(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, async (flags) => {
    const chosen = ACTIONS.filter((action) => flags.has(action))
    const action = chosen[0]
    for (const each of chosen) check(flags, each)
    if (chosen.length !== 1 || action === undefined)
      throw new KafkaToolUsage(
        `Command must include exactly one action: ${ACTIONS.map((name) => `--${name}`).join(', ')}`,
      )
    if (!flags.has('execute') && !flags.has('dry-run') && action === 'reset-offsets')
      io.stderr.write(`${EXECUTE_WARNING}\n`)
    if (action === 'validate-regex') return validateRegex(flags, io)
    return withAdminClient(flags, io, async (client) => {
      try {
        await ACTS[action]?.(client, flags, io)
      } catch (error) {
        io.stdout.write(`\nError: ${told(error)}\n`)
      }
      return 0
    })
  })
}

type Act = (client: Client, flags: Flags, io: CommandIo) => Promise<void>
const ACTS: Readonly<Record<string, Act>> = {
  list,
  describe,
  delete: remove,
  'delete-offsets': removeOffsets,
  'reset-offsets': resetOffsets,
}

/** What the broker refused, or a plan that cannot be; others are thrown on. */
function told(error: unknown): string {
  const what = 'Executing consumer group command failed due to '
  if (error instanceof ResetRefused) return what + error.message
  if (error instanceof RequestFailed) return what + javaError(error.code, error.told)
  throw error
}

const quoted = (names: readonly string[]): string => names.map((name) => `[${name}]`).join(', ')

function check(flags: Flags, action: string): void {
  if (action === 'validate-regex') return
  if (!flags.has('bootstrap-server'))
    throw new KafkaToolUsage('Missing required argument "[bootstrap-server]"')
  const given = (names: readonly string[]): number => names.filter((name) => flags.has(name)).length
  const either = ['all-groups', 'group']
  if (action !== 'list' && action !== 'delete-offsets' && given(either) === 0)
    throw new KafkaToolUsage(`Option [${action}] takes one of these options: ${quoted(either)}`)
  if (given(either) === 2)
    throw new KafkaToolUsage(`Option "[group]" can't be used with option "[all-groups]"`)
  if (action === 'describe') {
    const views = ['members', 'offsets', 'state']
    if (given(views) > 1)
      throw new KafkaToolUsage(
        `Option [describe] takes at most one of these options: ${quoted(views)}`,
      )
    if ((flags.value('state') ?? '') !== '')
      throw new KafkaToolUsage('Option [describe] does not take a value for [state]')
  } else
    for (const name of ['members', 'offsets', 'verbose', ...(action === 'list' ? [] : ['state'])])
      if (flags.has(name))
        throw new KafkaToolExit(
          `Option(s) [${name}] are unavailable given other options on the command line`,
        )
  for (const name of action === 'list' ? ['group', 'topic'] : ['topic'])
    if ((action === 'list' || action === 'describe') && flags.has(name))
      throw new KafkaToolUsage(`Option "[${name}]" can't be used with option "[${action}]"`)
  if (action === 'delete' && flags.has('topic'))
    throw new KafkaToolUsage(
      'The consumer does not support topic-specific offset deletion from a consumer group.',
    )
  if (action === 'delete-offsets' && (!flags.has('group') || !flags.has('topic')))
    throw new KafkaToolUsage(
      'Option [delete-offsets] takes the following options: [group], [topic]',
    )
  if (action === 'reset-offsets') checkReset(flags)
}

async function list(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const states = filterOf(flags.value('state'), STATES, 'state')
  const types = filterOf(flags.value('type'), TYPES, 'types')
  const groups = (await listConsumerGroups(client)).filter(
    ({ groupState, groupType }) =>
      (states.length === 0 || states.includes(groupState.toLowerCase())) &&
      (types.length === 0 || types.includes(groupType.toLowerCase())),
  )
  const [withState, withType] = [flags.has('state'), flags.has('type')]
  if (!withState && !withType) {
    for (const { groupId } of groups) io.stdout.write(`${groupId}\n`)
    return
  }
  // Ten wider than the longest group, as there.
  const width = widest(groups.map(({ groupId }) => groupId)) + 10
  const row = (group: string, type: string, state: string): string =>
    `${[group.padEnd(width), ...(withType ? [type.padEnd(20)] : []), ...(withState ? [state.padEnd(20)] : [])].join(' ')}\n`
  io.stdout.write(row('GROUP', 'TYPE', 'STATE'))
  for (const { groupId, groupType, groupState } of groups)
    io.stdout.write(row(groupId, titleCase(groupType), groupState))
}

function titleCase(word: string): string {
  return word === '' ? 'Unknown' : word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase()
}

/** Lower case; empty: all. */
function filterOf(
  text: string | undefined,
  valid: readonly string[],
  what: 'state' | 'types',
): string[] {
  if (text === undefined || text === '') return []
  const words = text.split(',').map((word) => word.trim().toLowerCase())
  if (words.some((word) => !valid.some((name) => name.toLowerCase() === word)))
    throw new KafkaToolExit(
      `Invalid ${what} list '${text}'. Valid ${what === 'state' ? 'states' : 'types'} are: ` +
        valid.join(', '),
    )
  return words
}

async function groupsOf(client: Client, flags: Flags): Promise<string[]> {
  if (!flags.has('all-groups')) return [...new Set(flags.list('group'))]
  return (await listConsumerGroups(client)).map(({ groupId }) => groupId).sort()
}

async function describe(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const verbose = flags.has('verbose')
  for (const groupId of await groupsOf(client, flags)) {
    const group = await describeGroup(client, groupId)
    remark(group, io)
    if (flags.has('state')) io.stdout.write(stateTable(group, verbose))
    else if (flags.has('members')) io.stdout.write(membersTable(group, verbose))
    else {
      const committed = await committedOffsets(client, groupId)
      const assigned = group.members.flatMap(({ assignment }) => assignment)
      const all = new Map([...committed, ...assigned].map((one) => [partitionKey(one), one]))
      const ends = await listOffsets(client, [...all.values()], OffsetTime.latest)
      io.stdout.write(offsetsTable(group, committed, ends, verbose))
    }
  }
}

function remark({ groupId, state }: GroupDescription, io: CommandIo): void {
  if (state === 'Empty') io.stderr.write(`\nConsumer group '${groupId}' has no active members.\n`)
  else if (
    ['PreparingRebalance', 'CompletingRebalance', 'Assigning', 'Reconciling'].includes(state)
  )
    io.stderr.write(`\nWarning: Consumer group '${groupId}' is rebalancing.\n`)
}

async function remove(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const groups = await groupsOf(client, flags)
  const failed: string[] = []
  const gone: string[] = []
  for (const groupId of groups) {
    const code = await deleteGroup(client, groupId)
    if (code === 0) gone.push(`'${groupId}'`)
    else failed.push(`* Group '${groupId}' could not be deleted due to: ${javaError(code)}`)
  }
  if (failed.length === 0) {
    io.stdout.write(`Deletion of requested consumer groups (${gone.join(', ')}) was successful.\n`)
    return
  }
  io.stdout.write(`\nError: Deletion of some consumer groups failed:\n${failed.join('\n')}\n`)
  if (gone.length > 0)
    io.stdout.write(`\nThese consumer groups were deleted successfully: ${gone.join(', ')}\n`)
}

async function removeOffsets(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const groupId = flags.list('group')[0] ?? ''
  const partitions = await partitionsWanted(client, flags.list('topic'))
  const known = partitions.filter(({ partition }) => partition !== NO_PARTITION)
  const { errorCode, partitions: results } = await deleteOffsets(client, groupId, known)
  const partly = results.some((result) => result.errorCode !== 0)
  if (errorCode !== 0) io.stdout.write(`\nError: ${reason(errorCode)}\n`)
  else if (partly)
    io.stdout.write('\nError: Encountered some partition-level error, see the follow-up details.\n')
  else io.stdout.write(`Request succeeded for deleting offsets from group ${groupId}.\n`)
  const byKey = new Map(results.map((entry) => [partitionKey(entry), entry]))
  const rows = partitions.map(({ topic, partition }) => {
    const result = byKey.get(partitionKey({ topic, partition }))
    const absent = partition === NO_PARTITION ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : 0
    const code = errorCode !== 0 ? errorCode : (result?.errorCode ?? absent)
    return [
      topic,
      partition === NO_PARTITION ? '-' : String(partition),
      code === 0 ? 'Successful' : `Error: ${javaError(code)}`,
    ]
  })
  const width = widest(rows.map(([topic = '']) => topic))
  io.stdout.write(
    table(
      [
        ['TOPIC', width],
        ['PARTITION', 10],
        ['STATUS', 15],
      ],
      rows,
    ),
  )
}

const NO_PARTITION = -1

/** Partitions as they are named; all of a topic named without, or NO_PARTITION when it is not there. */
async function partitionsWanted(client: Client, words: readonly string[]): Promise<PartitionOf[]> {
  const parsed = parseTopicWords(words)
  const whole = parsed.filter(({ numbers }) => numbers === undefined)
  const { topics } = await client.metadata(whole.map(({ topic }) => topic))
  return parsed.flatMap(({ topic, numbers }) => {
    const found = topics.find(({ name, errorCode }) => name === topic && errorCode === 0)
    const all = found?.partitions.map(({ partitionIndex }) => partitionIndex) ?? [NO_PARTITION]
    return (numbers ?? all).map((partition) => ({ topic, partition }))
  })
}

function reason(code: number): string {
  return javaError(code).replace(/^[\w.]+: /, '')
}

function validateRegex(flags: Flags, io: CommandIo): number {
  const text = flags.value('validate-regex') ?? ''
  const compiled = compilePattern(text)
  const verdict = 'problem' in compiled ? `invalid: ${compiled.problem}` : 'valid'
  io.stdout.write(`The regular expression \`${text}\` is ${verdict}.\n`)
  return 0
}

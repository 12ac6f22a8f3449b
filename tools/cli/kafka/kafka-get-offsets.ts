/**
 * kafka-get-offsets by its own flags (org.apache.kafka.tools.GetOffsetShell, 4.2): output and exit
 * codes as recorded in test/golden/cli/kafka-get-offsets.txt.
 *
 * A partition without a leader is skipped at once with a line on stderr; Kafka's tool waits a minute
 * for one first.
 */
import type { CommandIo } from '../io.ts'
import {
  type FoundOffset,
  listOffsets,
  OffsetTime,
  type PartitionOf,
  partitionKey,
  partitionsOf,
} from '../offsets-admin.ts'
import { withAdminClient } from './admin-client.ts'
import { type Flags, type FlagTable, KafkaToolExit, requireFlag, runTool } from './flags.ts'
import { errorWords } from './java-errors.ts'
import { topicFilter } from './topic-filter.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'topic-partitions': 'value',
  topic: 'value',
  partitions: 'value',
  time: 'value',
  'command-config': 'value',
  'exclude-internal-topics': 'flag',
}
const ABOUT = 'An interactive shell for getting topic-partition offsets.'

const TIMES = new Map<string, number>([
  ['latest', OffsetTime.latest],
  ['earliest', OffsetTime.earliest],
  ['max-timestamp', OffsetTime.maxTimestamp],
  ['earliest-local', OffsetTime.earliestLocal],
  ['latest-tiered', OffsetTime.latestTiered],
  ['earliest-pending-upload', OffsetTime.earliestPendingUpload],
])
const NO_OFFSET = -1
const COMPLAINT = 'Error occurred: '
const RULE = /^([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?$/

type Filter = (partition: PartitionOf) => boolean

export function kafkaGetOffsets(args: readonly string[], io: CommandIo): Promise<number> {
  const tool = { about: ABOUT, flags: FLAGS, complaint: COMPLAINT }
  return runTool(args, io, tool, (flags) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  requireFlag(flags, 'bootstrap-server')
  if (flags.has('topic-partitions') && (flags.has('topic') || flags.has('partitions')))
    throw failed('--topic-partitions cannot be used with --topic or --partitions')
  const time = parseTime(flags.value('time') ?? 'latest')
  const filter = parseFilter(flags)
  return withAdminClient(flags, io, async (client) => {
    const { topics } = await client.metadata(null)
    const asked = topics.filter(
      ({ isInternal }) => !(isInternal && flags.has('exclude-internal-topics')),
    )
    const partitions = partitionsOf(asked).filter(filter)
    if (partitions.length === 0)
      throw failed('Could not match any topic-partitions with the specified filters')
    const offsets = await listOffsets(client, partitions, time, topics)
    io.stdout.write(
      partitions.map((one) => lineOf(one, offsets.get(partitionKey(one)), io)).join(''),
    )
    return 0
  })
}

/** Empty when there is no offset; an error is told on stderr. */
function lineOf(partition: PartitionOf, found: FoundOffset | undefined, io: CommandIo): string {
  const { errorCode = 0, offset = NO_OFFSET } = found ?? {}
  if (errorCode === 0)
    return offset === NO_OFFSET ? '' : `${partition.topic}:${partition.partition}:${offset}\n`
  io.stderr.write(
    `Skip getting offsets for topic-partition ${partitionKey(partition)} due to error: ` +
      `${errorWords(errorCode)}\n`,
  )
  return ''
}

function parseTime(text: string): number {
  const special = TIMES.get(text)
  if (special !== undefined) return special
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw failed(
    `Malformed time argument ${text}. Please use -1 or latest / -2 or earliest / -3 or ` +
      'max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 or ' +
      'earliest-pending-upload, or a specified long format timestamp',
  )
}

function parseFilter(flags: Flags): Filter {
  const rules = flags.value('topic-partitions')
  if (rules !== undefined) {
    const filters = rules.split(',').map(parseRule)
    return (partition) => filters.some((matches) => matches(partition))
  }
  const isWanted = topicMatcher(flags.value('topic') ?? '.*')
  const wanted = parsePartitions(flags.value('partitions'))
  return ({ topic, partition }) => isWanted(topic) && (wanted?.has(partition) ?? true)
}

function parsePartitions(text: string | undefined): ReadonlySet<number> | null {
  if (text === undefined || text === '') return null
  const ids = text.split(',').filter((id) => id !== '')
  if (!ids.every((id) => /^[+-]?\d+$/.test(id)))
    throw failed(
      `--partitions expects a comma separated list of numeric partition ids, but received: ${text}`,
    )
  return new Set(ids.map(Number))
}

/** `topic`, `topic:3`, `topic:2-5` (5 exclusive), `topic:2-`, `topic:-5`; no topic means any. */
function parseRule(rule: string): Filter {
  const parts = RULE.exec(rule)
  if (parts === null)
    throw failed(`org.apache.kafka.tools.TerseException: Invalid rule specification: ${rule}`)
  const [, pattern, one, from, to] = parts.map((part) => (part === '' ? undefined : part))
  const isWanted = topicMatcher(pattern ?? '.*')
  const first = Number(one ?? from ?? 0)
  const end = one === undefined ? Number(to ?? Number.POSITIVE_INFINITY) : first + 1
  return ({ topic, partition }) => isWanted(topic) && partition >= first && partition < end
}

function topicMatcher(pattern: string): (name: string) => boolean {
  try {
    return topicFilter(pattern)
  } catch (error) {
    throw failed(error instanceof Error ? error.message : String(error))
  }
}

function failed(message: string): KafkaToolExit {
  return new KafkaToolExit(COMPLAINT + message)
}

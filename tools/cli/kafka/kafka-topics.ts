/**
 * kafka-topics by its own flags (org.apache.kafka.tools.TopicCommand, 4.2): output and exit codes as
 * recorded in test/golden/cli/kafka-topics.txt.
 */
import { ErrorCode } from '../../../engine/base/errors.ts'
import type { Client, TopicMetadata } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import {
  createPartitions,
  createTopic,
  deleteTopic,
  describeTopics,
  listTopics,
  type TopicDescription,
} from '../topic-admin.ts'
import {
  type Flags,
  type FlagTable,
  KafkaToolExit,
  KafkaToolUsage,
  numberFlag,
  properties,
  propertiesFile,
  refuseSecurity,
  requireFlag,
  runTool,
} from './flags.ts'
import { topicFilter } from './topic-filter.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'command-config': 'value',
  list: 'flag',
  create: 'flag',
  delete: 'flag',
  alter: 'flag',
  describe: 'flag',
  topic: 'value',
  'topic-id': 'value',
  config: 'list',
  'delete-config': 'list',
  partitions: 'value',
  'replication-factor': 'value',
  'replica-assignment': 'value',
  'under-replicated-partitions': 'flag',
  'unavailable-partitions': 'flag',
  'under-min-isr-partitions': 'flag',
  'at-min-isr-partitions': 'flag',
  'topics-with-overrides': 'flag',
  'if-exists': 'flag',
  'if-not-exists': 'flag',
  'exclude-internal': 'flag',
  'partition-size-limit-per-response': 'value',
}

const ACTIONS = ['list', 'describe', 'create', 'alter', 'delete'] as const
const TIMEOUT_MS = 60_000
const ABOUT = 'Create, delete, describe, or change a topic.'

/** Flags that go with some actions only; the rest go with all. */
const GOES_WITH: Readonly<Record<string, readonly (typeof ACTIONS)[number][]>> = {
  config: ['create'],
  partitions: ['alter', 'create'],
  'replication-factor': ['create'],
  'replica-assignment': ['alter', 'create'],
  'under-replicated-partitions': ['describe'],
  'unavailable-partitions': ['describe'],
  'under-min-isr-partitions': ['describe'],
  'at-min-isr-partitions': ['describe'],
  'topics-with-overrides': ['describe'],
  'if-exists': ['alter', 'delete', 'describe'],
  'if-not-exists': ['create'],
  'exclude-internal': ['list', 'describe'],
}

export function kafkaTopics(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  const chosen = ACTIONS.filter((action) => flags.has(action))
  const action = chosen[0]
  if (chosen.length !== 1 || action === undefined)
    throw new KafkaToolUsage(
      'Command must include exactly one action: --list, --describe, --create, --alter or --delete',
    )
  checkFlags(flags, action)
  refuseSecurity(propertiesFile(flags, 'command-config', io))
  const client = openClient(flags.value('bootstrap-server') ?? '', TIMEOUT_MS)
  try {
    await { list, describe, create, alter, delete: remove }[action](client, flags, io)
    return 0
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new KafkaToolExit(`Error while executing topic command : ${error.message}`, 'stdout')
  } finally {
    await client.close()
  }
}

function checkFlags(flags: Flags, action: (typeof ACTIONS)[number]): void {
  if (!flags.has('bootstrap-server'))
    throw new KafkaToolExit('--bootstrap-server must be specified')
  if (action === 'describe' && flags.has('topic-id') && flags.has('topic'))
    throw new KafkaToolUsage(
      'Only topic id will be used when both --topic and --topic-id are specified and topicId is ' +
        'not Uuid.ZERO_UUID',
    )
  if (['create', 'alter', 'delete'].includes(action)) requireFlag(flags, 'topic')
  if (action === 'alter' && flags.has('config'))
    throw new KafkaToolUsage(
      `Option combination "[[config], [bootstrap-server]]" can't be used with option "[alter]" ` +
        '(To alter topic configurations, the kafka-configs tool can be used.)',
    )
  for (const [name, actions] of Object.entries(GOES_WITH))
    if (flags.has(name) && !actions.includes(action))
      throw new KafkaToolUsage(`Option "[${name}]" can't be used with option "[${action}]"`)
  if (action === 'alter' && !flags.has('replica-assignment')) requireFlag(flags, 'partitions')
}

async function create(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const name = requireFlag(flags, 'topic')
  if (/[._]/.test(name))
    io.stdout.write(
      "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') " +
        'could collide. To avoid issues it is best to use either, but not both.\n',
    )
  const partitions = count(flags, 'partitions', -1)
  if (flags.has('partitions') && partitions < 1)
    throw failed('The partitions must be greater than 0')
  const assignments = flags
    .value('replica-assignment')
    ?.split(',')
    .map((replicas) => replicas.split(':').map(Number))
  try {
    await createTopic(client, {
      name,
      partitions,
      replicationFactor: count(flags, 'replication-factor', -1),
      configs: properties(flags.list('config')),
      ...(assignments === undefined ? {} : { assignments }),
    })
  } catch (error) {
    const exists = error instanceof RequestFailed && error.code === ErrorCode.TOPIC_ALREADY_EXISTS
    if (exists && flags.has('if-not-exists')) return
    throw error
  }
  io.stdout.write(`Created topic ${name}.\n`)
}

async function list(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const topics = selected(await listTopics(client), flags)
  io.stdout.write(topics.map(({ name }) => `${name ?? ''}\n`).join(''))
}

async function describe(client: Client, flags: Flags, io: CommandIo): Promise<void> {
  const wantedId = flags.value('topic-id')
  let topics = await listTopics(client)
  if (wantedId !== undefined) {
    topics = topics.filter(({ topicId }) => topicId === wantedId)
    if (topics.length === 0 && !flags.has('if-exists'))
      throw failed(`TopicId '${wantedId}' does not exist as expected`)
  } else {
    topics = selected(topics, flags)
    ensureFound(topics, flags)
  }
  const descriptions = await describeTopics(client, topics)
  const filter = partitionFilter(flags)
  io.stdout.write(descriptions.map((topic) => textOf(topic, flags, filter)).join(''))
}

type PartitionDescription = TopicDescription['partitions'][number]
type PartitionFilter = (partition: PartitionDescription, topic: TopicDescription) => boolean

function textOf(topic: TopicDescription, flags: Flags, filter: PartitionFilter | null): string {
  const head = `${headLine(topic)}\n`
  if (flags.has('topics-with-overrides')) return topic.configs.length > 0 ? head : ''
  const lines = topic.partitions
    .filter((partition) => filter === null || filter(partition, topic))
    .map((partition) => `${partitionLine(topic, partition)}\n`)
  return (filter === null ? head : '') + lines.join('')
}

function partitionFilter(flags: Flags): PartitionFilter | null {
  const minIsr = (topic: TopicDescription): number =>
    Number(topic.configs.find(({ name }) => name === 'min.insync.replicas')?.value ?? 1)
  if (flags.has('under-replicated-partitions'))
    return ({ isrNodes, replicaNodes }) => isrNodes.length < replicaNodes.length
  if (flags.has('unavailable-partitions')) return ({ leaderId }) => leaderId < 0
  if (flags.has('under-min-isr-partitions'))
    return ({ isrNodes }, topic) => isrNodes.length < minIsr(topic)
  if (flags.has('at-min-isr-partitions'))
    return ({ isrNodes }, topic) => isrNodes.length === minIsr(topic)
  return null
}

function headLine(topic: TopicDescription): string {
  const replicas = topic.partitions[0]?.replicaNodes.length ?? 0
  return (
    `Topic: ${topic.name}\tTopicId: ${topic.topicId}\tPartitionCount: ${topic.partitions.length}` +
    `\tReplicationFactor: ${replicas}\tConfigs: ` +
    topic.configs.map(({ name, value }) => `${name}=${value}`).join(',')
  )
}

function partitionLine(topic: TopicDescription, partition: PartitionDescription): string {
  const leader = partition.leaderId < 0 ? 'none' : partition.leaderId
  return (
    `\tTopic: ${topic.name}\tPartition: ${partition.partitionIndex}\tLeader: ${leader}` +
    `\tReplicas: ${partition.replicaNodes.join(',')}\tIsr: ${partition.isrNodes.join(',')}` +
    '\tElr: \tLastKnownElr: '
  )
}

async function alter(client: Client, flags: Flags): Promise<void> {
  const topics = selected(await listTopics(client), flags)
  ensureFound(topics, flags)
  for (const { name } of topics)
    await createPartitions(client, name ?? '', count(flags, 'partitions', 0))
}

async function remove(client: Client, flags: Flags): Promise<void> {
  const topics = selected(await listTopics(client), flags)
  ensureFound(topics, flags)
  for (const { name } of topics) await deleteTopic(client, name ?? '')
}

/** `--topic` is a regular expression over whole names, as in Kafka's tool. */
function selected(topics: readonly TopicMetadata[], flags: Flags): TopicMetadata[] {
  const pattern = flags.value('topic')
  const matches = pattern === undefined ? () => true : topicFilter(pattern)
  return topics.filter(
    ({ name, isInternal }) => matches(name ?? '') && !(flags.has('exclude-internal') && isInternal),
  )
}

/** A number whose mistakes are told where this tool tells all its failures. */
function count(flags: Flags, name: string, fallback: number): number {
  try {
    return numberFlag(flags, name, fallback)
  } catch (error) {
    throw failed(error instanceof Error ? error.message : String(error))
  }
}

function ensureFound(topics: readonly TopicMetadata[], flags: Flags): void {
  const name = flags.value('topic')
  if (topics.length === 0 && name !== undefined && !flags.has('if-exists'))
    throw failed(`Topic '${name}' does not exist as expected`)
}

function failed(message: string): KafkaToolExit {
  return new KafkaToolExit(`Error while executing topic command : ${message}`, 'stdout')
}

/**
 * kafka-verifiable-consumer by its own arguments (org.apache.kafka.tools.VerifiableConsumer, 4.2): a
 * member of a group that tells of everything that happens to it in JSON lines.
 *
 * Differs from Kafka's: only the classic protocol and its range assignor; others are refused.
 */
import { RequestFailed } from '../../../net/client/client-errors.ts'
import type { FetchedRecord, TopicPartition } from '../../../net/client/client-fetcher.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import { GroupReader, type ReaderOptions } from '../perf/group-reader.ts'
import { BOOTSTRAP_SERVER, COMMAND_CONFIG } from './admin-client.ts'
import { type ArgumentTable, runArguments } from './arguments.ts'
import { type Flags, KafkaToolExit, propertiesFile, refuseSecurity } from './flags.ts'

const RANGE = 'org.apache.kafka.clients.consumer.RangeAssignor'
const TABLE: ArgumentTable = {
  name: 'verifiable-consumer',
  help: 'This tool consumes messages from a topic and tells of events as JSON objects.',
  commands: [],
  arguments: [
    { name: 'topic', kind: 'value', required: true, help: 'the topic to read' },
    { name: 'group-protocol', kind: 'value', help: 'classic' },
    { name: 'group-remote-assignor', kind: 'value', help: 'for the consumer protocol only' },
    { name: 'group-id', kind: 'value', required: true, help: 'the group' },
    { name: 'group-instance-id', kind: 'value', help: 'name of a static member' },
    { name: 'max-messages', kind: 'value', integer: true, help: 'how many, -1 for no end' },
    { name: 'session-timeout', kind: 'value', integer: true, help: 'in milliseconds' },
    { name: 'verbose', kind: 'flag', help: 'tell of every message' },
    { name: 'enable-autocommit', kind: 'flag', help: 'commit every 5 seconds, untold' },
    { name: 'reset-policy', kind: 'value', help: 'earliest, latest or none' },
    { name: 'assignment-strategy', kind: 'value', help: RANGE },
    { name: 'consumer.config', kind: 'value', help: '(deprecated) file with settings' },
    COMMAND_CONFIG,
    { ...BOOTSTRAP_SERVER, required: true },
  ],
}

const REQUEST_TIMEOUT_MS = 30_000
const POLL_MS = 500
const SESSION_TIMEOUT_MS = 45_000
const AUTO_COMMIT_MS = 5_000
const MEGABYTE = 1024 * 1024

export function kafkaVerifiableConsumer(args: readonly string[], io: CommandIo): Promise<number> {
  return runArguments(TABLE, args, io, ({ flags }) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  const options = optionsOf(flags, io)
  const client = openClient(flags.value('bootstrap-server') ?? '', REQUEST_TIMEOUT_MS)
  const tell: Tell = (name, fields) =>
    void io.stdout.write(`${JSON.stringify({ timestamp: Date.now(), name, ...fields })}\n`)
  try {
    tell('startup_complete', {})
    const reader = new GroupReader(client, options, {
      onAssigned: (partitions) => tell('partitions_assigned', { partitions: named(partitions) }),
      onRevoked: (partitions) => tell('partitions_revoked', { partitions: named(partitions) }),
    })
    await readAll(reader, flags, tell, io)
    await reader.close()
    tell('shutdown_complete', {})
    return 0
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new KafkaToolExit(error.message)
  } finally {
    await client.close()
  }
}

type Tell = (name: string, fields: Readonly<Record<string, unknown>>) => void

function optionsOf(flags: Flags, io: CommandIo): ReaderOptions {
  if (flags.has('consumer.config') && flags.has('command-config'))
    throw new KafkaToolExit('--consumer.config and --command-config cannot be specified together.')
  const config = new Map([
    ...propertiesFile(flags, 'consumer.config', io),
    ...propertiesFile(flags, 'command-config', io),
  ])
  refuseSecurity(config)
  const protocol = (flags.value('group-protocol') ?? 'classic').toLowerCase()
  if (protocol !== 'classic' || flags.has('group-remote-assignor'))
    throw new KafkaToolExit(
      '--group-protocol: this tool speaks the classic protocol only\n' +
        "  next: leave the flag out, or use Kafka's own kafka-verifiable-consumer",
    )
  const assignor = flags.value('assignment-strategy') ?? RANGE
  if (assignor !== RANGE)
    throw new KafkaToolExit(`--assignment-strategy ${assignor}: this tool has ${RANGE} only`)
  const reset = flags.value('reset-policy') ?? 'earliest'
  if (reset !== 'earliest' && reset !== 'latest' && reset !== 'none')
    throw new KafkaToolExit(
      `Invalid value ${reset} for configuration auto.offset.reset: use earliest, latest or none`,
    )
  return {
    groupId: flags.value('group-id') ?? '',
    groupInstanceId: flags.value('group-instance-id') ?? null,
    topics: [flags.value('topic') ?? ''],
    reset,
    isolation: config.get('isolation.level') === 'read_committed' ? 1 : 0,
    sessionTimeoutMs: Number(flags.value('session-timeout') ?? SESSION_TIMEOUT_MS),
    maxWaitMs: POLL_MS,
    partitionBytes: MEGABYTE,
  }
}

async function readAll(
  reader: GroupReader,
  flags: Flags,
  tell: Tell,
  io: CommandIo,
): Promise<void> {
  let stopped = false
  void io.interrupted().then(() => {
    stopped = true
  })
  const max = Number(flags.value('max-messages') ?? -1)
  const automatic = flags.has('enable-autocommit')
  const consumed = new Map<string, TopicPartition & { offset: number }>()
  let committedAt = performance.now()
  let count = 0
  while (!stopped && (max < 0 || count < max)) {
    const fetched = await reader.poll()
    const taken = max < 0 ? fetched : fetched.slice(0, max - count)
    count += taken.length
    const runs = runsOf(taken)
    if (flags.has('verbose')) for (const record of taken) tell('record_data', recordData(record))
    if (taken.length > 0) tell('records_consumed', { count: fetched.length, partitions: runs })
    const offsets = runs.map(({ topic, partition, maxOffset }) => ({
      topic,
      partition,
      offset: maxOffset + 1,
    }))
    for (const offset of offsets) consumed.set(`${offset.topic}-${offset.partition}`, offset)
    if (!automatic && offsets.length > 0) {
      const success = await reader.commit(offsets)
      tell('offsets_committed', { offsets, ...(success ? {} : { error: REBALANCED }), success })
    } else if (automatic && performance.now() - committedAt > AUTO_COMMIT_MS) {
      committedAt = performance.now()
      await reader.commit([...consumed.values()])
    }
  }
  if (automatic) await reader.commit([...consumed.values()])
}

const REBALANCED = 'the group was rebalancing'

interface Run extends TopicPartition {
  readonly count: number
  readonly minOffset: number
  readonly maxOffset: number
}

function runsOf(records: readonly FetchedRecord[]): Run[] {
  const runs = new Map<string, Run>()
  for (const { topic, partition, offset } of records) {
    const key = `${topic}-${partition}`
    const { count = 0, minOffset = offset } = runs.get(key) ?? {}
    runs.set(key, { topic, partition, count: count + 1, minOffset, maxOffset: offset })
  }
  return [...runs.values()]
}

function named(partitions: readonly TopicPartition[]): TopicPartition[] {
  return partitions.map(({ topic, partition }) => ({ topic, partition }))
}

function recordData({ key, value, topic, partition, offset }: FetchedRecord) {
  return {
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    topic,
    partition,
    offset,
  }
}

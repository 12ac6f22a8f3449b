/**
 * kafka-console-consumer by its own flags (org.apache.kafka.tools.consumer.ConsoleConsumer and
 * DefaultMessageFormatter, 4.2), compared with test/golden/cli/kafka-console-consumer.txt.
 *
 * Differs from Kafka's: without a group it reads alone, leaving no random group behind; a topic that
 * does not exist is waited for, not created.
 */
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { openClient } from '../connect-options.ts'
import { type ConsumeOptions, consume } from '../consume-loop.ts'
import type { CommandIo } from '../io.ts'
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
import { type MessageFormatter, messageFormatter } from './message-formatter.ts'
import { topicFilter } from './topic-filter.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  topic: 'value',
  include: 'value',
  partition: 'value',
  offset: 'value',
  group: 'value',
  'from-beginning': 'flag',
  'max-messages': 'value',
  'timeout-ms': 'value',
  'skip-message-on-error': 'flag',
  'isolation-level': 'value',
  formatter: 'value',
  property: 'list',
  'formatter-property': 'list',
  'formatter-config': 'value',
  'consumer-property': 'list',
  'consumer.config': 'value',
  'command-property': 'list',
  'command-config': 'value',
  'enable-systest-events': 'flag',
  'key-deserializer': 'value',
  'value-deserializer': 'value',
}

const ABOUT = 'This tool helps to read data from Kafka topics and outputs it to standard output.'
const REQUEST_TIMEOUT_MS = 30_000

/** Deprecated flags and the ones that took their place. */
const RENAMED = [
  ['consumer-property', 'command-property'],
  ['property', 'formatter-property'],
  ['consumer.config', 'command-config'],
] as const

export function kafkaConsoleConsumer(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => readTopics(flags, io))
}

async function readTopics(flags: Flags, io: CommandIo): Promise<number> {
  checkCombinations(flags)
  const bootstrap = requireFlag(flags, 'bootstrap-server')
  for (const [old, now] of RENAMED)
    if (flags.has(old))
      io.stdout.write(
        `Option --${old} is deprecated and will be removed in a future version. Use --${now} instead.\n`,
      )
  const config = new Map([
    ...propertiesFile(flags, 'consumer.config', io),
    ...propertiesFile(flags, 'command-config', io),
    ...properties(flags.list('consumer-property')),
    ...properties(flags.list('command-property')),
  ])
  refuseSecurity(config)
  const options = optionsOf(flags, config)
  const format = formatterOf(flags, io)
  const client = openClient(bootstrap, REQUEST_TIMEOUT_MS)
  let count = 0
  try {
    const topics = await topicsOf(client, flags)
    await consume(client, { ...options, topics }, io, (records) => {
      count += records.length
      io.stdout.write(Buffer.concat(records.map(format)))
    })
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new KafkaToolExit(
      `Error processing message, terminating consumer process: ${error.message}`,
    )
  } finally {
    await client.close()
    io.stderr.write(`Processed a total of ${count} messages\n`)
  }
  return 0
}

function checkCombinations(flags: Flags): void {
  if (flags.has('topic') === flags.has('include'))
    throw new KafkaToolUsage(
      'Exactly one of the following arguments is required: [topic], [include]',
    )
  if (flags.has('partition') && !flags.has('topic'))
    throw new KafkaToolUsage('The topic is required when partition is specified.')
  if (flags.has('offset') && !flags.has('partition'))
    throw new KafkaToolUsage('The partition is required when offset is specified.')
  if (flags.has('offset') && flags.has('from-beginning'))
    throw new KafkaToolUsage('Options from-beginning and offset cannot be specified together.')
  if (flags.has('group') && flags.has('partition'))
    throw new KafkaToolUsage('Options group and partition cannot be specified together.')
  for (const [old, now] of RENAMED)
    if (flags.has(old) && flags.has(now))
      throw new KafkaToolUsage(`Options --${old} and --${now} cannot be specified together.`)
}

function optionsOf(flags: Flags, config: ReadonlyMap<string, string>): ConsumeOptions {
  const partition = flags.has('partition') ? numberFlag(flags, 'partition', 0) : null
  const group = flags.value('group') ?? config.get('group.id') ?? null
  const isolation =
    flags.value('isolation-level') ?? config.get('isolation.level') ?? 'read_uncommitted'
  if (isolation !== 'read_committed' && isolation !== 'read_uncommitted')
    throw new KafkaToolExit(
      `Invalid value ${isolation} for configuration isolation.level: String must be one of: ` +
        'read_committed, read_uncommitted',
    )
  return {
    topics: [],
    groupId: partition === null ? group : null,
    partition,
    start: startOf(flags, config),
    maxMessages: maxMessages(flags),
    idleTimeoutMs: flags.has('timeout-ms') ? numberFlag(flags, 'timeout-ms', 0) : null,
    stopAtEnd: false,
    isolation: isolation === 'read_committed' ? 1 : 0,
    mustExist: false,
  }
}

/** -1, Kafka's default, is no limit. */
function maxMessages(flags: Flags): number {
  const limit = numberFlag(flags, 'max-messages', -1)
  return limit < 0 ? Number.POSITIVE_INFINITY : limit
}

function startOf(
  flags: Flags,
  config: ReadonlyMap<string, string>,
): number | 'earliest' | 'latest' {
  const offset = flags.value('offset')
  const reset = config.get('auto.offset.reset')
  if (offset === undefined) {
    if (flags.has('from-beginning') && reset !== undefined && reset !== 'earliest')
      throw new KafkaToolUsage(
        `Can't simultaneously specify --from-beginning and 'auto.offset.reset=${reset}', ` +
          'please remove one option',
      )
    return flags.has('from-beginning') || reset === 'earliest' ? 'earliest' : 'latest'
  }
  const word = offset.toLowerCase()
  if (word === 'earliest' || word === 'latest') return word
  const number = Number(offset)
  if (/^\d+$/.test(offset) && Number.isSafeInteger(number)) return number
  throw new KafkaToolUsage(
    `The provided offset value '${offset}' is incorrect. Valid values are 'earliest', 'latest', ` +
      'or a non-negative long.',
  )
}

const FORMATTERS = 'org.apache.kafka.tools.consumer.'

function formatterOf(flags: Flags, io: CommandIo): MessageFormatter {
  const config = new Map([
    ...propertiesFile(flags, 'formatter-config', io),
    ...properties(flags.list('property')),
    ...properties(flags.list('formatter-property')),
  ])
  for (const side of ['key', 'value']) {
    const name = flags.value(`${side}-deserializer`)
    if (name !== undefined) config.set(`${side}.deserializer`, name)
  }
  const name = flags.value('formatter') ?? `${FORMATTERS}DefaultMessageFormatter`
  if (name === `${FORMATTERS}DefaultMessageFormatter`) return messageFormatter(config)
  if (name === `${FORMATTERS}NoOpMessageFormatter`) return () => Buffer.alloc(0)
  throw new KafkaToolUsage(
    `${name}: of ${FORMATTERS}* this tool has Default- and NoOpMessageFormatter`,
  )
}

async function topicsOf(client: Client, flags: Flags): Promise<string[]> {
  const topic = flags.value('topic')
  if (topic !== undefined) return [topic]
  const matches = topicFilter(flags.value('include') ?? '')
  const { topics } = await client.metadata(null)
  return topics
    .filter(({ name, isInternal }) => !isInternal && matches(name ?? ''))
    .map(({ name }) => name ?? '')
}

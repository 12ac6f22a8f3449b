/**
 * kafka-console-consumer by its own flags (org.apache.kafka.tools.consumer.ConsoleConsumer and
 * DefaultMessageFormatter, 4.2), compared with test/golden/cli/kafka-console-consumer.txt.
 */
import { randomInt } from 'node:crypto'
import { initCodecs } from '../../../engine/record/compression.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { openClient } from '../connect-options.ts'
import { consume } from '../consume-loop.ts'
import type { CommandIo } from '../io.ts'
import type { KafkaTool } from '../kafka-tools.ts'
import {
  type Flags,
  type FlagTable,
  KafkaToolExit,
  numberFlag,
  parseFlags,
  properties,
  requireFlag,
  runTool,
} from './flags.ts'
import { messageFormatter } from './message-formatter.ts'

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

const GROUP_SUFFIX_BOUND = 100_000

export const kafkaConsoleConsumer: KafkaTool = {
  run: (args, io) => runTool(io, () => run(args, io)),
}

async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const flags = parseFlags(args, FLAGS)
  const bootstrap = requireFlag(flags, 'bootstrap-server')
  if (flags.has('consumer-property'))
    io.stdout.write(
      'Option --consumer-property is deprecated and will be removed in a future version. ' +
        'Use --command-property instead.\n',
    )
  const config = properties([...flags.list('consumer-property'), ...flags.list('command-property')])
  const start = startOf(flags, config)
  const print = messageFormatter(
    properties([...flags.list('property'), ...flags.list('formatter-property')]),
    io.stdout,
  )
  await initCodecs()
  const client = openClient(bootstrap, 30_000)
  let count = 0
  try {
    const topics = await topicsOf(client, flags)
    const partition = flags.has('partition') ? numberFlag(flags, 'partition', 0) : null
    await consume(
      client,
      {
        topics,
        groupId: partition === null ? groupOf(flags, config) : null,
        partition,
        start,
        maxMessages: numberFlag(flags, 'max-messages', Number.POSITIVE_INFINITY),
        idleTimeoutMs: flags.has('timeout-ms') ? numberFlag(flags, 'timeout-ms', 0) : null,
        stopAtEnd: false,
        isolation: flags.value('isolation-level') === 'read_committed' ? 1 : 0,
        mustExist: false,
      },
      (record) => {
        count++
        print(record)
      },
    )
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

async function topicsOf(client: ReturnType<typeof openClient>, flags: Flags): Promise<string[]> {
  const topic = flags.value('topic')
  const include = flags.value('include')
  if ((topic === undefined) === (include === undefined))
    throw new KafkaToolExit('Exactly one of --include/--topic is required.')
  if (topic !== undefined) return [topic]
  const regex = new RegExp(`^(?:${include})$`)
  const { topics } = await client.metadata(null)
  return topics
    .filter(({ name, isInternal }) => !isInternal && regex.test(name ?? ''))
    .map(({ name }) => name ?? '')
}

function startOf(
  flags: Flags,
  config: ReadonlyMap<string, string>,
): number | 'earliest' | 'latest' {
  const offset = flags.value('offset')
  if (offset !== undefined && flags.has('from-beginning'))
    throw new KafkaToolExit('Options from-beginning and offset cannot be specified together.')
  if (offset !== undefined && !flags.has('partition'))
    throw new KafkaToolExit('The partition is required when offset is specified.')
  if (offset === undefined) {
    const reset = config.get('auto.offset.reset')
    return flags.has('from-beginning') || reset === 'earliest' ? 'earliest' : 'latest'
  }
  const word = offset.toLowerCase()
  if (word === 'earliest' || word === 'latest') return word
  const number = Number(offset)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new KafkaToolExit(
    `The provided offset value '${offset}' is incorrect. Valid values are 'earliest', 'latest', ` +
      'or a non-negative long.',
  )
}

function groupOf(flags: Flags, config: ReadonlyMap<string, string>): string {
  return (
    flags.value('group') ??
    config.get('group.id') ??
    `console-consumer-${randomInt(GROUP_SUFFIX_BOUND)}`
  )
}

/**
 * kafka-console-producer by its own flags (org.apache.kafka.tools.ConsoleProducer and
 * LineMessageReader, 4.2), compared with test/golden/cli/kafka-console-producer.txt.
 */
import { type Codec, codecByName } from '../../../engine/record/compression.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { ClientProducer, type ProducerOptions } from '../../../net/client/client-producer.ts'
import { openClient } from '../connect-options.ts'
import { inputLines } from '../input-lines.ts'
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
import { lineReader } from './line-reader.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  topic: 'value',
  sync: 'flag',
  'compression-codec': 'optional',
  'batch-size': 'value',
  'message-send-max-retries': 'value',
  'retry-backoff-ms': 'value',
  timeout: 'value',
  'request-required-acks': 'value',
  'request-timeout-ms': 'value',
  'metadata-expiry-ms': 'value',
  'max-block-ms': 'value',
  'max-memory-bytes': 'value',
  'max-partition-memory-bytes': 'value',
  'line-reader': 'value',
  'socket-buffer-size': 'value',
  property: 'list',
  'reader-property': 'list',
  'reader-config': 'value',
  'producer-property': 'list',
  'producer.config': 'value',
  'command-property': 'list',
  'command-config': 'value',
}

const ABOUT = 'This tool helps to read data from standard input and publish it to Kafka.'
const LINE_READER = 'org.apache.kafka.tools.LineMessageReader'

/** Deprecated flags and the ones that took their place. */
const RENAMED = [
  ['producer-property', 'command-property'],
  ['property', 'reader-property'],
  ['producer.config', 'command-config'],
] as const

export function kafkaConsoleProducer(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => writeLines(flags, io))
}

async function writeLines(flags: Flags, io: CommandIo): Promise<number> {
  const topic = requireFlag(flags, 'topic')
  const bootstrap = requireFlag(flags, 'bootstrap-server')
  for (const [old, now] of RENAMED) {
    if (flags.has(old) && flags.has(now))
      throw new KafkaToolUsage(`Options --${now} and --${old} cannot be specified together.`)
    if (flags.has(old))
      io.stdout.write(
        `Warning: --${old} is deprecated and will be removed in a future version. ` +
          `Use --${now} instead.\n`,
      )
  }
  const readerClass = flags.value('line-reader') ?? LINE_READER
  if (readerClass !== LINE_READER)
    throw new KafkaToolExit(`--line-reader ${readerClass}: this tool has ${LINE_READER} only`)
  const readLine = lineReader(
    new Map([
      ...propertiesFile(flags, 'reader-config', io),
      ...properties(flags.list('property')),
      ...properties(flags.list('reader-property')),
    ]),
  )
  const options = producerOptions(flags, io)
  const client = openClient(bootstrap, numberFlag(flags, 'request-timeout-ms', 30_000))
  try {
    const producer = new ClientProducer(client, topic, options)
    let lineNumber = 0
    const prompt = (): void => void ('isTTY' in io.stdin && io.stdin.isTTY && io.stdout.write('>'))
    prompt()
    for await (const line of inputLines(io.stdin, 'java')) {
      if (lineNumber === 0) await producer.start()
      await producer.send(readLine(line, ++lineNumber))
      if (flags.has('sync')) await producer.flush()
      prompt()
    }
    await producer.flush()
    return 0
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new KafkaToolExit(`org.apache.kafka.common.KafkaException: ${error.message}`)
  } finally {
    await client.close()
  }
}

function producerOptions(flags: Flags, io: CommandIo): Partial<ProducerOptions> {
  const config = new Map([
    ...propertiesFile(flags, 'producer.config', io),
    ...propertiesFile(flags, 'command-config', io),
    ...properties(flags.list('producer-property')),
    ...properties(flags.list('command-property')),
  ])
  refuseSecurity(config)
  const codec = flags.has('compression-codec')
    ? flags.value('compression-codec') || 'gzip'
    : (config.get('compression.type') ?? 'none')
  return {
    acks: acksOf(flags.value('request-required-acks') ?? config.get('acks') ?? '-1'),
    codec: codecOf(codec),
    batchBytes: numberFlag(flags, 'batch-size', 16_384),
    lingerMs: numberFlag(flags, 'timeout', 1_000),
  }
}

const CONFIG_EXCEPTION = 'org.apache.kafka.common.config.ConfigException'

function acksOf(text: string): -1 | 0 | 1 {
  const acks = ({ all: -1, '-1': -1, '0': 0, '1': 1 } as const)[text]
  if (acks !== undefined) return acks
  throw new KafkaToolExit(
    `${CONFIG_EXCEPTION}: Invalid value ${text} for configuration acks: String must be one of: ` +
      'all, -1, 0, 1',
  )
}

function codecOf(name: string): Codec {
  const codec = codecByName(name)
  if (codec !== null) return codec
  throw new KafkaToolExit(
    `${CONFIG_EXCEPTION}: Invalid value ${name} for configuration compression.type: String must ` +
      'be one of: none, gzip, snappy, lz4, zstd',
  )
}

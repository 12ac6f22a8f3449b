/**
 * kafka-console-producer by its own flags (org.apache.kafka.tools.ConsoleProducer and LineMessageReader,
 * 4.2), compared with test/golden/cli/kafka-console-producer.txt.
 */
import { createInterface } from 'node:readline'
import { type Codec, codecByName, initCodecs } from '../../../engine/record/compression.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { ClientProducer, type OutgoingRecord } from '../../../net/client/client-producer.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import type { KafkaTool } from '../kafka-tools.ts'
import {
  type FlagTable,
  KafkaToolExit,
  numberFlag,
  parseFlags,
  properties,
  requireFlag,
  runTool,
} from './flags.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  'broker-list': 'value',
  topic: 'value',
  sync: 'flag',
  'compression-codec': 'value',
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

export const kafkaConsoleProducer: KafkaTool = {
  run: (args, io) => runTool(io, () => run(args, io)),
}

async function run(args: readonly string[], io: CommandIo): Promise<number> {
  const flags = parseFlags(args, FLAGS)
  const topic = requireFlag(flags, 'topic')
  const bootstrap = flags.value('bootstrap-server') ?? flags.value('broker-list')
  if (bootstrap === undefined) requireFlag(flags, 'bootstrap-server')
  if (flags.has('producer-property'))
    io.stdout.write(
      'Warning: --producer-property is deprecated and will be removed in a future version. ' +
        'Use --command-property instead.\n',
    )
  const producerProperties = properties([
    ...flags.list('producer-property'),
    ...flags.list('command-property'),
  ])
  const readLine = lineReader(
    properties([...flags.list('property'), ...flags.list('reader-property')]),
  )
  await initCodecs()
  const client = openClient(bootstrap ?? '', numberFlag(flags, 'request-timeout-ms', 30_000))
  try {
    const producer = new ClientProducer(client, topic, {
      acks: acksOf(flags.value('request-required-acks') ?? producerProperties.get('acks') ?? 'all'),
      codec: flags.has('compression-codec')
        ? codecOf(flags.value('compression-codec') || 'gzip')
        : codecOf(producerProperties.get('compression.type') ?? 'none'),
      batchBytes: numberFlag(flags, 'batch-size', 16_384),
      lingerMs: numberFlag(flags, 'timeout', 1_000),
    })
    await producer.start()
    let lineNumber = 0
    for await (const line of createInterface({ input: io.stdin, crlfDelay: Infinity })) {
      await producer.send(readLine(line, ++lineNumber))
      if (flags.has('sync')) await producer.flush()
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

function acksOf(text: string): -1 | 0 | 1 {
  const acks = ({ all: -1, '-1': -1, '0': 0, '1': 1 } as const)[text]
  if (acks === undefined)
    throw new KafkaToolExit(`Invalid value ${text} for configuration acks: use all, -1, 0 or 1`)
  return acks
}

function codecOf(name: string): Codec {
  const codec = codecByName(name)
  if (codec === null)
    throw new KafkaToolExit(`Invalid value ${name} for configuration compression.type`)
  return codec
}

/** `h1:v1,h2:v2<tab>key<tab>value`, each part as the reader properties ask. */
function lineReader(
  config: ReadonlyMap<string, string>,
): (line: string, lineNumber: number) => OutgoingRecord {
  const is = (name: string): boolean => config.get(name)?.toLowerCase() === 'true'
  const parseKey = is('parse.key')
  const parseHeaders = is('parse.headers')
  const ignoreError = is('ignore.error')
  const keySeparator = config.get('key.separator') ?? '\t'
  const headersDelimiter = config.get('headers.delimiter') ?? '\t'
  const headersSeparator = config.get('headers.separator') ?? ','
  const headersKeySeparator = config.get('headers.key.separator') ?? ':'
  const nullMarker = config.get('null.marker')
  const bytes = (text: string): Buffer | null => (text === nullMarker ? null : Buffer.from(text))

  const cut = (rest: string, separator: string, what: string, line: string, lineNumber: number) => {
    const at = rest.indexOf(separator)
    if (at >= 0) return [rest.slice(0, at), rest.slice(at + separator.length)] as const
    if (ignoreError) return ['', rest] as const
    throw new KafkaToolExit(
      `org.apache.kafka.common.KafkaException: No ${what} found on line number ${lineNumber}: '${line}'`,
    )
  }
  return (line, lineNumber) => {
    let rest = line
    let headers: OutgoingRecord['headers'] = []
    let key: Buffer | null = null
    if (parseHeaders) {
      const [text, after] = cut(rest, headersDelimiter, 'headers delimiter', line, lineNumber)
      rest = after
      if (text !== nullMarker && text !== '')
        headers = text.split(headersSeparator).map((pair) => {
          const at = pair.indexOf(headersKeySeparator)
          if (at < 0 && !ignoreError)
            throw new KafkaToolExit(
              'org.apache.kafka.common.KafkaException: No header key separator found in pair ' +
                `'${pair}' on line number ${lineNumber}`,
            )
          return at < 0
            ? { key: pair, value: null }
            : { key: pair.slice(0, at), value: bytes(pair.slice(at + headersKeySeparator.length)) }
        })
    }
    if (parseKey) {
      const [text, after] = cut(rest, keySeparator, 'key separator', line, lineNumber)
      rest = after
      key = bytes(text)
    }
    return { key, value: bytes(rest), headers }
  }
}

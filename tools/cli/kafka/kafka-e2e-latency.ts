/**
 * kafka-e2e-latency by its own flags and by its old order of words
 * (org.apache.kafka.tools.EndToEndLatency, 4.2): one record at a time, from handing it over to reading
 * it back.
 */
import { randomBytes } from 'node:crypto'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { ClientFetcher, type FetchedRecord } from '../../../net/client/client-fetcher.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import { PipelinedProducer } from '../perf/pipelined-producer.ts'
import { acksOf, pipelineOptions } from '../perf/producer-config.ts'
import { createTopic } from '../topic-admin.ts'
import {
  type Flags,
  type FlagTable,
  KafkaToolExit,
  KafkaToolUsage,
  numberFlag,
  propertiesFile,
  refuseSecurity,
  requireFlag,
  runTool,
} from './flags.ts'

const FLAGS: FlagTable = {
  'bootstrap-server': 'value',
  topic: 'value',
  'num-records': 'value',
  'producer-acks': 'value',
  'record-size': 'value',
  'record-key-size': 'value',
  'record-header-key-size': 'value',
  'record-header-size': 'value',
  'num-headers': 'value',
  'command-config': 'value',
}
const ABOUT =
  'This tool measures end-to-end latency in Kafka by sending messages and timing their reception.'
const IN_OLD_ORDER = [
  'bootstrap-server',
  'topic',
  'num-records',
  'producer-acks',
  'record-size',
  'command-config',
] as const
const REQUEST_TIMEOUT_MS = 30_000
const ARRIVAL_TIMEOUT_MS = 60_000
const POLL_MS = 100
const TOLD_EVERY = 1_000
const NEW_TOPIC_PARTITIONS = 1

export function kafkaE2eLatency(args: readonly string[], io: CommandIo): Promise<number> {
  const words = named(args, io)
  return runTool(words, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

/** The order of words that was taken before there were flags. */
function named(args: readonly string[], io: CommandIo): readonly string[] {
  if (args.length === 0 || args[0]?.startsWith('-') === true) return args
  if (args.length < 5 || args.length > 6) {
    io.stderr.write(
      `Invalid number of arguments. Expected 5 or 6 positional arguments, but got ${args.length}. ` +
        'Usage: bootstrap-server topic num-records producer-acks record-size [optional] ' +
        'command-config\n',
    )
    return ['--help']
  }
  io.stdout.write(
    'WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. ' +
      'Please use named arguments instead: --bootstrap-server, --topic, --num-records, ' +
      '--producer-acks, --record-size, --command-config\n',
  )
  return args.flatMap((value, at) => [`--${IN_OLD_ORDER[at]}`, value])
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  for (const name of IN_OLD_ORDER.slice(0, 5)) requireFlag(flags, name)
  const acks = flags.value('producer-acks') ?? ''
  if (acks !== '1' && acks !== 'all')
    throw new KafkaToolUsage(
      'Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. ' +
        "Please use '1' or 'all'.",
    )
  const records = numberFlag(flags, 'num-records', 0)
  if (records <= 0) throw new KafkaToolUsage('Value for --num-records must be a positive integer.')
  for (const name of ['record-size', 'record-key-size', 'record-header-key-size', 'num-headers'])
    if (numberFlag(flags, name, 0) < 0)
      throw new KafkaToolUsage(`Value for --${name} must be a non-negative integer.`)
  if (numberFlag(flags, 'record-header-size', 0) < -1)
    throw new KafkaToolUsage(
      'Value for --record-header-size must be a non-negative integer or -1 for null header value.',
    )
  const config = propertiesFile(flags, 'command-config', io)
  refuseSecurity(config)
  const client = openClient(flags.value('bootstrap-server') ?? '', REQUEST_TIMEOUT_MS)
  try {
    await measure(client, flags, records, config, io)
    return 0
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new KafkaToolExit(error.message)
  } finally {
    await client.close()
  }
}

async function measure(
  client: Client,
  flags: Flags,
  records: number,
  config: ReadonlyMap<string, string>,
  io: CommandIo,
): Promise<void> {
  const topic = flags.value('topic') ?? ''
  const fetcher = await readerAtEnd(client, topic, io)
  let failure: Error | null = null
  const options = {
    ...pipelineOptions(config),
    acks: acksOf(flags.value('producer-acks') ?? ''),
    lingerMs: 0,
  }
  const producer = new PipelinedProducer(client, topic, options, (_batch, outcome) => {
    failure = outcome.failure
  })
  await producer.start()
  const latencies: number[] = []
  let totalMs = 0
  for (let at = 0; at < records; at++) {
    const sent = recordOf(flags)
    const begin = performance.now()
    producer.add(sent, Date.now())
    await producer.flush()
    if (failure !== null) throw failure
    const [arrived, ...more] = await arrival(fetcher)
    const elapsedMs = performance.now() - begin
    compare(sent, arrived, more.length)
    if (at % TOLD_EVERY === 0) io.stdout.write(`${at}\t${elapsedMs}\n`)
    totalMs += elapsedMs
    latencies.push(Math.trunc(elapsedMs))
  }
  latencies.sort((a, b) => a - b)
  const percentile = (share: number): number =>
    latencies[Math.min(records - 1, Math.trunc(records * share))] ?? 0
  io.stdout.write(
    `Avg latency: ${(totalMs / records).toFixed(4)} ms\n` +
      `Percentiles: 50th = ${percentile(0.5)}, 99th = ${percentile(0.99)}, ` +
      `99.9th = ${percentile(0.999)}\n`,
  )
}

async function readerAtEnd(client: Client, topic: string, io: CommandIo): Promise<ClientFetcher> {
  const known = await client.metadata([topic])
  if (known.topics[0]?.errorCode !== 0) {
    io.stdout.write(
      `Topic "${topic}" does not exist. Will create topic with ${NEW_TOPIC_PARTITIONS} partition(s) ` +
        'and replication factor = 1\n',
    )
    await createTopic(client, {
      name: topic,
      partitions: NEW_TOPIC_PARTITIONS,
      replicationFactor: 1,
      configs: new Map(),
    })
  }
  const { topics } = await client.metadata([topic])
  const fetcher = new ClientFetcher(client, { maxWaitMs: POLL_MS })
  await fetcher.assign(
    (topics[0]?.partitions ?? []).map(({ partitionIndex }) => ({
      topic,
      partition: partitionIndex,
      offset: 'latest' as const,
    })),
  )
  return fetcher
}

function recordOf(flags: Flags) {
  const letters = (bytes: number): string => randomBytes(bytes).toString('hex').slice(0, bytes)
  const keyBytes = numberFlag(flags, 'record-key-size', 0)
  const headerBytes = numberFlag(flags, 'record-header-size', 0)
  const headers = Array.from({ length: numberFlag(flags, 'num-headers', 0) }, () => ({
    key: letters(numberFlag(flags, 'record-header-key-size', 0)),
    value: headerBytes < 0 ? null : Buffer.from(letters(headerBytes)),
  }))
  return {
    key: keyBytes === 0 ? null : Buffer.from(letters(keyBytes)),
    value: Buffer.from(letters(numberFlag(flags, 'record-size', 0))),
    headers,
    timestamp: Date.now(),
  }
}

async function arrival(fetcher: ClientFetcher): Promise<FetchedRecord[]> {
  const until = performance.now() + ARRIVAL_TIMEOUT_MS
  while (performance.now() < until) {
    const records = await fetcher.poll()
    if (records.length > 0) return records
  }
  throw new KafkaToolExit(
    `poll() timed out before finding a result (timeout:[${ARRIVAL_TIMEOUT_MS}ms])`,
  )
}

function compare(
  sent: ReturnType<typeof recordOf>,
  arrived: FetchedRecord | undefined,
  more: number,
): void {
  const same = (a: Buffer | null, b: Buffer | null | undefined): boolean =>
    a === null || b == null ? a === (b ?? null) : a.equals(b)
  if (more > 0)
    throw new KafkaToolExit(
      `Only one result was expected during this test. We found [${more + 1}]\n` +
        '  next: use a topic that nobody else writes',
    )
  if (!same(sent.value, arrived?.value) || !same(sent.key, arrived?.key))
    throw new KafkaToolExit(
      'The message read is not the message sent: does anybody else write there?',
    )
  if (sent.headers.length !== arrived?.headers.length)
    throw new KafkaToolExit('Header count mismatch between sent and received messages')
}

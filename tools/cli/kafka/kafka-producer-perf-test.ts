/**
 * kafka-producer-perf-test by its own arguments (org.apache.kafka.tools.ProducerPerformance, 4.2), its
 * lines as recorded in test/golden/cli/kafka-producer-perf-test.txt.
 *
 * Differs from Kafka's: --print-metrics prints those of the Java producer's metrics that are counted
 * here.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import { PerfStats } from '../perf/perf-stats.ts'
import { type OnBatch, PipelinedProducer, type ProducedBatch } from '../perf/pipelined-producer.ts'
import { pipelineOptions } from '../perf/producer-config.ts'
import { Throttle } from '../perf/throttle.ts'
import { type ArgumentTable, runArguments } from './arguments.ts'
import { type Flags, KafkaToolExit, propertiesFile, refuseSecurity } from './flags.ts'
import { openTransactions, TransactionEnds, transactionPlan } from './producer-perf-transactions.ts'

const TABLE: ArgumentTable = {
  name: 'kafka-producer-perf-test',
  help: 'This tool is used to verify the producer performance.',
  commands: [],
  arguments: [
    { name: 'bootstrap-server', kind: 'value', help: 'host:port of brokers' },
    { name: 'topic', kind: 'value', required: true, help: 'the topic to write' },
    { name: 'num-records', kind: 'value', required: true, integer: true, help: 'how many records' },
    { name: 'payload-delimiter', kind: 'value', help: 'what parts the values in --payload-file' },
    {
      name: 'throughput',
      kind: 'value',
      required: true,
      help: 'at most about so many records a second, -1 for no limit',
    },
    { name: 'producer-props', kind: 'many', help: '(deprecated) settings: name=value' },
    { name: 'command-property', kind: 'many', help: 'settings of the producer: name=value' },
    { name: 'producer.config', kind: 'value', help: '(deprecated) file with settings' },
    { name: 'command-config', kind: 'value', help: 'file with settings of the producer' },
    { name: 'print-metrics', kind: 'flag', help: 'print what was counted at the end' },
    {
      name: 'transactional-id',
      kind: 'value',
      help: 'writes transactions as this; performance-producer- and a random id where only their duration is given',
    },
    {
      name: 'transaction-duration-ms',
      kind: 'value',
      integer: true,
      help: 'each transaction is committed after so long, 3000 where only the id is given',
    },
    {
      name: 'warmup-records',
      kind: 'value',
      integer: true,
      help: 'records at the beginning that do not count as steady state',
    },
    {
      name: 'reporting-interval',
      kind: 'value',
      integer: true,
      help: 'milliseconds between lines',
    },
    { name: 'record-size', kind: 'value', integer: true, help: 'bytes of each value' },
    {
      name: 'payload-file',
      kind: 'value',
      help: 'file with values, one of which is taken each time',
    },
    { name: 'payload-monotonic', kind: 'flag', help: 'values are numbers that rise' },
  ],
  oneOf: [{ names: ['record-size', 'payload-file', 'payload-monotonic'], required: true }],
}

const RENAMED = [
  ['producer-props', 'command-property'],
  ['producer.config', 'command-config'],
] as const
const REPORTING_MS = 5_000
const LETTERS = 26
const FIRST_LETTER = 65
/** Records handed over between looks at the clock of other work. */
const BURST = 256

export function kafkaProducerPerfTest(args: readonly string[], io: CommandIo): Promise<number> {
  return runArguments(TABLE, args, io, ({ flags }) => run(flags, io))
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  const plan = planOf(flags)
  for (const [old, now] of RENAMED)
    if (flags.has(old))
      io.stdout.write(
        `Option --${old} has been deprecated and will be removed in a future version. ` +
          `Use --${now} instead.\n`,
      )
  const config = configOf(flags, io)
  const transaction = transactionPlan(flags, config)
  const options = pipelineOptions(config)
  const nextValue = valuesOf(flags, io)
  if (plan.warmup > 0)
    io.stdout.write(
      `Warmup first ${plan.warmup} records. Steady state results will print after the complete ` +
        'test summary.\n',
    )
  const client = openClient(config.get('bootstrap.servers') ?? '', options.requestTimeoutMs)
  try {
    const tally = new Tally(plan, io)
    const onBatch: OnBatch = (batch, { failure }) =>
      failure === null ? tally.written(batch) : tally.failed(failure)
    const begin = performance.now()
    const transactions = await openTransactions(client, transaction, plan.topic)
    const initMs = transactions === null ? 0 : performance.now() - begin
    const producer = new PipelinedProducer(client, plan.topic, options, onBatch, transactions)
    await producer.start()
    tally.begin()
    const ends = new TransactionEnds(producer, transactions, transaction, () => tally.fatal)
    await ends.abortedOnFailure(() => sendAll(producer, plan, nextValue, tally, io, ends))
    tally.report()
    if (flags.has('print-metrics'))
      io.stdout.write(
        metricLines(tally, producer, config.get('client.id'), plan.topic, {
          initMs,
          commitMs: transactions?.commitMs ?? 0,
        }),
      )
    return tally.failures === 0 ? 0 : 1
  } finally {
    await client.close()
  }
}

interface Plan {
  readonly topic: string
  readonly records: number
  readonly throughput: number
  readonly warmup: number
  readonly reportingMs: number
}

function planOf(flags: Flags): Plan {
  const wrong = (message: string) => new KafkaToolExit(`${TABLE.name}: error: ${message}`)
  const records = Number(flags.value('num-records'))
  const throughput = Number(flags.value('throughput'))
  const warmup = Number(flags.value('warmup-records') ?? 0)
  if (records <= 0) throw wrong('--num-records should be greater than zero.')
  if (flags.has('record-size') && Number(flags.value('record-size')) <= 0)
    throw wrong('--record-size should be greater than zero.')
  if (Number.isNaN(throughput))
    throw wrong(`argument --throughput: could not convert '${flags.value('throughput')}' to Double`)
  if (warmup >= records)
    throw wrong(
      'The value for --warmup-records must be strictly fewer than the number of records in the ' +
        'test, --num-records.',
    )
  for (const [old, now] of RENAMED)
    if (flags.has(old) && flags.has(now))
      throw wrong(`--${now} and --${old} cannot be specified together.`)
  if (!['bootstrap-server', ...RENAMED.flat()].some((name) => flags.has(name)))
    throw wrong(
      'At least one of --bootstrap-server, --command-property, --producer-props, ' +
        '--producer.config or --command-config must be specified.',
    )
  if (flags.has('transaction-duration-ms') && Number(flags.value('transaction-duration-ms')) <= 0)
    throw wrong('--transaction-duration-ms should be greater than zero.')
  const reportingMs = Number(flags.value('reporting-interval') ?? REPORTING_MS)
  if (reportingMs <= 0) throw wrong('--reporting-interval should be greater than zero.')
  return { topic: flags.value('topic') ?? '', records, throughput, warmup, reportingMs }
}

function configOf(flags: Flags, io: CommandIo): ReadonlyMap<string, string> {
  const config = new Map([
    ...propertiesFile(flags, 'producer.config', io),
    ...propertiesFile(flags, 'command-config', io),
  ])
  for (const pair of [...flags.list('producer-props'), ...flags.list('command-property')]) {
    const at = pair.indexOf('=')
    if (at <= 0)
      throw new KafkaToolExit(`Invalid property: ${pair}\n  next: write it as name=value`)
    config.set(pair.slice(0, at), pair.slice(at + 1))
  }
  const given = flags.value('bootstrap-server')
  if (given !== undefined) config.set('bootstrap.servers', given)
  refuseSecurity(config)
  return config
}

/** What each record holds, by its number. */
function valuesOf(flags: Flags, io: CommandIo): (record: number) => Buffer {
  if (flags.has('payload-monotonic')) return (record) => Buffer.from(String(record))
  const file = flags.value('payload-file')
  if (file === undefined) {
    const value = Buffer.alloc(Number(flags.value('record-size')))
    for (let at = 0; at < value.length; at++)
      value[at] = FIRST_LETTER + Math.trunc(Math.random() * LETTERS)
    return () => value
  }
  const path = resolve(io.cwd, file)
  io.stdout.write(`Reading payloads from: ${path}\n`)
  const values = payloads(path, flags.value('payload-delimiter') ?? '\\n')
  io.stdout.write(`Number of records read: ${values.length}\n`)
  return () => values[Math.trunc(Math.random() * values.length)] ?? Buffer.alloc(0)
}

function payloads(path: string, delimiter: string): Buffer[] {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new KafkaToolExit(
      `File does not exist or empty file provided: ${error instanceof Error ? error.message : error}`,
    )
  }
  const parts = text.split(delimiter === '\\n' ? '\n' : delimiter)
  if (parts.at(-1) === '') parts.pop()
  if (parts.length === 0)
    throw new KafkaToolExit(`File does not exist or empty file provided: ${path} holds no values`)
  return parts.map((part) => Buffer.from(part))
}

async function sendAll(
  producer: PipelinedProducer,
  plan: Plan,
  nextValue: (record: number) => Buffer,
  tally: Tally,
  io: CommandIo,
  ends: TransactionEnds,
): Promise<void> {
  let stopped = false
  void io.interrupted().then(() => {
    stopped = true
  })
  const throttle = new Throttle(plan.throughput)
  for (let sent = 0; sent < plan.records && !stopped; sent++) {
    if (throttle.early(sent)) await throttle.due(sent)
    if (producer.full) await producer.room()
    else if (sent % BURST === 0) await new Promise((resolve) => setImmediate(resolve))
    if (tally.fatal !== null) throw tally.fatal
    if (plan.warmup > 0 && sent === plan.warmup) tally.steadyState()
    const now = Date.now()
    ends.wrote(now)
    producer.add({ key: null, value: nextValue(sent), timestamp: now }, now)
    if (ends.isDue(now)) await ends.commit()
  }
  await ends.commit()
}

/** What was written and how long it took, all of it and behind the warm-up. */
class Tally {
  private readonly plan: Plan
  private readonly io: CommandIo
  private stats: PerfStats
  private steady: PerfStats | null = null
  private steadySince = Number.POSITIVE_INFINITY
  failures = 0
  /** A failure that every further record would share. */
  fatal: Error | null = null
  batches = 0

  constructor(plan: Plan, io: CommandIo) {
    this.plan = plan
    this.io = io
    this.stats = this.newStats(plan.records, false)
  }

  get totals(): PerfStats {
    return this.stats
  }

  begin(): void {
    this.stats = this.newStats(this.plan.records, false)
  }

  steadyState(): void {
    this.io.stdout.write('In steady state.\n')
    this.stats.quiet = true
    this.steadySince = this.plan.warmup
    this.steady = this.newStats(this.plan.records - this.plan.warmup, true)
  }

  written({ records, handedOverAt }: ProducedBatch): void {
    const now = Date.now()
    this.batches++
    for (let at = 0; at < records.length; at++) {
      const bytes = records[at]?.value?.length ?? 0
      const latency = now - (handedOverAt[at] ?? now)
      const inSteadyState = this.stats.count >= this.steadySince
      this.stats.record(latency, bytes, now)
      if (inSteadyState) this.steady?.record(latency, bytes, now)
    }
  }

  failed(failure: Error): void {
    this.failures++
    this.fatal ??= failure
  }

  report(): void {
    if (this.fatal !== null) throw this.fatal
    const now = Date.now()
    this.io.stdout.write(this.stats.totalLine(now))
    if (this.steady !== null) this.io.stdout.write(this.steady.totalLine(now))
  }

  private newStats(records: number, steady: boolean): PerfStats {
    const { reportingMs } = this.plan
    const write = (line: string): void => void this.io.stdout.write(line)
    return new PerfStats(records, { reportingMs, steady, now: Date.now(), write })
  }
}

const METRIC_WIDTH = 86
/** Of a millisecond. */
const NANOSECONDS = 1_000_000

function metricLines(
  tally: Tally,
  producer: PipelinedProducer,
  clientId = 'perf-producer-client',
  topic: string,
  times: { readonly initMs: number; readonly commitMs: number },
): string {
  const { totals } = tally
  const client = `{client-id=${clientId}}`
  const ofTopic = `{client-id=${clientId}, topic=${topic}}`
  const average = (sum: number, count: number): number => (count === 0 ? 0 : sum / count)
  const metrics: readonly (readonly [name: string, value: number])[] = [
    [`producer-metrics:record-retry-total:${client}`, producer.retries],
    [`producer-metrics:record-send-total:${client}`, totals.count],
    [`producer-metrics:record-size-avg:${client}`, average(totals.bytes, totals.count)],
    [`producer-metrics:records-per-request-avg:${client}`, average(totals.count, tally.batches)],
    [`producer-metrics:request-total:${client}`, producer.requests],
    [`producer-metrics:txn-commit-time-ns-total:${client}`, times.commitMs * NANOSECONDS],
    [`producer-metrics:txn-init-time-ns-total:${client}`, times.initMs * NANOSECONDS],
    [`producer-topic-metrics:byte-total:${ofTopic}`, totals.bytes],
    [`producer-topic-metrics:record-retry-total:${ofTopic}`, producer.retries],
    [`producer-topic-metrics:record-send-total:${ofTopic}`, totals.count],
  ]
  const lines = metrics.map(
    ([name, value]) => `${name.padEnd(METRIC_WIDTH)} : ${value.toFixed(3)}\n`,
  )
  return `\n${'Metric Name'.padEnd(METRIC_WIDTH)}   Value\n${lines.join('')}`
}

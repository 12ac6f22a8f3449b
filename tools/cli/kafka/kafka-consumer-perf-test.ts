/**
 * kafka-consumer-perf-test by its own flags (org.apache.kafka.tools.ConsumerPerformance, 4.2), its
 * lines as recorded in test/golden/cli/kafka-consumer-perf-test.txt.
 *
 * Differs from Kafka's: it stops at exactly the number of records asked for; --socket-buffer-size has
 * no effect (the system chooses); --print-metrics prints what is counted here.
 */
import { randomInt } from 'node:crypto'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import type { FetchedRecord } from '../../../net/client/client-fetcher.ts'
import { openClient } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import { dateFormat } from '../perf/date-format.ts'
import { GroupReader } from '../perf/group-reader.ts'
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
  'command-property': 'list',
  'consumer.config': 'value',
  'date-format': 'value',
  'fetch-size': 'value',
  'from-latest': 'flag',
  group: 'value',
  'hide-header': 'flag',
  include: 'value',
  messages: 'value',
  'num-records': 'value',
  'print-metrics': 'flag',
  'reporting-interval': 'value',
  'show-detailed-stats': 'flag',
  'socket-buffer-size': 'value',
  timeout: 'value',
  topic: 'value',
}
const ABOUT = 'This tool is used to verify the consumer performance.'
const REQUEST_TIMEOUT_MS = 30_000
const POLL_MS = 100
const SESSION_TIMEOUT_MS = 45_000
const GROUP_NUMBERS = 100_000
const MEGABYTE = 1024 * 1024
const FETCH_HEADS = ', rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec'

export function kafkaConsumerPerfTest(args: readonly string[], io: CommandIo): Promise<number> {
  return runTool(args, io, { about: ABOUT, flags: FLAGS }, (flags) => run(flags, io))
}

interface Plan {
  readonly records: number
  readonly timeoutMs: number
  readonly reportingMs: number
  readonly detailed: boolean
  readonly shown: (wallMs: number) => string
}

async function run(flags: Flags, io: CommandIo): Promise<number> {
  const bootstrap = requireFlag(flags, 'bootstrap-server')
  exactlyOne(flags, 'messages', 'num-records')
  exactlyOne(flags, 'topic', 'include')
  if (flags.has('messages'))
    io.stdout.write('Warning: --messages is deprecated. Use --num-records instead.\n')
  const config = new Map([
    ...propertiesFile(flags, 'consumer.config', io),
    ...propertiesFile(flags, 'command-config', io),
    ...properties(flags.list('command-property')),
  ])
  refuseSecurity(config)
  const plan = planOf(flags)
  if (!flags.has('hide-header')) io.stdout.write(header(plan))
  if (plan.reportingMs <= 0) throw new KafkaToolExit('Reporting interval must be greater than 0.')
  const client = openClient(bootstrap, REQUEST_TIMEOUT_MS)
  try {
    const topics = await topicsOf(client, flags)
    const stats = new ReadStats(plan, io)
    const reader = new GroupReader(
      client,
      {
        groupId: flags.value('group') ?? config.get('group.id') ?? groupName(),
        groupInstanceId: null,
        topics,
        reset: flags.has('from-latest') ? 'latest' : 'earliest',
        isolation: config.get('isolation.level') === 'read_committed' ? 1 : 0,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        maxWaitMs: POLL_MS,
        partitionBytes: numberFlag(flags, 'fetch-size', MEGABYTE),
      },
      stats,
    )
    await readAll(reader, stats, plan, io)
    if (!plan.detailed) io.stdout.write(stats.totalLine())
    if (flags.has('print-metrics')) io.stdout.write(stats.metricLines())
    await reader.close()
    return 0
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new KafkaToolExit(error.message)
  } finally {
    await client.close()
  }
}

function exactlyOne(flags: Flags, a: string, b: string): void {
  if (flags.has(a) === flags.has(b))
    throw new KafkaToolUsage(`Exactly one of the following arguments is required: [${a}], [${b}]`)
}

function groupName(): string {
  return `perf-consumer-${randomInt(GROUP_NUMBERS)}`
}

function planOf(flags: Flags): Plan {
  const pattern = flags.value('date-format') ?? 'yyyy-MM-dd HH:mm:ss:SSS'
  try {
    return {
      records: numberFlag(flags, flags.has('messages') ? 'messages' : 'num-records', 0),
      timeoutMs: numberFlag(flags, 'timeout', 10_000),
      reportingMs: numberFlag(flags, 'reporting-interval', 5_000),
      detailed: flags.has('show-detailed-stats'),
      shown: dateFormat(pattern),
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new KafkaToolExit(
      `--date-format ${pattern}: ${error.message}\n  next: use the letters y M d H m s S, and ` +
        "quotes around others, as yyyy-MM-dd'T'HH:mm:ss",
    )
  }
}

function header({ detailed }: Plan): string {
  const first = detailed ? 'time, threadId' : 'start.time, end.time'
  return `${first}, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec${FETCH_HEADS}\n`
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

async function readAll(
  reader: GroupReader,
  stats: ReadStats,
  { records, timeoutMs }: Plan,
  io: CommandIo,
): Promise<void> {
  let stopped = false
  void io.interrupted().then(() => {
    stopped = true
  })
  let lastAt = performance.now()
  while (stats.count < records && !stopped) {
    if (performance.now() - lastAt > timeoutMs) {
      io.stdout.write(
        'WARNING: Exiting before consuming the expected number of records: timeout ' +
          `(${timeoutMs} ms) exceeded. You can use the --timeout option to increase the timeout.\n`,
      )
      return
    }
    const fetched = await reader.poll()
    if (fetched.length > 0) lastAt = performance.now()
    stats.take(fetched)
  }
  await reader.commit(reader.positions)
}

/** Counts, and the time that went on joining rather than reading. */
class ReadStats {
  private readonly plan: Plan
  private readonly io: CommandIo
  private readonly startedAt = Date.now()
  private joiningSince: number | null = this.startedAt
  private joinMs = 0
  private bytes = 0
  private reported = { at: this.startedAt, count: 0, bytes: 0, joinMs: 0 }
  count = 0

  constructor(plan: Plan, io: CommandIo) {
    this.plan = plan
    this.io = io
  }

  onAssigned(): void {
    this.joinMs = this.joinSoFar()
    this.joiningSince = null
  }

  onRevoked(): void {
    this.joiningSince ??= Date.now()
  }

  take(fetched: readonly FetchedRecord[]): void {
    const wanted = Math.min(fetched.length, this.plan.records - this.count)
    for (let at = 0; at < wanted; at++) {
      const { key, value } = fetched[at] as FetchedRecord
      this.bytes += (key?.length ?? 0) + (value?.length ?? 0)
    }
    this.count += wanted
    const now = Date.now()
    if (now - this.reported.at < this.plan.reportingMs) return
    if (this.plan.detailed) this.io.stdout.write(this.windowLine(now))
    this.reported = { at: now, count: this.count, bytes: this.bytes, joinMs: this.joinSoFar() }
  }

  totalLine(): string {
    const now = Date.now()
    const elapsed = now - this.startedAt
    const fetching = elapsed - this.joinSoFar()
    const megabytes = this.bytes / MEGABYTE
    const { shown } = this.plan
    return `${[
      shown(this.startedAt),
      shown(now),
      megabytes.toFixed(4),
      perSecond(megabytes, elapsed),
      this.count,
      perSecond(this.count, elapsed),
      this.joinSoFar(),
      fetching,
      perSecond(megabytes, fetching),
      perSecond(this.count, fetching),
    ].join(', ')}\n`
  }

  metricLines(): string {
    const names: readonly (readonly [string, number])[] = [
      ['consumer-coordinator-metrics:rebalance-latency-total', this.joinMs],
      ['consumer-fetch-manager-metrics:bytes-consumed-total', this.bytes],
      ['consumer-fetch-manager-metrics:records-consumed-total', this.count],
    ]
    const lines = names.map(([name, value]) => `${name.padEnd(60)} : ${value.toFixed(3)}\n`)
    return `\n${'Metric Name'.padEnd(60)}   Value\n${lines.join('')}`
  }

  private windowLine(now: number): string {
    const { at, count, bytes, joinMs } = this.reported
    const elapsed = now - at
    const joining = this.joinSoFar() - joinMs
    const fetching = elapsed - joining
    const [records, megabytes] = [this.count - count, (this.bytes - bytes) / MEGABYTE]
    return `${[
      this.plan.shown(now),
      0,
      (this.bytes / MEGABYTE).toFixed(4),
      perSecond(megabytes, elapsed),
      this.count,
      perSecond(records, elapsed),
      joining,
      fetching,
      perSecond(megabytes, fetching),
      perSecond(records, fetching),
    ].join(', ')}\n`
  }

  private joinSoFar(): number {
    return this.joinMs + (this.joiningSince === null ? 0 : Date.now() - this.joiningSince)
  }
}

function perSecond(amount: number, elapsedMs: number): string {
  return (elapsedMs <= 0 ? 0 : (amount * 1000) / elapsedMs).toFixed(4)
}

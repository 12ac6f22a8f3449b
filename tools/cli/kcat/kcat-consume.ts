/** kcat -C (partitions by themselves) and -G (as a member of a group). */
import type { Client } from '../../../net/client/client.ts'
import { ClientFetcher, type FetchedRecord } from '../../../net/client/client-fetcher.ts'
import type { CommandIo } from '../io.ts'
import { GroupReader } from '../perf/group-reader.ts'
import { brokerError, offsetFor } from './kcat-broker.ts'
import { kcatFormatter } from './kcat-format.ts'
import { KcatFailure, type KcatOptions } from './kcat-options.ts'

const POLL_MS = 500
const LATEST = -1
const EARLIEST = -2
const COMMIT_MS = 5_000
const MEGABYTE = 1024 * 1024

interface Span {
  readonly partition: number
  readonly leader: number
  readonly from: number
  /** Exclusive; records at and behind it are not wanted. */
  readonly until: number
}

export async function kcatConsume(
  client: Client,
  options: KcatOptions,
  io: CommandIo,
): Promise<void> {
  const topic = options.topics.at(-1) ?? ''
  const output = new Output(options, io)
  const spans = await spansOf(client, topic, options)
  const leaders = new Map(spans.map(({ partition, leader }) => [partition, leader]))
  const limits = new Map(spans.map(({ partition, until }) => [partition, until]))
  const fetcher = new ClientFetcher(client, fetchOptions(options))
  await fetcher.assign(spans.map(({ partition, from }) => ({ topic, partition, offset: from })))
  const ends = new EndWatch(topic, options, io)
  for (;;) {
    const done = fetcher.assigned.every(
      ({ partition, offset }) => offset >= (limits.get(partition) ?? 0),
    )
    if (done || output.stopped) return
    const records = (await fetcher.poll()).filter(
      ({ partition, offset }) => offset < (limits.get(partition) ?? 0),
    )
    await output.write(records, leaders)
    if (output.stopped) return
    const latest = (partition: number) =>
      offsetFor(client, topic, partition, leaders.get(partition) ?? -1, LATEST)
    if (await ends.reached(fetcher.assigned, latest)) return
  }
}

export async function kcatGroup(
  client: Client,
  options: KcatOptions,
  io: CommandIo,
): Promise<void> {
  const topics = [...options.topics, ...options.words]
  const output = new Output(options, io)
  const say = (text: string): void => {
    if (!options.quiet) io.stderr.write(`% ${text}\n`)
  }
  const list = (partitions: readonly { topic: string; partition: number }[]): string =>
    partitions.map(({ topic, partition }) => `${topic} [${partition}]`).join(', ')
  const { isolation, partitionBytes, maxWaitMs } = fetchOptions(options)
  const reader = new GroupReader(
    client,
    {
      groupId: options.group,
      groupInstanceId: null,
      topics,
      reset: /^(earliest|smallest|beginning)$/.test(options.config.get('auto.offset.reset') ?? '')
        ? 'earliest'
        : 'latest',
      isolation,
      sessionTimeoutMs: Number(options.config.get('session.timeout.ms') ?? 45_000),
      maxWaitMs,
      partitionBytes,
    },
    {
      onAssigned: (partitions) =>
        say(`Group ${options.group} rebalanced: assigned: ${list(partitions)}`),
      onRevoked: (partitions) =>
        say(`Group ${options.group} rebalanced: revoked: ${list(partitions)}`),
    },
  )
  say('Waiting for group rebalance')
  const commits = options.config.get('enable.auto.commit') !== 'false'
  const consumed = new Map<string, { topic: string; partition: number; offset: number }>()
  let committedAt = performance.now()
  const watches = new Map(
    topics.map((topic) => [topic, new EndWatch(topic, options, io, topics.length > 1)]),
  )
  for (let ended = false; !ended && !output.stopped; ) {
    const written = await output.write(await reader.poll(), new Map())
    for (const { topic, partition, offset } of written)
      consumed.set(`${topic}-${partition}`, { topic, partition, offset: offset + 1 })
    if (commits && performance.now() - committedAt > COMMIT_MS) {
      committedAt = performance.now()
      await reader.commit([...consumed.values()])
    }
    if (output.stopped) break
    if (written.length > 0) continue
    const { topics: known } = await client.metadata(topics)
    ended = topics.length > 0
    for (const topic of topics) {
      const partitions = known.find(({ name }) => name === topic)?.partitions ?? []
      const latest = (partition: number) =>
        offsetFor(
          client,
          topic,
          partition,
          partitions.find(({ partitionIndex }) => partitionIndex === partition)?.leaderId ?? -1,
          LATEST,
        )
      const mine = reader.positions.filter((position) => position.topic === topic)
      if (!((await watches.get(topic)?.reached(mine, latest)) ?? true)) ended = false
    }
  }
  if (commits) await reader.commit([...consumed.values()])
  await reader.close()
}

function fetchOptions({ config }: KcatOptions) {
  const bytes = config.get('max.partition.fetch.bytes') ?? config.get('fetch.message.max.bytes')
  return {
    // librdkafka's default.
    isolation: config.get('isolation.level') === 'read_uncommitted' ? (0 as const) : (1 as const),
    maxWaitMs: Number(config.get('fetch.wait.max.ms') ?? POLL_MS),
    partitionBytes: Number(bytes ?? MEGABYTE),
  }
}

/** Says where partitions end, each time their end is reached. */
class EndWatch {
  private readonly topic: string
  private readonly options: KcatOptions
  private readonly io: CommandIo
  private readonly oneOfSeveral: boolean
  private readonly told = new Map<number, number>()

  constructor(topic: string, options: KcatOptions, io: CommandIo, oneOfSeveral = false) {
    this.topic = topic
    this.options = options
    this.io = io
    this.oneOfSeveral = oneOfSeveral
  }

  /** True: all are at their end, and that is the end of the run. */
  async reached(
    positions: readonly { readonly partition: number; readonly offset: number }[],
    latest: (partition: number) => Promise<number>,
  ): Promise<boolean> {
    for (const { partition, offset } of positions) {
      if (this.told.get(partition) === offset) continue
      this.told.delete(partition)
      if ((await latest(partition)) > offset) continue
      this.told.set(partition, offset)
      const last = this.options.exitAtEnd && this.told.size === positions.length
      if (!this.options.quiet)
        this.io.stderr.write(
          `% Reached end of topic ${this.topic} [${partition}] at offset ${offset}` +
            `${last && !this.oneOfSeveral ? ': exiting' : ''}\n`,
        )
    }
    return this.options.exitAtEnd && this.told.size === positions.length
  }
}

/** Records to stdout, up to the count asked for. */
class Output {
  private readonly io: CommandIo
  private readonly format: ReturnType<typeof kcatFormatter>
  private left: number
  private ended = false

  constructor(options: KcatOptions, io: CommandIo) {
    this.io = io
    this.format = kcatFormatter(options)
    this.left = options.count
    void io.interrupted().then(() => this.end())
    void io.outputClosed.then(() => this.end())
  }

  get stopped(): boolean {
    return this.ended || this.left <= 0
  }

  async write(
    records: readonly FetchedRecord[],
    leaders: ReadonlyMap<number, number>,
  ): Promise<readonly FetchedRecord[]> {
    const wanted = records.slice(0, this.left)
    this.left -= wanted.length
    const pieces = wanted.map((record) => this.format(record, leaders.get(record.partition) ?? -1))
    if (pieces.length > 0 && !this.io.stdout.write(Buffer.concat(pieces)))
      await Promise.race([
        new Promise((resolve) => this.io.stdout.once('drain', resolve)),
        this.io.outputClosed,
      ])
    return wanted
  }

  private end(): void {
    this.ended = true
  }
}

async function spansOf(client: Client, topic: string, options: KcatOptions): Promise<Span[]> {
  const { topics } = await client.metadata([topic])
  const found = topics[0]
  if (found === undefined || found.errorCode !== 0)
    throw new KcatFailure(`% ERROR: Topic ${topic} error: ${brokerError(found?.errorCode ?? 3)}`)
  const known = found.partitions.filter(
    ({ partitionIndex }) => options.partition === null || partitionIndex === options.partition,
  )
  if (known.length === 0)
    throw new KcatFailure(
      `% ERROR: Topic ${topic} (with partitions 0..${found.partitions.length - 1}): ` +
        `partition ${options.partition} does not exist`,
    )
  const [start, end] = [
    options.offsets.findLast((text) => !text.startsWith('e@')),
    options.offsets.findLast((text) => text.startsWith('e@')),
  ]
  const sorted = known.sort((a, b) => a.partitionIndex - b.partitionIndex)
  return Promise.all(
    sorted.map(async ({ partitionIndex: partition, leaderId: leader }) => {
      const at = (timestamp: number) => offsetFor(client, topic, partition, leader, timestamp)
      return {
        partition,
        leader,
        from: await startOf(start ?? 'beginning', at),
        until:
          end === undefined ? Number.POSITIVE_INFINITY : await timeOffset(end.slice(2), at, 'e@'),
      }
    }),
  )
}

type OffsetAt = (timestamp: number) => Promise<number>

async function startOf(text: string, at: OffsetAt): Promise<number> {
  if (text === 'beginning') return at(EARLIEST)
  if (text === 'end') return at(LATEST)
  if (text === 'stored')
    throw new KcatFailure('% ERROR: -o stored: offsets are stored for groups; use -G <group-id>')
  if (text.startsWith('s@')) return timeOffset(text.slice(2), at, 's@')
  if (/^-\d{1,15}$/.test(text))
    return Math.max(await at(EARLIEST), (await at(LATEST)) + Number(text))
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new KcatFailure(
    `% ERROR: -o ${text}: use beginning, end, a number, -number, s@time or e@time (milliseconds)`,
  )
}

async function timeOffset(text: string, at: OffsetAt, what: string): Promise<number> {
  if (!/^\d{1,15}$/.test(text))
    throw new KcatFailure(`% ERROR: -o ${what}${text}: not a number of milliseconds since 1970`)
  const found = await at(Number(text))
  return found < 0 ? at(LATEST) : found
}

/**
 * kill -9 in the middle of writes, again and again, under live producers and a live group. What was
 * acknowledged is at the offset it was acknowledged with, in order; an idempotent producer that
 * rides it out leaves each record once; committed offsets never go back.
 */
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, Producer } from 'kafkajs'
import { collect, startChild } from '../support/child-processes.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { KafkaAdmin, quietKafkajs } from './kafka-admin.ts'
import { type ReadRecord, readTopic } from './read-topic.ts'
import { type Check, check, grouped, type Lane, type Scenario, Skip } from './scenario.ts'

const PARTITIONS = 3
const BATCH = 20
/** Writes go on for this long before each kill, spread so that kills fall everywhere. */
const UPTIME_MIN_MS = 400
const UPTIME_SPREAD_MS = 1300
const SETTLE_LIMIT_MS = 60_000

/** Values that were acknowledged, as `partition:offset` to value. */
type Acknowledged = Map<string, string>

/** Sends batches without retries: a batch is acknowledged with an offset, or its fate is unknown. */
class PlainWriter {
  readonly acknowledged: Acknowledged = new Map()
  unknown = 0
  private readonly name: string
  private next = 0
  private running = true
  private readonly work: Promise<void>

  constructor(name: string, producer: Producer, topic: string) {
    this.name = name
    this.work = this.run(producer, topic)
  }

  async stop(): Promise<void> {
    this.running = false
    await this.work
  }

  private async run(producer: Producer, topic: string): Promise<void> {
    for (let round = 0; this.running; round++) {
      const partition = round % PARTITIONS
      const values = Array.from({ length: BATCH }, () => `${this.name} ${this.next++}`)
      try {
        const messages = values.map((value) => ({ partition, value }))
        const [answer] = await producer.send({ topic, acks: -1, messages })
        const base = Number(answer?.baseOffset)
        values.forEach((value, at) => {
          this.acknowledged.set(`${partition}:${base + at}`, value)
        })
      } catch {
        this.unknown += values.length
        await sleep(20)
      }
    }
  }
}

/** kcat, idempotent, fed numbers by its standard input until told to stop. */
class KcatWriter {
  sent = 0
  private running = true
  private readonly child: ChildProcess
  private readonly said: () => string
  private readonly work: Promise<void>

  constructor(address: string, topic: string) {
    const settings = ['enable.idempotence=true', 'message.timeout.ms=120000', 'linger.ms=2']
    const args = ['-P', '-b', address, '-t', topic, '-p', '0', '-E']
    this.child = startChild('kcat', [...args, ...settings.flatMap((each) => ['-X', each])], {
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    this.said = collect(this.child.stderr)
    this.child.stdin?.on('error', () => {})
    this.work = this.run()
  }

  /** Resolves when kcat says that everything was delivered. */
  async stop(): Promise<void> {
    this.running = false
    await this.work
    if (this.child.exitCode === null) await once(this.child, 'exit')
    check(this.child.exitCode === 0, () => `kcat ended with ${this.child.exitCode}: ${this.said()}`)
  }

  private async run(): Promise<void> {
    while (this.running && this.child.exitCode === null) {
      let lines = ''
      for (let at = 0; at < 100; at++) lines += `${this.sent++}\n`
      this.child.stdin?.write(lines)
      await sleep(20)
    }
    this.child.stdin?.end()
  }
}

/** A member of a group that commits by hand and remembers what was acknowledged. */
class Committer {
  readonly floor = new Array<number>(PARTITIONS).fill(-1)
  readonly position = new Array<number>(PARTITIONS).fill(-1)
  commits = 0
  private readonly address: string
  private readonly group: string
  private consumer: Consumer | null = null
  private stopped = false

  constructor(address: string, group: string) {
    this.address = address
    this.group = group
  }

  async start(topic: string): Promise<void> {
    const times = { sessionTimeout: 6_000, rebalanceTimeout: 6_000, heartbeatInterval: 300 }
    const consumer = quietKafkajs(this.address).consumer({
      groupId: this.group,
      maxWaitTimeInMs: 100,
      ...times,
    })
    this.consumer = consumer
    // kafkajs gives up for good on some errors of a broker that comes back: so would no service.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (payload.restart || this.stopped) return
      this.start(topic).catch(() => {})
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const { partition } = batch
        const next = Number(batch.lastOffset()) + 1
        this.position[partition] = next
        await consumer.commitOffsets([{ topic, partition, offset: `${next}` }])
        this.floor[partition] = Math.max(this.floor[partition] ?? -1, next)
        this.commits++
      },
    })
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.consumer?.disconnect()
  }
}

type Ending = 'kill' | 'stop'

/** Ends and starts the broker while `floor` holds what was committed; returns the longest start. */
async function endAgainAndAgain(
  broker: ManagedBroker,
  ending: Ending,
  rounds: number,
  afterStart: (floorBefore: number[]) => Promise<void>,
  floor: readonly number[],
): Promise<number> {
  let slowestMs = 0
  for (let round = 0; round < rounds; round++) {
    await sleep(UPTIME_MIN_MS + ((round * 377) % UPTIME_SPREAD_MS))
    const before = [...floor]
    await broker[ending]()
    const startedMs = performance.now()
    await broker.start()
    slowestMs = Math.max(slowestMs, performance.now() - startedMs)
    await afterStart(before)
  }
  return slowestMs
}

function checkPlain(records: ReadRecord[][], writers: readonly PlainWriter[]): number {
  let duplicates = 0
  for (const writer of writers)
    for (const [place, value] of writer.acknowledged) {
      const [partition, offset] = place.split(':').map(Number)
      const record = records[partition ?? 0]?.[offset ?? 0]
      check(
        record?.offset === offset && record?.value?.toString() === value,
        () => `acknowledged at ${place}: "${value}"; there is now "${record?.value}"`,
      )
    }
  for (const [number, partition] of records.entries()) {
    const last = new Map<string, number>()
    partition.forEach(({ offset, value }, at) => {
      check(offset === at, () => `partition ${number}: offset ${offset} where ${at} belongs`)
      const [writer = '', text] = value?.toString().split(' ') ?? []
      const before = last.get(writer) ?? -1
      check(Number(text) >= 0, () => `partition ${number}:${offset} holds "${value}"`)
      if (Number(text) <= before) duplicates++
      else last.set(writer, Number(text))
    })
  }
  return duplicates
}

async function liveThrough(lane: Lane, ending: Ending, rounds: number): Promise<string> {
  const broker = await lane.startBroker({ 'log.segment.bytes': '1048576' })
  const { address } = broker
  const admin = new KafkaAdmin(lane, address)
  const [plain, kcatTopic] = ['kill-plain', 'kill-kcat'].map(
    (stem) => `${stem}-${randomUUID().slice(0, 8)}`,
  ) as [string, string]
  const group = `${plain}-group`
  await admin.createTopic(plain, PARTITIONS)
  await admin.createTopic(kcatTopic, 1)
  const producers = [0, 1].map(() => quietKafkajs(address).producer({ retry: { retries: 0 } }))
  for (const producer of producers) {
    lane.defer(() => producer.disconnect())
    await producer.connect()
  }
  const committer = new Committer(address, group)
  lane.defer(() => committer.stop())
  await committer.start(plain)
  const writers = producers.map((producer, at) => new PlainWriter(`w${at}`, producer, plain))
  lane.defer(() => Promise.all(writers.map((writer) => writer.stop())))
  const kcat = new KcatWriter(address, kcatTopic)

  const slowestMs = await endAgainAndAgain(
    broker,
    ending,
    rounds,
    async (before) => {
      const now = await admin.groupOffsets(group, plain)
      check(
        now.every((offset, partition) => offset >= (before[partition] ?? -1)),
        () => `committed before the ${ending} ${before.join()}, after the start ${now.join()}`,
      )
    },
    committer.floor,
  )
  await sleep(UPTIME_MIN_MS)
  await Promise.all(writers.map((writer) => writer.stop()))
  await kcat.stop()

  const records = await readTopic(lane, plain, address)
  const duplicates = checkPlain(records, writers)
  const acknowledged = writers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0)
  check(acknowledged > 0 && committer.commits > 0, () => 'nothing was acknowledged')
  const [numbers = []] = await readTopic(lane, kcatTopic, address)
  numbers.forEach(({ value }, at) => {
    check(value?.toString() === `${at}`, () => `kcat's record ${at} is "${value}"`)
  })
  check(numbers.length === kcat.sent, () => `kcat sent ${kcat.sent}, there are ${numbers.length}`)
  await groupCatchesUp(committer, records)
  const unknown = writers.reduce((sum, writer) => sum + writer.unknown, 0)
  return (
    `${rounds} times; ${grouped(acknowledged)} acknowledged records in place, ` +
    `${unknown} of unknown fate, ${duplicates} doubled; kcat's ${grouped(kcat.sent)} once each; ` +
    `${committer.commits} commits kept; slowest start ${Math.round(slowestMs)} ms`
  )
}

/** The group lives on: its member reads to the end and commits there. */
async function groupCatchesUp(committer: Committer, records: ReadRecord[][]): Promise<void> {
  const ends = records.map(({ length }) => length)
  const startedMs = performance.now()
  while (ends.some((end, partition) => (committer.floor[partition] ?? -1) < end)) {
    check(
      performance.now() - startedMs < SETTLE_LIMIT_MS,
      () =>
        `the group stands still: ends ${ends}, committed ${committer.floor}, ` +
        `read ${committer.position}`,
    )
    await sleep(50)
  }
}

const idempotentCheck: Check = {
  name: 'idempotent kafkajs producer under kill -9',
  limitMs: 600_000,
  async run(lane: Lane) {
    const rounds = Math.ceil(lane.sizes.kills / 2)
    if (rounds === 0) throw new Skip('--kills 0')
    const broker = await lane.startBroker()
    const topic = `kill-idempotent-${randomUUID().slice(0, 8)}`
    await new KafkaAdmin(lane, broker.address).createTopic(topic, PARTITIONS)
    const producer = quietKafkajs(broker.address).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { retries: 200, maxRetryTime: 500 },
    })
    lane.defer(() => producer.disconnect())
    await producer.connect()
    let running = true
    let sent = 0
    const writing = (async () => {
      while (running) {
        const messages = Array.from({ length: BATCH * PARTITIONS }, () => {
          const number = sent++
          return { partition: number % PARTITIONS, value: `${number}` }
        })
        await producer.send({ topic, acks: -1, messages })
      }
    })()
    writing.catch(() => {})
    const slowestMs = await endAgainAndAgain(broker, 'kill', rounds, async () => {}, [])
    await sleep(UPTIME_MIN_MS)
    running = false
    await writing
    const records = await readTopic(lane, topic, broker.address)
    records.forEach((partition, number) => {
      partition.forEach(({ value }, at) => {
        const expected = `${at * PARTITIONS + number}`
        check(
          value?.toString() === expected,
          () => `${number}:${at} is "${value}", not ${expected}`,
        )
      })
    })
    const total = records.reduce((sum, partition) => sum + partition.length, 0)
    check(total === sent, () => `sent ${sent}, there are ${total}`)
    return `${rounds} kills; ${grouped(sent)} records once each; slowest start ${Math.round(slowestMs)} ms`
  },
}

const killCheck: Check = {
  name: 'acknowledged records and offsets under kill -9',
  limitMs: 600_000,
  run: (lane) => liveThrough(lane, 'kill', lane.sizes.kills),
}

const stopCheck: Check = {
  name: 'acknowledged records and offsets under clean stops with live clients',
  limitMs: 600_000,
  slow: true,
  run: (lane) => liveThrough(lane, 'stop', Math.ceil(lane.sizes.kills / 3)),
}

export const killScenario: Scenario = {
  name: 'kill',
  checks: [killCheck, stopCheck, idempotentCheck],
}

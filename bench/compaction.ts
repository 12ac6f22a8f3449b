/**
 * Compaction beside a producer: a log of 1 GiB with 10 million keys is compacted while a producer sends
 * small batches to another topic at a steady pace. Printed: how long, how much anonymous memory more than
 * before, and the producer's 99th percentile during it over that of the quiet windows around it.
 *
 *   npm run bench -- compaction [--rounds 3] [--mib 1024] [--keys 10000000] [--buffer bytes] [--rate 200]
 */
import { readFileSync, rmSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { ZERO_UUID } from '../engine/base/random.ts'
import { ConfigResourceType } from '../engine/metadata/config-resource.ts'
import { ProduceRequest, ProduceResponse } from '../engine/protocol/00-produce.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../engine/protocol/19-create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../engine/protocol/20-delete-topics.ts'
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../engine/protocol/44-incremental-alter-configs.ts'
import { buildBatch } from '../engine/record/build.ts'
import { Client } from '../net/client/client.ts'
import { BrokerProcess } from '../test/support/broker-process.ts'
import { machine } from './machine.ts'
import { showSpread, showTable, spreadOf } from './spread.ts'

const MIB = 1024 * 1024
const SEGMENT_BYTES = 64 * MIB
const BATCH_RECORDS = 1_000
const FILLERS = 4
const QUIET_MS = 8_000
const LIMIT_MS = 180_000

interface Figures {
  readonly seconds: number
  readonly passes: number
  readonly extraMib: number
  readonly quietP99Ms: number
  readonly busyP99Ms: number
}

interface Shape {
  readonly bytes: number
  readonly keys: number
  /** Batches a second. */
  readonly rate: number
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Sends one batch every so often, whether or not the last one was answered. */
class SteadyProducer {
  private readonly client: Client
  private readonly intervalMs: number
  private latencies: number[] = []
  private timer: NodeJS.Timeout | null = null
  private readonly records = buildBatch({
    records: Array.from({ length: 10 }, (_, index) => ({
      key: null,
      value: Buffer.alloc(100, index),
      timestamp: Date.now(),
    })),
  })

  constructor(client: Client, rate: number) {
    this.client = client
    this.intervalMs = 1_000 / rate
  }

  start(): void {
    let due = performance.now()
    const tick = (): void => {
      for (; due <= performance.now(); due += this.intervalMs) void this.send(due)
      this.timer = setTimeout(tick, due - performance.now())
    }
    tick()
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
  }

  /** 99th percentile of what was answered since the last call, from when it was due. */
  takeP99(): number {
    const sorted = this.latencies.sort((a, b) => a - b)
    this.latencies = []
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
  }

  private async send(due: number): Promise<void> {
    await produce(this.client, 'beside', Buffer.from(this.records))
    this.latencies.push(performance.now() - due)
  }
}

async function produce(client: Client, topic: string, records: Buffer): Promise<void> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
  const request = { transactionalId: null, acks: -1, timeoutMs: 30_000, topicData }
  const { responses } = await client.send(ProduceRequest, ProduceResponse, request, { version: 12 })
  const code = responses[0]?.partitionResponses[0]?.errorCode
  if (code !== 0) throw new Error(`producing to ${topic} was answered ${code}`)
}

async function create(client: Client, name: string, options: Record<string, string>) {
  const configs = Object.entries(options).map(([key, value]) => ({ name: key, value }))
  await client.send(CreateTopicsRequest, CreateTopicsResponse, {
    topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs }],
  })
}

/** Every key once, in a shuffled order that needs no memory. */
async function fill(client: Client, topic: string, { bytes, keys }: Shape): Promise<void> {
  const valueBytes = Math.max(1, Math.floor(bytes / keys) - 28)
  const value = Buffer.alloc(valueBytes, 'v')
  const stride = 7_368_787
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < keys) {
      const from = next
      next += BATCH_RECORDS
      const records = Array.from({ length: Math.min(BATCH_RECORDS, keys - from) }, (_, index) => ({
        key: Buffer.from(`key-${String(((from + index) * stride) % keys).padStart(12, '0')}`),
        value,
        timestamp: 1_700_000_000_000,
      }))
      await produce(client, topic, buildBatch({ records }))
    }
  }
  await Promise.all(Array.from({ length: FILLERS }, lane))
}

/** Anonymous memory of the process, in MiB. */
function anonymousMib(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? Number.NaN) / 1024
}

async function measureRound(
  broker: BrokerProcess,
  client: Client,
  round: number,
  shape: Shape,
): Promise<Figures> {
  const topic = `keys${round}`
  const options = {
    'cleanup.policy': 'compact',
    'segment.bytes': String(SEGMENT_BYTES),
    // Nothing is dirtier than dirty: it waits until it is told.
    'min.cleanable.dirty.ratio': '1',
  }
  await create(client, topic, options)
  await fill(client, topic, shape)
  // The last segment is never compacted, so all keys come to lie before it.
  const rest = { bytes: SEGMENT_BYTES * 1.1, keys: 500_000, rate: 0 }
  await fill(client, topic, { ...rest, keys: Math.min(rest.keys, shape.keys) })
  await pause(5_000)
  const producer = new SteadyProducer(client, shape.rate)
  producer.start()
  await pause(1_000)
  producer.takeP99()
  await pause(QUIET_MS)
  const quietBefore = producer.takeP99()
  const before = anonymousMib(broker.pid)
  let peak = before
  const sampler = setInterval(() => {
    peak = Math.max(peak, anonymousMib(broker.pid))
  }, 50)
  const startedMs = performance.now()
  await allow(client, topic)
  const passes = await compacted(broker, topic, shape.keys)
  const seconds = (performance.now() - startedMs) / 1_000
  const busyP99Ms = producer.takeP99()
  clearInterval(sampler)
  await pause(QUIET_MS)
  const quietAfter = producer.takeP99()
  producer.stop()
  await client.send(DeleteTopicsRequest, DeleteTopicsResponse, {
    topics: [{ name: topic, topicId: ZERO_UUID }],
    timeoutMs: 30_000,
  })
  const quietP99Ms = (quietBefore + quietAfter) / 2
  return { seconds, passes, extraMib: peak - before, quietP99Ms, busyP99Ms }
}

async function allow(client: Client, resourceName: string): Promise<void> {
  const configs = [{ name: 'min.cleanable.dirty.ratio', configOperation: 0, value: '0.001' }]
  await client.send(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, {
    resources: [{ resourceType: ConfigResourceType.topic, resourceName, configs }],
    validateOnly: false,
  })
}

/** Resolves with the number of passes when the log is compacted past `offset`. */
async function compacted(broker: BrokerProcess, topic: string, offset: number): Promise<number> {
  const line = new RegExp(`compacted ${topic}-0 up to offset (\\d+)`, 'g')
  const startedMs = performance.now()
  for (;;) {
    const ends = [...broker.output().matchAll(line)].map((match) => Number(match[1]))
    if ((ends.at(-1) ?? 0) >= offset) return ends.length
    if (performance.now() - startedMs > LIMIT_MS) throw new Error(`${topic} was not compacted`)
    await pause(20)
  }
}

async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      mib: { type: 'string', default: '1024' },
      keys: { type: 'string', default: '10000000' },
      buffer: { type: 'string', default: '134217728' },
      rate: { type: 'string', default: '200' },
    },
  })
  const shape = {
    bytes: Number(values.mib) * MIB,
    keys: Number(values.keys),
    rate: Number(values.rate),
  }
  const broker = new BrokerProcess({
    compiled: true,
    overrides: {
      'log.cleaner.dedupe.buffer.size': values.buffer,
      'log.cleaner.backoff.ms': '200',
      'log.segment.delete.delay.ms': '1000',
    },
  })
  await broker.start()
  const client = new Client({ bootstrap: broker.address })
  const rows: Figures[] = []
  try {
    console.log(machine())
    await create(client, 'beside', {})
    for (let round = 0; round < Number(values.rounds); round++) {
      const figures = await measureRound(broker, client, round, shape)
      rows.push(figures)
      const text = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(2)}`)
      console.log(`round ${round + 1}: ${text.join(', ')}`)
    }
  } finally {
    await client.close()
    await broker.stop()
    rmSync(broker.dataFolder, { recursive: true, force: true })
  }
  const show = (of: (figures: Figures) => number): string => showSpread(spreadOf(rows.map(of)))
  const size = `${values.mib} MiB, ${shape.keys.toLocaleString('en-US')} keys`
  console.log(
    `\n${showTable([
      [size, 'median (least–most)'],
      ['seconds', show(({ seconds }) => seconds)],
      ['MiB a second', show(({ seconds }) => Number(values.mib) / seconds)],
      ['passes', show(({ passes }) => passes)],
      ['memory more than before, MiB', show(({ extraMib }) => extraMib)],
      ['p99 produce, quiet, ms', show(({ quietP99Ms }) => quietP99Ms)],
      ['p99 produce, compacting, ms', show(({ busyP99Ms }) => busyP99Ms)],
      ['p99 compacting / quiet', show(({ quietP99Ms, busyP99Ms }) => busyP99Ms / quietP99Ms)],
    ])}`,
  )
}

if (process.argv[1] === import.meta.filename) await run(process.argv.slice(2))

/**
 * Curves, not points: what happens as one thing grows and everything else stays. Each curve is a few
 * short windows against one fresh broker of this tree, two shards; its table goes to stdout.
 *
 *   connections  1 → 5,000, each asks ApiVersions in turns: memory per connection
 *   records      100 B → 1 MiB, one record a batch, 4 connections x 5
 *   batches      unbatched → 1 MiB of 100-byte records, 4 connections x 5
 *   cold         tail consumers at 500/s, alone and beside a reader of a log that left the page cache
 *   rolls        64 KiB batches at 400/s into one large segment, and into 8 MiB ones under retention
 *   slow         tail consumers at 500/s, alone and beside 50 readers that ask and never read
 *   hot          one-record requests of 1 → 100 connections, all into one partition
 *   memory       64 KiB batches at 1,500/s for a minute under retention: resident memory by time
 *
 * Run: npm run bench -- growth [CURVE…] [--folder DIR] [--seconds 3] [--override K=V]
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseAddress } from '../net/client/address.ts'
import { BenchTopics } from './load/bench-topics.ts'
import { PLAIN_SHAPE } from './load/exact-batch.ts'
import { fetchRequest } from './load/frames.ts'
import { decodeHistogram, percentileMs } from './load/histogram.ts'
import type { FetchLoad, LoadFigures, LoadPlan, PacedLoad, ProduceLoad } from './load/load-plan.ts'
import { LoadProcesses } from './load/load-process.ts'
import { machine } from './machine.ts'
import { PeerProcess } from './peers/peer-process.ts'
import { sluicePeer } from './peers/sluice.ts'

const KIB = 1024
const MIB = 1024 * KIB
const WARM_UP_MS = 700
const READY_BATCH = 64 * KIB
const COLD_BYTES = 512 * MIB
const SLOW_READERS = 50
const SLOW_REQUESTS = 20
const MEMORY_MS = 60_000
const DAY_MS = 86_400_000

type Config = { readonly name: string; readonly value: string }

/** One broker, a load, and a second load beside it. */
class Bed {
  readonly broker: PeerProcess
  readonly root: string
  readonly topics: BenchTopics
  readonly load = new LoadProcesses(1)
  readonly beside = new LoadProcesses(1)
  readonly seconds: number
  readonly print: (line: string) => void
  private serial = 0

  constructor(broker: PeerProcess, root: string, seconds: number, print: (line: string) => void) {
    this.broker = broker
    this.root = root
    this.topics = new BenchTopics(broker.address)
    this.seconds = seconds
    this.print = print
  }

  async topic(partitions: number, configs: readonly Config[] = []): Promise<string> {
    const name = `growth-${++this.serial}`
    // Batches carry a fixed time long past, by which nothing shall be deleted.
    await this.topics.create(name, partitions, [{ name: 'retention.ms', value: '-1' }, ...configs])
    return name
  }

  target(topic: string, partitions: number, connections: number) {
    return {
      leaders: [parseAddress(this.broker.address)],
      topic,
      partitions,
      connections,
      firstConnection: 0,
      warmUpMs: WARM_UP_MS,
      measureMs: this.seconds * 1_000,
      brokerPid: this.broker.pid,
      sampleMs: 0,
    } as const
  }

  produce(topic: string, partitions: number, connections: number): ProduceLoad {
    return {
      ...PLAIN_SHAPE,
      ...this.target(topic, partitions, connections),
      api: 'produce',
      depth: 5,
      bytesMax: 2 * 2 ** 30,
      latencies: false,
      acks: -1,
      idempotent: false,
      transactions: null,
    }
  }

  paced(topic: string, partitions: number, rate: number, consumers: boolean): PacedLoad {
    return {
      ...PLAIN_SHAPE,
      ...this.target(topic, partitions, partitions),
      api: 'paced',
      acks: -1,
      idempotent: false,
      transactions: null,
      isolation: 0,
      requestsPerSecond: rate,
      consumers,
      firstOffsets: [],
    }
  }

  async run(plan: LoadPlan): Promise<LoadFigures> {
    const figures = await this.load.run(plan)
    if (figures.problem !== null) throw new Error(figures.problem)
    return figures
  }

  async fill(topic: string, bytes: number): Promise<void> {
    const shape = { batchBytes: READY_BATCH, recordBytes: 1_000, bytesMax: bytes }
    const plan = { ...this.produce(topic, 1, 1), ...shape, warmUpMs: 0, measureMs: 60_000 }
    await this.run(plan)
  }

  async close(): Promise<void> {
    this.load.close()
    this.beside.close()
    await this.topics.close()
    await this.broker.stop()
  }
}

const curves: Record<string, (bed: Bed) => Promise<void>> = {
  connections: async (bed) => {
    bed.print('| connections | opened in ms | p99 ms | peak MB | KB a connection |')
    let first = 0
    for (const connections of [1, 10, 100, 1_000, 5_000]) {
      const figures = await bed.run({ ...bed.target('', 1, connections), api: 'connect' })
      const peak = figures.peakBytes
      if (connections === 1) first = peak
      const each = connections === 1 ? Number.NaN : (peak - first) / connections / KIB
      const p99 = percentileMs(decodeHistogram(figures.latency), 99)
      bed.print(row(connections, figures.opening?.ms ?? Number.NaN, p99, peak / 1e6, each))
    }
  },
  records: async (bed) => {
    bed.print('| bytes of a record | MB/s | requests/s | us a request | s/GB |')
    for (const recordBytes of [100, 1_000, 10_000, 100_000, 1_000_000])
      printRates(bed, recordBytes, await measure(bed, { recordBytes, batchBytes: 0 }))
  },
  batches: async (bed) => {
    bed.print('| bytes of a batch | MB/s | requests/s | us a request | s/GB |')
    for (const batchBytes of [0, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB])
      printRates(bed, batchBytes, await measure(bed, { recordBytes: 100, batchBytes }))
  },
  cold: async (bed) => {
    bed.print('| tail consumers | p50 ms | p99 ms | p99.9 ms | cold MB/s |')
    await printTail(bed, 'alone')
    const cold = await bed.topic(1)
    await bed.fill(cold, COLD_BYTES)
    dropFromCache(bed.root)
    const ends = await bed.topics.endOffsets(cold, 1)
    const step = Math.floor((ends?.[0] ?? 0) / (COLD_BYTES / MIB))
    const reader: FetchLoad = {
      ...bed.produce(cold, 1, 1),
      api: 'fetch',
      isolation: 0,
      depth: 1,
      maxBytes: MIB,
      recordsPerAnswer: 0,
      rounds: [{ first: 0, step, count: Math.floor(COLD_BYTES / MIB / 2) }],
      bytesMax: Number.POSITIVE_INFINITY,
    }
    const reading = bed.beside.run(reader)
    // Heard of where it is awaited.
    reading.catch(() => {})
    await printTail(bed, 'beside a cold reader', reading)
  },
  rolls: async (bed) => {
    bed.print('| segments | p50 ms | p99 ms | p99.9 ms | max ms |')
    const small = [
      { name: 'segment.bytes', value: `${8 * MIB}` },
      { name: 'retention.bytes', value: `${32 * MIB}` },
    ]
    for (const [name, configs] of [
      ['one of 1 GiB', []],
      ['8 MiB, retention 32 MiB', small],
    ] as const) {
      const topic = await bed.topic(1, configs)
      const shape = { batchBytes: READY_BATCH, recordBytes: 1_000 }
      const figures = await bed.run({ ...bed.paced(topic, 1, 400, false), ...shape })
      const latency = decodeHistogram(figures.latency)
      const at = (percent: number): number => percentileMs(latency, percent)
      bed.print(row(name, at(50), at(99), at(99.9), at(100)))
    }
  },
  slow: async (bed) => {
    bed.print('| tail consumers | p50 ms | p99 ms | p99.9 ms | peak MB |')
    await printTail(bed, 'alone')
    const topic = await bed.topic(1)
    await bed.fill(topic, 64 * MIB)
    const { frame } = fetchRequest({
      topic,
      partition: 0,
      maxBytes: MIB,
      maxWaitMs: 500,
      isolation: 0,
    })
    const sockets = Array.from({ length: SLOW_READERS }, () => sleeper(bed, frame))
    await printTail(bed, `beside ${SLOW_READERS} that never read`)
    for (const socket of sockets) socket.destroy()
  },
  hot: async (bed) => {
    bed.print('| connections to one partition | MB/s | requests/s | us a request | s/GB |')
    for (const connections of [1, 4, 10, 100]) {
      const topic = await bed.topic(1)
      printRates(bed, connections, await bed.run(bed.produce(topic, 1, connections)))
    }
  },
  memory: async (bed) => {
    bed.print('| seconds | resident MB | cores | MB/s |')
    const topic = await bed.topic(2, [
      { name: 'segment.bytes', value: `${64 * MIB}` },
      { name: 'retention.bytes', value: `${128 * MIB}` },
    ])
    const shape = { batchBytes: READY_BATCH, recordBytes: 1_000, sampleMs: MEMORY_MS / 12 }
    const figures = await bed.run({
      ...bed.paced(topic, 2, 1_500, false),
      ...shape,
      measureMs: MEMORY_MS,
    })
    for (const { seconds, brokerBytes, brokerCores, bytes } of figures.samples)
      bed.print(row(seconds, brokerBytes / 1e6, brokerCores, bytes / 1e6 / (MEMORY_MS / 12_000)))
  },
}

async function measure(
  bed: Bed,
  shape: Pick<ProduceLoad, 'recordBytes' | 'batchBytes'>,
): Promise<LoadFigures> {
  const topic = await bed.topic(4, [{ name: 'max.message.bytes', value: `${2 * MIB}` }])
  const figures = await bed.run({ ...bed.produce(topic, 4, 4), ...shape })
  await bed.topics.delete(topic)
  return figures
}

function printRates(bed: Bed, label: number, figures: LoadFigures): void {
  const { seconds, answers, bytes, brokerCpuSeconds } = figures
  const perRequest = (brokerCpuSeconds * 1e6) / answers
  const perGigabyte = brokerCpuSeconds / (bytes / 1e9)
  bed.print(row(label, bytes / 1e6 / seconds, answers / seconds, perRequest, perGigabyte))
}

/** Consumers that wait at the tail, one per partition of two. */
async function printTail(bed: Bed, name: string, other?: Promise<LoadFigures>): Promise<void> {
  const topic = await bed.topic(2)
  const figures = await bed.run(bed.paced(topic, 2, 500, true))
  const latency = decodeHistogram(figures.latency)
  const at = (percent: number): number => percentileMs(latency, percent)
  const beside = await other
  const last = beside === undefined ? figures.peakBytes : beside.bytes / beside.seconds
  bed.print(row(name, at(50), at(99), at(99.9), last / 1e6))
}

/** Asks for megabytes and takes none. */
function sleeper(bed: Bed, frame: Buffer): Socket {
  const { host, port } = parseAddress(bed.broker.address)
  const socket = connect(port, host)
  socket.pause()
  socket.on('error', () => {})
  for (let i = 0; i < SLOW_REQUESTS; i++) socket.write(frame)
  return socket
}

/** Clean pages of every segment go, as after hours of other work. */
function dropFromCache(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.log')) continue
    const of = join(folder, name)
    spawnSync('dd', [`of=${of}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'])
  }
}

function row(...cells: readonly (string | number)[]): string {
  const text = cells.map((cell) => {
    if (typeof cell === 'string') return cell
    if (Number.isNaN(cell)) return '-'
    const digits = cell >= 100 || Number.isInteger(cell) ? 0 : cell >= 10 ? 1 : 2
    return cell.toLocaleString('en', { maximumFractionDigits: digits })
  })
  return `| ${text.join(' | ')} |`
}

const OVERRIDES = [
  'sluice.shards=2',
  'log.retention.check.interval.ms=500',
  `connections.max.idle.ms=${DAY_MS}`,
]

export async function runGrowth(args: readonly string[], print: (line: string) => void) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      folder: { type: 'string', default: join(tmpdir(), 'sluice-bench') },
      seconds: { type: 'string', default: '3' },
      override: { type: 'string', multiple: true, default: [] },
    },
  })
  const wanted = positionals.length === 0 ? Object.keys(curves) : positionals
  const chosen = wanted.map((name) => {
    const curve = curves[name]
    if (curve === undefined)
      throw new RangeError(`no curve '${name}'; known are ${Object.keys(curves).join(', ')}`)
    return { name, curve }
  })
  print(machine())
  for (const { name, curve } of chosen) {
    const overrides = [...OVERRIDES, ...values.override]
    const peer = sluicePeer({ name: 'sluice', binary: null, overrides, nodeOptions: [] })
    const root = join(values.folder, `growth-${process.pid}`)
    const broker = await PeerProcess.start(peer, { root, cpus: null })
    const bed = new Bed(broker, root, Number(values.seconds), print)
    print(`\n${name}`)
    try {
      await curve(bed)
    } finally {
      await bed.close()
    }
  }
}

if (process.argv[1] === import.meta.filename)
  await runGrowth(process.argv.slice(2), (line) => console.log(line))

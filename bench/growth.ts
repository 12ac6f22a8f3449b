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
 *   lagging      tail consumers at 500/s, alone and beside 1 → 16 readers of old data
 *   partitions   1 → 10,000 partitions in one topic: made, written to, then load on four of them
 *   rings        memory that 1 → 64 shards keep for each other, as their sizes say
 *   log          one partition of 1 → 40 GiB: looked up, started after a stop and after a kill; needs
 *                room for it, and runs only when it is named
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
import { Bed, KIB, MIB, printRates, printTail, READY_BATCH, row } from './growth-bed.ts'
import { sizeCurves } from './growth-sizes.ts'
import { fetchRequest } from './load/frames.ts'
import { decodeHistogram, percentileMs } from './load/histogram.ts'
import type { FetchLoad, LoadFigures, ProduceLoad } from './load/load-plan.ts'
import { machine } from './machine.ts'
import { PeerProcess } from './peers/peer-process.ts'
import { sluicePeer } from './peers/sluice.ts'

const COLD_BYTES = 512 * MIB
const SLOW_READERS = 50
const SLOW_REQUESTS = 20
const MEMORY_MS = 60_000
const DAY_MS = 86_400_000

/** Not in a run of all. */
const ONLY_NAMED: readonly string[] = ['log']

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
  ...sizeCurves,
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
  const all = Object.keys(curves).filter((name) => !ONLY_NAMED.includes(name))
  const wanted = positionals.length === 0 ? all : positionals
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

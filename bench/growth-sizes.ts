/** Curves of bench/growth.ts over how much a broker holds: partitions, readers, shards, bytes of a log. */
import { FetchRequest, FetchResponse } from '../engine/protocol/01-fetch.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../engine/protocol/02-list-offsets.ts'
import { Client } from '../net/client/client.ts'
import { ClientProducer } from '../net/client/client-producer.ts'
import { newRing } from '../workers/ring.ts'
import { ringSizeFor } from '../workers/wiring.ts'
import { type Bed, MIB, printTail, row } from './growth-bed.ts'
import { BrokerMeter } from './load/broker-meter.ts'
import type { FetchLoad } from './load/load-plan.ts'

const GIB = 1024 * MIB
const OLD_BYTES = 256 * MIB
const LOG_GIB = [1, 4, 10, 40] as const
const LOG_BATCH = MIB
const LOG_FILL_MS = 900_000
const LOOK_UPS = 300
/** First records at once: each has more than one file open for a moment, and limits are often low. */
const WRITTEN_MAX = 1_000
const FETCH_BYTES = 64 * 1024

export const sizeCurves: Record<string, (bed: Bed) => Promise<void>> = {
  lagging: async (bed) => {
    bed.print('| tail consumers | p50 ms | p99 ms | p99.9 ms | MB/s to the others |')
    await printTail(bed, 'alone')
    const old = await bed.topic(1)
    await bed.fill(old, OLD_BYTES)
    const ends = await bed.topics.endOffsets(old, 1)
    const answers = OLD_BYTES / MIB
    for (const readers of [1, 4, 16]) {
      const reading = bed.beside.run(oldReaders(bed, old, readers, (ends?.[0] ?? 0) / answers))
      // Heard of where it is awaited.
      reading.catch(() => {})
      await printTail(bed, `beside ${readers} of old data`, reading)
    }
  },
  partitions: async (bed) => {
    bed.print(
      '| partitions | usable ms | a record into each of 1,000 ms | requests/s | us each | MB |',
    )
    const meter = new BrokerMeter(bed.broker.pid)
    for (const partitions of [1, 10, 100, 1_000, 10_000]) {
      const start = performance.now()
      const topic = await bed.topic(partitions)
      const made = performance.now()
      await writeEverywhere(bed, topic, partitions)
      const written = performance.now()
      const { answers, seconds, brokerCpuSeconds } = await bed.run(
        bed.produce(topic, partitions, 4),
      )
      const resident = meter.residentBytes() / 1e6
      const perRequest = (brokerCpuSeconds * 1e6) / answers
      bed.print(
        row(partitions, made - start, written - made, answers / seconds, perRequest, resident),
      )
      await bed.topics.delete(topic)
    }
  },
  rings: async (bed) => {
    bed.print('| shards | rings | KiB of one | MiB of all |')
    for (const shards of [1, 2, 4, 8, 16, 32, 64]) {
      const bytes = newRing(ringSizeFor(shards)).byteLength
      // Requests and replies, for each shard that asks another.
      const rings = 2 * shards * (shards - 1)
      bed.print(row(shards, rings, bytes / 1024, (rings * bytes) / MIB))
    }
  },
  log: async (bed) => {
    bed.print(
      '| GiB | MB/s written | fetch p50 ms | p99 ms | by time p50 ms | p99 ms ' +
        '| start after a stop ms | after a kill ms | MB |',
    )
    // The broker's clock, so that times differ: batches that are made once carry one.
    const topic = await bed.topic(1, [
      { name: 'message.timestamp.type', value: 'LogAppendTime' },
      { name: 'max.message.bytes', value: `${2 * MIB}` },
    ])
    const from = Date.now()
    let filled = 0
    for (const gib of LOG_GIB) {
      const rate = await fillLog(bed, topic, gib * GIB - filled)
      filled = gib * GIB
      const times = await lookUps(bed, topic, from)
      await bed.broker.stopAndStart()
      const clean = bed.broker.startMs
      await bed.broker.crashAndStart()
      const killed = bed.broker.startMs
      const resident = new BrokerMeter(bed.broker.pid).residentBytes() / 1e6
      bed.print(row(gib, rate, ...times, clean, killed, resident))
    }
  },
}

/** Answers of a MiB, from the start of the log to its end and again. */
function oldReaders(bed: Bed, topic: string, readers: number, step: number): FetchLoad {
  return {
    ...bed.produce(topic, 1, readers),
    api: 'fetch',
    isolation: 0,
    depth: 1,
    maxBytes: MIB,
    recordsPerAnswer: 0,
    rounds: [{ first: 0, step: Math.floor(step), count: OLD_BYTES / MIB - 1 }],
    bytesMax: Number.POSITIVE_INFINITY,
  }
}

async function writeEverywhere(bed: Bed, topic: string, partitions: number): Promise<void> {
  const client = new Client({ bootstrap: bed.broker.address })
  const producer = new ClientProducer(client, topic)
  await producer.start()
  for (let partition = 0; partition < Math.min(partitions, WRITTEN_MAX); partition++)
    await producer.send({ key: null, value: Buffer.from('x'), partition })
  await producer.flush()
  await client.close()
}

/** MB a second. */
async function fillLog(bed: Bed, topic: string, bytes: number): Promise<number> {
  const shape = { batchBytes: LOG_BATCH, recordBytes: 1_000, bytesMax: bytes }
  const plan = { ...bed.produce(topic, 1, 1), ...shape, warmUpMs: 0, measureMs: LOG_FILL_MS }
  const figures = await bed.run(plan)
  return figures.bytes / 1e6 / figures.seconds
}

/** Median and 99th percentile of fetches at random offsets, then of offsets by random times. */
async function lookUps(bed: Bed, topic: string, from: number): Promise<number[]> {
  const client = new Client({ bootstrap: bed.broker.address })
  const ends = await bed.topics.endOffsets(topic, 1)
  const end = ends?.[0] ?? 0
  const to = Date.now()
  const fetched = await timed(async () => {
    const fetchOffset = Math.floor(Math.random() * end)
    const partition = { partition: 0, fetchOffset, partitionMaxBytes: FETCH_BYTES }
    const topics = [{ topic, partitions: [partition] }]
    const body = { maxWaitMs: 0, minBytes: 1, maxBytes: FETCH_BYTES, topics, rackId: '' }
    await client.send(FetchRequest, FetchResponse, body, { version: 12 })
  })
  const found = await timed(async () => {
    const timestamp = Math.floor(from + Math.random() * (to - from))
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }]
    await client.send(ListOffsetsRequest, ListOffsetsResponse, { replicaId: -1, topics })
  })
  await client.close()
  return [...fetched, ...found]
}

async function timed(once: () => Promise<void>): Promise<number[]> {
  const times: number[] = []
  for (let n = 0; n < LOOK_UPS; n++) {
    const before = performance.now()
    await once()
    times.push(performance.now() - before)
  }
  times.sort((one, other) => one - other)
  return [times[LOOK_UPS >> 1] ?? 0, times[Math.floor(LOOK_UPS * 0.99)] ?? 0]
}

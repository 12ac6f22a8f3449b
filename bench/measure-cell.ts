/**
 * One measurement of one cell against one broker: memory touched, topic made, log filled where the cell
 * reads, load run, topic deleted. Connections are new each time, so that their luck with shards and
 * ports is part of the spread.
 */
import { parseAddress } from '../net/client/address.ts'
import type { Cell } from './cells.ts'
import { BenchTopics } from './load/bench-topics.ts'
import { filledBatch, PLAIN_SHAPE } from './load/exact-batch.ts'
import { decodeHistogram, percentileMs } from './load/histogram.ts'
import type { FetchLoad, LoadFigures, LoadPlan, PacedLoad, ProduceLoad } from './load/load-plan.ts'
import type { LoadProcesses } from './load/load-process.ts'
import { CLIENT_LIMIT } from './load/raw-client.ts'
import { touchMemory } from './load/touch-memory.ts'
import type { MeasuredBroker } from './peers/peer-process.ts'

/** What a reader finds when it comes to the tail, per partition; within any page cache. */
const TAIL_BYTES = 64 * 1024 * 1024
const TAIL_BATCH_BYTES = 64 * 1024
const FILL_LIMIT_MS = 60_000
const FILL_DEPTH = 5

export interface MeasureOptions {
  readonly warmUpMs: number
  readonly measureMs: number
  /** Of records in full batches; one-record cells have 100. */
  readonly recordBytes: number
  readonly acks: 1 | -1
  /** 0: one per connection. */
  readonly partitions: number
  /** Ends a window early, in bytes of batches. */
  readonly bytesMax: number
  readonly touchGib: number
}

export const defaultMeasure: MeasureOptions = {
  warmUpMs: 1_000,
  measureMs: 3_000,
  recordBytes: 1_000,
  acks: -1,
  partitions: 0,
  bytesMax: 4 * 2 ** 30,
  touchGib: 0,
}

const ONE_RECORD_BYTES = 100
/** At a low rate a window is so many times as long, for its 99th percentile. */
const SLOW_PER_SECOND = 1_000
const SLOW_WINDOWS = 3

/** One measured window, per second and per unit of work. NaN where the broker is out of sight. */
export interface CellFigures {
  readonly requestsPerSecond: number
  readonly megabytesPerSecond: number
  /** Of an open loop, in milliseconds; NaN elsewhere. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** How late requests of an open loop left, 99th percentile. */
  readonly lateP99Ms: number
  readonly cpuSecondsPerGigabyte: number
  readonly cpuMicrosecondsPerRequest: number
  /** Cores the broker, the client and the whole machine kept busy. */
  readonly brokerCores: number
  readonly clientCores: number
  readonly machineCores: number
  readonly peakMegabytes: number
  readonly writtenMegabytes: number
  /** The client had no CPU left: the broker could have done more. */
  readonly clientLimited: boolean
}

/** What a cell without a figure of some kind has there. */
export const NO_FIGURES: CellFigures = {
  requestsPerSecond: Number.NaN,
  megabytesPerSecond: Number.NaN,
  p50Ms: Number.NaN,
  p99Ms: Number.NaN,
  lateP99Ms: Number.NaN,
  cpuSecondsPerGigabyte: Number.NaN,
  cpuMicrosecondsPerRequest: Number.NaN,
  brokerCores: Number.NaN,
  clientCores: Number.NaN,
  machineCores: Number.NaN,
  peakMegabytes: Number.NaN,
  writtenMegabytes: Number.NaN,
  clientLimited: false,
}

let serial = 0

export async function measureCell(
  broker: MeasuredBroker,
  cell: Cell,
  clients: LoadProcesses,
  options: MeasureOptions,
): Promise<CellFigures> {
  const topic = `bench-${cell.name}-${++serial}`
  const partitions = options.partitions === 0 ? cell.connections : options.partitions
  const topics = new BenchTopics(broker.address)
  try {
    await topics.create(topic, partitions, cell.sync ? broker.syncConfigs : [])
    const plan = await planOf(broker, cell, topic, partitions, options, topics, clients)
    await touchMemory(options.touchGib)
    const figures = await clients.run(plan)
    await topics.delete(topic)
    if (figures.problem !== null) throw new Error(figures.problem)
    return figuresOf(figures, Math.min(cell.connections, clients.count))
  } finally {
    await topics.close()
  }
}

async function planOf(
  broker: MeasuredBroker,
  cell: Cell,
  topic: string,
  partitions: number,
  options: MeasureOptions,
  topics: BenchTopics,
  clients: LoadProcesses,
): Promise<LoadPlan> {
  const plan = producePlan(broker, cell, topic, partitions, options)
  if (cell.api === 'fetch') {
    const { problem } = await clients.run(fillPlan(plan, TAIL_BYTES * partitions))
    if (problem !== null) throw new Error(`filling ${topic}: ${problem}`)
    return fetchPlan(plan, cell.bytes, await roundsOf(topics, plan, cell.bytes))
  }
  if (cell.api !== 'paced') return plan
  const slow = cell.requestsPerSecond < SLOW_PER_SECOND
  const measureMs = options.measureMs * (slow ? SLOW_WINDOWS : 1)
  const { requestsPerSecond, consumers } = cell
  const open = { requestsPerSecond, consumers, firstOffsets: [], isolation: 0 } as const
  return { ...plan, api: 'paced', measureMs, ...open } satisfies PacedLoad
}

export function producePlan(
  broker: MeasuredBroker,
  cell: Pick<Cell, 'bytes' | 'connections' | 'depth'>,
  topic: string,
  partitions: number,
  options: MeasureOptions,
): ProduceLoad {
  return {
    ...PLAIN_SHAPE,
    api: 'produce',
    leaders: [parseAddress(broker.address)],
    topic,
    partitions,
    connections: cell.connections,
    firstConnection: 0,
    depth: cell.depth,
    warmUpMs: options.warmUpMs,
    measureMs: options.measureMs,
    bytesMax: options.bytesMax,
    brokerPid: broker.pid,
    sampleMs: 0,
    latencies: false,
    batchBytes: cell.bytes,
    recordBytes: cell.bytes === 0 ? ONE_RECORD_BYTES : options.recordBytes,
    acks: options.acks,
    idempotent: false,
    transactions: null,
  }
}

/** Writes what is read later: every partition gets its share. */
export function fillPlan(plan: ProduceLoad, bytes: number): ProduceLoad {
  return {
    ...plan,
    batchBytes: TAIL_BATCH_BYTES,
    recordBytes: plan.batchBytes === 0 ? defaultMeasure.recordBytes : plan.recordBytes,
    connections: plan.partitions,
    depth: FILL_DEPTH,
    warmUpMs: 0,
    measureMs: FILL_LIMIT_MS,
    bytesMax: bytes,
    brokerPid: null,
  }
}

function fetchPlan(plan: ProduceLoad, maxBytes: number, rounds: FetchLoad['rounds']): FetchLoad {
  // What is read stays in the cache: no bound on how often.
  return {
    ...plan,
    api: 'fetch',
    isolation: 0,
    maxBytes,
    recordsPerAnswer: 0,
    rounds,
    bytesMax: Number.POSITIVE_INFINITY,
  }
}

/** Whole answers from the log's start to its end, batch by batch. */
async function roundsOf(topics: BenchTopics, plan: ProduceLoad, maxBytes: number) {
  const batch = filledBatch(TAIL_BATCH_BYTES, plan.recordBytes)
  const step = batch.records * Math.max(1, Math.floor(maxBytes / TAIL_BATCH_BYTES))
  const ends = await topics.endOffsets(plan.topic, plan.partitions)
  if (ends === null) throw new Error(`${plan.topic} has no end offsets`)
  return ends.map((end) => ({ first: 0, step, count: Math.max(1, Math.floor(end / step)) }))
}

export function figuresOf(figures: LoadFigures, clients: number): CellFigures {
  const { seconds, answers, bytes } = figures
  const clientCores = figures.clientCpuSeconds / seconds
  const latency = decodeHistogram(figures.latency)
  return {
    requestsPerSecond: answers / seconds,
    megabytesPerSecond: bytes / 1e6 / seconds,
    p50Ms: percentileMs(latency, 50),
    p99Ms: percentileMs(latency, 99),
    lateP99Ms: percentileMs(decodeHistogram(figures.lateness), 99),
    cpuSecondsPerGigabyte: figures.brokerCpuSeconds / (bytes / 1e9),
    cpuMicrosecondsPerRequest: (figures.brokerCpuSeconds * 1e6) / answers,
    brokerCores: figures.brokerCpuSeconds / seconds,
    clientCores,
    machineCores: figures.machineCpuSeconds / seconds,
    peakMegabytes: figures.peakBytes / 1e6,
    writtenMegabytes: figures.writtenBytes / 1e6,
    clientLimited: clientCores > CLIENT_LIMIT * clients,
  }
}

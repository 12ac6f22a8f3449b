/**
 * One measurement of one cell against one broker: memory touched, topic made, log filled where the cell
 * reads, load run, topic deleted. Connections are new each time, so that their luck with shards and
 * ports is part of the spread.
 */

import type { Cell } from './cells.ts'
import { BenchTopics } from './load/bench-topics.ts'
import type { LoadProcesses } from './load/load-process.ts'
import {
  batchOf,
  CLIENT_LIMIT,
  type FetchLoad,
  type LoadFigures,
  type LoadPlan,
} from './load/raw-client.ts'
import { touchMemory } from './load/touch-memory.ts'
import type { MeasuredBroker } from './peers/peer-process.ts'

/** What a reader finds when it comes to the tail, per partition; within any page cache. */
const TAIL_BYTES = 64 * 1024 * 1024
const TAIL_BATCH_BYTES = 64 * 1024
const FILL_LIMIT_MS = 60_000

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

/** One measured window, per second and per unit of work. NaN where the broker is out of sight. */
export interface CellFigures {
  readonly requestsPerSecond: number
  readonly megabytesPerSecond: number
  readonly cpuSecondsPerGigabyte: number
  readonly cpuMicrosecondsPerRequest: number
  /** Cores the broker, the client and the whole machine kept busy. */
  readonly brokerCores: number
  readonly clientCores: number
  readonly machineCores: number
  readonly peakMegabytes: number
  /** The client had no CPU left: the broker could have done more. */
  readonly clientLimited: boolean
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
    await topics.create(topic, partitions)
    const plan = planOf(broker, cell, topic, partitions, options)
    if (plan.api === 'fetch') {
      await clients.run(fillPlan(plan, options))
      plan.rounds = await roundsOf(topics, plan, options)
    }
    await touchMemory(options.touchGib)
    const figures = await clients.run(plan)
    await topics.delete(topic)
    return figuresOf(figures, Math.min(cell.connections, clients.count))
  } finally {
    await topics.close()
  }
}

type OpenFetchLoad = Omit<FetchLoad, 'rounds'> & { rounds: FetchLoad['rounds'] }

function planOf(
  broker: MeasuredBroker,
  cell: Cell,
  topic: string,
  partitions: number,
  options: MeasureOptions,
): Exclude<LoadPlan, FetchLoad> | OpenFetchLoad {
  const [host, port] = broker.address.split(':') as [string, string]
  const target = {
    host,
    port: Number(port),
    topic,
    partitions,
    connections: cell.connections,
    firstConnection: 0,
    depth: cell.depth,
    warmUpMs: options.warmUpMs,
    measureMs: options.measureMs,
    bytesMax: options.bytesMax,
    brokerPid: broker.pid,
  }
  if (cell.api === 'fetch')
    // What is read stays in the cache: no bound on how often.
    return {
      ...target,
      api: 'fetch',
      maxBytes: cell.bytes,
      rounds: [],
      bytesMax: Number.MAX_SAFE_INTEGER,
    }
  return {
    ...target,
    api: 'produce',
    batchBytes: cell.bytes,
    recordBytes: cell.bytes === 0 ? ONE_RECORD_BYTES : options.recordBytes,
    acks: options.acks,
  }
}

/** Writes the tail that a fetch plan reads: every partition gets its connection's share. */
function fillPlan(plan: OpenFetchLoad, options: MeasureOptions): LoadPlan {
  const { rounds: _rounds, maxBytes: _maxBytes, ...target } = plan
  return {
    ...target,
    api: 'produce',
    batchBytes: TAIL_BATCH_BYTES,
    recordBytes: options.recordBytes,
    acks: options.acks,
    connections: plan.partitions,
    depth: 5,
    warmUpMs: 0,
    measureMs: FILL_LIMIT_MS,
    bytesMax: TAIL_BYTES * plan.partitions,
    brokerPid: null,
  }
}

/** Whole answers from the log's start to its end, batch by batch. */
async function roundsOf(topics: BenchTopics, plan: OpenFetchLoad, options: MeasureOptions) {
  const batch = batchOf({ batchBytes: TAIL_BATCH_BYTES, recordBytes: options.recordBytes })
  const step = batch.records * Math.max(1, Math.floor(plan.maxBytes / TAIL_BATCH_BYTES))
  const ends = await topics.endOffsets(plan.topic, plan.partitions)
  if (ends === null) throw new Error(`${plan.topic} has no end offsets`)
  return ends.map((end) => ({ first: 0, step, count: Math.max(1, Math.floor(end / step)) }))
}

function figuresOf(figures: LoadFigures, clients: number): CellFigures {
  const { seconds, answers, bytes } = figures
  const clientCores = figures.clientCpuSeconds / seconds
  return {
    requestsPerSecond: answers / seconds,
    megabytesPerSecond: bytes / 1e6 / seconds,
    cpuSecondsPerGigabyte: figures.brokerCpuSeconds / (bytes / 1e9),
    cpuMicrosecondsPerRequest: (figures.brokerCpuSeconds * 1e6) / answers,
    brokerCores: figures.brokerCpuSeconds / seconds,
    clientCores,
    machineCores: figures.machineCpuSeconds / seconds,
    peakMegabytes: figures.peakBytes / 1e6,
    clientLimited: clientCores > CLIENT_LIMIT * clients,
  }
}

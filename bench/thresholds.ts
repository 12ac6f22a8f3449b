/**
 * What the side by side is held to: per cell and measure, a bound on sluice's ratio to a peer. Kafka's
 * is that of the better of its two heaps in the cell.
 */
import type { CellFigures } from './measure-cell.ts'
import type { StartFigures } from './measure-start.ts'

export interface Measure {
  readonly name: string
  readonly unit: string
  /** Which way is better. */
  readonly more: boolean
  of(figures: CellFigures): number
}

export interface StartMeasure {
  readonly name: string
  readonly title: string
  readonly unit: string
  of(figures: StartFigures): number
}

const rate: Measure = {
  name: 'requests',
  unit: 'req/s',
  more: true,
  of: (figures) => figures.requestsPerSecond,
}
const throughput: Measure = {
  name: 'throughput',
  unit: 'MB/s',
  more: true,
  of: (figures) => figures.megabytesPerSecond,
}
const cpuPerGigabyte: Measure = {
  name: 'CPU per GB',
  unit: 's/GB',
  more: false,
  of: (figures) => figures.cpuSecondsPerGigabyte,
}
const cpuPerRequest: Measure = {
  name: 'CPU per request',
  unit: 'us',
  more: false,
  of: (figures) => figures.cpuMicrosecondsPerRequest,
}
const p50: Measure = { name: 'p50', unit: 'ms', more: false, of: (figures) => figures.p50Ms }
const p99: Measure = { name: 'p99', unit: 'ms', more: false, of: (figures) => figures.p99Ms }

export const measures = { rate, throughput, cpuPerGigabyte, cpuPerRequest, p50, p99 }

/** One line of the verdict. */
export interface Threshold {
  readonly cell: string
  readonly measure: Measure
  /** Ratio to Kafka: at least it where more is better, else at most; null = shown, not judged. */
  readonly bound: number | null
  /** Ratio to the floor, always at least. */
  readonly floorBound: number | null
}

const FLOOR = 0.6

export const thresholds: readonly Threshold[] = [
  ...bulk('produce-64k-1', 3.5, 1 / 3),
  ...bulk('produce-64k-4', 2, 1 / 3),
  ...bulk('produce-1m-1', 2.2, 0.5),
  ...bulk('produce-1m-4', 1.1, 0.5),
  ...small('one-record-1x1', 1.5, 0.4),
  ...small('one-record-10x1', 2.4, 0.35),
  ...small('one-record-10x10', 9, 0.12),
  ...bulk('fetch-64k-1', 1.3, 0.4),
  ...bulk('fetch-64k-4', 2.5, 0.4),
  ...bulk('fetch-1m-1', 1.2, 0.8),
  ...bulk('fetch-1m-4', 1, 0.8),
  ...latency('parked-200', 0.5, 0.9),
  ...latency('parked-2000', 0.45, 0.15),
  ...latency('open-5000', 0.5, 0.2),
  line('sync-one-record-10x10', rate, 9, FLOOR),
  line('sync-64k-4', throughput, 2, FLOOR),
  line('stock-java-produce', throughput, 1, null),
  line('stock-java-consume', throughput, 1, null),
  line('stock-librdkafka-produce', throughput, 1, null),
  line('stock-librdkafka-consume', throughput, 1, null),
  line('stock-kafkajs-produce', throughput, 1, null),
  line('stock-kafkajs-consume', throughput, 1, null),
]

export interface StartThreshold extends StartMeasure {
  /** At most this ratio to Kafka. */
  readonly bound: number
}

export const startThresholds: readonly StartThreshold[] = [
  {
    name: 'start',
    title: 'start to first answer',
    unit: 'ms',
    of: (s) => s.startMs,
    bound: 1 / 16,
  },
  {
    name: 'idle-memory',
    title: 'idle memory',
    unit: 'MB',
    of: (s) => s.idle?.residentMegabytes ?? Number.NaN,
    bound: 1 / 4,
  },
  {
    name: 'idle-cpu',
    title: 'idle CPU',
    unit: '% of a core',
    of: (s) => s.idle?.cpuPercent ?? Number.NaN,
    bound: 1 / 10,
  },
  {
    name: 'restart',
    title: 'restart after kill -9 until all is readable',
    unit: 'ms',
    of: (s) => s.restartMs,
    bound: 1 / 10,
  },
  {
    name: 'topic',
    title: 'topic of many partitions usable',
    unit: 'ms',
    of: (s) => s.topicUsableMs,
    bound: 1 / 8,
  },
]

/** Highest resident memory over the load cells of a round. */
export const LOAD_MEMORY_BOUND = 1 / 6

function line(
  cell: string,
  measure: Measure,
  bound: number | null,
  floorBound: number | null,
): Threshold {
  return { cell, measure, bound, floorBound }
}

function bulk(cell: string, least: number, cpuMost: number): Threshold[] {
  return [line(cell, throughput, least, FLOOR), line(cell, cpuPerGigabyte, cpuMost, null)]
}

function small(cell: string, least: number, cpuMost: number): Threshold[] {
  return [line(cell, rate, least, FLOOR), line(cell, cpuPerRequest, cpuMost, null)]
}

function latency(cell: string, p50Most: number, p99Most: number): Threshold[] {
  return [line(cell, p50, p50Most, null), line(cell, p99, p99Most, null)]
}

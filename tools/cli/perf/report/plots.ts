/**
 * The plots of one or more results: rate, latency, CPU and memory over time, latency by percentile, and
 * latency against offered load. A result with repeats is shown by its median run.
 */
import { decodeHistogram, type Histogram, percentileMs } from '../../../../bench/load/histogram.ts'
import type { LoadFigures, LoadSample } from '../../../../bench/load/load-plan.ts'
import type { PerfResult, PerfRun } from '../../../../bench/load/perf-result.ts'
import type { Chart, Series } from './chart.ts'

/** As people read it: how many nines. */
const PERCENTILES = [50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999] as const
const PERCENTILE_TICKS = [
  [2, '50%'],
  [10, '90%'],
  [100, '99%'],
  [1_000, '99.9%'],
  [10_000, '99.99%'],
  [100_000, '99.999%'],
] as const

export interface NamedResult {
  readonly name: string
  readonly result: PerfResult
}

export interface Plot {
  /** File name of the picture. */
  readonly name: string
  readonly chart: Chart
}

export function plotsOf(results: readonly NamedResult[]): Plot[] {
  return [
    ...timePlots(results),
    {
      name: 'percentiles',
      chart: {
        title: 'Latency by percentile',
        x: { label: 'percentile', scale: 'log', ticks: PERCENTILE_TICKS },
        y: { label: 'ms', scale: 'log' },
        series: results.flatMap(({ name, result }, color) => byPercentile(name, result, color)),
      },
    },
    {
      name: 'offered',
      chart: {
        title: 'Latency against offered load',
        x: { label: 'records/s offered', scale: 'log' },
        y: { label: 'ms', scale: 'log' },
        series: results.flatMap(({ name, result }, color) => [
          ...againstOffered(`${name}, p50`, result, color, 0, 50),
          ...againstOffered(`${name}, p99`, result, color, 1, 99),
          ...againstOffered(`${name}, p99.9`, result, color, 2, 99.9),
        ]),
      },
    },
  ]
}

/** What has a time line: all under the same axis. */
function timePlots(results: readonly NamedResult[]): Plot[] {
  const time = (of: (sample: LoadSample, lengthSeconds: number) => number, suffix = '', dash = 0) =>
    results.flatMap(({ name, result }, color) => overTime(name + suffix, result, color, dash, of))
  const latency = (percentile: number, title: string, dash: number) =>
    time((sample) => sampleLatency(sample, percentile), `, ${title}`, dash)
  const bulk = results.every(({ result }) => (medianRun(result)?.loads[0]?.figures.bytes ?? 0) > 0)
  const plot = (name: string, title: string, y: Chart['y'], series: readonly Series[]): Plot => {
    return { name, chart: { title, x: { label: 'seconds', scale: 'linear' }, y, series } }
  }
  return [
    plot(
      'rate',
      'Rate over time',
      { label: bulk ? 'MB/s' : 'requests/s', scale: 'linear' },
      time(({ bytes, answers }, length) => (bulk ? bytes / 1e6 : answers) / length),
    ),
    plot('latency', 'Latency over time', { label: 'ms', scale: 'log' }, [
      ...latency(50, 'p50', 0),
      ...latency(99, 'p99', 1),
      ...latency(99.9, 'p99.9', 2),
      ...latency(100, 'max', 3),
    ]),
    plot(
      'cpu',
      'CPU of the broker over time',
      { label: 'cores', scale: 'linear' },
      time((sample) => sample.brokerCores),
    ),
    plot(
      'memory',
      'Memory of the broker over time',
      { label: 'MB resident', scale: 'linear' },
      time((sample) => sample.brokerBytes / 1e6),
    ),
  ]
}

/** By the rate of its first load; of a sweep the last run that kept up. */
export function medianRun(result: PerfResult): PerfRun | null {
  const sorted = result.runs
    .filter(({ loads }) => loads.length > 0)
    .sort((one, other) => rateOf(one) - rateOf(other))
  return sorted[sorted.length >> 1] ?? null
}

function rateOf({ loads }: PerfRun): number {
  const figures = loads[0]?.figures
  return figures === undefined ? 0 : figures.answers / figures.seconds
}

function overTime(
  name: string,
  result: PerfResult,
  color: number,
  dash: number,
  of: (sample: LoadSample, lengthSeconds: number) => number,
): Series[] {
  const samples = medianRun(result)?.loads[0]?.figures.samples ?? []
  const points = samples.map((sample, at): [number, number] => {
    const before = samples[at - 1]?.seconds ?? 0
    return [sample.seconds, of(sample, sample.seconds - before)]
  })
  return [{ name, points, color, dash }]
}

function sampleLatency(sample: LoadSample, percentile: number): number {
  return percentileMs(decodeHistogram(sample.latency), percentile)
}

/** The first load of the median run; with it, the time to the acknowledgement where both are known. */
function byPercentile(name: string, result: PerfResult, color: number): Series[] {
  const figures = medianRun(result)?.loads[0]?.figures
  if (figures === undefined) return []
  const lines: [string, string | null][] =
    figures.acknowledged === null
      ? [[name, figures.latency]]
      : [
          [`${name}, end to end`, figures.latency],
          [`${name}, acknowledged`, figures.acknowledged],
        ]
  // Results of before have no word of transactions.
  const commit = figures.transactions?.commit ?? null
  if (commit !== null) lines.push([`${name}, commits`, commit])
  return lines.map(([title, text], dash) => {
    return { name: title, points: percentilePoints(decodeHistogram(text)), color, dash }
  })
}

/** Only as many nines as there are values for. */
function percentilePoints(histogram: Histogram): [number, number][] {
  return PERCENTILES.map((percentile): [number, number] => [
    1 / (1 - percentile / 100),
    percentileMs(histogram, percentile),
  ]).filter(([inverse]) => inverse <= histogram.totalCount)
}

function againstOffered(
  name: string,
  result: PerfResult,
  color: number,
  dash: number,
  percentile: number,
): Series[] {
  const offered = [...new Set(result.runs.flatMap((run) => run.offered ?? []))]
  // One rate is no curve.
  if (offered.length < 2) return []
  const points = offered.map((rate): [number, number] => {
    const figures = result.runs
      .filter((run) => run.offered === rate)
      .flatMap(({ loads }): LoadFigures[] => loads.slice(0, 1).map((load) => load.figures))
    const values = figures.map(({ latency }) => percentileMs(decodeHistogram(latency), percentile))
    values.sort((one, other) => one - other)
    return [rate, values[values.length >> 1] ?? Number.NaN]
  })
  return [{ name, points, color, dash }]
}

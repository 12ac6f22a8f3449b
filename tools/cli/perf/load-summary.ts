/**
 * Runs as figures for people and programs: a line each, then the median of all with its spread; as rows
 * for JSON lines and CSV; and in the words of Kafka's perf tools, for scripts that read those.
 */
import { decodeHistogram, mergeHistograms, percentileMs } from '../../../bench/load/histogram.ts'
import type { LoadFigures, LoadSample, TransactionFigures } from '../../../bench/load/load-plan.ts'
import type { PerfLoad, PerfRun } from '../../../bench/load/perf-result.ts'
import type { Row } from '../render.ts'

const MIB = 1024 * 1024

/** One load of one run, in figures of their own names and units. */
export function rowOfLoad({ repeat, offered }: PerfRun, { role, figures, limit }: PerfLoad): Row {
  const latency = decodeHistogram(figures.latency)
  const of = (value: number, digits = 3): number | null =>
    Number.isFinite(value) ? Number(value.toFixed(digits)) : null
  return {
    run: repeat,
    role,
    offeredRecordsPerSecond: offered,
    seconds: of(figures.seconds),
    requestsPerSecond: of(figures.answers / figures.seconds, 1),
    recordsPerSecond: figures.records === 0 ? null : of(figures.records / figures.seconds, 1),
    megabytesPerSecond: of(figures.bytes / 1e6 / figures.seconds),
    p50Ms: of(percentileMs(latency, 50)),
    p95Ms: of(percentileMs(latency, 95)),
    p99Ms: of(percentileMs(latency, 99)),
    p999Ms: of(percentileMs(latency, 99.9)),
    maxMs: of(percentileMs(latency, 100)),
    brokerCores: of(figures.brokerCpuSeconds / figures.seconds),
    brokerCpuSecondsPerGb: of(figures.brokerCpuSeconds / (figures.bytes / 1e9)),
    brokerCpuMicrosecondsPerRequest: of((figures.brokerCpuSeconds * 1e6) / figures.answers, 1),
    brokerPeakMegabytes: of(figures.peakBytes / 1e6, 1),
    brokerWrittenMegabytes: of(figures.writtenBytes / 1e6, 1),
    clientCores: of(figures.clientCpuSeconds / figures.seconds),
    // Kept results of before have no word of them.
    ...rowOfTransactions(figures.transactions ?? null, figures.seconds),
    connectionsOpened: figures.opening?.connections ?? null,
    openingMs: of(figures.opening?.ms ?? Number.NaN, 1),
    brokerBytesPerConnection: of(bytesPerConnection(figures), 0),
    generatorLimit: limit,
    problem: figures.problem,
  }
}

/** A piece of a run's time line. */
export function rowOfSample(run: PerfRun, load: PerfLoad, sample: LoadSample, before: number): Row {
  const seconds = sample.seconds - before
  const latency = decodeHistogram(sample.latency)
  const of = (value: number): number | null =>
    Number.isFinite(value) ? Number(value.toFixed(3)) : null
  return {
    run: run.repeat,
    role: load.role,
    offeredRecordsPerSecond: run.offered,
    atSeconds: of(sample.seconds),
    requestsPerSecond: of(sample.answers / seconds),
    megabytesPerSecond: of(sample.bytes / 1e6 / seconds),
    p50Ms: of(percentileMs(latency, 50)),
    p99Ms: of(percentileMs(latency, 99)),
    p999Ms: of(percentileMs(latency, 99.9)),
    maxMs: of(percentileMs(latency, 100)),
    brokerCores: of(sample.brokerCores),
    brokerMegabytes: of(sample.brokerBytes / 1e6),
    ...rowOfTransactions(sample.transactions, seconds),
  }
}

/** Without transactions nothing: no columns that are always empty. */
function rowOfTransactions(figures: TransactionFigures | null, seconds: number): Row {
  if (figures === null) return {}
  const times = decodeHistogram(figures.commit)
  const of = (value: number): number | null =>
    Number.isFinite(value) ? Number(value.toFixed(3)) : null
  return {
    transactionsCommitted: figures.committed,
    transactionsPerSecond: of(figures.committed / seconds),
    transactionRetries: figures.retries,
    commitP50Ms: of(percentileMs(times, 50)),
    commitP95Ms: of(percentileMs(times, 95)),
    commitP99Ms: of(percentileMs(times, 99)),
    commitP999Ms: of(percentileMs(times, 99.9)),
    commitMaxMs: of(percentileMs(times, 100)),
  }
}

export function runLines(run: PerfRun): string[] {
  return run.loads.map((load) => {
    const { figures, role } = load
    const head = `run ${run.repeat}${run.offered === null ? '' : `, ${run.offered} records/s offered`}`
    const rates = [
      `${showFigure(figures.answers / figures.seconds)} requests/s`,
      ...(figures.bytes > 0 ? [`${showFigure(figures.bytes / 1e6 / figures.seconds)} MB/s`] : []),
      ...(figures.records > 0
        ? [`${showFigure(figures.records / figures.seconds)} records/s`]
        : []),
    ]
    return `${head}: ${role} ${rates.join(', ')}; ${latencyText(figures)}${transactionText(figures)}${brokerText(figures)}`
  })
}

/** Medians over runs that were alike, with least and most. */
export function summaryLines(runs: readonly PerfRun[]): string[] {
  const groups = new Map<string, { run: PerfRun; load: PerfLoad }[]>()
  for (const run of runs)
    for (const load of run.loads) {
      const key = `${run.offered ?? ''}|${load.role}`
      groups.set(key, [...(groups.get(key) ?? []), { run, load }])
    }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => {
      const { run, load } = group[0]!
      const at = run.offered === null ? '' : ` at ${run.offered} records/s`
      const rows = group.map((entry) => rowOfLoad(entry.run, entry.load))
      const figures = [
        ['requests/s', 'requestsPerSecond'],
        ['MB/s', 'megabytesPerSecond'],
        ['p50 ms', 'p50Ms'],
        ['p99 ms', 'p99Ms'],
        ['p99.9 ms', 'p999Ms'],
        ['transactions/s', 'transactionsPerSecond'],
        ['commit p50 ms', 'commitP50Ms'],
        ['commit p99 ms', 'commitP99Ms'],
        ['broker CPU s/GB', 'brokerCpuSecondsPerGb'],
      ] as const
      const texts = figures.flatMap(([title, key]) => {
        const values = rows.map((row) => row[key]).filter((value) => typeof value === 'number')
        return values.some((value) => value > 0) ? [`${title} ${spread(values)}`] : []
      })
      return `median of ${group.length} (least–most): ${load.role}${at}: ${texts.join(', ')}`
    })
}

/** As kafka-producer-perf-test and kafka-consumer-perf-test end. */
export function kafkaLines(runs: readonly PerfRun[], startedAt: Date): string[] {
  const lines: string[] = []
  for (const { loads } of runs)
    for (const { role, figures } of loads)
      lines.push(
        role === 'fetch' || role === 'lagging readers'
          ? consumerLine(figures, startedAt)
          : producerLine(figures),
      )
  return lines
}

/** Percentiles of the first load over all runs, as one histogram. */
export function mergedLatency(runs: readonly PerfRun[]) {
  return decodeHistogram(
    mergeHistograms(runs.map(({ loads }) => loads[0]?.figures.latency ?? null)),
  )
}

/** Rows as CSV, with the columns of all of them. */
export function csvOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cell = (value: Row[string] | undefined): string => {
    const text = value === null || value === undefined ? '' : String(value)
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(','))
  return [columns.join(','), ...lines].map((line) => `${line}\n`).join('')
}

function producerLine(figures: LoadFigures): string {
  const latency = decodeHistogram(figures.latency)
  const p = (percentile: number): number => Math.round(percentileMs(latency, percentile))
  return (
    `${Math.round(figures.records)} records sent, ` +
    `${(figures.records / figures.seconds).toFixed(6)} records/sec ` +
    `(${(figures.bytes / MIB / figures.seconds).toFixed(2)} MB/sec), ` +
    `${(latency.mean / 1000).toFixed(2)} ms avg latency, ` +
    `${percentileMs(latency, 100).toFixed(2)} ms max latency, ` +
    `${p(50)} ms 50th, ${p(95)} ms 95th, ${p(99)} ms 99th, ${p(99.9)} ms 99.9th.`
  )
}

/** Start, end, MB, MB a second; what a perf client does not do (records, rebalance) is 0 there. */
function consumerLine(figures: LoadFigures, startedAt: Date): string {
  const time = (at: Date): string =>
    at.toISOString().replace('T', ' ').replace('.', ':').slice(0, 23)
  const end = new Date(startedAt.getTime() + figures.seconds * 1000)
  const megabytes = figures.bytes / MIB
  const rate = megabytes / figures.seconds
  const fetchMs = Math.round(figures.seconds * 1000)
  return [
    time(startedAt),
    time(end),
    megabytes.toFixed(4),
    rate.toFixed(4),
    Math.round(figures.records),
    (figures.records / figures.seconds).toFixed(4),
    0,
    fetchMs,
    rate.toFixed(4),
    (figures.records / figures.seconds).toFixed(4),
  ].join(', ')
}

function latencyText(figures: LoadFigures): string {
  const latency = decodeHistogram(figures.latency)
  if (latency.totalCount === 0) return 'no latencies'
  const p = (percentile: number): string => showFigure(percentileMs(latency, percentile))
  const closed = figures.lateness === null ? ' (closed loop: stalls are hidden)' : ''
  return `p50 ${p(50)} p99 ${p(99)} p99.9 ${p(99.9)} max ${p(100)} ms${closed}${openingText(figures)}`
}

function transactionText({ transactions, seconds }: LoadFigures): string {
  if (transactions === null) return ''
  const { committed, retries } = transactions
  if (committed === 0)
    return '; no transaction was committed within the run: make it longer, or them shorter'
  const times = decodeHistogram(transactions.commit)
  const p = (percentile: number): string => showFigure(percentileMs(times, percentile))
  const again = retries > 0 ? `, ${retries} requests asked again` : ''
  return (
    `; ${committed} transactions committed, ${showFigure(committed / seconds)}/s, ` +
    `commit p50 ${p(50)} p99 ${p(99)} p99.9 ${p(99.9)} max ${p(100)} ms${again}`
  )
}

function openingText(figures: LoadFigures): string {
  const { opening } = figures
  if (opening === null) return ''
  const each = bytesPerConnection(figures)
  const cost = Number.isNaN(each) ? '' : `, ${showFigure(each / 1000)} KB of the broker each`
  return `, ${opening.connections} opened in ${showFigure(opening.ms)} ms${cost}`
}

function bytesPerConnection({ opening }: LoadFigures): number {
  return opening === null ? Number.NaN : opening.growthBytes / opening.connections
}

function brokerText(figures: LoadFigures): string {
  if (Number.isNaN(figures.brokerCpuSeconds)) return ''
  const cores = figures.brokerCpuSeconds / figures.seconds
  const perGb = figures.brokerCpuSeconds / (figures.bytes / 1e9)
  const gb = figures.bytes > 0 ? `, ${showFigure(perGb)} CPU s/GB` : ''
  return `; broker ${showFigure(cores)} cores${gb}, peak ${showFigure(figures.peakBytes / 1e6)} MB`
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other)
  const { length } = sorted
  const upper = sorted[length >> 1]!
  const median = length % 2 === 1 ? upper : (sorted[(length >> 1) - 1]! + upper) / 2
  return `${showFigure(median)} (${showFigure(sorted[0]!)}–${showFigure(sorted[length - 1]!)})`
}

/** Three significant digits. */
export function showFigure(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 3) })
}

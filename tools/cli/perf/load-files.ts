/** Result files of `sluice perf`: JSON for its report, CSV of the time line, HDR for HDR tools. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { decodeHistogram, encodeHistogram } from '../../../bench/load/histogram.ts'
import type { PerfResult } from '../../../bench/load/perf-result.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import { csvOf, mergedLatency, rowOfSample } from './load-summary.ts'

const TICKS_PER_HALF = 5
const MICROSECONDS_PER_MS = 1000

export interface ResultFiles {
  readonly json?: string
  readonly csv?: string
  /** Percentiles as text; with the ending .hlog a histogram log. */
  readonly hdr?: string
}

/** Throws CommandFailure that says which file could not be written. */
export function writeResultFiles(files: ResultFiles, cwd: string, result: PerfResult): void {
  if (files.json !== undefined) write(cwd, files.json, `${JSON.stringify(result)}\n`)
  if (files.csv !== undefined) write(cwd, files.csv, timeLine(result))
  if (files.hdr !== undefined)
    write(cwd, files.hdr, files.hdr.endsWith('.hlog') ? histogramLog(result) : percentiles(result))
}

/** Before a run, so that no hour of load ends at a folder that is not there. */
export function checkResultFiles(files: ResultFiles, cwd: string): void {
  for (const path of [files.json, files.csv, files.hdr])
    if (path !== undefined) write(cwd, path, '')
}

function write(cwd: string, path: string, text: string): void {
  const full = resolve(cwd, path)
  try {
    writeFileSync(full, text)
  } catch (error) {
    throw new CommandFailure(
      ExitCode.failed,
      `${full} cannot be written`,
      (error as Error).message,
      'name a file in a folder that can be written and has room',
    )
  }
}

function timeLine(result: PerfResult): string {
  return csvOf(
    result.runs.flatMap((run) =>
      run.loads.flatMap((load) =>
        load.figures.samples.map((sample, at) =>
          rowOfSample(run, load, sample, load.figures.samples[at - 1]?.seconds ?? 0),
        ),
      ),
    ),
  )
}

/** The text form that HdrHistogram plotters read, in milliseconds. */
function percentiles(result: PerfResult): string {
  const histogram = mergedLatency(result.runs)
  return histogram.outputPercentileDistribution(TICKS_PER_HALF, MICROSECONDS_PER_MS)
}

/** Log format 1.3: start and length in seconds, greatest value in ms, the histogram. */
function histogramLog(result: PerfResult): string {
  const lines = [
    '#[Histogram log format version 1.3]',
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ]
  let start = 0
  for (const { loads } of result.runs) {
    const figures = loads[0]?.figures
    if (figures === undefined || figures.latency === null) continue
    const { samples } = figures
    const pieces =
      samples.length > 0
        ? samples.map(({ seconds, latency }) => ({ seconds, latency }))
        : [{ seconds: figures.seconds, latency: figures.latency }]
    let before = 0
    for (const { seconds, latency } of pieces) {
      if (latency !== null) lines.push(logLine(start + before, seconds - before, latency))
      before = seconds
    }
    start += figures.seconds
  }
  return `${lines.join('\n')}\n`
}

function logLine(start: number, length: number, latency: string): string {
  const histogram = decodeHistogram(latency)
  const text = encodeHistogram(histogram) ?? latency
  return [
    start.toFixed(3),
    length.toFixed(3),
    (histogram.maxValue / MICROSECONDS_PER_MS).toFixed(3),
    text,
  ].join(',')
}

/** `sluice perf report`: reads results, writes the page and, when asked, its plots as pictures. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type PerfResult, RESULT_FORMAT } from '../../../bench/load/perf-result.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import { pictures, reportPage } from './report/page.ts'
import type { NamedResult } from './report/plots.ts'

export interface ReportFlags {
  readonly output: string
  readonly pictures?: string
}

/** Throws CommandFailure for a file that is no result, or cannot be read or written. */
export function writeReport(paths: readonly string[], flags: ReportFlags, io: CommandIo): void {
  const results = paths.map((path) => readResult(resolve(io.cwd, path)))
  write(resolve(io.cwd, flags.output), reportPage(results))
  if (flags.pictures !== undefined) {
    const folder = resolve(io.cwd, flags.pictures)
    if (!existsSync(folder)) mkdirSync(folder)
    for (const [name, picture] of pictures(results)) write(join(folder, name), picture)
  }
  io.stderr.write(`wrote ${flags.output}\n`)
}

function readResult(path: string): NamedResult {
  let result: PerfResult
  try {
    result = JSON.parse(readFileSync(path, 'utf8'), (key, value) =>
      // JSON has no NaN: what was not measured came out as null.
      value === null && FIGURES.has(key) ? Number.NaN : value,
    )
  } catch (error) {
    throw notResult(path, (error as Error).message)
  }
  if (result?.format !== RESULT_FORMAT || !Array.isArray(result.runs))
    throw notResult(path, 'it is not what --json of sluice perf writes')
  if (result.runs.length === 0) throw notResult(path, 'it has no run that measured anything')
  return { name: result.title || basename(path, '.json'), result }
}

const FIGURES = new Set([
  'brokerCpuSeconds',
  'machineCpuSeconds',
  'peakBytes',
  'writtenBytes',
  'growthBytes',
  'brokerCores',
  'brokerBytes',
])

function notResult(path: string, why: string): CommandFailure {
  return new CommandFailure(
    ExitCode.failed,
    `${path} cannot be reported on`,
    why,
    'make results with: sluice perf produce --json result.json',
  )
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    throw new CommandFailure(ExitCode.failed, `${path} cannot be written`, (error as Error).message)
  }
}

/** What `sluice perf produce|fetch|e2e|connections|mix` do: options in, loads run, figures out. */
import { SingleBar } from 'cli-progress'
import type { LoadProgress } from '../../../bench/load/load-plan.ts'
import { machineFacts } from '../../../bench/load/machine-facts.ts'
import { type PerfResult, type PerfRun, RESULT_FORMAT } from '../../../bench/load/perf-result.ts'
import type { Client } from '../../../net/client/client.ts'
import { type ConnectFlags, openClient, wholeNumber } from '../connect-options.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import type { CommandIo } from '../io.ts'
import { parseFormat, Renderer } from '../render.ts'
import { VERSION } from '../version.ts'
import { checkResultFiles, type ResultFiles, writeResultFiles } from './load-files.ts'
import {
  COMMAND_DEFAULTS,
  checkTogether,
  DEFAULTS,
  flagOf,
  LOAD_OPTIONS,
  type LoadCommand,
  type LoadOptions,
  parseValue,
} from './load-options.ts'
import { LoadRunner } from './load-runner.ts'
import { kafkaLines, rowOfLoad, runLines, showFigure, summaryLines } from './load-summary.ts'
import { readWorkload } from './workload-file.ts'

export type LoadFlags = ConnectFlags &
  ResultFiles & {
    readonly workload?: string
    readonly kafkaLines?: boolean
  } & { readonly [flag: string]: string | boolean | undefined }

/** Resolves with the exit code. */
export async function runLoadCommand(
  command: LoadCommand,
  flags: LoadFlags,
  io: CommandIo,
): Promise<number> {
  const options = optionsOf(command, flags, io)
  const renderer = new Renderer(io.stdout, parseFormat(flags.format), flags.header)
  const { json, csv, hdr } = flags as ResultFiles
  const files = {
    ...(json === undefined ? {} : { json }),
    ...(csv === undefined ? {} : { csv }),
    ...(hdr === undefined ? {} : { hdr }),
  }
  checkResultFiles(files, io.cwd)
  const client = openClient(flags.brokers, wholeNumber('--timeout', flags.timeout, 1))
  try {
    await client.anyBroker()
  } catch (error) {
    await client.close()
    throw error
  }
  const startedAt = new Date()
  const runs: PerfRun[] = []
  const screen = new Screen(io, options)
  try {
    const problem = await runAll(client, command, options, flags, io, screen, (run) => {
      runs.push(run)
      show(renderer, flags, run, io)
    })
    if (renderer.forPeople && flags.kafkaLines !== true)
      for (const line of summaryLines(runs)) io.stdout.write(`${line}\n`)
    else if (renderer.format !== 'jsonl' && !renderer.forPeople)
      renderer.table([], runs.flatMap(rowsOf))
    if (flags.kafkaLines === true)
      for (const line of kafkaLines(runs, startedAt)) io.stdout.write(`${line}\n`)
    const unwritten = kept(files, io.cwd, resultOf(command, options, flags, runs, problem))
    if (problem === null && unwritten !== null) throw unwritten
    if (problem === null) return ExitCode.done
    if (unwritten !== null) io.stderr.write(`${unwritten.message}: ${unwritten.why}\n`)
    throw new CommandFailure(
      runs.length === 0 ? ExitCode.failed : ExitCode.partlyFailed,
      `perf ${command} ended early`,
      problem,
      runs.length === 0 ? null : 'what was measured until then is above and in the files asked for',
    )
  } finally {
    screen.end()
    await client.close()
  }
}

/** Writes the files asked for; null when they are there. */
function kept(files: ResultFiles, cwd: string, result: PerfResult): CommandFailure | null {
  try {
    writeResultFiles(files, cwd, result)
    return null
  } catch (error) {
    if (error instanceof CommandFailure) return error
    throw error
  }
}

async function runAll(
  client: Client,
  command: LoadCommand,
  options: LoadOptions,
  flags: LoadFlags,
  io: CommandIo,
  screen: Screen,
  onRun: (run: PerfRun) => void,
): Promise<string | null> {
  const runner = new LoadRunner(client, flags.brokers, command, options, {
    onPhase: (what) => screen.phase(what),
    onProgress: (progress) => screen.progress(progress),
    onRun: (run) => {
      screen.end()
      onRun(run)
    },
  })
  void io.interrupted().then((signal) => runner.stop(`ended by ${signal}`))
  void io.outputClosed.then(() => runner.stop('nobody reads the output any more'))
  let problem: string | null
  try {
    problem = await runner.run()
  } catch (error) {
    // Nothing could be measured in this run; earlier ones stand.
    if (!(error instanceof Error) || error instanceof CommandFailure) throw error
    problem = error.message
  }
  try {
    await runner.close()
  } catch (error) {
    io.stderr.write(`the topic stays: ${(error as Error).message}\n`)
  }
  return problem
}

/** Flags over the workload file over the command's defaults. */
function optionsOf(command: LoadCommand, flags: LoadFlags, io: CommandIo): LoadOptions {
  const file = flags.workload === undefined ? {} : readWorkload(flags.workload, command, io.cwd)
  const given: Record<string, unknown> = {}
  for (const row of LOAD_OPTIONS) {
    const value = flags[row.key]
    if (value === undefined) continue
    try {
      given[row.key] = parseValue(row, value)
    } catch (error) {
      const { message } = error as Error
      throw new CommandFailure(ExitCode.usage, `--${flagOf(row.key)} ${message}`)
    }
  }
  const options: LoadOptions = {
    ...DEFAULTS,
    ...COMMAND_DEFAULTS[command],
    ...sized(file),
    ...sized(given),
  }
  checkTogether(options, command)
  return options
}

/** Whoever says how many records a batch has does not mean its default bytes, and the reverse. */
function sized(given: Partial<LoadOptions>): Partial<LoadOptions> {
  if (given.recordsPerBatch !== undefined && given.batchBytes === undefined)
    return { ...given, batchBytes: 0 }
  if (given.batchBytes !== undefined && given.recordsPerBatch === undefined)
    return { ...given, recordsPerBatch: 0 }
  return given
}

function show(renderer: Renderer, flags: LoadFlags, run: PerfRun, io: CommandIo): void {
  if (renderer.format === 'jsonl') renderer.streamed(rowsOf(run))
  if (renderer.forPeople && flags.kafkaLines !== true)
    for (const line of runLines(run)) io.stdout.write(`${line}\n`)
  for (const { limit, role } of run.loads)
    if (limit !== null) io.stderr.write(`the generator was the limit of ${role}: ${limit}\n`)
}

function rowsOf(run: PerfRun) {
  return run.loads.map((load) => rowOfLoad(run, load))
}

function resultOf(
  command: LoadCommand,
  options: LoadOptions,
  flags: LoadFlags,
  runs: readonly PerfRun[],
  problem: string | null,
): PerfResult {
  return {
    format: RESULT_FORMAT,
    command,
    title: options.title || `perf ${command} of ${flags.brokers}`,
    options: { ...options },
    brokers: flags.brokers,
    version: VERSION,
    machine: machineFacts(),
    runs,
    problem,
  }
}

/** Phases and a bar on a terminal; elsewhere phases alone, so that logs stay short. */
class Screen {
  private readonly io: CommandIo
  private readonly seconds: number
  private bar: SingleBar | null = null

  constructor(io: CommandIo, options: LoadOptions) {
    this.io = io
    this.seconds = options.seconds
  }

  phase(what: string): void {
    this.end()
    const { stderr } = this.io
    if (!('isTTY' in stderr) || stderr.isTTY !== true) {
      stderr.write(`${what}\n`)
      return
    }
    this.bar = new SingleBar({
      format: `${what} |{bar}| {value}/{total} s, {rate}`,
      stream: stderr as NodeJS.WriteStream,
      hideCursor: true,
      clearOnComplete: true,
    })
    this.bar.start(this.seconds, 0, { rate: 'warming up' })
  }

  progress({ seconds, answers, bytes }: LoadProgress): void {
    const rate = `${showFigure(answers / seconds)} requests/s, ${showFigure(bytes / 1e6 / seconds)} MB/s`
    if (seconds > 0)
      this.bar?.update(Math.min(this.seconds, Math.round(seconds * 10) / 10), { rate })
  }

  end(): void {
    this.bar?.stop()
    this.bar = null
  }
}

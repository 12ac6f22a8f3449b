/**
 * `sluice perf`: the load generator and its report. Everything but the flags is loaded when a command
 * runs, so that the others start no slower for it.
 */
import type { Command } from 'commander'
import type { OwnCommand } from '../commands.ts'
import { addConnectFlags } from '../connect-options.ts'
import type { CommandIo } from '../io.ts'
import {
  COMMAND_DEFAULTS,
  DEFAULTS,
  flagOf,
  LOAD_COMMANDS,
  LOAD_OPTIONS,
  type LoadCommand,
  type LoadOptionRow,
} from '../perf/load-options.ts'

const MEANING: Readonly<Record<LoadCommand, string>> = {
  produce: 'how fast batches are written, or how long each takes at a given rate',
  fetch: 'how fast old data is read',
  e2e: 'how long a record takes to a consumer that waits for it',
  connections: 'how fast connections open, and what requests take on many',
  mix: 'writers at a rate, consumers that wait, and readers of old data, all at once',
}

export const perfCommand: OwnCommand = {
  register(program: Command, io: CommandIo, exit: (code: number) => void): Command {
    const perf = program.command('perf').description("put load on a broker of Kafka's protocol")
    for (const name of LOAD_COMMANDS) register(perf, name, io, exit)
    perf
      .command('report <results...>')
      .description('one page with the plots of one or more results that --json kept')
      .requiredOption('-o, --output <file>', 'the page, as report.html')
      .option('--pictures <folder>', 'its plots as SVG files as well')
      .action(async (results: string[], flags: { output: string; pictures?: string }) => {
        const { writeReport } = await import('../perf/report-command.ts')
        writeReport(results, flags, io)
      })
    return perf
  },
}

function register(
  perf: Command,
  name: LoadCommand,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = addConnectFlags(perf.command(name).description(MEANING[name]))
  command.option(
    '-w, --workload <name>',
    'a named workload (bench/workloads), or the path of a file',
  )
  for (const row of LOAD_OPTIONS)
    if (row.commands.includes(name)) command.option(flags(row), help(row, name))
  command
    .option('--json <file>', 'keep everything, for `sluice perf report`')
    .option('--csv <file>', 'keep the time line')
    .option('--hdr <file>', 'keep the latencies: percentiles as text, or a histogram log (.hlog)')
    .option('--kafka-lines', "print the closing lines of Kafka's perf tools instead")
    .action(async (given) => {
      const { runLoadCommand } = await import('../perf/load-command.ts')
      exit(await runLoadCommand(name, given, io))
    })
}

function flags({ key, kind }: LoadOptionRow): string {
  const value = {
    count: ' <n>',
    number: ' <n>',
    text: ' <text>',
    choice: ' <word>',
    yes: '',
    rates: ' <n,…>',
  }
  return `--${flagOf(key)}${value[kind]}`
}

function help({ key, help: text, choices }: LoadOptionRow, name: LoadCommand): string {
  const preset = COMMAND_DEFAULTS[name][key] ?? DEFAULTS[key]
  const given = choices === undefined ? text : `${text}: ${choices.join(', ')}`
  const none = preset === '' || preset === false || (Array.isArray(preset) && preset.length === 0)
  return none ? given : `${given} (default: ${String(preset)})`
}

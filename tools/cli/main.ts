/**
 * From argv to a command and its exit code. Two kinds of commands: ours (commander, noun then verb)
 * and Kafka's tools by their own names and flags (cli/kafka/, one file each).
 */
import { basename } from 'node:path'
import { Command, CommanderError } from 'commander'
import { ConnectionFailed } from '../../net/client/client-errors.ts'
import { commands } from './commands.ts'
import { describeConnectionFailure } from './connection-advice.ts'
import { CommandFailure, describeFailure, ExitCode } from './failure.ts'
import { type CommandIo, processIo } from './io.ts'
import { kafkaToolNamed, kafkaTools } from './kafka-tools.ts'
import { VERSION } from './version.ts'

/** Runs what argv asks for; resolves with the process's exit code. */
export async function main(argv: readonly string[], io: CommandIo = processIo()): Promise<number> {
  quietOnClosedPipe(io)
  const calledAs = basename(argv[1] ?? 'sluice')
  // Kafka's scripts take -daemon with one dash.
  const args = argv
    .slice(2)
    .map((arg) => (arg === '-daemon' && argv[2] === 'serve' ? '--daemon' : arg))
  const byOwnName = kafkaToolNamed(calledAs)
  const byFirstWord = byOwnName ?? kafkaToolNamed(args[0] ?? '')
  try {
    if (byFirstWord !== null) {
      const tool = await byFirstWord.load()
      return await tool.run(byOwnName === null ? args.slice(1) : args, io)
    }
    return await runOwn(args, io)
  } catch (error) {
    return report(error, io)
  }
}

async function runOwn(args: readonly string[], io: CommandIo): Promise<number> {
  let exitCode: number = ExitCode.done
  const program = new Command('sluice')
  program
    .description('A Kafka-compatible message broker and its tools.')
    .version(VERSION)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `\nKafka's tools by their own names:\n  ${kafkaTools.map((tool) => tool.name).join('\n  ')}`,
    )
  for (const command of commands) {
    const registered = command.register(program, io, (code) => {
      exitCode = code
    })
    inheritOverride(registered)
  }
  if (args.length === 0) {
    program.outputHelp()
    return ExitCode.usage
  }
  try {
    await program.parseAsync(args as string[], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? ExitCode.done : ExitCode.usage
  }
  return exitCode
}

/** Sub-commands do not inherit exitOverride when they are made before it is set. */
function inheritOverride(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) inheritOverride(child as Command)
}

function report(error: unknown, io: CommandIo): number {
  const failure =
    error instanceof CommandFailure
      ? error
      : error instanceof ConnectionFailed
        ? describeConnectionFailure(error)
        : null
  if (failure !== null) {
    io.stderr.write(`${describeFailure(failure)}\n`)
    return failure.exitCode
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  io.stderr.write(`error: this is a defect in sluice, please report it\n${detail}\n`)
  return ExitCode.failed
}

/** `sluice … | head` ends quietly. */
function quietOnClosedPipe(io: CommandIo): void {
  io.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(ExitCode.done)
    throw error
  })
}

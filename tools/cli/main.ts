/**
 * From argv to a command and its exit code. Two kinds of commands: ours (commander, noun then verb)
 * and Kafka's tools by their own names and flags (cli/kafka/, one file each).
 */
import { basename } from 'node:path'
import { ConnectionFailed, RequestFailed, UnsupportedApi } from '../../net/client/client-errors.ts'
import { describeConnectionFailure } from './connection-advice.ts'
import { CommandFailure, describeFailure, ExitCode } from './failure.ts'
import { type CommandIo, processIo } from './io.ts'
import { type KafkaTool, kafkaToolMeant, kafkaToolNamed } from './kafka-tools.ts'

/** Runs what argv asks for; resolves with the process's exit code. */
export async function main(argv: readonly string[], io: CommandIo = processIo()): Promise<number> {
  const calledAs = kafkaToolNamed(basename(argv[1] ?? ''))
  const args = argv.slice(2)
  const tool = calledAs ?? kafkaToolNamed(args[0] ?? '') ?? meant(args[0] ?? '', io)
  try {
    if (tool === null) return await runOwn(args, io)
    return await tool.run(calledAs === null ? args.slice(1) : args, io)
  } catch (error) {
    const code = report(error, io)
    // Under their own names Kafka's tools keep its two exit codes.
    return tool === null ? code : ExitCode.failed
  }
}

/** A tool whose name lacks a letter runs, with a word about it. */
function meant(name: string, io: CommandIo): KafkaTool | null {
  const tool = kafkaToolMeant(name)
  if (tool !== null) io.stderr.write(`${name} is taken for ${tool.name}\n`)
  return tool
}

async function runOwn(args: readonly string[], io: CommandIo): Promise<number> {
  if (args[0]?.startsWith('kafka-') === true) throw await unknownKafkaTool(args[0])
  return (await import('./own-program.ts')).runProgram(args, io)
}

async function unknownKafkaTool(name: string): Promise<CommandFailure> {
  const { isServed, KAFKA_COMMANDS } = await import('./kafka-commands.ts')
  const known = KAFKA_COMMANDS.find((command) => command.name === name.replace(/\.sh$/, ''))
  const why =
    known === undefined
      ? 'Kafka 4.2 has no such command either'
      : isServed(known)
        ? "it is not built, and Kafka's own works with this broker"
        : 'what it asks for is not served by this broker yet'
  return new CommandFailure(
    ExitCode.usage,
    `there is no '${name}' here`,
    why,
    "see `sluice --help` for the commands there are, Kafka's at its end",
  )
}

function report(error: unknown, io: CommandIo): number {
  const failure = asFailure(error)
  if (failure !== null) {
    io.stderr.write(`${describeFailure(failure)}\n`)
    return failure.exitCode
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  io.stderr.write(`error: this is a defect in sluice, please report it\n${detail}\n`)
  return ExitCode.failed
}

function asFailure(error: unknown): CommandFailure | null {
  if (error instanceof CommandFailure) return error
  if (error instanceof ConnectionFailed) return describeConnectionFailure(error)
  if (error instanceof RequestFailed)
    return new CommandFailure(ExitCode.failed, 'the broker refused the request', error.message)
  if (error instanceof UnsupportedApi)
    return new CommandFailure(
      ExitCode.failed,
      'the broker cannot do that',
      error.message,
      'use a broker of another version',
    )
  return null
}

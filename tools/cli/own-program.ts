/** Our own commands under commander: noun then verb. */
import { Command, CommanderError } from 'commander'
import { commands } from './commands.ts'
import { ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'
import { kafkaTools } from './kafka-tools.ts'
import { VERSION } from './version.ts'

/** Parses and runs; resolves with the exit code. Mistakes of usage are told here, failures thrown. */
export async function runProgram(words: readonly string[], io: CommandIo): Promise<number> {
  if (words.length === 0) {
    const program = await newProgram(io, () => {})
    program.outputHelp({ error: true })
    return ExitCode.usage
  }
  // Kafka's scripts take -daemon with one dash.
  const args = words.map((word) => (word === '-daemon' && words[0] === 'serve' ? '--daemon' : word))
  let exitCode: number = ExitCode.done
  const exit = (code: number): void => {
    exitCode = code
  }
  const program = await newProgram(io, exit, words[0])
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? ExitCode.done : ExitCode.usage
  }
  return exitCode
}

/** Every command of ours, ready to parse; only the noun's when `word` is one that needs no other. */
export async function newProgram(
  io: CommandIo,
  exit: (code: number) => void,
  word = '',
): Promise<Command> {
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
  const alone = word === 'completion' ? undefined : commands.get(word)
  const loaded = await Promise.all(
    (alone === undefined ? [...commands.values()] : [alone]).map((load) => load()),
  )
  for (const command of loaded) command.register(program, io, exit)
  for (const command of program.commands) adviseHelp(command, 'sluice')
  return program
}

/** Mistakes of usage end with where the flags are told. */
function adviseHelp(command: Command, parent: string): void {
  const name = `${parent} ${command.name()}`
  command.showHelpAfterError(`  next: see \`${name} --help\``)
  for (const verb of command.commands) adviseHelp(verb, name)
}

/**
 * docs/commands.md: our own commands from commander's help, Kafka's tools from their own `--help`, and
 * which Kafka command is which here, with what stands behind the claim.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import type { Command } from 'commander'
import type { CommandIo } from '../cli/io.ts'
import { isServed, KAFKA_COMMANDS, type KafkaCommand } from '../cli/kafka-commands.ts'
import { kafkaTools } from '../cli/kafka-tools.ts'
import { main } from '../cli/main.ts'
import { newProgram } from '../cli/own-program.ts'
import { packageRoot } from '../package-root.ts'
import { code, type Generated, table } from './page.ts'

const HELP_COLUMNS = 100

export async function commandsPage(): Promise<Generated> {
  const program = await newProgram(silentIo(), () => {})
  return new Map([
    ['kafka-commands', kafkaTable(program)],
    ['own-commands', ownCommands(program)],
    ['kafka-help', await kafkaHelp()],
  ])
}

function kafkaTable(program: Command): string {
  const own = new Set(
    program.commands.flatMap((command) => [
      command.name(),
      ...command.commands.map((verb) => `${command.name()} ${verb.name()}`),
    ]),
  )
  const here = new Set(kafkaTools.map(({ name }) => name))
  const others = [...here].filter((name) => !KAFKA_COMMANDS.some((known) => known.name === name))
  const all: KafkaCommand[] = [...KAFKA_COMMANDS, ...others.map((name) => ({ name }))]
  return table(
    ['Kafka', 'Under its own name', 'For people', 'Tested against'],
    all
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map((command) => [
        code(command.name),
        here.has(command.name) ? code(`sluice ${command.name}`) : instead(command),
        (command.ours ?? [])
          .filter((name) => own.has(name))
          .map((name) => code(`sluice ${name}`))
          .join(', '),
        here.has(command.name) ? testedAgainst(command.name) : '',
      ]),
  )
}

function instead(command: KafkaCommand): string {
  return isServed(command)
    ? "not built: Kafka's own works with this broker"
    : 'what it asks for is not served yet'
}

/** What the test tree says of a command. */
function testedAgainst(name: string): string {
  const recorded = testFiles().some(({ path }) => path === `golden/cli/${name}.txt`)
  const compared = testFiles().some(
    ({ text }) => /golden\w*\(/.test(text) && text.includes(`'${name}'`),
  )
  const said = [
    ...(holds('clients/tool-scripts.ts', name)
      ? ['both ways, line by line']
      : holds('clients/cluster-tools.ts', name)
        ? ['both ways']
        : []),
    ...(recorded && compared ? ['recorded runs'] : []),
  ]
  if (said.length > 0) return said.join('; ')
  // In the lane of clients it is Kafka's own tool that is meant.
  const own = testFiles().some(
    ({ path, text }) => /^(tools|integration)\//.test(path) && text.includes(`'${name}'`),
  )
  return own ? 'its own tests' : ''
}

function holds(path: string, name: string): boolean {
  const text = testFiles().find((file) => file.path === path)?.text ?? ''
  return new RegExp(`['\`]${name}[' ]`).test(text)
}

let known: { path: string; text: string }[] | null = null

function testFiles(): { path: string; text: string }[] {
  if (known !== null) return known
  const root = join(packageRoot, 'test')
  known = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') || path.startsWith('golden/cli/'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
  return known
}

function ownCommands(program: Command): string {
  const sections: string[] = []
  for (const command of program.commands) {
    const verbs = command.commands.length === 0 ? [command] : command.commands
    const texts = verbs.map(helpOf)
    sections.push(`### ${command.name()}\n\n${texts.join('\n\n')}`)
  }
  return sections.join('\n\n')
}

function helpOf(command: Command): string {
  command.configureHelp({ helpWidth: HELP_COLUMNS })
  return fenced(command.helpInformation())
}

async function kafkaHelp(): Promise<string> {
  const sections: string[] = []
  for (const tool of [...kafkaTools].sort((one, other) => (one.name < other.name ? -1 : 1))) {
    let said = ''
    const io = silentIo((text) => {
      said += text
    })
    await main(['node', 'sluice', tool.name, '--help'], io)
    sections.push(`### ${tool.name}\n\n${fenced(said)}`)
  }
  return sections.join('\n\n')
}

function fenced(text: string): string {
  return `\`\`\`\n${text.trim().replace(/[ \t]+$/gm, '')}\n\`\`\``
}

/** Nothing to read, and whoever wants it hears what is written. */
function silentIo(said: (text: string) => void = () => {}): CommandIo {
  const sink = (): Writable =>
    new Writable({
      write(piece: Buffer, _encoding, done) {
        said(piece.toString())
        done()
      },
    })
  const never = new Promise<never>(() => {})
  return {
    stdout: sink(),
    stderr: sink(),
    stdin: Readable.from([]),
    env: {},
    cwd: packageRoot,
    outputClosed: never,
    interrupted: () => never,
  }
}

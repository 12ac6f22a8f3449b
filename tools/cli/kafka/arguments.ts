/**
 * Command lines of those of Kafka's tools that read them with argparse4j: sub-commands, short names,
 * groups of which one must be given. Problems are told in its words on stderr, with the usage line,
 * and end with exit code 1; `-h` prints help on stdout and ends with 0.
 *
 * More is taken than there: an argument of the tool may also stand behind the sub-command.
 */
import type { CommandIo } from '../io.ts'
import { Flags, KafkaToolExit } from './flags.ts'

export interface Argument {
  /** Without its dashes. */
  readonly name: string
  /** One letter. */
  readonly short?: string
  /** 'flag' takes no value, 'value' one, 'list' one and may come again, 'many' one or more. */
  readonly kind: 'flag' | 'value' | 'list' | 'many'
  readonly required?: boolean
  readonly integer?: boolean
  readonly choices?: readonly string[]
  readonly help: string
}

/** At most one of these may be given, or exactly one. */
export interface OneOf {
  readonly names: readonly string[]
  readonly required: boolean
}

export interface SubCommand {
  readonly name: string
  readonly help: string
  readonly arguments: readonly Argument[]
  readonly oneOf?: readonly OneOf[]
}

export interface ArgumentTable extends SubCommand {
  /** Empty: the tool does one thing. */
  readonly commands: readonly SubCommand[]
}

export interface ParsedArguments {
  /** '' for a tool without sub-commands. */
  readonly command: string
  readonly flags: Flags
}

/** The body of a tool with its problems told; resolves with the exit code. */
export async function runArguments(
  table: ArgumentTable,
  args: readonly string[],
  io: CommandIo,
  body: (parsed: ParsedArguments) => Promise<number>,
): Promise<number> {
  try {
    const parsed = parseArguments(table, args)
    if (parsed !== null) return await body(parsed)
    io.stdout.write(helpText(table, args))
    return 0
  } catch (error) {
    if (!(error instanceof KafkaToolExit)) throw error
    io[error.stream].write(`${error.message}\n`)
    return 1
  }
}

/** Null: help is asked for. */
export function parseArguments(
  table: ArgumentTable,
  args: readonly string[],
): ParsedArguments | null {
  const values = new Map<string, string[]>()
  let command: SubCommand | null = null
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (word === '-h' || word === '--help') return null
    if (!/^--?[A-Za-z]/.test(word)) {
      if (command !== null || table.commands.length === 0)
        throw wrong(table, command, `unrecognized arguments: '${word}'`)
      command = commandNamed(table, word)
      continue
    }
    const [given = '', attached] = splitAtEquals(word)
    const argument = argumentNamed(table, command, given)
    at += take(table, command, argument, attached, args.slice(at + 1), values)
  }
  if (command === null && table.commands.length > 0) throw wrong(table, null, 'too few arguments')
  checkGiven(table, command, values)
  return { command: command?.name ?? '', flags: new Flags(values) }
}

function splitAtEquals(word: string): [string, string?] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

function commandNamed(table: ArgumentTable, word: string): SubCommand {
  const found = table.commands.find(({ name }) => name === word)
  if (found !== undefined) return found
  const choices = table.commands.map(({ name }) => `'${name}'`).join(', ')
  throw wrong(table, null, `invalid choice: '${word}' (choose from ${choices})`)
}

function argumentsOf(table: ArgumentTable, command: SubCommand | null): readonly Argument[] {
  return [...(command?.arguments ?? []), ...table.arguments]
}

function argumentNamed(table: ArgumentTable, command: SubCommand | null, given: string): Argument {
  const all = argumentsOf(table, command)
  const exact = all.find(({ name, short }) => given === `--${name}` || given === `-${short}`)
  if (exact !== undefined) return exact
  // Long names may be cut short while they stay clear.
  const cut = given.startsWith('--') ? all.filter(({ name }) => `--${name}`.startsWith(given)) : []
  if (cut.length === 1 && cut[0] !== undefined) return cut[0]
  if (cut.length > 1)
    throw wrong(
      table,
      command,
      `ambiguous option: ${given} could match ${cut.map(({ name }) => `--${name}`).join(', ')}`,
    )
  throw wrong(table, command, `unrecognized arguments: '${given}'`)
}

/** Takes up an argument's values; resolves with how many words it used. */
function take(
  table: ArgumentTable,
  command: SubCommand | null,
  argument: Argument,
  attached: string | undefined,
  rest: readonly string[],
  values: Map<string, string[]>,
): number {
  const { name, kind } = argument
  const known = values.get(name) ?? []
  values.set(name, known)
  if (kind === 'flag') return 0
  const words: string[] = attached === undefined ? [] : [attached]
  const most = kind === 'many' ? rest.length : 1
  // A word with a dash is a value only if it can be nothing else: a negative number.
  while (words.length < most && attached === undefined) {
    const next = rest[words.length]
    if (next === undefined || (/^-/.test(next) && !/^-\d/.test(next))) break
    words.push(next)
  }
  if (words.length === 0)
    throw wrong(
      table,
      command,
      `argument ${label(argument)}: expected ${kind === 'many' ? 'at least one' : 'one'} argument`,
    )
  for (const word of words) checkValue(table, command, argument, word)
  if (kind === 'value') known.splice(0, known.length, ...words)
  else known.push(...words)
  return attached === undefined ? words.length : 0
}

function checkValue(
  table: ArgumentTable,
  command: SubCommand | null,
  argument: Argument,
  word: string,
): void {
  const { integer, choices } = argument
  if (integer === true && !(/^[+-]?\d+$/.test(word) && Number.isSafeInteger(Number(word))))
    throw wrong(
      table,
      command,
      `argument ${label(argument)}: could not convert '${word}' to Integer (For input string: "${word}")`,
    )
  if (choices !== undefined && !choices.includes(word))
    throw wrong(
      table,
      command,
      `argument ${label(argument)}: invalid choice: '${word}' (choose from {${choices.join(',')}})`,
    )
}

function checkGiven(
  table: ArgumentTable,
  command: SubCommand | null,
  values: ReadonlyMap<string, readonly string[]>,
): void {
  const all = argumentsOf(table, command)
  for (const argument of all)
    if (argument.required === true && !values.has(argument.name))
      throw wrong(table, command, `argument ${label(argument)} is required`)
  for (const { names, required } of [...(command?.oneOf ?? []), ...(table.oneOf ?? [])]) {
    const labels = names.map((name) => label(all.find((known) => known.name === name)))
    const given = labels.filter((_label, at) => values.has(names[at] ?? ''))
    if (given.length > 1)
      throw wrong(table, command, `argument ${given[1]}: not allowed with argument ${given[0]}`)
    if (given.length === 0 && required)
      throw wrong(table, command, `one of the arguments ${labels.join(' ')} is required`)
  }
}

function label(argument: Argument | undefined): string {
  if (argument === undefined) return ''
  return argument.short === undefined
    ? `--${argument.name}`
    : `--${argument.name}/-${argument.short}`
}

function wrong(table: ArgumentTable, command: SubCommand | null, message: string): KafkaToolExit {
  return new KafkaToolExit(`${usageLine(table, command)}\n${table.name}: error: ${message}`)
}

const UPPER = (name: string): string => name.toUpperCase().replaceAll('-', '_')

function usageLine(table: ArgumentTable, command: SubCommand | null): string {
  const parts = argumentsOf(table, command).map((argument) => {
    const value = argument.kind === 'flag' ? '' : ` ${UPPER(argument.name)}`
    const several = argument.kind === 'many' ? ' ...' : ''
    const text = `--${argument.name}${value}${several}`
    return argument.required === true ? text : `[${text}]`
  })
  const names = table.commands.map(({ name }) => name).join(',')
  const choice = command === null && names !== '' ? ` {${names}} ...` : ''
  const of = command === null ? '' : ` ${command.name}`
  return `usage: ${table.name}${of} [-h] ${parts.join(' ')}${choice}`
    .replace(/ {2,}/g, ' ')
    .trimEnd()
}

function helpText(table: ArgumentTable, args: readonly string[]): string {
  const command = table.commands.find(({ name }) => args.includes(name)) ?? null
  const lines = [usageLine(table, command), '', (command ?? table).help, '']
  if (command === null)
    for (const { name, help } of table.commands) lines.push(`  ${name.padEnd(22)} ${help}`)
  for (const argument of argumentsOf(table, command))
    lines.push(`  ${label(argument).padEnd(30)} ${argument.help}`)
  return `${lines.join('\n')}\n`
}

/**
 * Flags of Kafka's tools as joptsimple reads them: `--name value` or `--name=value`, exact names, a
 * value may begin with dashes. Problems are told in joptsimple's words on stderr and end with exit
 * code 1, as there.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'dot-properties'
import type { CommandIo } from '../io.ts'
import { VERSION } from '../version.ts'

/** Ends a Kafka tool with exit code 1 after these lines on stderr or stdout. */
export class KafkaToolExit extends Error {
  override name = 'KafkaToolExit'
  readonly stream: 'stdout' | 'stderr'
  constructor(message: string, stream: 'stdout' | 'stderr' = 'stderr') {
    super(message)
    this.stream = stream
  }
}

/** Ends a Kafka tool as a wrong command line does: the message, then what flags there are. */
export class KafkaToolUsage extends KafkaToolExit {
  override name = 'KafkaToolUsage'
}

/** 'flag' has no value, 'value' one, 'optional' one or none, 'list' may come again. */
export type FlagKind = 'flag' | 'value' | 'optional' | 'list'
export type FlagTable = { readonly [name: string]: FlagKind }

export class Flags {
  private readonly values: ReadonlyMap<string, readonly string[]>
  /** Names in the order they were given, again as often as they came. */
  readonly order: readonly string[]

  constructor(values: ReadonlyMap<string, readonly string[]>, order: readonly string[] = []) {
    this.values = values
    this.order = order
  }

  has(name: string): boolean {
    return this.values.has(name)
  }

  /** The value of a flag that takes one; '' when it was left out and may be. */
  value(name: string): string | undefined {
    return this.values.get(name)?.[0]
  }

  list(name: string): readonly string[] {
    return this.values.get(name) ?? []
  }
}

const COMMON: FlagTable = { help: 'flag', version: 'flag' }

export function parseFlags(args: readonly string[], table: FlagTable, complaint = ''): Flags {
  const values = new Map<string, string[]>()
  const order: string[] = []
  for (let at = 0; at < args.length; at++) {
    const match = /^--?([A-Za-z][\w.-]*)(?:=([\s\S]*))?$/.exec(args[at] ?? '')
    // Words that are no flags are left unread, as there.
    if (match === null) continue
    const name = match[1] ?? ''
    const kind = table[name] ?? COMMON[name]
    if (kind === undefined)
      throw new KafkaToolExit(`${complaint}${name} is not a recognized option`)
    const known = values.get(name) ?? []
    values.set(name, known)
    order.push(name)
    if (kind === 'flag') continue
    let value = match[2]
    if (value === undefined && (kind !== 'optional' || !args[at + 1]?.startsWith('-')))
      value = args[++at]
    if (value === undefined && kind !== 'optional')
      throw new KafkaToolExit(`${complaint}Option ${name} requires an argument`)
    if (known.length > 0 && kind !== 'list')
      throw new KafkaToolExit(
        `${complaint}Found multiple arguments for option ${name}, but you asked for only one`,
      )
    known.push(value ?? '')
  }
  return new Flags(values, order)
}

export function requireFlag(flags: Flags, name: string): string {
  const value = flags.value(name)
  if (value === undefined) throw new KafkaToolUsage(`Missing required argument "[${name}]"`)
  return value
}

/** `key=value` properties of a repeatable flag. */
export function properties(pairs: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    map.set(at < 0 ? pair : pair.slice(0, at), at < 0 ? '' : pair.slice(at + 1))
  }
  return map
}

/** A properties file named by a flag, none when it is absent. */
export function propertiesFile(flags: Flags, name: string, io: CommandIo): Map<string, string> {
  const file = flags.value(name)
  if (file === undefined) return new Map()
  let text: string
  try {
    text = readFileSync(resolve(io.cwd, file), 'utf8')
  } catch (error) {
    throw new KafkaToolExit(`${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return new Map(Object.entries(parse(text) as Record<string, string>))
}

/** Client settings that would be broken by silence: a plain connection is all there is. */
export function refuseSecurity(config: ReadonlyMap<string, string>): void {
  const protocol = config.get('security.protocol') ?? 'PLAINTEXT'
  if (protocol.toUpperCase() !== 'PLAINTEXT')
    throw new KafkaToolExit(
      `security.protocol=${protocol} is not supported by this tool yet: only PLAINTEXT is`,
    )
}

/** A tool's body with what all tools do: help, version, and the exit with code 1. */
export async function runTool(
  args: readonly string[],
  io: CommandIo,
  tool: {
    readonly about: string
    readonly flags: FlagTable
    /** What stands before complaints about flags; '' when left out. */
    readonly complaint?: string
  },
  body: (flags: Flags) => Promise<number>,
): Promise<number> {
  try {
    const flags = parseFlags(args, tool.flags, tool.complaint)
    if (args.length === 0 || flags.has('help')) throw new KafkaToolUsage(tool.about)
    if (flags.has('version')) {
      io.stdout.write(`sluice ${VERSION}\n`)
      return 0
    }
    return await body(flags)
  } catch (error) {
    if (!(error instanceof KafkaToolExit)) throw error
    io[error.stream].write(`${error.message}\n`)
    if (error instanceof KafkaToolUsage) io.stderr.write(usage(tool.flags))
    return 1
  }
}

const VALUE_SIGNS = {
  flag: '',
  value: ' <value>',
  optional: ' [value]',
  list: ' <value>…',
} as const

function usage(table: FlagTable): string {
  return Object.entries({ ...table, ...COMMON })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, kind]) => `  --${name}${VALUE_SIGNS[kind]}\n`)
    .join('')
}

/** A whole number flag, with a default. */
export function numberFlag(flags: Flags, name: string, fallback: number): number {
  const text = flags.value(name)
  if (text === undefined) return fallback
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value))
    throw new KafkaToolExit(`Cannot parse argument '${text}' of option ${name}`)
  return value
}

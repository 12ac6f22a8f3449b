/**
 * Flags of Kafka's tools as joptsimple reads them: `--name value` or `--name=value`, repeatable, exact
 * names. Problems are told in joptsimple's words on stderr and end with exit code 1, as there.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { CommandIo } from '../io.ts'

/** Ends a Kafka tool with exit code 1 after these lines on stderr or stdout. */
export class KafkaToolExit extends Error {
  override name = 'KafkaToolExit'
  readonly stream: 'stdout' | 'stderr'
  constructor(message: string, stream: 'stdout' | 'stderr' = 'stderr') {
    super(message)
    this.stream = stream
  }
}

/** Flag name to kind: 'flag' has no value, 'value' one, 'list' may come again. */
export type FlagTable = { readonly [name: string]: 'flag' | 'value' | 'list' }

export class Flags {
  private readonly values: { readonly [name: string]: unknown }

  constructor(values: { readonly [name: string]: unknown }) {
    this.values = values
  }

  has(name: string): boolean {
    return this.values[name] !== undefined
  }

  value(name: string): string | undefined {
    const value = this.values[name]
    return typeof value === 'string' ? value : undefined
  }

  list(name: string): string[] {
    const value = this.values[name]
    return Array.isArray(value) ? value.map(String) : []
  }
}

export function parseFlags(args: readonly string[], table: FlagTable): Flags {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, kind] of Object.entries(table))
    options[name] = { type: kind === 'flag' ? 'boolean' : 'string', multiple: kind === 'list' }
  for (const arg of args) {
    const name = /^--?([\w.-]+)/.exec(arg)?.[1]
    if (name !== undefined && arg.startsWith('--') && table[name] === undefined)
      throw new KafkaToolExit(`${name} is not a recognized option`)
  }
  try {
    const { values } = parseArgs({
      args: [...args],
      options,
      allowPositionals: false,
      strict: true,
    })
    return new Flags(values)
  } catch (error) {
    throw new KafkaToolExit(error instanceof Error ? error.message : String(error))
  }
}

export function requireFlag(flags: Flags, name: string): string {
  const value = flags.value(name)
  if (value === undefined) throw new KafkaToolExit(`Missing required argument "[${name}]"`)
  return value
}

/** `key=value` properties of a repeatable flag. */
export function properties(pairs: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 0) throw new KafkaToolExit(`Invalid property '${pair}': write it as key=value`)
    map.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return map
}

/** Runs a tool's body; a KafkaToolExit prints its line and becomes exit code 1. */
export async function runTool(io: CommandIo, body: () => Promise<number>): Promise<number> {
  try {
    return await body()
  } catch (error) {
    if (!(error instanceof KafkaToolExit)) throw error
    io[error.stream].write(`${error.message}\n`)
    return 1
  }
}

/** A whole number flag, with a default. */
export function numberFlag(flags: Flags, name: string, fallback: number): number {
  const text = flags.value(name)
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new KafkaToolExit(`Cannot parse argument '${text}' of option ${name}`)
  return value
}

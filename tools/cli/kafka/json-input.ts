/**
 * JSON files that Kafka's tools are handed, read as its server-common JsonValue reads them: fields are
 * asked for by name, and what is missing or of another type is told in the same words. The reason
 * behind and what to do follow on lines of their own.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CommandIo } from '../io.ts'
import { KafkaToolExit } from './flags.ts'

const INT32_MAX = 2 ** 31 - 1

/** A file's text, or a parsed value: `example` is what such a file looks like. */
export interface JsonInput {
  readonly file: string
  readonly example: string
  readonly text: string
}

export function readJsonInput(file: string, example: string, io: CommandIo): JsonInput {
  try {
    return { file, example, text: readFileSync(resolve(io.cwd, file), 'utf8') }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new KafkaToolExit(
      `Unable to read file ${file}\n  why:  ${why}\n  next: write ${example} to it`,
    )
  }
}

/** The whole as a value; `notJson` are the tool's words for a text that is none. */
export function parseJsonInput(input: JsonInput, notJson: string): JsonValue {
  let value: unknown
  let why = 'it is empty'
  try {
    if (input.text.trim() !== '') value = JSON.parse(input.text)
  } catch (error) {
    why = error instanceof Error ? error.message : String(error)
  }
  if (value === undefined) throw jsonProblem(input, notJson, why)
  return new JsonValue(input, value)
}

export function jsonProblem(
  input: JsonInput,
  what: string,
  why: string | null = null,
): KafkaToolExit {
  const reason = `in ${input.file}${why === null ? '' : `: ${why}`}`
  return new KafkaToolExit(`${what}\n  why:  ${reason}\n  next: write it as ${input.example}`)
}

/** The version field, 1 when left out; others than 1 are refused. */
export function checkVersion(input: JsonInput, whole: JsonValue): void {
  const version = whole.optional('version')?.int() ?? 1
  if (version !== 1) throw jsonProblem(input, `Not supported version field value ${version}`)
}

export class JsonValue {
  private readonly input: JsonInput
  private readonly value: unknown

  constructor(input: JsonInput, value: unknown) {
    this.input = input
    this.value = value
  }

  optional(name: string): JsonValue | null {
    const fields = this.fields()
    return Object.hasOwn(fields, name) ? new JsonValue(this.input, fields[name]) : null
  }

  field(name: string): JsonValue {
    const found = this.optional(name)
    if (found === null) throw jsonProblem(this.input, `No such field exists: \`${name}\``)
    return found
  }

  array(): JsonValue[] {
    if (!Array.isArray(this.value)) throw this.unexpected('JSON array')
    return this.value.map((value) => new JsonValue(this.input, value))
  }

  string(): string {
    if (typeof this.value !== 'string') throw this.unexpected('`String` value')
    return this.value
  }

  int(): number {
    if (!Number.isInteger(this.value) || Math.abs(Number(this.value)) > INT32_MAX)
      throw this.unexpected('`Integer` value')
    return Number(this.value)
  }

  long(): number {
    if (!Number.isSafeInteger(this.value)) throw this.unexpected('`Long` value')
    return Number(this.value)
  }

  private fields(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      throw this.unexpected('JSON object')
    return Object.fromEntries(Object.entries(this.value))
  }

  private unexpected(type: string): KafkaToolExit {
    return jsonProblem(this.input, `Expected ${type}, received ${JSON.stringify(this.value)}`)
  }
}

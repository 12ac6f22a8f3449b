/**
 * A decoded message as Kafka's generated JsonConverter classes write it: the fields of its version in
 * their order, tagged ones only when they differ from their default, bytes as base64.
 */
import type { DefaultValue, FieldSpec, Fields, Message } from '../../../engine/schema/fields.ts'
import { defaultOf } from '../../../engine/schema/layout.ts'

export type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }

export function messageJson(message: Message<Fields>, version: number, value: unknown): Json {
  return structJson(message.fields, version, value)
}

/** Compact text, with 64-bit numbers in full. */
export function jsonText(value: Json): string {
  if (typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(jsonText).join(',')}]`
  const members = Object.entries(value).map(([key, member]) => `"${key}":${jsonText(member)}`)
  return `{${members.join(',')}}`
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value)
}

function structJson(fields: Fields, version: number, value: unknown): Json {
  const members = (value ?? {}) as Readonly<Record<string, unknown>>
  const json: Record<string, Json> = {}
  for (const [name, { spec }] of Object.entries(fields)) {
    if (version < spec.since || version > spec.until) continue
    const member = members[name]
    if (spec.tag >= 0 && isDefault(spec, member)) continue
    json[name] = valueJson(spec, version, member)
  }
  return json
}

function valueJson(spec: FieldSpec, version: number, value: unknown): Json {
  if (value === null || value === undefined) return null
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (spec.kind === 'struct') return structJson(spec.fields ?? {}, version, value)
  if (spec.kind === 'array' && Array.isArray(value)) {
    const { element } = spec
    return value.map((item: unknown) =>
      element === null ? null : valueJson(element, version, item),
    )
  }
  return value as Json
}

const ZERO_UUID = 'A'.repeat(22)

function isDefault(spec: FieldSpec, value: unknown): boolean {
  const expected = defaultOf(spec)
  if (expected !== undefined) return sameNumber(value, expected)
  if (value === null || spec.kind === 'struct') return false
  if (spec.kind === 'uuid') return value === ZERO_UUID
  if (spec.kind === 'array' || spec.kind === 'bytes' || spec.kind === 'string')
    return (value as { length: number }).length === 0
  return sameNumber(value, 0) || value === false
}

function sameNumber(value: unknown, expected: DefaultValue): boolean {
  return typeof value === 'bigint' ? value === BigInt(Number(expected ?? 0)) : value === expected
}

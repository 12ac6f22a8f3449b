/**
 * A message's table resolved for one version: which fields are there, which may be null, what the
 * defaults are, and how few bytes a struct can take. The generators and tools/schema-diff.ts read
 * tables only through this.
 */
import { assert } from '../base/assert.ts'
import { ZERO_UUID } from '../base/random.ts'
import type { DefaultValue, FieldSpec, Fields, Kind, Message } from './fields.ts'
import { FIXED_BYTES } from './fixed.ts'

/** One field in one version. */
export interface FieldLayout {
  readonly name: string
  readonly spec: FieldSpec
  /** False: not on the wire in this version, decoded as its default. */
  readonly present: boolean
  readonly nullable: boolean
  /** Of a struct, or of the structs in an array; null for every other field. */
  readonly struct: StructLayout | null
  /** undefined for structs, arrays and bytes that are not null by default: those are empty then. */
  readonly defaultValue: DefaultValue | undefined
}

export interface StructLayout {
  /** Unique in its message: the field names on the way to it, joined by underscores. */
  readonly name: string
  readonly flexible: boolean
  /** Every field of the table, absent ones too, in table order. */
  readonly fields: readonly FieldLayout[]
  /** Fields in their places, in wire order. */
  readonly plain: readonly FieldLayout[]
  /** Fields of the tag section, by tag. */
  readonly tagged: readonly FieldLayout[]
  readonly bytesMin: number
}

export interface MessageLayout {
  readonly name: string
  readonly version: number
  readonly root: StructLayout
}

export function layoutOf(message: Message, version: number): MessageLayout {
  assert(
    Number.isInteger(version) && message.minVersion <= version && version <= message.maxVersion,
    `${message.name} has no version ${version}`,
  )
  const flexible = version >= message.flexibleSince
  return {
    name: message.name,
    version,
    root: structLayout(message.name, message.fields, version, flexible),
  }
}

function structLayout(
  name: string,
  table: Fields,
  version: number,
  flexible: boolean,
): StructLayout {
  const fields = Object.entries(table).map(([key, field]) =>
    fieldLayout(name, key, field.spec, version, flexible),
  )
  const present = fields.filter((field) => field.present)
  const plain = present.filter((field) => field.spec.tag === -1)
  const tagged = present
    .filter((field) => field.spec.tag !== -1)
    .sort((a, b) => a.spec.tag - b.spec.tag)
  assert(flexible || tagged.length === 0, `${name} has tags in version ${version}`)
  assert(new Set(tagged.map((field) => field.spec.tag)).size === tagged.length, `tags of ${name}`)
  const bytesMin = plain.reduce((sum, field) => sum + fieldBytesMin(field, flexible), 0)
  return { name, flexible, fields, plain, tagged, bytesMin: bytesMin + (flexible ? 1 : 0) }
}

function fieldLayout(
  parent: string,
  name: string,
  spec: FieldSpec,
  version: number,
  flexible: boolean,
): FieldLayout {
  const mayBeNull = spec.nullableSince !== Number.POSITIVE_INFINITY
  assert(!mayBeNull || NULLABLE.has(spec.kind), `${parent}.${name}: ${spec.kind} cannot be null`)
  const structFields = spec.fields ?? spec.element?.fields ?? null
  return {
    name,
    spec,
    present: spec.since <= version && version <= spec.until,
    nullable: spec.nullableSince <= version,
    struct:
      structFields === null
        ? null
        : structLayout(`${parent}_${name}`, structFields, version, flexible),
    defaultValue: defaultOf(spec),
  }
}

const NULLABLE: ReadonlySet<Kind> = new Set(['string', 'bytes', 'records', 'array', 'struct'])

/** The default of a field, whatever the version. */
export function defaultOf(spec: FieldSpec): DefaultValue | undefined {
  if (spec.defaultValue !== undefined) return spec.defaultValue
  if (spec.nullableSince <= spec.since) return null
  switch (spec.kind) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'uuid':
      return ZERO_UUID
    case 'bigint64':
      return 0n
    case 'bytes':
    case 'records':
    case 'struct':
    case 'array':
      return undefined
    default:
      return 0
  }
}

/** A field on its own, or neighbours of fixed width that are checked as one. */
export interface Run {
  readonly fields: readonly FieldLayout[]
  /** 0 for a field on its own. */
  readonly bytes: number
}

/** A struct's plain fields, in order, with those of fixed width gathered. */
export function runsOf(struct: StructLayout): Run[] {
  const runs: { fields: FieldLayout[]; bytes: number }[] = []
  for (const field of struct.plain) {
    const size = FIXED_BYTES[field.spec.kind] ?? 0
    const last = runs.at(-1)
    if (size > 0 && last !== undefined && last.bytes > 0) {
      last.fields.push(field)
      last.bytes += size
    } else runs.push({ fields: [field], bytes: size })
  }
  return runs
}

/** Fewest bytes one element of an array can take. */
export function elementBytesMin(field: FieldLayout, flexible: boolean): number {
  if (field.struct !== null) return field.struct.bytesMin
  return kindBytesMin(field.spec.element?.kind ?? 'array', flexible)
}

function fieldBytesMin(field: FieldLayout, flexible: boolean): number {
  if (field.spec.kind === 'struct') return field.nullable ? 1 : (field.struct?.bytesMin ?? 0)
  return kindBytesMin(field.spec.kind, flexible)
}

function kindBytesMin(kind: FieldSpec['kind'], flexible: boolean): number {
  switch (kind) {
    case 'string':
      return flexible ? 1 : 2
    case 'bytes':
    case 'records':
    case 'array':
      return flexible ? 1 : 4
    case 'struct':
      return 1
    case 'uuid':
      return 16
    case 'bigint64':
    case 'float64':
      return 8
    default:
      return FIXED_BYTES[kind] ?? 1
  }
}

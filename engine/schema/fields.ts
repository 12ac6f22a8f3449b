/**
 * The words in which messages are declared: one table per message, in wire order, and the types
 * follow from it. Used for Kafka's protocol (engine/protocol), for the records of internal topics
 * and for messages between threads. A table says names, kinds, versions, nullability, tags and
 * defaults; layout.ts resolves it for one version, codec.ts compiles it.
 *
 * The form is that of Kafka's message JSON (org.apache.kafka.message.FieldSpec), with two
 * differences that never reach the wire: a field that may be null in all its versions is null by
 * default, and versions below the message's first one are not spoken of.
 */
import { assert, broken } from '../base/assert.ts'
import type { Decoder, Encoder } from './codec.ts'

export type Kind =
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'bigint64'
  | 'float64'
  | 'bool'
  | 'string'
  | 'uuid'
  | 'bytes'
  | 'records'
  | 'struct'
  | 'array'

export type DefaultValue = number | bigint | string | boolean | null

/** A field as data: what the modifiers have collected. Versions are inclusive on both ends. */
export interface FieldSpec {
  readonly kind: Kind
  /** Members of a struct; null for every other kind. */
  readonly fields: Fields | null
  /** Element of an array; null for every other kind. Only kind and fields of it count. */
  readonly element: FieldSpec | null
  readonly since: number
  readonly until: number
  /** First version in which null is allowed; Infinity: never. */
  readonly nullableSince: number
  /** Number in the tag section, or -1 for a field in its place in the struct. */
  readonly tag: number
  /** undefined: null if always nullable, else zero, false, empty or an all-default struct. */
  readonly defaultValue: DefaultValue | undefined
  /** Versions that lack it drop it silently; otherwise anything but the default asserts. */
  readonly ignorable: boolean
}

/**
 * One declared field. `T` is what decoding gives; `I` what encoding takes; `R` whether encoding
 * insists on it (present in every version, never null, no default of its own).
 */
export interface Field<T, I = T, R extends boolean = boolean> {
  readonly spec: FieldSpec
  /** Types only, never set. */
  readonly decoded?: T
  readonly input?: I
  readonly required?: R
  /** May be null, from `sinceVersion` on. Nullable from its first version on, its default is null. */
  nullable<V extends number | undefined = undefined>(
    sinceVersion?: V,
  ): Field<T | null, I | null, V extends number ? R : false>
  /** First version that has the field. */
  since(version: number): Field<T, I, false>
  /** Last version that has the field. */
  until(version: number): Field<T, I, false>
  /** Travels in the tag section under this number, and only when it differs from its default. */
  tag(number: number, sinceVersion?: number): Field<T, I, false>
  default(value: Extract<T, DefaultValue>): Field<T, I, false>
  ignorable(): Field<T, I, R>
}

export type Fields = { readonly [name: string]: Field<unknown> }

type Flat<T> = { [K in keyof T]: T[K] }

/**
 * What decoding a struct gives: every field, absent ones at their default. Read-only, since structs
 * that were absent are shared.
 */
export type Decoded<F extends Fields> = {
  readonly [K in keyof F]: Exclude<F[K]['decoded'], undefined>
}

type RequiredNames<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<unknown, unknown, true> ? K : never
}[keyof F]

/** What encoding a struct takes: fields that have a default may be left out. */
export type Input<F extends Fields> = Flat<
  { readonly [K in RequiredNames<F>]: Exclude<F[K]['input'], undefined> } & {
    readonly [K in Exclude<keyof F, RequiredNames<F>>]?: F[K]['input']
  }
>

export interface Message<F extends Fields = Fields> {
  /** Kafka's API key (record type for records of internal topics), or NO_API_KEY. */
  readonly apiKey: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** First version with compact lengths and tag sections; Infinity: none. */
  readonly flexibleSince: number
  readonly fields: F
  /** Compiled on first use, by version; codec.ts alone fills them. */
  readonly encoders: (Encoder<unknown> | undefined)[]
  readonly decoders: (Decoder<unknown> | undefined)[]
}

/** A message of which only the outside is known: it decodes to an object, and encodes one. */
export type AnyMessage = Message

/** The decoded form of a message: `type ProduceRequest = Infer<typeof ProduceRequest>`. */
export type Infer<M extends Message> = string extends keyof M['fields']
  ? Readonly<Record<string, unknown>>
  : Flat<Decoded<M['fields']>>

/** What may be encoded as a message: fields that have a default may be left out. */
export type InferInput<M extends Message> = string extends keyof M['fields']
  ? object
  : Input<M['fields']>

/**
 * A decoded type with every field optional, all the way down: for code that is generic over decoded
 * types (`Handler<ProduceRequest, ProduceResponse>`). Where the message is at hand InferInput says more.
 */
export type Loose<T> = T extends Buffer | string | number | bigint | boolean | null | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly Loose<E>[]
    : { readonly [K in keyof T]?: Loose<T[K]> | undefined }

/**
 * Kafka's Long.MAX_VALUE, as near as a number comes. A default that stands for "none"; it never
 * travels, since the default of a tagged field is left out.
 */
export const INT64_MAX = 2 ** 63

/** For messages that are not requests: embedded blobs, headers, messages between threads. */
export const NO_API_KEY = -1

export function message<const F extends Fields>(
  apiKey: number,
  name: string,
  range: {
    readonly versions: readonly [min: number, max: number]
    readonly flexible: number | null
  },
  fields: F,
): Message<F> {
  const [minVersion, maxVersion] = range.versions
  assert(isName(name), `message name ${name}`)
  assert(0 <= minVersion && minVersion <= maxVersion, `versions of ${name}`)
  checkNames(fields)
  return {
    apiKey,
    name,
    minVersion,
    maxVersion,
    flexibleSince: range.flexible ?? Number.POSITIVE_INFINITY,
    fields,
    encoders: [],
    decoders: [],
  }
}

/** Names become identifiers in generated code, so nothing but letters and digits passes. */
export function isName(name: string): boolean {
  return NAME.test(name)
}

const NAME = /^[A-Za-z][A-Za-z0-9]*$/

function checkNames(fields: Fields): void {
  for (const name of Object.keys(fields)) if (!isName(name)) broken(`field name ${name}`)
}

const PLAIN = {
  fields: null,
  element: null,
  since: 0,
  until: Number.POSITIVE_INFINITY,
  nullableSince: Number.POSITIVE_INFINITY,
  tag: -1,
  defaultValue: undefined,
  ignorable: false,
} as const

/** A class, as a program has thousands of fields: six functions of its own for each took 0.6 KB. */
class Declared {
  readonly spec: FieldSpec

  constructor(spec: FieldSpec) {
    this.spec = spec
  }

  nullable(sinceVersion = 0): Declared {
    return new Declared({ ...this.spec, nullableSince: sinceVersion })
  }

  since(version: number): Declared {
    return new Declared({ ...this.spec, since: version })
  }

  until(version: number): Declared {
    return new Declared({ ...this.spec, until: version })
  }

  tag(number: number, sinceVersion: number = this.spec.since): Declared {
    return new Declared({ ...this.spec, tag: number, since: sinceVersion })
  }

  default(value: DefaultValue): Declared {
    return new Declared({ ...this.spec, defaultValue: value })
  }

  ignorable(): Declared {
    return new Declared({ ...this.spec, ignorable: true })
  }
}

export const int8 = plain<number>('int8')
export const int16 = plain<number>('int16')
export const uint16 = plain<number>('uint16')
export const int32 = plain<number>('int32')
export const uint32 = plain<number>('uint32')
/** 64 bits on the wire, a safe integer in the house: others are MalformedRequest. */
export const int64 = plain<number>('int64')
/** 64 bits in full, for values that are hashes rather than quantities. */
export const bigint64 = plain<bigint>('bigint64')
export const float64 = plain<number>('float64')
export const bool = plain<boolean>('bool')
/** At most 32,767 bytes of UTF-8. */
export const string = plain<string>('string')
/** 16 bytes on the wire, Kafka's 22 characters of base64url in the house. */
export const uuid = plain<string>('uuid')
/** A view into the frame, not a copy: valid as long as the frame's memory is. */
export const bytes = plain<Buffer>('bytes')
/** Record batches, as `bytes`: looked into by engine/record only. */
export const records = plain<Buffer>('records')

export function struct<const F extends Fields>(
  fields: F,
): Field<Flat<Decoded<F>>, Input<F> | Flat<Decoded<F>>, true> {
  checkNames(fields)
  return build({ ...PLAIN, kind: 'struct', fields })
}

export function array<T, I, R extends boolean>(
  element: Field<T, I, R>,
): Field<T[], readonly I[], true> {
  assert(element.spec.kind !== 'array', 'no arrays of arrays in this protocol')
  return build({ ...PLAIN, kind: 'array', element: element.spec })
}

/** An array of structs. */
export function structs<const F extends Fields>(
  fields: F,
): Field<Flat<Decoded<F>>[], readonly (Input<F> | Flat<Decoded<F>>)[], true> {
  return array(struct(fields))
}

function plain<T>(kind: Kind): Field<T, T, true> {
  return build<T, T, true>({ ...PLAIN, kind })
}

function build<T, I, R extends boolean>(spec: FieldSpec): Field<T, I, R> {
  const declared: object = new Declared(spec)
  return declared as Field<T, I, R>
}

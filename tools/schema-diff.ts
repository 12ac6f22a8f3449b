/**
 * Compares our message tables with Kafka's own message JSON, field by field and version by version:
 * `npx tsx tools/schema-diff.ts [folder]`, by default the tables of Kafka 4.2 in test/golden/messages.
 * Prints what differs and exits 1 when anything does. For a newer Kafka, point it at its files.
 *
 * Compared: versions, first flexible version, and for every version the fields in wire order with
 * type, nullability, tag, default and ignorable. Not compared: names of structs, map keys, entity
 * types, and the default of a nullable field for which Kafka names none (ours is null, Kafka's is
 * empty; neither reaches the wire).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../engine/protocol/consumer-protocol.ts'
import { apis } from '../engine/protocol/index.ts'
import type { AnyMessage } from '../engine/schema/fields.ts'
import { type FieldLayout, layoutOf, type StructLayout } from '../engine/schema/layout.ts'

interface KafkaField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly ignorable?: boolean
  readonly fields?: readonly KafkaField[]
}

interface KafkaMessage {
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: readonly KafkaField[]
  readonly commonStructs?: readonly { readonly name: string; readonly fields: KafkaField[] }[]
}

interface IndexEntry {
  readonly apiKey: number
  readonly name: string
  readonly file?: string
  readonly advertised?: string
}

/** Every difference as a line; empty when all tables agree with the JSON in `folder`. */
export function schemaDifferences(folder: string): string[] {
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(folder, file), 'utf8')) as T
  const differences: string[] = []
  const expected = new Set<number>()
  for (const entry of read<IndexEntry[]>('index.json')) {
    const { apiKey, name, file, advertised } = entry
    if (file === undefined || advertised === undefined || advertised === 'none') continue
    expected.add(apiKey)
    const api = apis.get(apiKey)
    if (api === undefined || api.name !== name) {
      differences.push(`API ${apiKey} is ${name} in Kafka and ${api?.name ?? 'missing'} here`)
      continue
    }
    const json = read<{ request: KafkaMessage; response: KafkaMessage }>(file)
    differences.push(...compareMessage(api.request, json.request, advertised))
    differences.push(...compareMessage(api.response, json.response, advertised))
  }
  for (const { apiKey, name } of apis.values())
    if (!expected.has(apiKey)) differences.push(`API ${apiKey} ${name} is not advertised by Kafka`)
  const embedded = read<KafkaMessage[]>('embedded.json')
  for (const message of [ConsumerProtocolSubscription, ConsumerProtocolAssignment]) {
    const json = embedded.find(({ name }) => name === message.name)
    if (json === undefined) differences.push(`${message.name} is missing in Kafka`)
    else differences.push(...compareMessage(message, json, json.validVersions))
  }
  return differences
}

/** `served`: the versions Kafka advertises; a table ends there even if the JSON goes on (unstable). */
function compareMessage(message: AnyMessage, json: KafkaMessage, served: string): string[] {
  const { name } = message
  const valid = rangeOf(json.validVersions)
  const min = Math.max(valid.min, rangeOf(served).min)
  const max = Math.min(valid.max, rangeOf(served).max)
  const differences: string[] = []
  if (name !== json.name) differences.push(`${name} is called ${json.name} in Kafka`)
  if (message.minVersion !== min || message.maxVersion !== max)
    return [
      ...differences,
      `${name} has versions ${message.minVersion}-${message.maxVersion}, in Kafka ${min}-${max}`,
    ]
  const flexibleMin = rangeOf(json.flexibleVersions).min
  const found = new Map<string, number[]>()
  for (let version = min; version <= max; version++) {
    if (version >= message.flexibleSince !== version >= flexibleMin)
      differences.push(`${name} v${version} differs in being flexible`)
    const ours = describeStruct(layoutOf(message, version).root, '')
    const theirs = describeFields(json, json.fields, version, '')
    for (const line of oneSided(ours, theirs)) note(found, `only here: ${line}`, version)
    for (const line of oneSided(theirs, ours)) note(found, `only in Kafka: ${line}`, version)
    if (oneSided(ours, theirs).length === 0 && ours.join() !== theirs.join())
      note(found, 'the order of fields differs', version)
  }
  for (const [line, versions] of found)
    differences.push(`${name} v${versions[0]}-${versions.at(-1)} ${line}`)
  return differences
}

function note(found: Map<string, number[]>, line: string, version: number): void {
  found.set(line, [...(found.get(line) ?? []), version])
}

function oneSided(lines: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others)
  return lines.filter((line) => !known.has(line))
}

/** Our fields in one version, one line each, tagged ones in their place in the table. */
function describeStruct(struct: StructLayout, path: string): string[] {
  return struct.fields
    .filter((field) => field.present)
    .flatMap((field) => [
      describe({
        path: `${path}${field.name}`,
        type: typeName(field),
        nullable: field.nullable,
        tag: field.spec.tag,
        defaultText: field.defaultValue === undefined ? 'empty' : String(field.defaultValue),
        ignorable: field.spec.ignorable,
      }),
      ...(field.struct === null ? [] : describeStruct(field.struct, `${path}${field.name}.`)),
    ])
}

function typeName({ spec }: FieldLayout): string {
  return spec.element === null ? spec.kind : `[]${spec.element.kind}`
}

/** Kafka's fields in one version, in the same form. */
function describeFields(
  message: KafkaMessage,
  fields: readonly KafkaField[],
  version: number,
  path: string,
): string[] {
  return fields
    .filter((field) => inRange(field.versions, version))
    .flatMap((field) => {
      const name = field.name.charAt(0).toLowerCase() + field.name.slice(1)
      const element = field.type.replace('[]', '')
      const isStruct = /^[A-Z]/.test(element)
      const members =
        field.fields ?? message.commonStructs?.find((each) => each.name === element)?.fields
      const line = describe({
        path: `${path}${name}`,
        type: isStruct ? field.type.replace(element, 'struct') : field.type,
        nullable: inRange(field.nullableVersions ?? 'none', version),
        tag: field.tag ?? -1,
        defaultText: defaultText(field),
        ignorable: field.ignorable ?? false,
      })
      return isStruct
        ? [line, ...describeFields(message, members ?? [], version, `${path}${name}.`)]
        : [line]
    })
}

function describe(field: {
  path: string
  type: string
  nullable: boolean
  tag: number
  defaultText: string
  ignorable: boolean
}): string {
  const { path, type, nullable, tag, defaultText, ignorable } = field
  return [
    `${path} ${type}`,
    nullable ? 'nullable' : '',
    tag === -1 ? '' : `tag ${tag}`,
    `default ${defaultText === '' ? 'empty' : defaultText}`,
    ignorable ? 'ignorable' : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}

/** Kafka's default as ours prints; unnamed, it is null for a field that is always nullable. */
function defaultText(field: KafkaField): string {
  const { type, nullableVersions } = field
  if (field.default !== undefined) {
    const text = String(field.default)
    return /^-?(0x)?[0-9a-f]+$/i.test(text) && type !== 'string' ? String(Number(text)) : text
  }
  const nullable = rangeOf(nullableVersions ?? 'none')
  const present = rangeOf(field.versions)
  if (nullable.min <= present.min && present.max <= nullable.max) return 'null'
  if (type === 'uuid') return 'AAAAAAAAAAAAAAAAAAAAAA'
  if (type === 'bool') return 'false'
  return /^u?int|^float/.test(type) ? '0' : 'empty'
}

interface Range {
  readonly min: number
  readonly max: number
}

/** Kafka's notation: `3+`, `2-7`, `4`, `none`. */
function rangeOf(text: string): Range {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text)
  if (match === null) return { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
  const min = Number(match[1])
  if (match[2] === '+') return { min, max: Number.POSITIVE_INFINITY }
  return { min, max: match[3] === undefined ? min : Number(match[3]) }
}

function inRange(text: string, version: number): boolean {
  const { min, max } = rangeOf(text)
  return min <= version && version <= max
}

function main(): void {
  const standard = fileURLToPath(new URL('../test/golden/messages', import.meta.url))
  const differences = schemaDifferences(process.argv[2] ?? standard)
  for (const line of differences) console.log(line)
  console.log(`${apis.size} APIs compared, ${differences.length} differences`)
  if (differences.length > 0) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()

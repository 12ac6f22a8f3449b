/**
 * Text of a decoder for one message in one version: one function per struct, plain calls on a
 * Reader, one object literal at the end. Every field is in the literal, in table order, absent ones
 * at their default, so decoded structs of a message share one hidden class in every version.
 *
 * Nothing but constants of ours and names checked by `isName` gets into the text. An absent struct
 * decodes to one frozen default shared by all; absent arrays are fresh.
 */
import { assert } from '../base/assert.ts'
import { FIXED_BYTES } from './fixed.ts'
import type { FieldLayout, MessageLayout, StructLayout } from './layout.ts'
import { elementBytesMin, type Run, runsOf } from './layout.ts'

/** Body of a function taking (EMPTY_BYTES, readAt) and returning `(reader) => value`. */
export function decoderText(layout: MessageLayout): string {
  const parts: string[] = []
  structText(layout.root, parts)
  return `'use strict'\n${parts.join('\n')}\nreturn read_${layout.root.name}\n`
}

function structText(struct: StructLayout, parts: string[]): void {
  for (const field of struct.fields) {
    if (field.struct === null) continue
    if (field.present) structText(field.struct, parts)
    if (field.spec.kind === 'struct' && field.defaultValue === undefined)
      defaultText(field.struct, parts)
  }
  const lines = [`function read_${struct.name}(reader) {`]
  for (const [index, run] of runsOf(struct).entries())
    if (run.fields.length > 1) runText(run, `at${index}`, lines)
    else for (const field of run.fields) plainText(field, struct.flexible, lines)
  if (struct.flexible) tagSectionText(struct, lines)
  lines.push('  return {')
  for (const field of struct.fields)
    lines.push(`    ${field.name}: ${field.present ? `_${field.name}` : absent(field)},`)
  lines.push('  }', '}')
  parts.push(lines.join('\n'))
}

/** The shared object that stands for a struct nobody sent. */
function defaultText(struct: StructLayout, parts: string[]): void {
  for (const field of struct.fields)
    if (field.spec.kind === 'struct' && field.struct !== null && !field.present)
      assert(field.defaultValue === null, `${struct.name}.${field.name}: default within a default`)
  const members = struct.fields.map((field) => `${field.name}: ${absent(field)}`)
  parts.push(`const default_${struct.name} = Object.freeze({ ${members.join(', ')} })`)
}

/** Expression for a field that was not on the wire. */
function absent(field: FieldLayout): string {
  if (field.defaultValue !== undefined) return literal(field.defaultValue)
  switch (field.spec.kind) {
    case 'array':
      return '[]'
    case 'struct':
      return `default_${field.struct?.name}`
    default:
      return 'EMPTY_BYTES'
  }
}

/** A default as source text. */
export function literal(value: NonNullable<FieldLayout['defaultValue']> | null): string {
  if (typeof value === 'bigint') return `${value}n`
  return JSON.stringify(value)
}

/** Fields of fixed width: one check of the bytes left, then plain loads. */
function runText(run: Run, at: string, lines: string[]): void {
  lines.push(`  const ${at} = reader.advance(${run.bytes})`)
  let offset = 0
  for (const { name, spec } of run.fields) {
    lines.push(`  const _${name} = readAt.${spec.kind}(reader.view, ${at} + ${offset})`)
    offset += FIXED_BYTES[spec.kind] ?? 0
  }
}

function plainText(field: FieldLayout, flexible: boolean, lines: string[]): void {
  const name = `_${field.name}`
  if (field.spec.kind === 'array') {
    lines.push(`  let ${name} = ${field.nullable ? 'null' : '[]'}`)
    lines.push(...arrayLines(field, flexible, '  '))
  } else lines.push(`  const ${name} = ${valueText(field, flexible, false)}`)
}

/** Statements that fill the variable of an array field. */
function arrayLines(field: FieldLayout, flexible: boolean, indent: string): string[] {
  const name = `_${field.name}`
  const count = `${flexible ? 'compactCount' : 'count'}${field.nullable ? 'OrNull' : ''}`
  const call = `reader.${count}(${elementBytesMin(field, flexible)})`
  const element =
    field.struct !== null
      ? `read_${field.struct.name}(reader)`
      : `reader.${readerMethod(field.spec.element?.kind ?? 'array', flexible, false)}()`
  // Most arrays of requests have one element: a list begun with it has no room to spare.
  const fill = `${indent}  if (n > 0) for (${name} = [${element}]; n > 1; n--) ${name}.push(${element})`
  const empty = field.nullable ? [`${indent}  if (n === 0) ${name} = []`] : []
  return [`${indent}{`, `${indent}  let n = ${call}`, ...empty, fill, `${indent}}`]
}

/** Expression that reads a field other than an array. */
function valueText(field: FieldLayout, flexible: boolean, inTag: boolean): string {
  const { struct } = field
  if (field.spec.kind === 'struct' && struct !== null) {
    const call = `read_${struct.name}(reader)`
    if (!field.nullable) return call
    return `reader.${inTag ? 'taggedStructFollows' : 'structFollows'}() ? ${call} : null`
  }
  return `reader.${readerMethod(field.spec.kind, flexible, field.nullable)}()`
}

function readerMethod(kind: string, flexible: boolean, nullable: boolean): string {
  const orNull = nullable ? 'OrNull' : ''
  switch (kind) {
    case 'string':
      return `${flexible ? 'compactString' : 'string'}${orNull}`
    case 'bytes':
    case 'records':
      return `${flexible ? 'compactBytes' : 'bytes'}${orNull}`
    default:
      return kind
  }
}

function tagSectionText(struct: StructLayout, lines: string[]): void {
  if (struct.tagged.length === 0) {
    lines.push('  reader.skipTags()')
    return
  }
  for (const field of struct.tagged) lines.push(`  let _${field.name} = ${absent(field)}`)
  lines.push('  for (let tags = reader.tagCount(); tags > 0; tags--) {')
  lines.push('    const tag = reader.unsignedVarint()', '    const outer = reader.openTag()')
  lines.push('    switch (tag) {')
  for (const field of struct.tagged) taggedText(field, lines)
  lines.push('      default:', '        reader.skipRest()', '    }')
  lines.push('    reader.closeTag(outer)', '  }')
}

function taggedText(field: FieldLayout, lines: string[]): void {
  lines.push(`      case ${field.spec.tag}:`)
  if (field.spec.kind === 'array') {
    lines.push(`        _${field.name} = ${field.nullable ? 'null' : '[]'}`)
    lines.push(...arrayLines(field, true, '        '))
  } else lines.push(`        _${field.name} = ${valueText(field, true, true)}`)
  lines.push('        break')
}

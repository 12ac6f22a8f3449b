/**
 * Text of an encoder for one message in one version: one function per struct, plain calls on a
 * Writer. A field left out (undefined) is written as its default; a field the version lacks is
 * checked to be at its default unless it is ignorable, as Kafka's generated writers do. Responses are
 * exempt: what an old client cannot see, no answer to it can say, and a handler fills one form for all.
 */
import { FIXED_BYTES } from './fixed.ts'
import { literal } from './generate-decoder.ts'
import {
  type FieldLayout,
  type MessageLayout,
  type Run,
  runsOf,
  type StructLayout,
} from './layout.ts'

/** Struct names begin with their message's name. */
const RESPONSE = /^[A-Za-z]+Response(_|$)/

/** Body of a function taking (EMPTY_BYTES, writeAt, refuse) and returning `(writer, value) => void`. */
export function encoderText(layout: MessageLayout): string {
  const parts: string[] = []
  structText(layout.root, parts)
  return `'use strict'\n${parts.join('\n')}\nreturn write_${layout.root.name}\n`
}

function structText(struct: StructLayout, parts: string[]): void {
  for (const field of struct.fields) {
    if (field.struct === null) continue
    if (field.present) structText(field.struct, parts)
    if (field.spec.kind === 'struct') isDefaultText(field.struct, parts)
  }
  const lines = [`function write_${struct.name}(writer, value) {`]
  for (const field of struct.fields)
    if (!field.present && !field.spec.ignorable && !RESPONSE.test(struct.name)) {
      lines.push(`  if (!(${isDefault(field, `value.${field.name}`)}))`)
      lines.push(`    refuse('${struct.name}.${field.name} is not in this version')`)
    }
  for (const [index, run] of runsOf(struct).entries())
    if (run.fields.length > 1) runText(run, `at${index}`, lines)
    else for (const field of run.fields) plainText(struct, field, lines)
  if (struct.flexible) tagSectionText(struct, lines)
  lines.push('}')
  parts.push(lines.join('\n'))
}

/** A function telling whether every field of a struct is at its default. */
function isDefaultText(struct: StructLayout, parts: string[]): void {
  for (const field of struct.fields)
    if (field.spec.kind === 'struct' && field.struct !== null && !field.present)
      isDefaultText(field.struct, parts)
  const tests = struct.fields.map((field) => `(${isDefault(field, `value.${field.name}`)})`)
  parts.push(
    `function isDefault_${struct.name}(value) {\n  return ${tests.join(' &&\n    ') || 'true'}\n}`,
  )
}

/** Expression: true if `value` (undefined included) is the field's default. */
function isDefault(field: FieldLayout, value: string): string {
  const unset = `${value} === undefined`
  if (field.defaultValue !== undefined)
    return `${unset} || ${value} === ${literal(field.defaultValue)}`
  if (field.spec.kind === 'struct')
    return `${unset} || (${value} !== null && isDefault_${field.struct?.name}(${value}))`
  return `${unset} || (${value} !== null && ${value}.length === 0)`
}

/** Fields of fixed width: room is made once, then plain stores. */
function runText(run: Run, at: string, lines: string[]): void {
  for (const field of run.fields) fetchText(field, lines)
  lines.push(`  const ${at} = writer.claim(${run.bytes})`)
  let offset = 0
  for (const { name, spec } of run.fields) {
    lines.push(`  writeAt.${spec.kind}(writer.view, ${at} + ${offset}, _${name})`)
    offset += FIXED_BYTES[spec.kind] ?? 0
  }
}

/** Puts the field's value, or its default, into a variable. */
function fetchText(field: FieldLayout, lines: string[]): void {
  lines.push(`  let _${field.name} = value.${field.name}`)
  if (field.defaultValue !== undefined && (field.defaultValue !== null || field.nullable))
    lines.push(
      `  if (_${field.name} === undefined) _${field.name} = ${literal(field.defaultValue)}`,
    )
}

function plainText(struct: StructLayout, field: FieldLayout, lines: string[]): void {
  fetchText(field, lines)
  lines.push(...valueLines(struct, field, `_${field.name}`, false, '  '))
}

/** Statements that write the value in variable `name`. */
function valueLines(
  struct: StructLayout,
  field: FieldLayout,
  name: string,
  inTag: boolean,
  indent: string,
): string[] {
  const { kind } = field.spec
  const refuse = `${indent}if (${name} === null) refuse('${struct.name}.${field.name} is null')`
  if (kind === 'array') return arrayLines(struct, field, name, indent)
  if (kind === 'struct') return structLines(struct, field, name, inTag, indent)
  const isBytes = kind === 'bytes' || kind === 'records'
  const guards: string[] = []
  if (isBytes && field.defaultValue === undefined)
    guards.push(`${indent}if (${name} === undefined) ${name} = EMPTY_BYTES`)
  if ((isBytes || kind === 'string') && !field.nullable) guards.push(refuse)
  const method = writerMethod(kind, struct.flexible, field.nullable)
  return [...guards, `${indent}writer.${method}(${name})`]
}

function structLines(
  struct: StructLayout,
  field: FieldLayout,
  name: string,
  inTag: boolean,
  indent: string,
): string[] {
  const write = `write_${field.struct?.name}(writer, ${name})`
  const fill = `${indent}if (${name} === undefined) ${name} = {}`
  if (!field.nullable)
    return [
      fill,
      `${indent}if (${name} === null) refuse('${struct.name}.${field.name} is null')`,
      `${indent}${write}`,
    ]
  const absent = inTag ? 0 : -1
  const guard = field.defaultValue === null ? [] : [fill]
  return [
    ...guard,
    `${indent}if (${name} === null) writer.int8(${absent})`,
    `${indent}else {`,
    `${indent}  writer.int8(1)`,
    `${indent}  ${write}`,
    `${indent}}`,
  ]
}

function arrayLines(
  struct: StructLayout,
  field: FieldLayout,
  name: string,
  indent: string,
): string[] {
  const { flexible } = struct
  const count = (length: string): string =>
    flexible ? `writer.unsignedVarint(${length} + 1)` : `writer.int32(${length})`
  const element =
    field.struct !== null
      ? `write_${field.struct.name}(writer, ${name}[i])`
      : `writer.${writerMethod(field.spec.element?.kind ?? 'array', flexible, false)}(${name}[i])`
  const whenNull = field.nullable ? count('-1') : `refuse('${struct.name}.${field.name} is null')`
  return [
    `${indent}if (${name} === null) ${whenNull}`,
    `${indent}else if (${name} === undefined) ${count('0')}`,
    `${indent}else {`,
    `${indent}  ${count(`${name}.length`)}`,
    `${indent}  for (let i = 0; i < ${name}.length; i++) ${element}`,
    `${indent}}`,
  ]
}

function writerMethod(kind: string, flexible: boolean, nullable: boolean): string {
  const orNull = nullable ? 'OrNull' : ''
  switch (kind) {
    case 'string':
      return `${flexible ? 'compactString' : 'string'}${orNull}`
    case 'bytes':
    case 'records':
      return `${flexible ? 'compactBytesField' : 'bytesField'}${orNull}`
    default:
      return kind
  }
}

function tagSectionText(struct: StructLayout, lines: string[]): void {
  if (struct.tagged.length === 0) {
    lines.push('  writer.unsignedVarint(0)')
    return
  }
  for (const field of struct.tagged) {
    lines.push(`  const _${field.name} = value.${field.name}`)
    lines.push(`  const has_${field.name} = !(${isDefault(field, `_${field.name}`)})`)
  }
  const count = struct.tagged.map((field) => `(has_${field.name} ? 1 : 0)`).join(' + ')
  lines.push(`  writer.unsignedVarint(${count})`)
  for (const field of struct.tagged) {
    lines.push(`  if (has_${field.name}) {`)
    lines.push(`    const mark = writer.openTag(${field.spec.tag})`)
    lines.push(...valueLines(struct, field, `_${field.name}`, true, '    '))
    lines.push('    writer.closeTag(mark)', '  }')
  }
}

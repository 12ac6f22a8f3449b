/**
 * Values as YAML 1.2, block style: strings that could be read as anything else stand in double quotes,
 * as JSON writes them, which YAML reads the same.
 */
import type { Cell } from './render.ts'

/** A document: mapping, list or scalar, with its line end. */
export function yamlOf(value: Cell): string {
  return `${block(value, '').replace(/^\n/, '')}\n`
}

/** Items of a list, to be written one after the other. */
export function yamlList(values: readonly Cell[]): string {
  return values.map((value) => `${item(value, '')}\n`).join('')
}

/** What stands behind a key: on its line, or on lines of its own with a line break before. */
function block(value: Cell, indent: string): string {
  if (value === null || typeof value !== 'object') return scalar(value)
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    return value.map((one: Cell) => `\n${item(one, indent)}`).join('')
  }
  const entries = Object.entries(value)
  if (entries.length === 0) return '{}'
  return entries.map(([key, one]) => `\n${indent}${pair(key, one, indent)}`).join('')
}

function pair(key: string, value: Cell, indent: string): string {
  const text = block(value, Array.isArray(value) ? indent : `${indent}  `)
  return `${scalar(key)}:${text.startsWith('\n') ? '' : ' '}${text}`
}

function item(value: Cell, indent: string): string {
  const text = block(value, `${indent}  `)
  // The first key of a mapping stands behind the dash.
  return `${indent}- ${text.startsWith('\n') ? text.slice(1 + indent.length + 2) : text}`
}

const PLAIN = /^[A-Za-z_/][\w./-]*$/
const OTHER_MEANING = /^(true|false|null|yes|no|on|off|y|n)$/i

function scalar(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value)
  return PLAIN.test(value) && !OTHER_MEANING.test(value) ? value : JSON.stringify(value)
}

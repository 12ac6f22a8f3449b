/**
 * The one renderer behind `--format text|wide|json|jsonl|yaml`. Commands hand over rows with named
 * columns (or one object) and never print data themselves; stdout gets data only, stderr everything
 * else. What has no end, as records that are consumed, is a line per object under `json` too.
 *
 * text   a table: header line, two blanks between columns, numbers right-aligned
 * wide   the same with the columns that would make it too wide for most
 * json   one array (or object), indented
 * jsonl  one object per line, as soon as it is known
 * yaml   one list (or mapping)
 */
import type { Writable } from 'node:stream'
import type { Command } from 'commander'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'
import { yamlList, yamlOf } from './yaml.ts'

export const FORMATS = ['text', 'wide', 'json', 'jsonl', 'yaml'] as const
export type Format = (typeof FORMATS)[number]

export type Cell =
  | string
  | number
  | boolean
  | null
  | readonly Cell[]
  | { readonly [key: string]: Cell }
export type Row = { readonly [column: string]: Cell }

export interface Column {
  /** Key in the row and name in json. */
  readonly key: string
  /** Head in text form; the upper-cased key when absent. */
  readonly head?: string
  /** Not shown as `text`. */
  readonly wide?: boolean
}

export interface FormatFlags {
  readonly format: string
  readonly header: boolean
}

/** The flags of every command that prints data. */
export function addFormatFlags(command: Command): Command {
  return command
    .option('--format <format>', FORMATS.join(', ').replace(/, (\w+)$/, ' or $1'), 'text')
    .option('--no-header', 'leave out the head line of tables')
}

export function rendererFor(flags: FormatFlags, io: CommandIo): Renderer {
  return new Renderer(io.stdout, parseFormat(flags.format), flags.header)
}

export function parseFormat(text: string): Format {
  const format = FORMATS.find((candidate) => candidate === text)
  if (format !== undefined) return format
  throw new CommandFailure(
    ExitCode.usage,
    `unknown format '${text}'`,
    null,
    `use one of ${FORMATS.join(', ')}`,
  )
}

export class Renderer {
  private readonly output: Writable
  readonly format: Format
  private readonly header: boolean

  constructor(output: Writable, format: Format, header = true) {
    this.output = output
    this.format = format
    this.header = header
  }

  /** Text in columns; a program reads the other formats. */
  get forPeople(): boolean {
    return this.format === 'text' || this.format === 'wide'
  }

  /** Prints a finished list. */
  table(columns: readonly Column[], rows: readonly Row[]): void {
    if (this.forPeople) this.write(textTable(this.shown(columns), rows, this.header))
    else this.data(rows)
  }

  /** Prints one thing: its fields a line each in text form. */
  item(columns: readonly Column[], row: Row): void {
    if (!this.forPeople) {
      this.data(row)
      return
    }
    const shown = this.shown(columns)
    const width = Math.max(...shown.map((column) => headOf(column).length))
    for (const column of shown)
      this.write(`${headOf(column).padEnd(width)}  ${textOf(row[column.key] ?? null)}\n`)
  }

  /** What a change did: data for programs; in text form stderr has told it already. */
  outcome(result: Row | readonly Row[]): void {
    if (!this.forPeople) this.data(result)
  }

  /** Prints some of many as soon as they are known: a line each, also under `json`. */
  streamed(rows: readonly Row[]): void {
    if (this.format === 'yaml') this.write(rows.length === 0 ? '' : yamlList(rows))
    else this.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  }

  private data(value: Row | readonly Row[]): void {
    if (this.format === 'jsonl') this.streamed([value].flat() as Row[])
    else if (this.format === 'yaml') this.write(yamlOf(value))
    else this.write(`${JSON.stringify(value, null, 2)}\n`)
  }

  private shown(columns: readonly Column[]): readonly Column[] {
    return columns.filter(({ wide }) => wide !== true || this.format === 'wide')
  }

  /** Text form only: content as the bytes it is. */
  raw(bytes: Buffer): void {
    this.output.write(bytes)
  }

  private write(text: string): void {
    if (text !== '') this.output.write(text)
  }
}

function headOf(column: Column): string {
  return column.head ?? column.key.toUpperCase()
}

function textOf(cell: Cell): string {
  if (cell === null) return '-'
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell)
  if (Array.isArray(cell)) return cell.map((element) => textOf(element as Cell)).join(',')
  return JSON.stringify(cell)
}

function textTable(columns: readonly Column[], rows: readonly Row[], header: boolean): string {
  const cells = rows.map((row) => columns.map((column) => textOf(row[column.key] ?? null)))
  const heads = columns.map(headOf)
  const widths = heads.map((head, at) =>
    cells.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), header ? head.length : 0),
  )
  const numeric = columns.map(
    (column) => rows.length > 0 && rows.every((row) => typeof row[column.key] === 'number'),
  )
  const lineOf = (row: readonly string[]): string =>
    row
      .map((text, at) =>
        numeric[at] === true ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd()
  const lines = cells.map(lineOf)
  if (header) lines.unshift(lineOf(heads))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

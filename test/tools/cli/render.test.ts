/** The one renderer: text for people, json and jsonl for programs. */
import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type Format, parseFormat, Renderer } from '../../../tools/cli/render.ts'

function rendered(format: Format, print: (renderer: Renderer) => void, header = true): string {
  let text = ''
  const output = new Writable({
    write(piece, _encoding, done) {
      text += String(piece)
      done()
    },
  })
  print(new Renderer(output, format, header))
  return text
}

const COLUMNS = [{ key: 'name' }, { key: 'count' }, { key: 'nodes', head: 'ISR' }]
const ROWS = [
  { name: 'orders', count: 3, nodes: [1, 2] },
  { name: 'a', count: 120, nodes: null },
]

describe('the renderer', () => {
  it('prints a table with aligned columns, numbers to the right', () => {
    expect(rendered('text', (r) => r.table(COLUMNS, ROWS))).toBe(
      ['NAME    COUNT  ISR', 'orders      3  1,2', 'a         120  -', ''].join('\n'),
    )
  })

  it('leaves out the head line when asked, and prints nothing for no rows then', () => {
    expect(rendered('text', (r) => r.table(COLUMNS, ROWS), false)).toBe(
      ['orders    3  1,2', 'a       120  -', ''].join('\n'),
    )
    expect(rendered('text', (r) => r.table(COLUMNS, []), false)).toBe('')
    expect(rendered('text', (r) => r.table(COLUMNS, []))).toBe('NAME  COUNT  ISR\n')
  })

  it('prints the same rows as one json list, or as a line each', () => {
    const print = (r: Renderer): void => r.table(COLUMNS, ROWS)
    expect(JSON.parse(rendered('json', print))).toEqual(ROWS)
    const lines = rendered('jsonl', print).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(ROWS)
    expect(JSON.parse(rendered('json', (r) => r.table(COLUMNS, [])))).toEqual([])
    expect(rendered('jsonl', (r) => r.table(COLUMNS, []))).toBe('')
  })

  it('prints an item by its fields', () => {
    const print = (r: Renderer): void => r.item(COLUMNS, ROWS[0] ?? {})
    expect(rendered('text', print)).toBe('NAME   orders\nCOUNT  3\nISR    1,2\n')
    expect(JSON.parse(rendered('json', print))).toEqual(ROWS[0])
    expect(JSON.parse(rendered('jsonl', print))).toEqual(ROWS[0])
  })

  it('prints what a change did to programs only', () => {
    const print = (r: Renderer): void => r.outcome([{ name: 'a', deleted: true }])
    expect(rendered('text', print)).toBe('')
    expect(JSON.parse(rendered('json', print))).toEqual([{ name: 'a', deleted: true }])
    expect(JSON.parse(rendered('jsonl', print))).toEqual({ name: 'a', deleted: true })
  })

  it('prints a table of very many rows', () => {
    const rows = Array.from({ length: 200_000 }, (_, at) => ({ name: `t${at}` }))
    expect(rendered('text', (r) => r.table([{ key: 'name' }], rows)).length).toBeGreaterThan(1e6)
  })

  it('knows its formats by name', () => {
    expect(parseFormat('jsonl')).toBe('jsonl')
    expect(() => parseFormat('xml')).toThrow(/unknown format 'xml'/)
  })
})

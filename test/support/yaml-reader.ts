/**
 * Reads the YAML that a machine writes: block mappings and lists by two blanks, scalars plain, as
 * numbers, or in double quotes; throws on anything else. Written from YAML's own rules (a plain
 * `null` is null, `yes` is what 1.1 readers would take for true), not from our writer.
 */

interface Line {
  readonly indent: number
  readonly text: string
}

export function readYaml(source: string): unknown {
  if (!source.endsWith('\n')) throw new Error('no line end')
  const lines = source
    .slice(0, -1)
    .split('\n')
    .map((line): Line => {
      const text = line.trimStart()
      if (text === '' || line.trimEnd() !== line)
        throw new Error(`odd line ${JSON.stringify(line)}`)
      return { indent: line.length - text.length, text }
    })
  const [first] = lines
  if (first === undefined) throw new Error('empty')
  const reader = new Reader(lines)
  const value = reader.node(0)
  if (!reader.done) throw new Error(`left over: ${reader.rest()}`)
  return value
}

class Reader {
  private readonly lines: Line[]
  private at = 0

  constructor(lines: Line[]) {
    this.lines = lines
  }

  get done(): boolean {
    return this.at === this.lines.length
  }

  rest(): string {
    return this.lines[this.at]?.text ?? ''
  }

  /** The node whose lines begin at this indent. */
  node(indent: number): unknown {
    const line = this.lines[this.at]
    if (line === undefined || line.indent !== indent) throw new Error(`indent at ${this.rest()}`)
    if (line.text.startsWith('- ')) return this.list(indent)
    if (keyOf(line.text) !== null) return this.mapping(indent)
    this.at++
    return scalar(line.text)
  }

  private list(indent: number): unknown[] {
    const items: unknown[] = []
    for (;;) {
      const line = this.lines[this.at]
      if (line?.indent !== indent || !line.text.startsWith('- ')) return items
      // What stands behind the dash is a node two further in.
      this.lines[this.at] = { indent: indent + 2, text: line.text.slice(2) }
      items.push(this.node(indent + 2))
    }
  }

  private mapping(indent: number): Record<string, unknown> {
    const entries: [string, unknown][] = []
    for (;;) {
      const line = this.lines[this.at]
      const key = line?.indent === indent ? keyOf(line.text) : null
      if (line === undefined || key === null) return Object.fromEntries(entries)
      const [name, value] = key
      if (value !== '') {
        this.at++
        entries.push([name, scalar(value)])
        continue
      }
      this.at++
      const next = this.lines[this.at]
      if (next === undefined) throw new Error(`nothing behind ${name}`)
      // A list may stand at its key's own indent.
      const inner = next.indent === indent && next.text.startsWith('- ') ? indent : indent + 2
      entries.push([name, this.node(inner)])
    }
  }
}

/** The key and what follows its colon. */
function keyOf(text: string): [string, string] | null {
  const match = /^("(?:[^"\\]|\\.)*"|[\w./-]+):(?: (.*))?$/.exec(text)
  return match === null ? null : [String(scalar(match[1] ?? '')), match[2] ?? '']
}

function scalar(text: string): unknown {
  if (text === '[]') return []
  if (text === '{}') return {}
  if (text === 'null') return null
  if (text === 'true' || text === 'false') return text === 'true'
  if (text.startsWith('"')) return JSON.parse(text)
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text)
  if (/^(yes|no|on|off|y|n|~|[\d.].*)$/i.test(text)) throw new Error(`not clear: ${text}`)
  if (!/^[A-Za-z_/][\w./-]*$/.test(text)) throw new Error(`not plain: ${text}`)
  return text
}

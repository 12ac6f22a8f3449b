/** Reads a source file into what the rules look at: lines without strings and comments, imports, functions. */

export interface FunctionSpan {
  readonly name: string
  readonly line: number
  readonly lines: number
}

export interface Source {
  readonly path: string
  readonly lines: readonly string[]
  /** Lines with comments and string contents blanked, same count as `lines`. */
  readonly code: readonly string[]
  readonly imports: readonly { readonly to: string; readonly line: number }[]
}

/** Blanks comments, strings and regular expressions so that rules only see code. */
export function blank(text: string): string {
  return text.replace(NOT_CODE, (match) => match.replace(/[^\n]/g, ' '))
}

const NOT_CODE = new RegExp(
  [
    /\/\*[\s\S]*?\*\//,
    /\/\/[^\n]*/,
    /'(?:\\.|[^'\\\n])*'/,
    /"(?:\\.|[^"\\\n])*"/,
    // A regular expression, told from a division by what stands before it.
    /(?<=[(,=:[!&|?{};\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/,
  ]
    .map((part) => part.source)
    .join('|'),
  'g',
)

export function readSource(path: string, text: string): Source {
  const imports: { to: string; line: number }[] = []
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g
  for (const match of text.matchAll(pattern)) {
    const to = match[1] ?? match[2] ?? ''
    const line = text.slice(0, match.index + match[0].length).split('\n').length
    imports.push({ to: resolveImport(path, to), line })
  }
  return { path, lines: text.split('\n'), code: blank(text).split('\n'), imports }
}

/** './x.ts' seen from a/b/c.ts becomes a/b/x.ts; package names stay as they are. */
export function resolveImport(from: string, to: string): string {
  if (!to.startsWith('.')) return to
  const parts = from.split('/').slice(0, -1)
  for (const part of to.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/**
 * Functions by indentation, which the formatter guarantees: a head that ends in `{` and the first
 * later line that closes at the same indentation.
 */
export function functionsOf(source: Source): FunctionSpan[] {
  const spans: FunctionSpan[] = []
  for (let i = 0; i < source.code.length; i++) {
    const line = source.code[i] ?? ''
    const match = FUNCTION_HEAD.exec(line)
    if (match === null) continue
    const name = match[2] ?? match[3] ?? ''
    if (/^(if|for|while|switch|catch|return|describe|it|test|await|super)$/.test(name)) continue
    const open = headEnd(source.code, i)
    if (open < 0) continue
    const indent = match[1] ?? ''
    const end = source.code.findIndex(
      (candidate, at) => at > open && candidate.startsWith(`${indent}}`),
    )
    if (end > 0) spans.push({ name, line: i + 1, lines: end - i + 1 })
  }
  return spans
}

const FUNCTION_HEAD =
  /^(\s*)(?:export )?(?:async )?(?:function\*? (\w+)|(?:(?:[a-z]+ )|\*)*(#?\w+)\()/

/** Line on which the head starting at `at` opens its body, or -1 when it is a call or a signature. */
function headEnd(code: readonly string[], at: number): number {
  for (let i = at; i < Math.min(at + 20, code.length); i++) {
    const line = (code[i] ?? '').trimEnd()
    if (/[)>\w\]}'|]\s*\{$/.test(line) && !/=>\s*\{$/.test(line)) return i
    if (/[;]$|=>|\)$/.test(line) && i > at) return -1
    if (i === at && !/[({,]$/.test(line)) return -1
  }
  return -1
}

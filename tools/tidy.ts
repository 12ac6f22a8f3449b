/**
 * The rules of the house as a program: layering, sizes, names, bans, dead files. Run by `npm test`.
 * A rule that cannot be checked here is advice and belongs in CONTRIBUTING.md.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { importProblem } from './tidy/imports.ts'
import { functionsOf, readSource, type Source } from './tidy/source.ts'

const FILE_LINES_MAX = 500
const FUNCTION_LINES_MAX = 70
/** Code; the formatter keeps to it where it can. */
const COLUMNS_MAX = 100
/** Comments and lines that hold a string or a pattern, which the formatter does not break. */
const TEXT_COLUMNS_MAX = 120

/** Files that are tables: data in code, read by looking up, not by reading through. */
const TABLES = [/^engine\/protocol\//, /^engine\/base\/config-/, /^engine\/base\/errors\.ts$/]

const BANNED_NAMES = /\/(utils?|helpers?|common|types|misc)\.ts$/

interface Ban {
  readonly pattern: RegExp
  readonly where: RegExp
  readonly why: string
  /** Looked for in raw lines (comments included) instead of code. */
  readonly raw?: boolean
}

const bans: readonly Ban[] = [
  { pattern: /\bDate\.now\(|new Date\(\)/, where: /^engine\//, why: 'time is the Clock port' },
  {
    pattern: /\bMath\.random\(|\brandomUUID\(|\brandomBytes\(/,
    where: /^engine\//,
    why: 'chance is the Random port',
  },
  {
    pattern: /\bset(Timeout|Interval|Immediate)\(/,
    where: /^engine\//,
    why: 'timers are handed in',
  },
  { pattern: /\bprocess\./, where: /^engine\//, why: 'the engine knows no process' },
  { pattern: /\bperformance\.now\(/, where: /^engine\//, why: 'time is the Clock port' },
  {
    pattern: /\b(TODO|FIXME|XXX|HACK)\b/,
    where: /./,
    why: 'no leftover markers on main',
    raw: true,
  },
  { pattern: /:\s*any\b|\bas any\b|<any>/, where: /./, why: 'no any' },
  {
    pattern: /\bas unknown as\b/,
    where: /^(?!test\/)(?!engine\/schema\/codec\.ts)(?!engine\/base\/bytes\.ts)/,
    why: 'no double casts',
  },
  {
    pattern: /@ts-(ignore|expect-error|nocheck)/,
    where: /^(?!test\/)/,
    why: 'no escapes from the type checker',
    raw: true,
  },
  { pattern: /\bexport default\b/, where: /^(?!vitest\.config)/, why: 'named exports only' },
  { pattern: /^\s*(export )?(const )?enum /, where: /./, why: 'no enums: as const tables' },
  {
    pattern: /\b(it|test|describe)\.(only|todo|fails)\b/,
    where: /^test\//,
    why: 'no focused or empty tests',
  },
  {
    pattern: /catch\s*(\([^)]*\))?\s*\{\s*\}/,
    where: /^(?!test\/)/,
    why: 'a catch that swallows says why',
  },
]

function listSources(): Source[] {
  const output = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'],
    { encoding: 'utf8' },
  )
  return output
    .split('\n')
    .filter((path) => path !== '' && !path.startsWith('test/golden/') && existsSync(path))
    .map((path) => readSource(path, readFileSync(path, 'utf8')))
}

function checkFile(source: Source, report: (line: number, message: string) => void): void {
  const { path } = source
  const table = TABLES.some((pattern) => pattern.test(path))
  if (source.lines.length > FILE_LINES_MAX + 1 && !table)
    report(1, `${source.lines.length} lines; the wall is ${FILE_LINES_MAX}: split it by noun`)
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config)?\.ts$/.test(name))
    report(1, 'file names are kebab-case')
  if (BANNED_NAMES.test(`/${path}`)) report(1, 'name the noun: no utils, helpers, common, types')
  if (
    !/^(#![^\n]*\n)?(\/\*\*|\/\/)/.test(source.lines.slice(0, 2).join('\n')) &&
    !path.startsWith('test/') &&
    path !== 'vitest.config.ts'
  )
    report(1, 'a file opens with a comment that says what it is')
  source.lines.forEach((line, at) => {
    const isText = /^\s*(\*|\/\*|\/\/)|['"`]|\/\^/.test(line)
    const wall = isText ? TEXT_COLUMNS_MAX : COLUMNS_MAX
    if (line.length > wall && !/https?:|`/.test(line) && !table)
      report(at + 1, `${line.length} columns; the wall is ${wall}`)
  })
  for (const ban of bans) {
    if (!ban.where.test(path) || path === 'tools/tidy.ts') continue
    const lines = ban.raw === true ? source.lines : source.code
    lines.forEach((line, at) => {
      if (ban.pattern.test(line)) report(at + 1, ban.why)
    })
  }
  if (!table && !path.startsWith('test/'))
    for (const span of functionsOf(source))
      if (span.lines > FUNCTION_LINES_MAX)
        report(span.line, `${span.name} has ${span.lines} lines; the wall is ${FUNCTION_LINES_MAX}`)
}

function checkImports(
  sources: readonly Source[],
  report: (path: string, line: number, message: string) => void,
): void {
  const imported = new Set<string>()
  for (const source of sources)
    for (const { to, line } of source.imports) {
      imported.add(to)
      const problem = importProblem(source.path, to)
      if (problem !== null) report(source.path, line, problem)
    }
  const text =
    sources.map((source) => source.lines.join('\n')).join('\n') +
    readFileSync('package.json', 'utf8')
  for (const { path } of sources) {
    if (/^(test|bench|tools)\//.test(path) || path === 'vitest.config.ts' || imported.has(path))
      continue
    // Entries of threads and jobs are named as files, not imported.
    const stem = path.slice(path.lastIndexOf('/') + 1).replace(/\.ts$/, '')
    if (!new RegExp(`['"\`/]${stem}(\\.ts|\\.js|['"\`])`).test(text))
      report(path, 1, 'nothing refers to this file')
  }
  checkCycles(sources, report)
}

function checkCycles(
  sources: readonly Source[],
  report: (path: string, line: number, message: string) => void,
): void {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const state = new Map<string, 'open' | 'done'>()
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = state.get(path)
    if (seen === 'done') return
    if (seen === 'open') {
      report(path, 1, `import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`)
      return
    }
    state.set(path, 'open')
    for (const { to, line } of byPath.get(path)?.imports ?? []) {
      const typeOnly = /^\s*(import|export) type/.test(firstLineOfImport(byPath.get(path), line))
      if (!typeOnly && byPath.has(to)) visit(to, [...trail, path])
    }
    state.set(path, 'done')
  }
  for (const source of sources) visit(source.path, [])
}

/** The import statement that ends on `line` may span several lines: walk back to its first. */
function firstLineOfImport(source: Source | undefined, line: number): string {
  if (source === undefined) return ''
  for (let at = line - 1; at >= 0; at--) {
    const text = source.lines[at] ?? ''
    if (/^\s*(import|export)\b/.test(text)) return text
  }
  return ''
}

function main(): void {
  const sources = listSources()
  const problems: string[] = []
  for (const source of sources)
    checkFile(source, (line, message) => problems.push(`${source.path}:${line}: ${message}`))
  checkImports(sources, (path, line, message) => problems.push(`${path}:${line}: ${message}`))
  for (const problem of problems) console.error(problem)
  console.log(`tidy: ${sources.length} files, ${problems.length} problems`)
  if (problems.length > 0) process.exitCode = 1
}

main()

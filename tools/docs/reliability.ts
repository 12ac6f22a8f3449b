/** The generated parts of docs/reliability.md: what each suite counted in its last full run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../package-root.ts'
import { code, type Generated, table } from './page.ts'

/** One entry of docs/reliability-figures.json, written by the suites themselves. */
export interface SuiteFigures {
  /** Repeats the run. */
  readonly command: string
  readonly commit: string
  /** YYYY-MM-DD */
  readonly date: string
  readonly machine: string
  readonly seconds: number
  readonly counts: Readonly<Record<string, number | string>>
  readonly table?: {
    readonly columns: readonly string[]
    readonly rows: readonly (readonly string[])[]
  }
}

export const FIGURES_PATH = join(packageRoot, 'docs/reliability-figures.json')
/** The entry whose table is the page's own part. */
export const PLANTED_BUGS = 'planted bugs (T12)'

export function readFigures(): Record<string, SuiteFigures> {
  return JSON.parse(readFileSync(FIGURES_PATH, 'utf8')) as Record<string, SuiteFigures>
}

export function reliabilityPage(): Generated {
  const figures = readFigures()
  const rows = Object.entries(figures).map(([suite, run]) => [
    suite,
    Object.entries(run.counts)
      .map(([what, count]) => `${what}: ${shown(count)}`)
      .join('<br>'),
    code(run.command),
    `${run.date} at ${run.commit}, ${run.seconds} s on ${run.machine}`,
  ])
  const planted = figures[PLANTED_BUGS]?.table
  return new Map([
    ['reliability-figures', table(['Suite', 'Counted', 'Repeat it', 'Run'], rows)],
    ['planted-bugs', planted === undefined ? '' : table(planted.columns, planted.rows)],
  ])
}

function shown(count: number | string): string {
  return typeof count === 'number' ? count.toLocaleString('en-US') : count
}

/**
 * The figures of the last full run of each suite, kept in docs/reliability-figures.json and shown by
 * docs/reliability.md. A suite run with --record replaces its own entry.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { FIGURES_PATH, readFigures, type SuiteFigures } from '../../tools/docs/reliability.ts'

/** `command` repeats the run; `counts` are shown in their order. */
export function recordFigures(
  suite: string,
  run: Pick<SuiteFigures, 'command' | 'seconds' | 'counts' | 'table'>,
): void {
  const all = readFigures()
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const machine = `${availableParallelism()} cores, Node ${process.versions.node}`
  all[suite] = {
    command: run.command,
    commit,
    date: new Date().toISOString().slice(0, 10),
    machine,
    seconds: Math.round(run.seconds),
    counts: run.counts,
    ...(run.table === undefined ? {} : { table: run.table }),
  }
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(FIGURES_PATH, `${JSON.stringify(sorted, null, 2)}\n`)
}

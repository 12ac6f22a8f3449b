/**
 * docs/side-by-side.md from what comparisons have kept: the bounds and whether they are met, every
 * figure behind them, the machine, and how to repeat it.
 *
 * Run: npm run bench -- side-by-side [bench/results/side-by-side.json]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadJson } from './bench-options.ts'
import { allCells, type Cell } from './cells.ts'
import { fallbackRows, showFallback } from './fallback-verdict.ts'
import type { RoundsResult } from './rounds.ts'
import { showRounds } from './rounds-report.ts'
import { showVerdict, verdictOf } from './verdict.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGE = join(ROOT, 'docs/side-by-side.md')
const KEPT = 'bench/results/side-by-side.json'
/** Our figure first, then those it is held against, then neighbours of other protocols. */
const ORDER = [
  'sluice',
  'sluice-plain',
  'kafka',
  'kafka-256',
  'floor',
  'redis',
  'redis-always',
  'nats',
  'rabbitmq',
]

interface Kept {
  readonly peers?: readonly { readonly name: string; readonly setting: string }[]
}

export function sideBySidePage(
  result: RoundsResult,
  settings: Kept['peers'],
  kept: string,
): string {
  const cells = allCells.filter(({ name }) => result.cells.some(({ cell }) => cell === name))
  const measured = new Set([...result.cells, ...result.starts].map(({ peer }) => peer))
  const peers = ORDER.filter((name) => measured.has(name))
  const [machine] = result.machine
  const loads = result.machine.map(({ loadAverage }) => loadAverage)
  const verdict = verdictOf(result, cells)
  const counts = verdict.filter(({ bound }) => bound !== null).map(({ ratio }) => ratio.runs)
  const where =
    machine === undefined
      ? ''
      : `Machine: ${machine.processor}, ${machine.threads} threads, ${machine.memoryGib} GiB, ` +
        `${machine.platform}, Node ${machine.node}. `
  const rounds =
    `Rounds with sluice and Kafka, by cell: ${Math.min(...counts)} to ${Math.max(...counts)}` +
    `${Math.min(...counts) < ROUNDS_WANTED ? ', fewer than the five that a verdict takes' : ''}. ` +
    `Load average when rounds began: ${Math.min(...loads)} to ${Math.max(...loads)}${busy(loads)}.`
  return [
    INTRODUCTION.replace('KEPT', kept),
    where + rounds,
    `## Bounds\n\n${showVerdict(verdict)}`,
    ...fallbackSection(result, cells),
    `## Figures\n\n${NEIGHBOURS}\n\n${showRounds(result, cells, peers)}`,
    `## Settings\n\n${(settings ?? []).map(({ name, setting }) => `- ${name}: ${setting}`).join('\n')}`,
    AGAIN.replace('KEPT', kept),
    ...problemsOf(result),
    '',
  ].join('\n\n')
}

const INTRODUCTION = `# Side by side

<!-- Made by \`npm run bench -- side-by-side\` from KEPT. -->

sluice, Apache Kafka 4.2 and the floor (a C server of the same protocol that reads, checks, appends
and answers, and nothing else) on one machine, in alternated rounds of random order. Guest memory is
touched before each run, both sides are warmed up, durability is equal: answers come from the page
cache, in the cells named sync from storage. A ratio is taken within a round; the table shows its
median with the least and the most over rounds, and each bound is judged by the median. Kafka's
figure is that of the better of its two heaps.`

const NEIGHBOURS = `Redis, NATS and RabbitMQ speak other protocols and are measured by their own projects' tools:
neighbours, no ratios that count. \`-\` is what was not measured.`

const FALLBACK = `sluice with \`sluice.native.calls=false\`: plain Node.js, no sendfile, no even listening, no connections
that move to the thread they use. Kafka is the one with 1 GiB of heap.`

const AGAIN = `## Again

\`\`\`sh
npm ci && npm run build && npm run bench:compare -- --json KEPT
\`\`\`

takes under an hour for five rounds on a quiet machine of two processors; \`--groups\`, \`--cells\`,
\`--rounds\`, \`--minutes\` and \`--resume\` make several sittings of it. Kafka comes from Maven; what
cannot be had is skipped with a line that says so. \`npm run bench -- side-by-side\` makes this page
of the result.`

const ROUNDS_WANTED = 5
/** A load average above this says that the machine was not the brokers' alone. */
const QUIET_LOAD = 2

function busy(loads: readonly number[]): string {
  if (Math.max(...loads) <= QUIET_LOAD) return ''
  return (
    ': other work ran beside these rounds, so absolute figures are low, latencies high, and ' +
    'spreads wide; ratios within rounds say more'
  )
}

function fallbackSection(result: RoundsResult, cells: readonly Cell[]): string[] {
  const table = showFallback(fallbackRows(result, cells))
  return table === '' ? [] : [`## Without native calls\n\n${FALLBACK}\n\n${table}`]
}

function problemsOf({ problems }: RoundsResult): string[] {
  if (problems.length === 0) return []
  return [
    `## Not measured\n\n${problems.map((problem) => `- ${problem.split('\n')[0]}`).join('\n')}`,
  ]
}

if (process.argv[1] === import.meta.filename) {
  const kept = process.argv[2] ?? KEPT
  const { peers } = JSON.parse(readFileSync(kept, 'utf8')) as Kept
  const shown = kept === KEPT ? kept : KEPT
  writeFileSync(PAGE, sideBySidePage(loadJson(kept), peers, shown))
  console.log(`wrote ${PAGE}`)
}

/**
 * T12 as a lane: bugs are planted one by one in a copy of the sources, and the suite that each names must
 * fail. A suite that has never caught a bug proves nothing.
 *
 *   npx tsx test/planted/run.ts [--count N] [--first N] [--seconds N] [--only text] [--clean] [--record]
 *
 * All bugs unless --count says how many; which ones then turns with the commit, unless --first says where
 * to begin. --seconds: none is begun after that. --clean runs every suite that is used once without a
 * bug first: it must pass. Ends with `N passed, N failed, N skipped`.
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { PLANTED_BUGS } from '../../tools/docs/reliability.ts'
import { recordFigures } from '../support/figures.ts'
import { type PlantedBug, plantedBugs } from './bugs.ts'
import { runSuite, type SuiteName, suiteCommand } from './suites.ts'
import { PlantedTree } from './tree.ts'

const { values: flags } = parseArgs({
  options: {
    count: { type: 'string' },
    first: { type: 'string' },
    seconds: { type: 'string', default: '100000' },
    only: { type: 'string', default: '' },
    clean: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
})

const totals = { passed: 0, failed: 0, skipped: 0 }
const found: { bug: PlantedBug; seconds: number }[] = []
const startedMs = performance.now()
const elapsed = (): number => (performance.now() - startedMs) / 1000
const tree = new PlantedTree()
try {
  const bugs = chosenBugs()
  if (flags.clean) await runClean([...new Set(bugs.map(({ suite }) => suite))])
  for (const bug of bugs) {
    if (elapsed() > Number(flags.seconds)) {
      console.log(`      the time is over: ${totals.passed + totals.failed} of ${bugs.length} bugs`)
      break
    }
    await hunt(bug)
  }
  if (totals.passed < bugs.length / 2 && totals.failed === 0 && totals.skipped === 0) {
    totals.failed++
    console.log(`FAIL  ${totals.passed} bugs hunted; the target is ${bugs.length}`)
  }
} finally {
  tree.remove()
}
if (flags.record && totals.failed === 0) record()
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
process.exit(totals.failed === 0 ? 0 : 1)

function chosenBugs(): readonly PlantedBug[] {
  const named = plantedBugs.filter(({ name, suite }) => `${name} ${suite}`.includes(flags.only))
  if (flags.count === undefined) return named
  const commit = execFileSync('git', ['rev-parse', '--short=7', 'HEAD'], { encoding: 'utf8' })
  const first = Number(flags.first ?? Number.parseInt(commit, 16)) % named.length
  return Array.from(
    { length: Math.min(Number(flags.count), named.length) },
    (_, at) => named[(first + at) % named.length]!,
  )
}

async function runClean(suites: readonly SuiteName[]): Promise<void> {
  for (const suite of suites) {
    const { found: outcome, seconds, said } = await runSuite(suite, tree.root)
    if (outcome === 'passed' || outcome === 'skipped') {
      console.log(`ok    without a bug ${suite} passes (${seconds.toFixed(1)} s)`)
      continue
    }
    totals.failed++
    console.log(`FAIL  without a bug ${suite} ${outcome}: ${said}`)
  }
}

async function hunt(bug: PlantedBug): Promise<void> {
  const {
    found: outcome,
    seconds,
    said,
  } = await tree.withBug(bug, () => runSuite(bug.suite, tree.root))
  const label = `${bug.name} → ${bug.suite} (${seconds.toFixed(1)} s)`
  if (outcome === 'failed') {
    totals.passed++
    found.push({ bug, seconds })
    console.log(`ok    ${label}: ${said.split('\n')[0]?.slice(0, 160)}`)
  } else if (outcome === 'skipped') {
    totals.skipped++
    console.log(`SKIP  ${label}: ${said}`)
  } else {
    totals.failed++
    console.log(`FAIL  ${label}: ${outcome === 'passed' ? 'not found' : `could not run: ${said}`}`)
  }
}

function record(): void {
  recordFigures(PLANTED_BUGS, {
    command: `npx tsx test/planted/run.ts${flags.clean ? ' --clean' : ''}`,
    seconds: elapsed(),
    counts: { 'bugs planted': found.length + totals.skipped, 'bugs found': found.length },
    table: {
      columns: ['Planted bug', 'What it breaks', 'Found by', 'Seconds'],
      rows: found.map(({ bug, seconds }) => [
        bug.name,
        bug.breaks,
        `\`${suiteCommand(bug.suite)}\``,
        seconds.toFixed(1),
      ]),
    },
  })
}

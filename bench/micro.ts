/**
 * Micro-benchmarks: sums, headers, schemas, varints, walks, look-ups, rings, timers, waiters, writes.
 *
 * Run: npm run bench -- micro [--check | --save]; --check runs the small set and fails when a task has
 * become twice as slow as bench/baseline.json says for this major version of Node, --save makes that
 * version's part anew from ten runs.
 */
import { machine } from './machine.ts'
import {
  BASELINE_FILE,
  type MicroFigure,
  measureMicro,
  readBaseline,
  slower,
  writeBaseline,
} from './micro/measure-micro.ts'
import { showNumber, showTable } from './spread.ts'

const FULL = { passes: 9, taskMs: 20, disk: true }
/** What `npm test` runs. */
const CHECK = { passes: 7, taskMs: 3, disk: false }
const SAVE_RUNS = 10

/** A task over its bound is measured again: a slow moment passes, a slow task stays slow. */
const ATTEMPTS = 4

async function main(flags: readonly string[]): Promise<number> {
  console.log(machine())
  if (flags.includes('--save')) await saveBaseline()
  else if (flags.includes('--check')) return await check()
  else await showAll()
  return 0
}

async function check(): Promise<number> {
  const baseline = readBaseline()
  if (baseline === null) {
    console.log(`no baseline was taken with Node ${process.version}: npm run bench -- micro --save`)
    return 1
  }
  let figures = await measureMicro(CHECK)
  const measured = figures.length
  let late = slower(figures, baseline)
  for (let attempt = 1; attempt < ATTEMPTS && late.length > 0; attempt++) {
    const names = new Set(late.map(({ name }) => name))
    figures = await measureMicro(CHECK, (name) => names.has(name))
    late = slower(figures, baseline)
  }
  for (const { what } of late) console.log(`SLOWER ${what}`)
  console.log(`${measured - late.length} of ${measured} tasks within their bounds`)
  return late.length === 0 ? 0 : 1
}

async function showAll(): Promise<void> {
  const baseline = readBaseline()
  const figures = await measureMicro(FULL)
  const rows = figures.map(({ name, nanoseconds, ratio }) => {
    const known = baseline?.tasks[name]?.ratio ?? Number.NaN
    return [
      name,
      showNumber(nanoseconds),
      showNumber(ratio),
      showNumber(known),
      showNumber(ratio / known),
    ]
  })
  console.log(showTable([['task', 'ns', 'yardsticks', 'baseline', 'now / then'], ...rows]))
}

/** The median ratio of many runs of the check, and how far the worst of them was above it. */
async function saveBaseline(): Promise<void> {
  const runs: MicroFigure[][] = []
  for (let run = 0; run < SAVE_RUNS; run++) runs.push(await measureMicro(CHECK))
  const tasks: Record<string, { ratio: number; noise: number }> = {}
  for (const { name } of runs[0] ?? []) {
    const ratios = runs.map(
      (run) => run.find((figure) => figure.name === name)?.ratio ?? Number.NaN,
    )
    ratios.sort((one, other) => one - other)
    const median = ratios[ratios.length >> 1]!
    const round = (value: number): number => Number(value.toPrecision(3))
    tasks[name] = { ratio: round(median), noise: round(ratios.at(-1)! / median) }
  }
  writeBaseline({ machine: machine(), tasks })
  console.log(`wrote ${BASELINE_FILE}`)
}

if (process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv.slice(2))

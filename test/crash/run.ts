/**
 * Runs the crash suites, each for its count or its time:
 *
 *   node --import tsx test/crash/run.ts                        what CI runs
 *     --suite power-cut|faults    one of them (default: all)
 *     --workloads N               so many workloads, whatever they count
 *     --seed S                    of the first workload; default: from the commit, after the past failures
 *     --seconds T                 time for all suites, shared as their own times are
 *     --only 3,8,21               these operations of the workload alone, of a failure that was made smaller
 *     --long                      ten times the count and no limit of time
 *     --record                    keeps what was counted for docs/reliability.md
 *
 * Prints the seed of the first fresh workload, what was counted and the rate. A failure prints seed, commit
 * and the one command that repeats it, made smaller. Exit code 1 after a failure, or below the target: half of it
 * in a time box, all of it from as many --workloads as a suite has.
 * Ends with `N passed, N failed, N skipped`.
 *
 * For programs: `suites` of suites.ts, each `start()` → `workload(seed)` → failure or null.
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { recordFigures } from '../support/figures.ts'
import { pastFailures } from './seeds.ts'
import { shrink } from './shrink.ts'
import type { Failure, Suite, SuiteRun } from './suite.ts'
import { suites } from './suites.ts'

const LONG_FACTOR = 10
const SHRINK_MS = 60_000

interface Options {
  readonly workloads: number | null
  readonly seed: number | null
  readonly seconds: number | null
  readonly only: ReadonlySet<number> | undefined
  readonly isLong: boolean
}

const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    workloads: { type: 'string' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    long: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
})
const number = (text: string | undefined): number | null =>
  text === undefined ? null : Number(text)
const options: Options = {
  workloads: number(values.workloads),
  seed: number(values.seed),
  seconds: number(values.seconds),
  only: values.only === undefined ? undefined : new Set(values.only.split(',').map(Number)),
  isLong: values.long,
}
const chosen = suites.filter(({ name }) => values.suite === undefined || name === values.suite)
if (chosen.length === 0)
  throw new Error(`there is no suite ${values.suite}: ${suites.map(({ name }) => name).join(', ')}`)
let passed = 0
let failed = 0
for (const suite of chosen) {
  if (await runSuite(suite)) passed++
  else failed++
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed === 0 ? 0 : 1

async function runSuite(suite: Suite): Promise<boolean> {
  const run = suite.start()
  const factor = options.isLong && options.workloads === null ? LONG_FACTOR : 1
  const target = suite.target * factor
  const workloads = options.workloads ?? suite.workloads * factor
  const seconds = secondsFor(suite)
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  const firstSeed = options.seed ?? Number.parseInt(commit().slice(0, 7), 16)
  console.log(`${suite.name}: seeds from ${firstSeed} on`)
  let done = 0
  for (const seed of seedsOf(suite, firstSeed)) {
    const elapsed = (performance.now() - startedMs) / 1000
    if (done >= workloads && (options.workloads !== null || run.count() >= target)) break
    if (elapsed >= seconds && options.workloads === null) break
    const failure = await run.workload(seed, options.only)
    done++
    if (failure === null) continue
    await tell(suite, run, seed, failure)
    return false
  }
  const used = process.cpuUsage(cpu)
  const cpuSeconds = (used.user + used.system) / 1e6
  const elapsed = (performance.now() - startedMs) / 1000
  console.log(
    `${suite.name}: ${run.count()} ${suite.unit} from ${done} workloads in ${elapsed.toFixed(0)} s ` +
      `(${(run.count() / cpuSeconds).toFixed(0)} per CPU second); ${run.report()}`,
  )
  if (values.record)
    recordFigures(suite.title, {
      command: `npx tsx test/crash/run.ts --suite ${suite.name} --seed ${firstSeed} --workloads ${done}`,
      seconds: elapsed,
      counts: {
        workloads: done,
        [suite.unit]: run.count(),
        ...run.figures(),
        found: 0,
        'CPU seconds': Math.round(cpuSeconds),
      },
    })
  const isEnough =
    options.workloads === null
      ? run.count() * 2 >= target && done * 2 >= workloads
      : run.count() >= target || done < suite.workloads
  if (isEnough) return true
  console.log(
    `FAIL  ${suite.name}: too far below its target of ${target} ${suite.unit} from ${suite.workloads * factor} workloads`,
  )
  return false
}

function secondsFor({ seconds }: Suite): number {
  if (options.seconds === null) return options.isLong ? Number.POSITIVE_INFINITY : seconds
  const all = chosen.reduce((sum, suite) => sum + suite.seconds, 0)
  return (options.seconds * seconds) / all
}

/** Past failures first, then fresh ones that the next commit will not repeat. */
function* seedsOf(suite: Suite, firstSeed: number): Generator<number> {
  if (options.seed === null) yield* pastFailures[suite.name] ?? []
  for (let seed = firstSeed; ; seed++) yield seed
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    // Not a checkout: any fixed seed will do.
    return '5eed5eed'
  }
}

async function tell(suite: Suite, run: SuiteRun, seed: number, failure: Failure): Promise<void> {
  console.log(`FAIL  ${suite.name}: seed ${seed}, commit ${commit()}\n${failure.message}`)
  console.log(
    `repeat it:  ${command(suite, seed)}${options.only === undefined ? '' : ` --only ${values.only}`}`,
  )
  if (options.only !== undefined) return
  const fails = async (only: ReadonlySet<number>): Promise<string | null> =>
    (await run.workload(seed, only))?.message ?? null
  const untilMs = performance.now() + SHRINK_MS
  const smaller = await shrink(failure.operations, failure.message, fails, untilMs)
  console.log(
    `${smaller.operations.length} of ${failure.operations.length} operations are enough:\n` +
      `${smaller.message}\n${command(suite, seed)} --only ${smaller.operations.join(',') || '-1'}`,
  )
}

function command({ name }: Suite, seed: number): string {
  return `node --import tsx test/crash/run.ts --suite ${name} --seed ${seed} --workloads 1`
}

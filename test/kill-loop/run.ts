/**
 * T7 as a lane: kill -9 under live clients, for a time box.
 *
 *   npx tsx test/kill-loop/run.ts [--seconds N] [--cycles N] [--seed N] [--compiled] [--record]
 *
 * The target is a cycle in 2 s, twice the rate of 150 in ten minutes, which is the least: under half
 * of the box's target the lane fails. Ends with `N passed, N failed, N skipped`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { recordFigures } from '../support/figures.ts'
import { type KillLoopResult, runKillLoop } from './loop.ts'

const SECONDS_PER_CYCLE = 2

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '200' },
    cycles: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    compiled: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
})

const seconds = Number(flags.seconds)
const cyclesMax = Number(flags.cycles)
const target = Math.min(cyclesMax, Math.floor(seconds / SECONDS_PER_CYCLE))
const folder = mkdtempSync(join(tmpdir(), 'sluice-kill-loop-'))
const startedMs = performance.now()
const result = await runKillLoop({
  folder,
  seed: Number(flags.seed),
  forMs: seconds * 1000,
  cyclesMax,
  compiled: flags.compiled,
  onCycle(cycles) {
    if (cycles % 20 === 0) console.log(`      ${cycles} cycles`)
  },
})
report(result)

function report(result: KillLoopResult): void {
  const { problems, skipped, cycles } = result
  for (const reason of skipped) console.log(`SKIP  ${reason}`)
  if (cycles < target / 2) problems.push(`${cycles} cycles; the target is ${target}`)
  const words =
    `${cycles} cycles of ${target} wanted, ${result.cleanStops} by a clean stop, ` +
    `${result.killedWhileStarting} killed again while starting; ${result.operations} operations, ` +
    `${result.acknowledged} records acknowledged, ${result.unknown} of unknown fate, ` +
    `${result.doubled} of them doubled by plain clients; ${result.commits} commits; ` +
    `slowest start ${Math.round(result.slowestStartMs)} ms`
  for (const problem of problems) console.log(`      ${problem}`)
  console.log(
    `${problems.length === 0 ? 'ok  ' : 'FAIL'}  kill loop, seed ${flags.seed} (${words})`,
  )
  if (problems.length === 0) rmSync(folder, { recursive: true, force: true })
  if (flags.record && problems.length === 0)
    recordFigures('kill -9 under live clients (T7)', {
      command: `npm run build && npx tsx test/kill-loop/run.ts --seconds ${seconds} --compiled`,
      seconds: (performance.now() - startedMs) / 1000,
      counts: {
        'kill cycles': cycles - result.cleanStops,
        'clean stops': result.cleanStops,
        'killed while starting': result.killedWhileStarting,
        operations: result.operations,
        'records acknowledged': result.acknowledged,
        'lost, reordered or doubled': 0,
        commits: result.commits,
      },
    })
  const failed = problems.length === 0 ? 0 : 1
  console.log(`${1 - failed} passed, ${failed} failed, ${skipped.length} skipped`)
  process.exit(failed)
}

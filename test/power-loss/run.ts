/**
 * T8 as a lane: power losses of a real ext4, for a time box.
 *
 *   npx tsx test/power-loss/run.ts [--seconds N] [--cycles N] [--seed N] [--compiled] [--record]
 *
 * The target is 60 cycles in 150 s; under half of the box's target the lane fails. Without root, loop
 * devices, mkfs.ext4 or python3 it is skipped, and says so. Ends with `N passed, N failed, N skipped`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { recordFigures } from '../support/figures.ts'
import { type PowerLossResult, runPowerLoss } from './cycles.ts'
import { volumesMissing } from './ext4-volume.ts'

const SECONDS_PER_CYCLE = 2.5

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '150' },
    cycles: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    compiled: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
})

const seconds = Number(flags.seconds)
const cyclesMax = Number(flags.cycles)
const folder = mkdtempSync(join(tmpdir(), 'sluice-power-loss-'))
const missing = volumesMissing(folder)
if (missing !== null) {
  console.log(`SKIP  power loss on ext4: ${missing}`)
  console.log('0 passed, 0 failed, 1 skipped')
  process.exit(0)
}
const startedMs = performance.now()
report(
  await runPowerLoss({
    folder,
    seed: Number(flags.seed),
    forMs: seconds * 1000,
    cyclesMax,
    compiled: flags.compiled,
    onCycle(cycles) {
      if (cycles % 10 === 0) console.log(`      ${cycles} cycles`)
    },
  }),
)

function report(result: PowerLossResult): void {
  const { problems, cycles } = result
  const target = Math.min(cyclesMax, Math.floor(seconds / SECONDS_PER_CYCLE))
  if (cycles < target / 2 && problems.length === 0)
    problems.push(`${cycles} cycles; the target is ${target}`)
  if (result.compactedAway === 0 && cycles > 3) problems.push('nothing was ever compacted')
  const oldestMs = Math.round(result.asyncOldestMs)
  const words =
    `${cycles} cycles of ${target} wanted on ${result.volumes} volumes; ${result.acknowledged} ` +
    `records acknowledged; with async ${result.asyncLost} lost, acknowledged up to ${oldestMs} ms ` +
    `before; up to ${result.compactedAway} records ` +
    `of a partition compacted away; ${result.commits} commits and up to ${result.topics} topics a volume kept; ` +
    `slowest start ${Math.round(result.slowestStartMs)} ms`
  for (const problem of problems) console.log(`      ${problem}`)
  console.log(
    `${problems.length === 0 ? 'ok  ' : 'FAIL'}  power loss, seed ${flags.seed} (${words})`,
  )
  if (problems.length === 0) rmSync(folder, { recursive: true, force: true })
  else console.log(`      histories are in ${folder}`)
  if (flags.record && problems.length === 0)
    recordFigures('power loss on ext4 (T8)', {
      command: `npm run build && npx tsx test/power-loss/run.ts --seconds ${seconds} --compiled`,
      seconds: (performance.now() - startedMs) / 1000,
      counts: {
        'power losses': cycles,
        'file systems': result.volumes,
        'records acknowledged': result.acknowledged,
        'lost with flush=group': 0,
        'lost with flush=async': `${result.asyncLost}, acknowledged up to ${oldestMs} ms before`,
        'records compacted away in one partition': result.compactedAway,
        'commits of positions': result.commits,
      },
    })
  const failed = problems.length === 0 ? 0 : 1
  console.log(`${1 - failed} passed, ${failed} failed, 0 skipped`)
  process.exit(failed)
}

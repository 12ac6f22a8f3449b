/**
 * A lane that goes through cycles for a time box: its flags, its folder, its lines and its end. The
 * target follows from the box; under half of it the lane fails.
 *
 *   --seconds N  --cycles N  --seed N  --compiled  --record
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { SuiteFigures } from '../../tools/docs/reliability.ts'
import { recordFigures } from './figures.ts'

export interface CycleOptions {
  /** Scratch space; kept when something was found. */
  readonly folder: string
  readonly seed: number
  readonly forMs: number
  readonly cyclesMax: number
  /** The bundle instead of the sources. */
  readonly compiled: boolean
  onCycle?(cycles: number): void
}

export interface CycleOutcome {
  readonly cycles: number
  /** What was found; empty is well. */
  readonly problems: readonly string[]
  /** Parts left out, each with its reason. */
  readonly skipped: readonly string[]
  /** All that was counted, in words. */
  readonly words: string
  /** For docs/reliability.md. */
  readonly counts: SuiteFigures['counts']
}

export interface CycleLane {
  readonly name: string
  /** Of its row in docs/reliability.md. */
  readonly title: string
  /** What is run, from the root of the repository. */
  readonly script: string
  readonly secondsPerCycle: number
  readonly secondsByDefault: number
  /** A line is printed at every so many cycles. */
  readonly cyclesPerLine: number
  /** What the lane needs and this machine has not; null = it can run. */
  missing?(folder: string): string | null
  run(options: CycleOptions): Promise<CycleOutcome>
}

/** Runs the lane with the flags of this process and ends the process: 0 when nothing was found. */
export async function runCycleLane(lane: CycleLane): Promise<never> {
  const { values: flags } = parseArgs({
    options: {
      seconds: { type: 'string', default: String(lane.secondsByDefault) },
      cycles: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      compiled: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
    },
  })
  const [seconds, cyclesMax, seed] = [flags.seconds, flags.cycles, flags.seed].map(Number) as [
    number,
    number,
    number,
  ]
  const target = Math.min(cyclesMax, Math.floor(seconds / lane.secondsPerCycle))
  const folder = mkdtempSync(join(tmpdir(), `sluice-${lane.name.replaceAll(' ', '-')}-`))
  const missing = lane.missing?.(folder) ?? null
  if (missing !== null) return leftOut(lane, folder, missing)
  const startedMs = performance.now()
  const outcome = await lane.run({
    folder,
    seed,
    forMs: seconds * 1000,
    cyclesMax,
    compiled: flags.compiled,
    onCycle(cycles) {
      if (cycles % lane.cyclesPerLine === 0) console.log(`      ${cycles} cycles`)
    },
  })
  const problems = [...outcome.problems]
  if (outcome.cycles < target / 2)
    problems.push(`${outcome.cycles} cycles; the target is ${target}`)
  for (const reason of outcome.skipped) console.log(`SKIP  ${reason}`)
  for (const problem of problems) console.log(`      ${problem}`)
  const isWell = problems.length === 0
  const words = `${outcome.cycles} cycles of ${target} wanted; ${outcome.words}`
  console.log(`${isWell ? 'ok  ' : 'FAIL'}  ${lane.name}, seed ${seed} (${words})`)
  if (isWell) rmSync(folder, { recursive: true, force: true })
  else console.log(`      histories are in ${folder}`)
  if (flags.record && isWell)
    recordFigures(lane.title, {
      command: `npm run build && npx tsx ${lane.script} --seconds ${seconds} --compiled`,
      seconds: (performance.now() - startedMs) / 1000,
      counts: outcome.counts,
    })
  console.log(
    `${isWell ? 1 : 0} passed, ${isWell ? 0 : 1} failed, ${outcome.skipped.length} skipped`,
  )
  process.exit(isWell ? 0 : 1)
}

function leftOut(lane: CycleLane, folder: string, reason: string): never {
  rmSync(folder, { recursive: true, force: true })
  console.log(`SKIP  ${lane.name}: ${reason}`)
  console.log('0 passed, 0 failed, 1 skipped')
  process.exit(0)
}

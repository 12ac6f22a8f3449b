/**
 * The README's test command: type check, lint, tidy, then the vitest lanes. Prints what each step did
 * and ends with one line, `N passed, N failed, N skipped`, where each of the first three steps counts
 * as one test. Exit code 0 only when nothing failed.
 *
 * `tsx test/run.ts LANE…` runs these vitest lanes alone, as .ci/run does for those that are not part of
 * the test command.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Counts } from './support/lane-reporter.ts'

const LANES = ['unit', 'golden', 'property', 'crash', 'integration']

function seconds(sinceMs: number): string {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`
}

function runStep(name: string, command: string, args: string[]): Counts {
  const started = Date.now()
  const result = spawnSync(command, args, { stdio: 'inherit' })
  const ok = result.status === 0
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name} (${seconds(started)})`)
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 }
}

/** A run that ends badly counts as a failure, also when it could not count. */
function runVitest(lanes: readonly string[]): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const countsFile = join(folder, 'counts.json')
  const started = Date.now()
  const result = spawnSync(
    'npx',
    ['vitest', 'run', ...lanes.flatMap((lane) => ['--project', lane])],
    { stdio: 'inherit', env: { ...process.env, SLUICE_TEST_COUNTS: countsFile } },
  )
  console.log(`vitest took ${seconds(started)}`)
  try {
    const counts = JSON.parse(readFileSync(countsFile, 'utf8')) as Counts
    if (counts.failed === 0 && result.status !== 0) counts.failed = 1
    return counts
  } catch (error) {
    console.log(`FAILED: vitest left no counts: ${error}`)
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const chosen = process.argv.slice(2)
const steps: Counts[] =
  chosen.length > 0
    ? [runVitest(chosen)]
    : [
        runStep('type check', 'npx', ['tsc', '--noEmit']),
        runStep('lint', 'npx', ['biome', 'check', '--error-on-warnings', '.']),
        runStep('tidy', 'npx', ['tsx', 'tools/tidy.ts']),
        runVitest(LANES),
      ]
const sum = (pick: (counts: Counts) => number) => steps.reduce((n, counts) => n + pick(counts), 0)
const failed = sum((counts) => counts.failed)
console.log(
  `${sum((counts) => counts.passed)} passed, ${failed} failed, ${sum((counts) => counts.skipped)} skipped`,
)
process.exitCode = failed === 0 ? 0 : 1

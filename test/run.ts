/**
 * The README's test command: type check, lint, tidy, then every vitest lane. Prints what each step
 * did and ends with one line, `N passed, N failed, N skipped`, where each of the first three steps
 * counts as one test. Exit code 0 only when nothing failed.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Counts {
  passed: number
  failed: number
  skipped: number
}

interface VitestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  numFailedTestSuites: number
  testResults: { status: string; assertionResults: unknown[]; name: string }[]
}

function runStep(name: string, command: string, args: string[]): Counts {
  const started = Date.now()
  const result = spawnSync(command, args, { stdio: 'inherit' })
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const ok = result.status === 0
  console.log(`${ok ? 'ok' : 'FAILED'}: ${name} (${seconds} s)`)
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 }
}

function runVitest(): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const output = join(folder, 'report.json')
  const started = Date.now()
  const result = spawnSync(
    'npx',
    ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${output}`],
    { stdio: 'inherit' },
  )
  console.log(`vitest lanes took ${((Date.now() - started) / 1000).toFixed(1)} s`)
  try {
    const report = JSON.parse(readFileSync(output, 'utf8')) as VitestReport
    const brokenFiles = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    ).length
    const failed = report.numFailedTests + brokenFiles
    return {
      passed: report.numPassedTests,
      failed: failed === 0 && result.status !== 0 ? 1 : failed,
      skipped: report.numPendingTests + report.numTodoTests,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const steps: Counts[] = [
  runStep('type check', 'npx', ['tsc', '--noEmit']),
  runStep('lint', 'npx', ['biome', 'check', '--error-on-warnings', '.']),
  runStep('tidy', 'npx', ['tsx', 'tools/tidy.ts']),
  runVitest(),
]
const sum = (pick: (counts: Counts) => number) => steps.reduce((n, counts) => n + pick(counts), 0)
const failed = sum((counts) => counts.failed)
console.log(
  `${sum((counts) => counts.passed)} passed, ${failed} failed, ${sum((counts) => counts.skipped)} skipped`,
)
process.exitCode = failed === 0 ? 0 : 1

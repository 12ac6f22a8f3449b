/**
 * What a run of vitest comes to, in a screen: a row per lane, the slowest files, and by name whatever
 * failed or was skipped, with its reason. Stands behind a reporter that prints the failures in full.
 * Leaves the sums in the file that SLUICE_TEST_COUNTS names, for run.ts.
 */
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'
import { packageRoot } from '../../tools/package-root.ts'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

const SLOW_FILES = 6
/** Of one reason in the list of failures. */
const REASON_CHARACTERS_MAX = 200

interface LaneSum extends Counts {
  files: number
  testsMs: number
}

export class LaneReporter implements Reporter {
  private readonly print: (line: string) => void
  private readonly countsFile: string | undefined

  constructor(
    print: (line: string) => void = console.log,
    countsFile = process.env['SLUICE_TEST_COUNTS'],
  ) {
    this.print = print
    this.countsFile = countsFile
  }

  onTestRunEnd(modules: readonly TestModule[], outside: readonly SerializedError[]): void {
    const lanes = new Map<string, LaneSum>()
    const failures: string[] = outside.map((error) => `${origin(error)}: ${reason([error])}`)
    const skips = new Map<string, number>()
    // Where the process of the tests ended: the error it leaves names no file.
    const unended: string[] = []
    for (const module of modules) {
      const lane = lanes.get(module.project.name) ?? newSum()
      lanes.set(module.project.name, lane)
      lane.files++
      lane.testsMs += module.diagnostic().duration
      // A file or a suite that fails outside of its tests: an import, a hook.
      const broken = [module, ...module.children.allSuites()].flatMap((suite) => suite.errors())
      if (broken.length > 0) {
        lane.failed++
        failures.push(`${place(module)}: ${reason(broken)}`)
      }
      if (module.state() === 'pending') unended.push(place(module))
      for (const test of module.children.allTests()) count(test, lane, failures, skips)
    }
    for (const [name, sum] of lanes) this.print(row(name, sum))
    this.print(slowest(modules))
    for (const [what, times] of skips) this.print(`SKIP  ${what}${times > 1 ? ` (${times})` : ''}`)
    for (const what of failures) this.print(`FAIL  ${what}`)
    for (const what of unended) this.print(`      not ended: ${what}`)
    if (this.countsFile !== undefined)
      writeFileSync(this.countsFile, JSON.stringify(total(lanes, outside.length)))
  }
}

function newSum(): LaneSum {
  return { files: 0, passed: 0, failed: 0, skipped: 0, testsMs: 0 }
}

function count(
  test: TestCase,
  lane: LaneSum,
  failures: string[],
  skips: Map<string, number>,
): void {
  const result = test.result()
  if (result.state === 'passed') lane.passed++
  else if (result.state === 'failed') {
    lane.failed++
    failures.push(`${place(test.module)} > ${test.fullName}: ${reason(result.errors)}`)
  } else {
    // Pending ones too: a hook before them failed, or the run was cut short.
    lane.skipped++
    const note = result.state === 'skipped' ? result.note : undefined
    const what = `${place(test.module)}: ${note ?? test.fullName}`
    skips.set(what, (skips.get(what) ?? 0) + 1)
  }
}

/** Vitest notes which file and test were running; an error of the run itself has neither. */
function origin(error: SerializedError): string {
  const { VITEST_TEST_PATH: path, VITEST_TEST_NAME: test } = error
  if (typeof path !== 'string') return 'outside of any test'
  const running = typeof test === 'string' ? ` > ${test}` : ''
  return `${relative(packageRoot, path)}${running}, outside of any call it waited for`
}

function place(module: TestModule): string {
  return relative(packageRoot, module.moduleId)
}

function reason(errors: readonly { message?: string }[]): string {
  const text = errors.map(({ message }) => message ?? 'no message').join('; ')
  return text.replace(/\s+/g, ' ').slice(0, REASON_CHARACTERS_MAX)
}

function row(name: string, { files, passed, failed, skipped, testsMs }: LaneSum): string {
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`
  return `${name}: ${files} files, ${counts}, ${(testsMs / 1000).toFixed(1)} s of tests`
}

function slowest(modules: readonly TestModule[]): string {
  const seconds = modules
    .map((module) => ({ name: place(module), ms: module.diagnostic().duration }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOW_FILES)
    .map(({ name, ms }) => `${name} ${(ms / 1000).toFixed(1)} s`)
  return `slowest: ${seconds.join(', ')}`
}

function total(lanes: ReadonlyMap<string, LaneSum>, failedOutside: number): Counts {
  const sum: Counts = { passed: 0, failed: failedOutside, skipped: 0 }
  for (const { passed, failed, skipped } of lanes.values()) {
    sum.passed += passed
    sum.failed += failed
    sum.skipped += skipped
  }
  return sum
}

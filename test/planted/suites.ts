/** The suites that hunt planted bugs, run small, in a tree of their own. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bundle } from '../../tools/bundle.ts'
import { type CommandResult, runCommand } from '../support/child-processes.ts'

const LIMIT_MS = 120_000

const unit = (...files: string[]): readonly string[] => ['unit', ...files]

/** Vitest project and files, or the arguments of a lane. */
const vitestSuites = {
  'unit: small files': unit(
    'test/engine/log/simulated-disk.test.ts',
    'test/engine/log/checkpoints.test.ts',
  ),
  'unit: flush': unit('test/engine/log/flush.test.ts', 'test/engine/log/log.test.ts'),
  'unit: disk': unit('test/engine/log/simulated-disk.test.ts', 'test/engine/log/node-disk.test.ts'),
  'unit: checkpoints': unit('test/engine/log/checkpoints.test.ts'),
  'unit: scan': unit('test/engine/log/segment-scan.test.ts'),
  'unit: recovery': unit('test/engine/log/recovery.test.ts'),
  'unit: batches': unit('test/engine/record/batch.test.ts', 'test/engine/log/recovery.test.ts'),
  'unit: producers': unit('test/engine/log/producer-state.test.ts'),
  'unit: retention': unit('test/engine/log/retention.test.ts'),
  'unit: coordinators': unit(
    'test/engine/coordinator/runtime.test.ts',
    'test/engine/coordinator/group/offset-commit.test.ts',
  ),
  'unit: decoders': unit('test/engine/schema/reader.test.ts'),
  'unit: codecs': unit('test/engine/record/compression.test.ts'),
  'unit: compaction': unit('test/engine/log/compact-log.test.ts'),
  'unit: connections': unit('test/net/connection.test.ts'),
  'unit: shard': unit('test/engine/shard.test.ts'),
  'unit: folders': unit('test/engine/shard-folders.test.ts', 'test/net/data-folders.test.ts'),
  'unit: wrong reads': unit('test/engine/log/agreed-read.test.ts'),
  'unit: control state': unit('test/engine/metastore/embedded-store.test.ts'),
  'unit: slabs': unit('test/workers/slab-turns.test.ts'),
  'unit: folder lock': unit('test/net/folder-lock.test.ts'),
  'property: groups': ['property', 'test/property/consumer-group.test.ts'],
  'integration: threads': ['integration', 'test/integration/shard-pool.test.ts'],
  'crash: log': ['crash', 'test/crash/log.test.ts'],
  'crash: full disk': ['crash', 'test/crash/full-disk.test.ts'],
} as const satisfies Record<string, readonly string[]>

const laneSuites = {
  'kill loop': ['test/kill-loop/run.ts', '--seconds', '30', '--cycles', '4'],
  'power loss on ext4': ['test/power-loss/run.ts', '--seconds', '30', '--cycles', '3'],
} as const satisfies Record<string, readonly string[]>

export type SuiteName = keyof typeof vitestSuites | keyof typeof laneSuites

export interface SuiteOutcome {
  readonly found: 'failed' | 'passed' | 'skipped' | 'broken'
  readonly seconds: number
  /** Its first complaint, or why it could not run. */
  readonly said: string
}

function isVitest(name: SuiteName): name is keyof typeof vitestSuites {
  return name in vitestSuites
}

/** Runs a suite in the tree at `root`. */
export async function runSuite(name: SuiteName, root: string): Promise<SuiteOutcome> {
  const startedMs = performance.now()
  const result = isVitest(name) ? await runVitest(name, root) : await runLane(name, root)
  const seconds = (performance.now() - startedMs) / 1000
  return { ...(isVitest(name) ? judgeVitest(result) : judgeLane(result)), seconds }
}

/** How a person runs it. */
export function suiteCommand(name: SuiteName): string {
  if (!isVitest(name)) return `npx tsx ${laneSuites[name].join(' ')}`
  const [project, ...files] = vitestSuites[name]
  return `npx vitest run --project ${project} ${files.join(' ')}`
}

function runVitest(name: keyof typeof vitestSuites, root: string): Promise<CommandResult> {
  const [project, ...files] = vitestSuites[name]
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...files]
  return runCommand(process.execPath, [...args, '--bail', '1', '--reporter', 'json'], {
    limitMs: LIMIT_MS,
    cwd: root,
    env: { SLUICE_CRASH_STATES: '1000' },
  })
}

/** Brokers of a lane start from a bundle, as under vitest: from sources a start takes seconds. */
async function runLane(name: keyof typeof laneSuites, root: string): Promise<CommandResult> {
  const folder = join(root, 'dist/planted')
  await bundle(root, 'ts', folder)
  const args = ['--import', 'tsx', ...laneSuites[name]]
  // What a lane keeps of a failure goes with the tree.
  const temporary = join(root, 'tmp')
  mkdirSync(temporary, { recursive: true })
  const env = { SLUICE_TEST_BUNDLE: folder, TMPDIR: temporary }
  return await runCommand(process.execPath, args, { limitMs: LIMIT_MS, cwd: root, env })
}

interface VitestReport {
  readonly numFailedTests: number
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
    }[]
  }[]
}

/** A test must have failed: a file that does not even load has found nothing. */
function judgeVitest(result: CommandResult): Omit<SuiteOutcome, 'seconds'> {
  // A test that no longer ends is a find too.
  if (result.timedOut) return { found: 'failed', said: `not done within ${LIMIT_MS / 1000} s` }
  const at = result.stdout.indexOf('{"numTotalTestSuites"')
  if (at < 0) return { found: 'broken', said: `${result.stdout}\n${result.stderr}`.slice(-2000) }
  const report = JSON.parse(result.stdout.slice(at).split('\n')[0] ?? '') as VitestReport
  const failed = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed')
  if (failed !== undefined) return { found: 'failed', said: failed.fullName }
  if (result.code === 0 && report.numPassedTests > 0) return { found: 'passed', said: '' }
  // An error outside of a test, as of a promise nobody waits for, ends the run without a failed test.
  const broken = report.testResults.find(({ message }) => message !== '')?.message
  if (report.numPassedTests > 0 && broken === undefined)
    return { found: 'failed', said: 'an error outside of a test' }
  return { found: 'broken', said: broken ?? result.stderr.slice(-2000) }
}

function judgeLane(result: CommandResult): Omit<SuiteOutcome, 'seconds'> {
  if (result.timedOut) return { found: 'failed', said: `not done within ${LIMIT_MS / 1000} s` }
  const sums = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(result.stdout)
  // A broker that does not start again is a find of these suites, which end with its error then.
  if (sums === null) {
    const isBroker = /the broker ended|the broker did not start|CorruptLog/.test(result.stderr)
    const said = result.stderr.slice(-2000)
    return { found: isBroker ? 'failed' : 'broken', said }
  }
  const complaint = result.stdout
    .split('\n')
    .find((line) => /^ {6}\S/.test(line) && !/^ {6}\d+ cycles/.test(line))
  if (Number(sums[2]) > 0)
    return complaint === undefined
      ? { found: 'broken', said: result.stdout.slice(-1000) }
      : { found: 'failed', said: complaint.trim() }
  return Number(sums[1]) > 0
    ? { found: 'passed', said: '' }
    : { found: 'skipped', said: result.stdout.split('\n')[0] ?? '' }
}

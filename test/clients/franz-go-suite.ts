/**
 * franz-go's own integration tests (pkg/kgo of its Go module) against our broker: a suite that was
 * written for Kafka by people who never saw this one. Needs go; the module comes from Go's proxy.
 *
 * Left out: TestTxnEtl, since transactions are not served yet. The suite itself skips what wants share
 * groups, SCRAM or brokers of an old kind.
 */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describeResult, runCommand } from '../support/child-processes.ts'
import { cacheFolder } from '../support/kafka-jars.ts'
import { type Check, check, type Scenario, Skip } from './scenario.ts'

const MODULE = 'github.com/twmb/franz-go@v1.22.3'
const BUILD_LIMIT_MS = 240_000
const RUN_LIMIT_MS = 150_000
/** That each of its pipelines moves from topic to topic; half a million when nothing is said. */
const RECORDS = '20000'
const LEFT_OUT = 'TestTxnEtl'
/** Tests and their parts, with a broker or without: 552 with this version. */
const PASSED_AT_LEAST = 500

const PROGRAM = './kgo.test'

/**
 * The package's folder with the suite as one program in it, built once per machine; Skip where go or
 * the module is missing.
 */
async function builtSuite(): Promise<string> {
  const folder = join(cacheFolder(), 'go', MODULE.replace(/\W+/g, '-'))
  const packageFolder = join(folder, 'pkg/kgo')
  if (existsSync(join(packageFolder, PROGRAM))) return packageFolder
  const go = async (args: string[], cwd = '.') => {
    const result = await runCommand('go', args, {
      limitMs: BUILD_LIMIT_MS,
      cwd,
      env: { ...process.env, GOFLAGS: '-mod=mod' },
    })
    if (result.code !== 0) throw new Skip(describeResult(`go ${args[0]}`, result).slice(0, 300))
    return result.stdout
  }
  const { Dir: source } = JSON.parse(await go(['mod', 'download', '-json', MODULE]))
  // The module cache is read only, and a build wants to write go.sum.
  cpSync(source, folder, { recursive: true })
  const made = await runCommand('chmod', ['-R', 'u+w', folder], { limitMs: BUILD_LIMIT_MS })
  check(made.code === 0, () => describeResult('chmod', made))
  await go(['test', '-c', '-o', PROGRAM, '.'], packageFolder)
  return packageFolder
}

const suite: Check = {
  name: 'its own integration tests',
  limitMs: 2 * BUILD_LIMIT_MS + RUN_LIMIT_MS,
  slow: true,
  async run(lane) {
    const cwd = await builtSuite()
    const broker = await lane.startBroker({ 'group.initial.rebalance.delay.ms': '0' })
    const result = await runCommand(PROGRAM, ['-test.v', '-test.skip', LEFT_OUT], {
      cwd,
      limitMs: RUN_LIMIT_MS,
      env: {
        ...process.env,
        KGO_SEEDS: broker.address,
        KGO_LOG_LEVEL: 'none',
        KGO_TEST_RF: '1',
        KGO_TEST_RECORDS: RECORDS,
        KGO_TEST_UNSAFE: '1',
      },
    })
    const ended = (word: string): string[] =>
      [...result.stdout.matchAll(new RegExp(`^ *--- ${word}: (\\S+)`, 'gm'))].map((hit) => hit[1]!)
    const failed = ended('FAIL')
    check(failed.length === 0, () => `failed: ${failed.join(', ')}`)
    check(result.code === 0, () => describeResult('kgo.test', result).slice(-2_000))
    const passed = ended('PASS').length
    check(passed >= PASSED_AT_LEAST, () => `only ${passed} tests ran`)
    return `${passed} of its tests; it skipped ${ended('SKIP').join(', ')}; left out: ${LEFT_OUT}`
  },
}

export const franzGoSuiteScenario: Scenario = { name: 'franz-go', checks: [suite] }

/**
 * The client lane: real clients and real faults against a broker, outside `npm test` because its
 * clients are no npm packages and it takes minutes.
 *
 *   npx tsx test/clients/run.ts [--broker host:port | --system kafka] [--only name[,name…]]
 *                               [--lines N] [--fewer N] [--compiled]
 *                               [--override key=value]…
 *
 * Without --broker it starts brokers itself: ours, or with --system kafka a real Kafka 4.2, which is
 * how the checks themselves are proved. Ends with one line, `N passed, N failed, N skipped`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startBroker } from '../support/broker-process.ts'
import { findKafkaJars, type KafkaJars } from '../support/kafka-jars.ts'
import { startKafka } from '../support/kafka-process.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { adoptScenario } from './adopt.ts'
import { bothWaysScenario } from './both-ways.ts'
import { clusterToolsScenario } from './cluster-tools.ts'
import { connectPageOtherScenario, connectPageScenario } from './connect-page.ts'
import { consumerProtocolScenario } from './consumer-protocol.ts'
import { franzGoSuiteScenario } from './franz-go-suite.ts'
import { interopScenario } from './interop.ts'
import { javaAdminScenario } from './java-admin.ts'
import { javaScenario } from './java-tools.ts'
import { kafkajsScenario } from './kafkajs.ts'
import { kcatScenario } from './kcat.ts'
import { platformaticScenario } from './platformatic.ts'
import { pythonScenario } from './python.ts'
import { restartScenario } from './restart.ts'
import { salvageScenario } from './salvage.ts'
import { check, type Lane, runCheck, type Scenario, Skip, type Totals } from './scenario.ts'
import { terminalScenario } from './terminal.ts'

const scenarios: readonly Scenario[] = [
  kcatScenario,
  javaScenario,
  javaAdminScenario,
  clusterToolsScenario,
  bothWaysScenario,
  kafkajsScenario,
  platformaticScenario,
  pythonScenario,
  franzGoSuiteScenario,
  restartScenario,
  consumerProtocolScenario,
  interopScenario,
  connectPageScenario,
  connectPageOtherScenario,
  terminalScenario,
  adoptScenario,
  salvageScenario,
]

const { values: flags } = parseArgs({
  options: {
    broker: { type: 'string' },
    system: { type: 'string', default: 'sluice' },
    only: { type: 'string' },
    lines: { type: 'string', default: '1000000' },
    fewer: { type: 'string', default: '200000' },
    override: { type: 'string', multiple: true, default: [] },
    compiled: { type: 'boolean', default: false },
  },
})

const folder = mkdtempSync(join(tmpdir(), 'sluice-clients-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

let jarsFound: Promise<KafkaJars | string> | null = null
async function jars(): Promise<KafkaJars> {
  jarsFound ??= findKafkaJars()
  const found = await jarsFound
  if (typeof found === 'string') throw new Skip(found)
  return found
}

function newFolder(): string {
  return mkdtempSync(join(folder, 'broker-'))
}

async function startUnderTest(own: Record<string, string> = {}): Promise<ManagedBroker> {
  const given = flags.override.map((pair) => pair.split(/=(.*)/s).slice(0, 2))
  const overrides = { ...own, ...Object.fromEntries(given) }
  if (flags.broker !== undefined) throw new Skip('needs a broker of its own; --broker was given')
  if (flags.system === 'kafka') return startKafka(await jars(), overrides, newFolder())
  return startBroker({ overrides, dataFolder: newFolder(), compiled: flags.compiled })
}

function laneFor(address: string, closings: (() => unknown)[]): Lane {
  const owned = async (starting: Promise<ManagedBroker>): Promise<ManagedBroker> => {
    const broker = await starting
    closings.push(() => broker.kill())
    return broker
  }
  return {
    address,
    folder,
    sizes: {
      lines: Number(flags.lines),
      fewerLines: Math.min(Number(flags.fewer), Number(flags.lines)),
      groupRecords: 30_000,
    },
    startBroker: (overrides) => owned(startUnderTest(overrides)),
    startKafka: async (overrides) => owned(startKafka(await jars(), overrides, newFolder())),
    jars,
    defer: (close) => closings.push(close),
  }
}

async function runAll(): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 }
  const wanted = flags.only?.split(',')
  const known = scenarios.map(({ name }) => name)
  const unknown = wanted?.filter((name) => !known.includes(name)) ?? []
  if (unknown.length > 0)
    throw new Error(`--only ${unknown.join()}: choose from ${known.join(', ')}`)
  const shared = flags.broker === undefined ? await startUnderTest() : null
  const address = flags.broker ?? shared?.address ?? ''
  console.log(`clients against ${flags.broker ?? flags.system} at ${address}`)
  for (const scenario of scenarios) {
    if (wanted !== undefined && !wanted.includes(scenario.name)) continue
    for (const step of scenario.checks)
      await runCheck(scenario.name, step, (closings) => laneFor(address, closings), totals)
  }
  if (shared !== null && flags.system === 'sluice') {
    const stop = { name: 'clean stop, nothing wrong in the log', limitMs: 60_000 }
    const run = (): Promise<string> => stopCleanly(shared)
    await runCheck('broker', { ...stop, run }, (closings) => laneFor(address, closings), totals)
  }
  await shared?.stop()
  return totals
}

/** The broker that served all scenarios ends well and never had to complain. */
async function stopCleanly(broker: ManagedBroker): Promise<string> {
  await broker.stop()
  const lines = broker.output().trim().split('\n')
  const complaints = lines.filter((line) => /\] ERROR /.test(line))
  check(complaints.length === 0, () => complaints.slice(0, 20).join('\n'))
  return `${lines.length} log lines, ${lines.filter((line) => /\] WARN /.test(line)).length} warnings`
}

const totals = await runAll()
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
// A client that is still trying to reconnect must not keep the run alive.
process.exit(totals.failed === 0 ? 0 : 1)

/**
 * Kafka's tools for the cluster as a whole, for measuring and for looking into files, both ways: Java's
 * against the broker under test, ours against it too (a real Kafka 4.2 with `--system kafka`), and
 * both dump tools over the files it wrote.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describeResult } from '../support/child-processes.ts'
import { runCli } from '../support/cli.ts'
import type { KafkaToolName } from '../support/kafka-jars.ts'
import { mustSay, tool, topicName } from './java-tools.ts'
import { type Check, check, type Lane, type Scenario } from './scenario.ts'

const LIMIT_MS = 180_000
const TOOL_LIMIT_MS = 60_000

type Run = (name: KafkaToolName, args: string[]) => Promise<string>

/** Where the address stands among the words differs from tool to tool. */
async function java(lane: Lane, name: KafkaToolName, args: string[]): Promise<string> {
  const jars = await lane.jars()
  const result = await jars.run(name, args, { limitMs: TOOL_LIMIT_MS })
  check(result.code === 0, () => describeResult(`${name} ${args.join(' ')}`, result))
  return result.stdout
}

async function ours(name: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli([name, ...args])
  check(code === 0, () => `${name} ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
  return stdout
}

async function askAll(lane: Lane, run: Run): Promise<string> {
  const at = lane.address
  mustSay(await run('kafka-cluster', ['cluster-id', '-b', at]), /^Cluster ID: \S{22}$/m)
  const [host] = at.split(':')
  const endpoints = await run('kafka-cluster', ['list-endpoints', '-b', at])
  mustSay(endpoints, new RegExp(`^1 +${host} .*unfenced +broker`, 'm'))
  const features = await run('kafka-features', ['--bootstrap-server', at, 'describe'])
  mustSay(features, /^Feature: metadata\.version\tSupportedMinVersion: 3\.3-IV3/m)
  const status = await run('kafka-metadata-quorum', [
    '--bootstrap-server',
    at,
    'describe',
    '--status',
  ])
  mustSay(status, /^LeaderId: +1$/m)
  const versions = await run('kafka-broker-api-versions', ['--bootstrap-server', at])
  mustSay(versions, /^\tMetadata\(3\): 0 to 13 \[usable: 13\],$/m)
  const topic = topicName('cluster')
  const base = ['--bootstrap-server', at, '--topic', topic]
  const sent = await run('kafka-verifiable-producer', [...base, '--max-messages', '500'])
  mustSay(sent, /"name":"tool_data","sent":500,"acked":500/)
  const group = `${topic}-group`
  const read = ['--group-id', group, '--max-messages', '500']
  const consumed = await run('kafka-verifiable-consumer', [...base, ...read])
  mustSay(consumed, /"name":"offsets_committed".*"success":true/)
  const groups = await run('kafka-groups', ['--bootstrap-server', at, '--list'])
  mustSay(groups, new RegExp(`^${group} +Classic +consumer`, 'm'))
  const size = ['--num-records', '20', '--producer-acks', 'all', '--record-size', '20']
  const latency = await run('kafka-e2e-latency', [...base, ...size])
  mustSay(latency, /^Percentiles: 50th = \d+, 99th = \d+, 99\.9th = \d+$/m)
  return '500 records verified, 8 tools answered'
}

const javaTools: Check = {
  name: "Java's cluster, features, quorum, groups, verifiable and latency tools",
  limitMs: LIMIT_MS,
  run: (lane) => askAll(lane, (name, args) => java(lane, name, args)),
}

const ourTools: Check = {
  name: 'our cluster, features, quorum, groups, verifiable and latency tools',
  limitMs: LIMIT_MS,
  run: (lane) => askAll(lane, ours),
}

const dumps: Check = {
  name: 'both dump tools over the files it wrote',
  limitMs: LIMIT_MS,
  async run(lane) {
    await lane.jars()
    const broker = await lane.startBroker()
    const own: Lane = { ...lane, address: broker.address }
    const topic = topicName('dumped')
    await tool(own, 'kafka-topics', [
      ...['--create', '--topic', topic, '--config', 'index.interval.bytes=100'],
    ])
    const base = ['--bootstrap-server', broker.address, '--topic', topic]
    for (const codec of ['none', 'gzip', 'lz4', 'zstd', 'snappy'])
      await ours('kafka-producer-perf-test', [
        ...[...base, '--num-records', '200', '--record-size', '100', '--throughput', '-1'],
        ...['--command-property', `compression.type=${codec}`, 'batch.size=2000'],
      ])
    await ours('kafka-verifiable-consumer', [
      ...[...base, '--group-id', 'dumped', '--max-messages', '1000'],
    ])
    await broker.stop()
    const folder = join(broker.dataFolder, `${topic}-0`)
    const files = readdirSync(folder)
      .filter((name) => /\.(log|index|timeindex|snapshot|txnindex)$/.test(name))
      .map((name) => join(folder, name))
    const offsets = readdirSync(broker.dataFolder)
      .filter((name) => name.startsWith('__consumer_offsets-'))
      .map((name) => join(broker.dataFolder, name, '00000000000000000000.log'))
    const lines = await same(lane, ['--files', files.join(','), '--print-data-log'])
    const more = await same(lane, ['--files', offsets.join(','), '--offsets-decoder'])
    check(lines > 1_000, () => `only ${lines} lines`)
    return `${files.length + offsets.length} files, ${lines + more} lines equal`
  },
}

async function same(lane: Lane, args: string[]): Promise<number> {
  const theirs = (await java(lane, 'kafka-dump-log', args)).trimEnd().split('\n')
  const mine = (await ours('kafka-dump-log', args)).trimEnd().split('\n')
  const at = theirs.findIndex((line, index) => line.trimEnd() !== mine[index]?.trimEnd())
  check(
    at < 0 && theirs.length === mine.length,
    () => `line ${at} differs:\n${theirs[at]}\n${mine[at]}`,
  )
  return theirs.length
}

export const clusterToolsScenario: Scenario = {
  name: 'cluster-tools',
  checks: [javaTools, ourTools, dumps],
}

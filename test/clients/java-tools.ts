/**
 * Kafka's own command-line tools 4.2 (the Java client): console producer and consumer, the two
 * perf tests, topics, offsets, groups, configs, delete-records, api-versions.
 */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type CommandOptions, describeResult } from '../support/child-processes.ts'
import type { KafkaToolName } from '../support/kafka-jars.ts'
import { KafkaAdmin } from './kafka-admin.ts'
import { digestFile, LineDigest, realLines } from './real-lines.ts'
import { type Check, check, grouped, type Lane, type Scenario } from './scenario.ts'

const LIMIT_MS = 180_000
const TOOL_LIMIT_MS = 120_000
const PERF_RECORDS = 1_000_000
const PERF_RECORD_BYTES = 100

type ToolOptions = Partial<CommandOptions>

/** Runs a tool against the lane's broker; throws with what it said unless it ends with 0. */
export async function tool(
  lane: Lane,
  name: KafkaToolName,
  args: string[],
  options: ToolOptions = {},
): Promise<string> {
  const jars = await lane.jars()
  const withAddress = ['--bootstrap-server', lane.address, ...args]
  const result = await jars.run(name, withAddress, { limitMs: TOOL_LIMIT_MS, ...options })
  check(result.code === 0, () => describeResult(`${name} ${args.join(' ')}`, result))
  // Some tools end with 0 although they failed.
  const said = `${result.stdout}\n${result.stderr}`
  check(!/^(Error|Exception|org\.apache\.kafka\.\S*Exception)/m.test(said), () =>
    describeResult(`${name} ${args.join(' ')}`, result),
  )
  return result.stdout
}

export function mustSay(output: string, pattern: RegExp): void {
  check(pattern.test(output), () => `expected ${pattern} in:\n${output.slice(0, 2000)}`)
}

export function topicName(stem: string): string {
  return `java-${stem}-${randomUUID().slice(0, 8)}`
}

const consoleClients: Check = {
  name: 'console producer, console consumer --from-beginning',
  limitMs: LIMIT_MS,
  async run(lane) {
    await lane.jars()
    const path = await realLines(lane.folder, lane.sizes.fewerLines)
    const sent = await digestFile(path)
    const topic = topicName('console')
    await new KafkaAdmin(lane).createTopic(topic, 1)
    // The JVM reads and writes its console in the locale's charset.
    const env = { JAVA_TOOL_OPTIONS: '-Dfile.encoding=UTF-8', LC_ALL: 'C.UTF-8' }
    const codec = ['--compression-codec', 'zstd']
    await tool(lane, 'kafka-console-producer', ['--topic', topic, ...codec], {
      inputFile: path,
      env,
    })
    const received = new LineDigest()
    const reading = ['--topic', topic, '--from-beginning', '--max-messages', `${sent.lines}`]
    await tool(lane, 'kafka-console-consumer', [...reading, '--timeout-ms', '30000'], {
      onOutput: (piece) => received.add(piece),
      env,
    })
    check(
      received.md5() === sent.md5(),
      () => `sent ${sent.lines} lines ${sent.md5()}, got ${received.lines} ${received.md5()}`,
    )
    return `${grouped(received.lines)} lines through zstd, md5 equal`
  },
}

const perf: Check = {
  name: 'producer-perf-test and consumer-perf-test',
  limitMs: LIMIT_MS,
  async run(lane) {
    const topic = topicName('perf')
    await lane.jars()
    await new KafkaAdmin(lane).createTopic(topic, 3)
    const size = ['--num-records', `${PERF_RECORDS}`, '--record-size', `${PERF_RECORD_BYTES}`]
    const produced = await tool(lane, 'kafka-producer-perf-test', [
      ...['--topic', topic, ...size, '--throughput', '-1'],
    ])
    mustSay(produced, new RegExp(`^${PERF_RECORDS} records sent, `, 'm'))
    const ends = await new KafkaAdmin(lane).endOffsets(topic)
    const total = ends.reduce((sum, end) => sum + end, 0)
    check(total === PERF_RECORDS, () => `end offsets ${ends} are not ${PERF_RECORDS} in all`)
    const consumed = await tool(lane, 'kafka-consumer-perf-test', [
      ...['--topic', topic, '--num-records', `${PERF_RECORDS}`],
    ])
    const fields = consumed.trim().split('\n').at(-1)?.split(', ') ?? []
    check(Number(fields[4]) === PERF_RECORDS, () => consumed)
    const rate = / ([\d.]+) records\/sec/.exec(produced.trim().split('\n').at(-1) ?? '')?.[1]
    return (
      `${grouped(PERF_RECORDS)} x ${PERF_RECORD_BYTES} B, ` +
      `in ${Math.round(Number(rate))}/s, out ${Math.round(Number(fields[9]))}/s`
    )
  },
}

const topics: Check = {
  name: 'topics: create, list, describe, more partitions, delete',
  limitMs: LIMIT_MS,
  async run(lane) {
    const topic = topicName('topics')
    const kafkaTopics = (...args: string[]): Promise<string> => tool(lane, 'kafka-topics', args)
    const created = await kafkaTopics(
      ...['--create', '--topic', topic, '--partitions', '3', '--config', 'retention.ms=3600000'],
    )
    mustSay(created, new RegExp(`^Created topic ${topic}\\.$`, 'm'))
    mustSay(await kafkaTopics('--list'), new RegExp(`^${topic}$`, 'm'))
    const described = await kafkaTopics('--describe', '--topic', topic)
    mustSay(described, /TopicId: [\w-]{22}\tPartitionCount: 3\tReplicationFactor: 1\t/)
    mustSay(described, /Configs: \S*retention\.ms=3600000/)
    mustSay(described, /Partition: 2\tLeader: 1\tReplicas: 1\tIsr: 1/)
    await kafkaTopics('--alter', '--topic', topic, '--partitions', '5')
    mustSay(await kafkaTopics('--describe', '--topic', topic), /PartitionCount: 5/)
    await kafkaTopics('--delete', '--topic', topic)
    let left = await kafkaTopics('--list')
    if (left.split('\n').includes(topic)) left = await kafkaTopics('--list')
    check(!left.split('\n').includes(topic), () => `${topic} is still listed`)
    return '3 partitions, then 5, then gone'
  },
}

const offsetsAndRecords: Check = {
  name: 'get-offsets, delete-records',
  limitMs: LIMIT_MS,
  async run(lane) {
    const topic = topicName('offsets')
    await tool(lane, 'kafka-topics', ['--create', '--topic', topic, '--partitions', '2'])
    const input = Array.from({ length: 100 }, (_, at) => `line ${at}\n`).join('')
    await tool(lane, 'kafka-console-producer', ['--topic', topic], { input })
    const getOffsets = async (...args: string[]): Promise<number> => {
      const output = await tool(lane, 'kafka-get-offsets', ['--topic', topic, ...args])
      const numbers = output.match(/^\S+:\d+:(\d+)$/gm) ?? []
      return numbers.reduce((sum, line) => sum + Number(line.split(':')[2]), 0)
    }
    check((await getOffsets()) === 100, () => 'end offsets do not sum to 100')
    const ends = await new KafkaAdmin(lane).endOffsets(topic)
    const partition = ends.findIndex((end) => end > 0)
    const upTo = Math.ceil((ends[partition] ?? 0) / 2)
    const file = `${lane.folder}/${topic}.json`
    const partitions = [{ topic, partition, offset: upTo }]
    writeFileSync(file, JSON.stringify({ version: 1, partitions }))
    const deleted = await tool(lane, 'kafka-delete-records', ['--offset-json-file', file])
    mustSay(deleted, new RegExp(`partition: ${topic}-${partition}\\s+low_watermark: ${upTo}`))
    const earliest = await getOffsets('--time', 'earliest')
    check(earliest === upTo, () => `log start offsets sum to ${earliest}, not ${upTo}`)
    const rest = await tool(lane, 'kafka-console-consumer', [
      ...['--topic', topic, '--from-beginning', '--max-messages', `${100 - upTo}`],
      ...['--timeout-ms', '20000'],
    ])
    check(rest.trim().split('\n').length === 100 - upTo, () => rest)
    return `100 records, ${upTo} deleted, ${100 - upTo} read`
  },
}

const groups: Check = {
  name: 'consumer-groups: describe, list, reset-offsets, delete',
  limitMs: LIMIT_MS,
  async run(lane) {
    const topic = topicName('groups')
    const group = `${topic}-group`
    const kafkaGroups = (...args: string[]): Promise<string> =>
      tool(lane, 'kafka-consumer-groups', args)
    await tool(lane, 'kafka-topics', ['--create', '--topic', topic, '--partitions', '1'])
    await tool(lane, 'kafka-console-producer', ['--topic', topic], { input: 'a\nb\nc\n' })
    const consumed = await tool(lane, 'kafka-console-consumer', [
      ...['--topic', topic, '--from-beginning', '--group', group],
      ...['--max-messages', '3', '--timeout-ms', '20000'],
    ])
    check(consumed === 'a\nb\nc\n', () => consumed)
    mustSay(await kafkaGroups('--list'), new RegExp(`^${group}$`, 'm'))
    const row = new RegExp(`^${group}\\s+${topic}\\s+0\\s+3\\s+3\\s+0\\s+-`, 'm')
    mustSay(await kafkaGroups('--describe', '--group', group), row)
    mustSay(await kafkaGroups('--describe', '--group', group, '--state'), /\bEmpty\b/)
    const reset = ['--reset-offsets', '--topic', topic, '--to-earliest', '--execute']
    mustSay(await kafkaGroups('--group', group, ...reset), new RegExp(`${topic}\\s+0\\s+0`))
    mustSay(await kafkaGroups('--describe', '--group', group), /\s0\s+0\s+3\s+3\s/)
    mustSay(await kafkaGroups('--delete', '--group', group), /was successful/)
    const left = await kafkaGroups('--list')
    check(!left.split('\n').includes(group), () => `${group} is still listed`)
    return '3 records read, offset reset to 0, group deleted'
  },
}

const configsAndVersions: Check = {
  name: 'configs --describe, broker-api-versions',
  limitMs: LIMIT_MS,
  async run(lane) {
    const topic = topicName('configs')
    await tool(lane, 'kafka-topics', [
      ...['--create', '--topic', topic, '--config', 'max.message.bytes=65536'],
    ])
    const configs = (...args: string[]): Promise<string> =>
      tool(lane, 'kafka-configs', ['--describe', ...args])
    const described = await configs('--entity-type', 'topics', '--entity-name', topic)
    mustSay(described, /max\.message\.bytes=65536 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG/)
    const broker = await configs('--entity-type', 'brokers', '--entity-name', '1', '--all')
    mustSay(broker, /^ {2}log\.dirs=\S+ sensitive=false/m)
    const versions = await tool(lane, 'kafka-broker-api-versions', [])
    mustSay(versions, /^\tProduce\(0\): \d+ to 13 \[usable: 13\]/m)
    mustSay(versions, /^\tFetch\(1\): 4 to 18 \[usable: 18\]/m)
    const count = versions.match(/\[usable: /g)?.length ?? 0
    return `${broker.split('\n').length} broker options, ${count} APIs`
  },
}

export const javaScenario: Scenario = {
  name: 'java',
  checks: [consoleClients, perf, topics, offsetsAndRecords, groups, configsAndVersions],
}

/**
 * Kafka's own administration tools 4.2 on what is not data: configs of every kind of resource, features,
 * the metadata quorum, leader elections, reassignments, registrations.
 */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { describeResult } from '../support/child-processes.ts'
import type { KafkaToolName } from '../support/kafka-jars.ts'
import { mustSay, tool, topicName } from './java-tools.ts'
import { type Check, check, type Lane, type Scenario } from './scenario.ts'

const LIMIT_MS = 300_000
const TOOL_LIMIT_MS = 60_000

/** Runs a tool that must fail; what it said. */
async function failing(lane: Lane, name: KafkaToolName, args: string[]): Promise<string> {
  const jars = await lane.jars()
  const result = await jars.run(name, args, { limitMs: TOOL_LIMIT_MS })
  check(result.code !== 0, () => describeResult(`${name} ${args.join(' ')}`, result))
  return `${result.stdout}\n${result.stderr}`
}

interface Entity {
  readonly type: string
  /** Null: the default of all brokers. */
  readonly name: string | null
  readonly option: string
  readonly value: string
  /** As the tool prints where the value comes from. */
  readonly source: string
}

/** Sets, describes, deletes, describes. */
async function setAndDelete(lane: Lane, entity: Entity): Promise<void> {
  const { type, name, option, value, source } = entity
  const named = name === null ? ['--entity-default'] : ['--entity-name', name]
  const configs = (...args: string[]): Promise<string> =>
    tool(lane, 'kafka-configs', ['--entity-type', type, ...named, ...args])
  const setting = new RegExp(
    `^ {2}${option}=${value} sensitive=false synonyms=\\{${source}:${option}=${value}`,
    'm',
  )
  mustSay(await configs('--alter', '--add-config', `${option}=${value}`), /^Completed updating/m)
  mustSay(await configs('--describe'), setting)
  mustSay(await configs('--alter', '--delete-config', option), /^Completed updating/m)
  const left = await configs('--describe')
  check(!setting.test(left), () => `${option} is still set: ${left}`)
}

const configsAltered: Check = {
  name: 'configs --alter: topics, brokers, all brokers, groups, client metrics',
  limitMs: LIMIT_MS,
  async run(lane) {
    const topic = topicName('alter')
    const other = randomUUID().slice(0, 8)
    await tool(lane, 'kafka-topics', ['--create', '--topic', topic, '--partitions', '1'])
    const entities: readonly Entity[] = [
      {
        type: 'topics',
        name: topic,
        option: 'flush.ms',
        value: '1000',
        source: 'DYNAMIC_TOPIC_CONFIG',
      },
      {
        type: 'brokers',
        name: '1',
        option: 'log.retention.ms',
        value: '5000000',
        source: 'DYNAMIC_BROKER_CONFIG',
      },
      {
        type: 'brokers',
        name: null,
        option: 'message.max.bytes',
        value: '2000000',
        source: 'DYNAMIC_DEFAULT_BROKER_CONFIG',
      },
      {
        type: 'groups',
        name: `group-${other}`,
        option: 'consumer.session.timeout.ms',
        value: '50000',
        source: 'DYNAMIC_GROUP_CONFIG',
      },
      {
        type: 'client-metrics',
        name: `metrics-${other}`,
        option: 'interval.ms',
        value: '1000',
        source: 'DYNAMIC_CLIENT_METRICS_CONFIG',
      },
    ]
    for (const entity of entities) await setAndDelete(lane, entity)
    const topicConfigs = ['--entity-type', 'topics', '--entity-name', topic]
    const list = ['--alter', '--add-config', 'cleanup.policy=[compact,delete]']
    await tool(lane, 'kafka-configs', [...topicConfigs, ...list])
    const described = await tool(lane, 'kafka-configs', [...topicConfigs, '--describe'])
    mustSay(described, /^ {2}cleanup\.policy=compact,delete /m)
    const all = await tool(lane, 'kafka-configs', [...topicConfigs, '--describe', '--all'])
    mustSay(all, /^ {2}retention\.ms=604800000 sensitive=false/m)
    const refused = await failing(lane, 'kafka-configs', [
      ...['--bootstrap-server', lane.address, ...topicConfigs],
      ...['--alter', '--add-config', 'retention.ms=soon'],
    ])
    mustSay(
      refused,
      /Invalid value soon for configuration retention\.ms: Not a number of type LONG/,
    )
    return `${entities.length} kinds set and deleted, a bad value refused`
  },
}

const cluster: Check = {
  name: 'features, metadata-quorum, cluster unregister',
  limitMs: LIMIT_MS,
  async run(lane) {
    const features = await tool(lane, 'kafka-features', ['describe'])
    mustSay(features, /^Feature: metadata\.version\t.*FinalizedVersionLevel: 4\.2-IV1/m)
    const lower = ['downgrade', '--feature', 'metadata.version=28', '--dry-run']
    mustSay(await tool(lane, 'kafka-features', lower), /can be downgraded to 28/)
    const address = ['--bootstrap-server', lane.address]
    const unknown = ['upgrade', '--feature', 'group.version=9']
    mustSay(
      await failing(lane, 'kafka-features', [...address, ...unknown]),
      /only supports versions/,
    )
    const status = await tool(lane, 'kafka-metadata-quorum', ['describe', '--status'])
    mustSay(status, /^LeaderId: +1$/m)
    mustSay(status, /^MaxFollowerLag: +0$/m)
    const replicas = await tool(lane, 'kafka-metadata-quorum', ['describe', '--replication'])
    mustSay(replicas, /^1\s+.*\s0\s.*Leader/m)
    const gone = await failing(lane, 'kafka-cluster', ['unregister', ...address, '--id', '9'])
    mustSay(gone, /Broker ID 9 is not currently registered/)
    return 'levels, quorum of one, no broker 9'
  },
}

const replicas: Check = {
  name: 'leader-election, reassign-partitions',
  limitMs: LIMIT_MS,
  async run(lane) {
    const topic = topicName('replicas')
    await tool(lane, 'kafka-topics', ['--create', '--topic', topic, '--partitions', '2'])
    const preferred = ['--election-type', 'preferred']
    await tool(lane, 'kafka-leader-election', [...preferred, '--all-topic-partitions'])
    const one = [...preferred, '--topic', topic, '--partition', '0']
    mustSay(
      await tool(lane, 'kafka-leader-election', one),
      new RegExp(`Valid replica already elected for partitions ${topic}-0`),
    )
    const file = `${lane.folder}/${topic}.json`
    writeFileSync(
      file,
      JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, replicas: [1] }] }),
    )
    const reassign = (...args: string[]): Promise<string> =>
      tool(lane, 'kafka-reassign-partitions', args)
    const withFile = ['--reassignment-json-file', file]
    mustSay(
      await reassign('--execute', ...withFile, '--throttle', '1000'),
      new RegExp(`Successfully started partition reassignment for ${topic}-0`),
    )
    mustSay(
      await reassign('--verify', ...withFile),
      new RegExp(`Reassignment of partition ${topic}-0 is completed`),
    )
    mustSay(await reassign('--cancel', ...withFile), /None of the specified partition/)
    mustSay(await reassign('--list'), /No partition reassignments found/)
    return 'nothing to elect, nothing to move'
  },
}

export const javaAdminScenario: Scenario = {
  name: 'java-admin',
  checks: [configsAltered, cluster, replicas],
}

/**
 * Java consumers of the new protocol (KIP-848, group.protocol=consumer), as Kafka's own console
 * consumer runs them: members join and leave while records flow, the broker is killed in between, a
 * group of the classic protocol takes one in and loses it again. What kafka-consumer-groups says of
 * the group is read at each step.
 */
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { collect, describeResult, endChild, startChild } from '../support/child-processes.ts'
import { kafkaTools } from '../support/kafka-jars.ts'
import { KafkaAdmin } from './kafka-admin.ts'
import { type Check, check, type Lane, type Scenario } from './scenario.ts'

const LIMIT_MS = 240_000
const TOOL_LIMIT_MS = 60_000
/** Longer than a session of the classic protocol and a few heartbeats of the new one. */
const SETTLE_LIMIT_MS = 60_000
const PARTITIONS = 6

interface ConsoleConsumer {
  readonly child: ChildProcess
  /** The lines received so far. */
  lines(): string[]
}

interface Place {
  readonly lane: Lane
  readonly address: string
  readonly topic: string
  readonly group: string
}

async function newPlace(lane: Lane, address: string): Promise<Place> {
  const topic = `kip848-${randomUUID().slice(0, 8)}`
  await new KafkaAdmin(lane, address).createTopic(topic, PARTITIONS)
  return { lane, address, topic, group: `${topic}-group` }
}

async function startConsumer(place: Place, protocol: 'classic' | 'consumer') {
  const { lane, address, topic, group } = place
  const { folder } = await lane.jars()
  const own = ['--bootstrap-server', address, '--topic', topic, '--group', group]
  const settings = [`group.protocol=${protocol}`, 'auto.offset.reset=earliest']
  const given = settings.flatMap((setting) => ['--command-property', setting])
  const main = kafkaTools['kafka-console-consumer']
  const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const args = [...jvm, '-cp', join(folder, '*'), main, ...own, ...given]
  const child = startChild('java', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  lane.defer(() => endChild(child, 'SIGKILL'))
  const said = collect(child.stdout)
  collect(child.stderr)
  const lines = () => said().split('\n').slice(0, -1)
  return { child, lines } satisfies ConsoleConsumer
}

async function produce(place: Place, from: number, count: number): Promise<void> {
  const jars = await place.lane.jars()
  const input = Array.from({ length: count }, (_, at) => `record ${from + at}\n`).join('')
  const to = ['--bootstrap-server', place.address, '--topic', place.topic]
  const scattered = ['--command-property', 'partitioner.ignore.keys=true']
  const small = ['--command-property', 'batch.size=100', '--command-property', 'linger.ms=0']
  const result = await jars.run('kafka-console-producer', [...to, ...scattered, ...small], {
    limitMs: TOOL_LIMIT_MS,
    input,
  })
  check(result.code === 0, () => describeResult('kafka-console-producer', result))
}

async function groups(place: Place, ...args: string[]): Promise<string> {
  const jars = await place.lane.jars()
  const asked = ['--bootstrap-server', place.address, '--describe', '--group', place.group]
  const result = await jars.run('kafka-consumer-groups', [...asked, ...args], {
    limitMs: TOOL_LIMIT_MS,
  })
  return result.stdout
}

/** Asks until the answer is as it should be. */
async function until(what: string, isThere: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + SETTLE_LIMIT_MS
  while (!(await isThere())) {
    check(performance.now() < end, () => `not within ${SETTLE_LIMIT_MS / 1000} s: ${what}`)
    await sleep(200)
  }
}

/** A column of the members' table; the numbers of partitions are the fifth, epochs the sixth. */
async function column(place: Place, index: number): Promise<string[]> {
  const said = await groups(place, '--members', '--verbose')
  const rows = said.split('\n').filter((line) => line.startsWith(`${place.group} `))
  return rows.map((row) => row.split(/\s+/)[index] ?? '').sort()
}

/** The numbers of partitions of the members. */
function shares(place: Place): Promise<string[]> {
  return column(place, 4)
}

/** Members of a consumer group are in an epoch, those of a classic one are not. */
async function isConsumerGroup(place: Place): Promise<boolean> {
  return (await column(place, 5)).every((epoch) => /^\d+$/.test(epoch))
}

function hasAll(consumers: readonly ConsoleConsumer[], count: number): boolean {
  return new Set(consumers.flatMap((consumer) => consumer.lines())).size === count
}

const membersComeAndGo: Check = {
  name: 'console consumers join and leave, the broker is killed in between',
  limitMs: LIMIT_MS,
  slow: true,
  async run(lane) {
    await lane.jars()
    const broker = await lane.startBroker()
    const place = await newPlace(lane, broker.address)
    const first = await startConsumer(place, 'consumer')
    await produce(place, 0, 300)
    await until('the first member has 300 records', () => hasAll([first], 300))
    const second = await startConsumer(place, 'consumer')
    await until('3 + 3 partitions', async () => (await shares(place)).join() === '3,3')
    await until('Stable', async () => /Stable/.test(await groups(place, '--state', '--verbose')))
    await produce(place, 300, 300)
    await until('600 records', () => hasAll([first, second], 600))
    check(second.lines().length > 0, () => 'the second member got nothing')
    await broker.kill()
    await broker.start()
    await produce(place, 600, 300)
    await until('900 records after kill -9', () => hasAll([first, second], 900))
    check((await shares(place)).join() === '3,3', () => 'the members changed with the restart')
    await endChild(first.child, 'SIGTERM')
    await until('6 partitions', async () => (await shares(place)).join() === '6')
    await produce(place, 900, 300)
    await until('1200 records', () => hasAll([first, second], 1200))
    const { length } = [...first.lines(), ...second.lines()]
    await endChild(second.child, 'SIGTERM')
    return `1200 records to two members, ${length - 1200} repeated`
  },
}

const migrates: Check = {
  name: 'a classic group takes in a member of the new protocol, and is classic again without it',
  limitMs: LIMIT_MS,
  slow: true,
  async run(lane) {
    await lane.jars()
    const place = await newPlace(lane, lane.address)
    const classic = await startConsumer(place, 'classic')
    await produce(place, 0, 300)
    await until('the classic member has 300 records', () => hasAll([classic], 300))
    const consumer = await startConsumer(place, 'consumer')
    await until('3 + 3 partitions', async () => (await shares(place)).join() === '3,3')
    check(await isConsumerGroup(place), () => 'it is no consumer group')
    await produce(place, 300, 300)
    await until('600 records', () => hasAll([classic, consumer], 600))
    await endChild(consumer.child, 'SIGTERM')
    await until('6 partitions', async () => (await shares(place)).join() === '6')
    check(!(await isConsumerGroup(place)), () => 'it is still a consumer group')
    await produce(place, 600, 300)
    await until('900 records', () => hasAll([classic, consumer], 900))
    const { length } = [...classic.lines(), ...consumer.lines()]
    await endChild(classic.child, 'SIGTERM')
    return `900 records to both, ${length - 900} repeated`
  },
}

export const consumerProtocolScenario: Scenario = {
  name: 'kip-848',
  checks: [membersComeAndGo, migrates],
}

/**
 * Kafka's files both ways: its dump tool accepts every file of ours; a real Kafka 4.2 whose topic
 * folders are replaced by ours serves every record, and ours serves a Kafka's.
 */
import { randomUUID } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describeResult, runCommand } from '../support/child-processes.ts'
import type { KafkaJars } from '../support/kafka-jars.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { KafkaAdmin, quietKafkajs } from './kafka-admin.ts'
import { LineDigest, realLines } from './real-lines.ts'
import { type Check, check, grouped, type Lane, type Scenario, Skip } from './scenario.ts'

const LIMIT_MS = 300_000
const COMMAND_LIMIT_MS = 120_000
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
/** What the group committed, in every partition. */
const COMMITTED = 7
/** Names the topic a folder belongs to. */
const IDENTITY = 'partition.metadata'
const LINES_PER_CODEC = 60_000
/** Kafka's minimum: several segments per partition. */
const TOPIC_CONFIG = { 'segment.bytes': '1048576', 'index.interval.bytes': '1024' }
/** Words by which the dump tool reports a fault; it ends with 0 nevertheless. */
const FAULTS =
  /isvalid: false|Found|Mismatch|mismatch|corrupt|Exception|out of order|non-consecutive|non-batch/i

/** A topic of one partition per codec filled with real lines, and a group with offsets. */
async function fill(lane: Lane, broker: ManagedBroker, topic: string): Promise<void> {
  const { address } = broker
  await new KafkaAdmin(lane, address).createTopic(topic, CODECS.length, TOPIC_CONFIG)
  const path = await realLines(lane.folder, LINES_PER_CODEC)
  for (const [partition, codec] of CODECS.entries()) {
    const args = ['-P', '-b', address, '-t', topic, '-p', `${partition}`, '-z', codec, '-l', path]
    const settings = ['-X', 'batch.size=50000', '-X', 'enable.idempotence=true']
    const result = await runCommand('kcat', [...args, ...settings], { limitMs: COMMAND_LIMIT_MS })
    if (result.stderr.includes('ENOENT')) throw new Skip('kcat is not installed')
    check(result.code === 0, () => describeResult('kcat', result))
  }
  const producer = quietKafkajs(address).producer({ idempotent: true, maxInFlightRequests: 1 })
  lane.defer(() => producer.disconnect())
  await producer.connect()
  for (const partition of CODECS.keys())
    await producer.send({
      topic,
      messages: [
        { partition, key: 'key', value: 'with headers', headers: { one: '1', two: '2' } },
        { partition, key: 'tombstone', value: null },
      ],
    })
  await new KafkaAdmin(lane, address).commit(
    `${topic}-group`,
    topic,
    CODECS.map(() => COMMITTED),
  )
}

async function digestPartitions(address: string, topic: string): Promise<string[]> {
  const digests: string[] = []
  for (const partition of CODECS.keys()) {
    const digest = new LineDigest()
    const args = ['-C', '-b', address, '-t', topic, '-p', `${partition}`, '-o', 'beginning', '-e']
    const format = ['-q', '-f', '%o %T %k %S %s %h\n']
    const result = await runCommand('kcat', [...args, ...format], {
      limitMs: COMMAND_LIMIT_MS,
      onOutput: (piece) => digest.add(piece),
    })
    check(result.code === 0, () => describeResult('kcat', result))
    digests.push(`${digest.lines} ${digest.md5()}`)
  }
  return digests
}

function filesOf(broker: ManagedBroker, pattern: RegExp, suffix: string): string[] {
  return readdirSync(broker.dataFolder)
    .filter((folder) => pattern.test(folder))
    .flatMap((folder) =>
      readdirSync(join(broker.dataFolder, folder))
        .filter((name) => name.endsWith(suffix))
        .map((name) => join(broker.dataFolder, folder, name)),
    )
    .sort()
}

async function dump(jars: KafkaJars, files: string[], ...flags: string[]): Promise<string> {
  let output = ''
  const result = await jars.run('kafka-dump-log', ['--files', files.join(','), ...flags], {
    limitMs: COMMAND_LIMIT_MS,
    onOutput: (piece) => {
      output += piece.toString('latin1')
    },
  })
  check(result.code === 0, () => describeResult(`kafka-dump-log ${flags.join(' ')}`, result))
  const fault = output.split('\n').find((line) => FAULTS.test(line) && !line.startsWith('Dumping'))
  const said = result.stderr.replace(/^SLF4J.*$/gm, '').trim()
  check(fault === undefined && said === '', () => `kafka-dump-log ${flags}: ${fault ?? said}`)
  return output
}

const dumpCheck: Check = {
  name: 'dump-log: --deep-iteration, --verify-index-only, --index-sanity-check',
  limitMs: LIMIT_MS,
  async run(lane) {
    const jars = await lane.jars()
    const broker = await lane.startBroker()
    const topic = `dump-${randomUUID().slice(0, 8)}`
    await fill(lane, broker, topic)
    // Recovery after a kill rebuilds what it does not trust: those files are Kafka's too.
    await broker.kill()
    await broker.start()
    const producer = quietKafkajs(broker.address).producer()
    lane.defer(() => producer.disconnect())
    await producer.connect()
    const messages = [...CODECS.keys()].map((partition) => ({ partition, value: 'recovered' }))
    await producer.send({ topic, messages })
    const ends = await new KafkaAdmin(lane, broker.address).endOffsets(topic)
    await broker.stop()

    const ours = new RegExp(`^${topic}-\\d+$`)
    const logs = filesOf(broker, ours, '.log')
    check(logs.length > CODECS.length, () => `only ${logs.length} segments`)
    const dumped = await dump(jars, logs, '--deep-iteration')
    const records = dumped.match(/^\| offset: /gm)?.length ?? 0
    const expected = ends.reduce((sum, end) => sum + end, 0)
    check(records === expected, () => `${records} records dumped, ${expected} written`)
    for (const codec of CODECS)
      check(dumped.includes(`compresscodec: ${codec} `), () => `no batch with ${codec}`)
    const indexes = [...filesOf(broker, ours, '.index'), ...filesOf(broker, ours, '.timeindex')]
    const verified = await dump(jars, indexes, '--verify-index-only')
    const sane = await dump(jars, indexes, '--index-sanity-check')
    const passed = sane.match(/passed sanity check/g)?.length ?? 0
    check(passed === indexes.length, () => `${passed} of ${indexes.length} indexes\n${sane}`)
    check(verified.split('Dumping ').length - 1 === indexes.length, () => verified)
    const snapshots = filesOf(broker, ours, '.snapshot')
    const producers = (await dump(jars, snapshots)).match(/^producerId: \d+ /gm)?.length ?? 0
    check(producers > 0, () => `no producer in ${snapshots.length} snapshots`)
    const internal = filesOf(broker, /^__consumer_offsets-\d+$/, '.log')
    const offsets = await dump(jars, internal, '--offsets-decoder')
    check(offsets.includes(`${topic}-group`), () => `no group offsets in ${internal.length} logs`)
    return (
      `${logs.length} segments with ${grouped(records)} records, ${indexes.length} indexes, ` +
      `${snapshots.length} producer snapshots, ${internal.length} logs of __consumer_offsets`
    )
  },
}

/**
 * Puts partition folders of a stopped broker in place of another's, whose partition.metadata, and so
 * its topic id, stays. Folders that one of them lacks are left alone. Returns the files copied.
 */
function replant(source: ManagedBroker, target: ManagedBroker, pattern: RegExp): number {
  let files = 0
  const both = readdirSync(source.dataFolder).filter(
    (name) => pattern.test(name) && existsSync(join(target.dataFolder, name)),
  )
  for (const folder of both) {
    const from = join(source.dataFolder, folder)
    const to = join(target.dataFolder, folder)
    for (const name of readdirSync(to)) if (name !== IDENTITY) rmSync(join(to, name))
    for (const name of readdirSync(from)) {
      if (name === IDENTITY) continue
      copyFileSync(join(from, name), join(to, name))
      files++
    }
  }
  return files
}

async function transplant(
  lane: Lane,
  source: ManagedBroker,
  target: ManagedBroker,
): Promise<string> {
  const topic = `interop-${randomUUID().slice(0, 8)}`
  await fill(lane, source, topic)
  const before = await digestPartitions(source.address, topic)
  await new KafkaAdmin(lane, target.address).createTopic(topic, CODECS.length, TOPIC_CONFIG)
  // A partition's folder may exist only once it was written to.
  const seed = quietKafkajs(target.address).producer()
  lane.defer(() => seed.disconnect())
  await seed.connect()
  const messages = [...CODECS.keys()].map((partition) => ({ partition, value: 'seed' }))
  await seed.send({ topic, messages })
  await seed.disconnect()
  // The same group: the partition of __consumer_offsets that it lives in exists on both sides.
  const group = `${topic}-group`
  const admin = new KafkaAdmin(lane, target.address)
  await admin.commit(
    group,
    topic,
    CODECS.map(() => 1),
  )
  await source.stop()
  await target.stop()
  const files = replant(source, target, new RegExp(`^(${topic}|__consumer_offsets)-\\d+$`))
  await target.start()
  const offsets = await admin.groupOffsets(group, topic)
  check(
    offsets.join() === CODECS.map(() => COMMITTED).join(),
    () => `group offsets ${offsets.join()}`,
  )
  const after = await digestPartitions(target.address, topic)
  check(after.join() === before.join(), () => `before ${before}\nafter  ${after}`)
  const producer = quietKafkajs(target.address).producer()
  lane.defer(() => producer.disconnect())
  await producer.connect()
  const sent = await producer.send({ topic, messages: [{ partition: 0, value: 'goes on' }] })
  check(sent[0]?.baseOffset === `${LINES_PER_CODEC + 2}`, () => JSON.stringify(sent))
  const lines = before.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0)
  return `${files} files, ${grouped(lines)} records and group offsets equal, and it goes on`
}

const oursInKafka: Check = {
  name: 'a real Kafka 4.2 serves our topic folders',
  limitMs: LIMIT_MS,
  async run(lane) {
    await lane.jars()
    const source = await lane.startBroker()
    return transplant(lane, source, await lane.startKafka())
  },
}

const kafkasInOurs: Check = {
  name: "ours serves a real Kafka's topic folders",
  limitMs: LIMIT_MS,
  async run(lane) {
    await lane.jars()
    const target = await lane.startBroker()
    return transplant(lane, await lane.startKafka(), target)
  },
}

export const interopScenario: Scenario = {
  name: 'interop',
  checks: [dumpCheck, oursInKafka, kafkasInOurs],
}

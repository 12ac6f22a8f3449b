/**
 * In place from Kafka to sluice and back: a real Kafka 4.2's data folder is adopted, its group goes on
 * from its committed offset, what is done here is found by Kafka after the release.
 */
import { randomUUID } from 'node:crypto'
import { packageRoot, sluiceProgram } from '../../tools/package-root.ts'
import { startBroker } from '../support/broker-process.ts'
import { describeResult, runCommand } from '../support/child-processes.ts'
import { KafkaAdmin, quietKafkajs } from './kafka-admin.ts'
import { type Check, check, type Lane, type Scenario } from './scenario.ts'

/** ConfigResourceTypes.TOPIC, which kafkajs does not export to ES modules. */
const TOPIC_RESOURCE = 2
const LIMIT_MS = 240_000
const COMMAND_LIMIT_MS = 60_000
const PARTITIONS = 3
const RECORDS = 3_000

async function storage(...args: string[]): Promise<string> {
  const command = [...sluiceProgram(), 'storage', ...args]
  const result = await runCommand(process.execPath, command, {
    limitMs: COMMAND_LIMIT_MS,
    cwd: packageRoot,
  })
  check(result.code === 0, () => describeResult(`storage ${args.join(' ')}`, result))
  return result.stderr
}

/** Values `<label>-<n>`, spread over the partitions; idempotent, so that producer ids are used. */
async function produce(lane: Lane, address: string, topic: string, label: string): Promise<void> {
  const producer = quietKafkajs(address).producer({ idempotent: true, maxInFlightRequests: 1 })
  lane.defer(() => producer.disconnect())
  await producer.connect()
  const messages = Array.from({ length: RECORDS }, (_, at) => ({
    key: `${at}`,
    value: `${label}-${at}`,
    partition: at % PARTITIONS,
  }))
  await producer.send({ topic, messages, acks: -1 })
  await producer.disconnect()
}

/** What a member of the group is given from where the group stands, until `count` came; committed. */
async function consume(
  lane: Lane,
  address: string,
  group: string,
  topic: string,
  count: number,
): Promise<string[]> {
  const consumer = quietKafkajs(address).consumer({ groupId: group, sessionTimeout: 10_000 })
  lane.defer(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const values: string[] = []
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      // While a coordinator loads, kafkajs starts its consumer again by itself.
      if (!payload.restart) reject(payload.error)
    })
    consumer
      .run({
        eachMessage: async ({ message }) => {
          values.push(`${message.value}`)
          if (values.length === count) resolve()
        },
      })
      .catch(reject)
  })
  // Stopping commits what was given out.
  await consumer.stop()
  await consumer.disconnect()
  return values
}

function allOf(values: readonly string[], label: string): void {
  const wrong = values.filter((value) => !value.startsWith(`${label}-`))
  check(
    wrong.length === 0 && new Set(values).size === RECORDS,
    () => `${new Set(values).size} of ${RECORDS} of ${label}, besides ${wrong.slice(0, 3)}`,
  )
}

async function optionOf(address: string, topic: string, name: string): Promise<string> {
  const admin = quietKafkajs(address).admin()
  await admin.connect()
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: TOPIC_RESOURCE, name: topic }],
    })
    return resources[0]?.configEntries.find((entry) => entry.configName === name)?.configValue ?? ''
  } finally {
    await admin.disconnect()
  }
}

const thereAndBack: Check = {
  name: "a real Kafka 4.2's folder is adopted, served, changed and released",
  limitMs: LIMIT_MS,
  async run(lane) {
    const kafka = await lane.startKafka()
    const topic = `adopt-${randomUUID().slice(0, 8)}`
    const doomed = `${topic}-doomed`
    const born = `${topic}-born`
    const group = `${topic}-group`
    const atKafka = new KafkaAdmin(lane, kafka.address)
    await atKafka.createTopic(topic, PARTITIONS, { 'retention.ms': '7654321' })
    await atKafka.createTopic(doomed, 1)
    await produce(lane, kafka.address, topic, 'first')
    allOf(await consume(lane, kafka.address, group, topic, RECORDS), 'first')
    await produce(lane, kafka.address, topic, 'second')
    await kafka.stop()

    const adopted = await storage('adopt', kafka.dataFolder)
    const ours = await startBroker({ dataFolder: kafka.dataFolder, overrides: { 'node.id': '1' } })
    lane.defer(() => ours.kill())
    allOf(await consume(lane, ours.address, group, topic, RECORDS), 'second')
    check((await optionOf(ours.address, topic, 'retention.ms')) === '7654321', () => 'option lost')
    const atOurs = new KafkaAdmin(lane, ours.address)
    await atOurs.createTopic(born, PARTITIONS, { 'segment.bytes': '2097152' })
    const admin = quietKafkajs(ours.address).admin()
    lane.defer(() => admin.disconnect())
    await admin.connect()
    await admin.deleteTopics({ topics: [doomed] })
    await admin.createPartitions({ topicPartitions: [{ topic, count: PARTITIONS + 1 }] })
    await admin.disconnect()
    await produce(lane, ours.address, topic, 'third')
    await produce(lane, ours.address, born, 'born')
    await ours.stop()

    const released = await storage('release', kafka.dataFolder)
    await kafka.start()
    allOf(await consume(lane, kafka.address, group, topic, RECORDS), 'third')
    allOf(await consume(lane, kafka.address, `${born}-group`, born, RECORDS), 'born')
    const size = await optionOf(kafka.address, born, 'segment.bytes')
    check(size === '2097152', () => `segment.bytes is ${size} after the release`)
    const ends = await atKafka.endOffsets(topic)
    check(ends.length === PARTITIONS + 1, () => `${ends.length} partitions after the release`)
    const again = quietKafkajs(kafka.address).admin()
    lane.defer(() => again.disconnect())
    await again.connect()
    const topics = await again.listTopics()
    check(!topics.includes(doomed), () => `${doomed} is back`)
    await again.disconnect()
    await produce(lane, kafka.address, topic, 'fourth')
    await produce(lane, kafka.address, born, 'late')
    await kafka.stop()
    // A second round finds what Kafka did meanwhile.
    await storage('adopt', kafka.dataFolder)
    return [adopted, released].map((text) => text.split('\n')[0]).join('; ')
  },
}

export const adoptScenario: Scenario = { name: 'adopt', checks: [thereAndBack] }

/** A clean stop and a start find everything again: records, offsets, groups, topic ids, options. */
import { createHash, randomUUID } from 'node:crypto'
import { Producer } from '@platformatic/kafka'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { KafkaAdmin, quietKafkajs } from './kafka-admin.ts'
import { readTopic } from './read-topic.ts'
import { type Check, check, type Lane, type Scenario } from './scenario.ts'

/** ConfigResourceTypes.TOPIC, which kafkajs does not export to ES modules. */
const TOPIC_RESOURCE = 2
const RECORDS = 3000
const PARTITIONS = 3
const COMMITTED = [200, 201, 202]

interface Names {
  readonly topic: string
  readonly gone: string
  readonly group: string
}

async function fill(lane: Lane, address: string, names: Names): Promise<void> {
  const admin = new KafkaAdmin(lane, address)
  await admin.createTopic(names.topic, PARTITIONS, { 'retention.ms': '7200000' })
  await admin.createTopic(names.gone, 1)
  const producer = quietKafkajs(address).producer()
  lane.defer(() => producer.disconnect())
  await producer.connect()
  for (let sent = 0; sent < RECORDS; sent += 100) {
    const messages = Array.from({ length: 100 }, (_, at) => ({
      partition: (sent + at) % PARTITIONS,
      key: `key ${sent + at}`,
      value: `value ${sent + at}`.repeat(5),
      headers: { at: `${at}` },
    }))
    await producer.send({ topic: names.topic, messages })
  }
  await producer.send({ topic: names.gone, messages: [{ value: 'to be deleted' }] })
  await admin.commit(names.group, names.topic, COMMITTED)
  await admin.use(async (client) => {
    // deleteTopicRecords wants the topic's metadata loaded.
    await client.fetchTopicOffsets(names.topic)
    await client.deleteTopicRecords({
      topic: names.topic,
      partitions: [{ partition: 1, offset: '120' }],
    })
    await client.deleteTopics({ topics: [names.gone] })
  })
}

/** All that must be the same after a restart. */
async function snapshot(lane: Lane, address: string, names: Names): Promise<object> {
  const asker = new Producer({ clientId: 'client-lane', bootstrapBrokers: [address] })
  const metadata = await asker.metadata({ topics: [names.topic] })
  await asker.close()
  const records = await readTopic(lane, names.topic, address)
  const digests = records.map((partition) => {
    const hash = createHash('md5')
    for (const { offset, key, value, timestamp, headers } of partition)
      hash.update(`${offset} ${key} ${value} ${timestamp} ${headers['at']}\n`)
    return hash.digest('hex')
  })
  const admin = new KafkaAdmin(lane, address)
  const committed = await admin.groupOffsets(names.group, names.topic)
  check(committed.join() === COMMITTED.join(), () => `committed ${committed.join()}`)
  const told = await admin.use(async (client) => {
    const resource = { type: TOPIC_RESOURCE, name: names.topic }
    const configs = await client.describeConfigs({ resources: [resource], includeSynonyms: false })
    const { clusterId } = await client.describeCluster()
    const { groups } = await client.describeGroups([names.group])
    return {
      clusterId,
      topics: (await client.listTopics()).filter((name) => !name.startsWith('__')).sort(),
      offsets: await client.fetchTopicOffsets(names.topic),
      groupState: groups[0]?.state,
      configs: configs.resources[0]?.configEntries
        .map(({ configName, configValue }) => `${configName}=${configValue}`)
        .sort(),
    }
  })
  return { ...told, topicId: metadata.topics.get(names.topic)?.id, digests }
}

const restartCheck: Check = {
  name: 'clean stop and start, twice',
  limitMs: 180_000,
  async run(lane) {
    const broker: ManagedBroker = await lane.startBroker()
    const { address } = broker
    const id = randomUUID().slice(0, 8)
    const names = {
      topic: `restart-${id}`,
      gone: `restart-gone-${id}`,
      group: `restart-group-${id}`,
    }
    await fill(lane, address, names)
    const before = JSON.stringify(await snapshot(lane, address, names), null, 1)
    check(before.includes('7200000') && !before.includes(names.gone), () => before)
    for (let round = 1; round <= 2; round++) {
      await broker.stop()
      await broker.start()
      const after = JSON.stringify(await snapshot(lane, address, names), null, 1)
      check(after === before, () => `restart ${round} changed\n${before}\nto\n${after}`)
    }
    const producer = quietKafkajs(address).producer()
    lane.defer(() => producer.disconnect())
    await producer.connect()
    const messages = [{ partition: 2, value: 'after the restarts' }]
    const [answer] = await producer.send({ topic: names.topic, messages })
    check(answer?.baseOffset === `${RECORDS / PARTITIONS}`, () => JSON.stringify(answer))
    return `${RECORDS} records, topic id, options, group offsets and log starts found again`
  },
}

export const restartScenario: Scenario = { name: 'restart', checks: [restartCheck] }

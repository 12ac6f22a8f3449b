/** kafkajs: a group whose members come and go, idempotent producer, gzip, and its admin client. */
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CompressionTypes } from 'kafkajs'
import { type GroupClient, membersComeAndGo } from './group-changes.ts'
import { KafkaAdmin, quietKafkajs } from './kafka-admin.ts'
import { readTopic } from './read-topic.ts'
import { type Check, check, grouped, type Lane, type Scenario } from './scenario.ts'

/** ConfigResourceTypes.TOPIC, which the package does not export to ES modules. */
const TOPIC_RESOURCE = 2

const GROUP_TIMES = { sessionTimeout: 10_000, rebalanceTimeout: 10_000, heartbeatInterval: 300 }

/** kafkajs as the group scenario wants it; the producer ends with the check. */
async function groupClient(lane: Lane): Promise<GroupClient> {
  const kafka = quietKafkajs(lane.address)
  const producer = kafka.producer()
  lane.defer(() => producer.disconnect())
  await producer.connect()
  return {
    strict: true,
    async send(topic, partition, values) {
      const messages = values.map((value) => ({ partition, value }))
      await producer.send({ topic, acks: -1, messages })
    },
    async join({ topic, group, onAssigned, onRecord }) {
      const consumer = kafka.consumer({ groupId: group, ...GROUP_TIMES, maxWaitTimeInMs: 100 })
      consumer.on(consumer.events.GROUP_JOIN, onAssigned)
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        autoCommitInterval: 200,
        eachMessage: async ({ partition, message }) => onRecord(partition, Number(message.offset)),
      })
      return { leave: () => consumer.disconnect() }
    },
  }
}

const groupCheck: Check = {
  name: 'group with members joining and leaving',
  limitMs: 120_000,
  run: async (lane) => membersComeAndGo(lane, await groupClient(lane)),
}

const idempotent: Check = {
  name: 'idempotent producer',
  limitMs: 60_000,
  async run(lane) {
    const topic = `kafkajs-idempotent-${randomUUID().slice(0, 8)}`
    await new KafkaAdmin(lane).createTopic(topic, 3)
    const producer = quietKafkajs(lane.address).producer({
      idempotent: true,
      maxInFlightRequests: 1,
    })
    lane.defer(() => producer.disconnect())
    await producer.connect()
    const [batches, perBatch] = [150, 60]
    for (let batch = 0; batch < batches; batch++) {
      const messages = Array.from({ length: perBatch }, (_, at) => {
        const number = batch * perBatch + at
        return { partition: number % 3, value: `${number}` }
      })
      await producer.send({ topic, acks: -1, messages })
    }
    const records = await readTopic(lane, topic)
    records.forEach((partition, number) => {
      partition.forEach(({ value, offset }, at) => {
        const expected = `${at * 3 + number}`
        check(
          offset === at && value?.toString() === expected,
          () => `partition ${number} offset ${offset}: ${value}, expected ${expected} at ${at}`,
        )
      })
    })
    const total = records.reduce((sum, partition) => sum + partition.length, 0)
    check(total === batches * perBatch, () => `${total} records for ${batches * perBatch} sent`)
    return `${grouped(total)} records, each once and in order`
  },
}

const gzip: Check = {
  name: 'gzip, headers, null keys and values, large records',
  limitMs: 60_000,
  async run(lane) {
    const topic = `kafkajs-gzip-${randomUUID().slice(0, 8)}`
    await new KafkaAdmin(lane).createTopic(topic, 1)
    const producer = quietKafkajs(lane.address).producer()
    lane.defer(() => producer.disconnect())
    await producer.connect()
    const big = Buffer.alloc(700_000)
    for (let at = 0; at < big.length; at += 16)
      createHash('md5').update(`${at}`).digest().copy(big, at)
    const sent = [
      { key: null, value: 'no key', headers: { one: 'a', two: Buffer.from([0, 1, 255]) } },
      { key: 'tombstone', value: null },
      { key: '', value: '' },
      { key: 'big', value: big },
      { key: 'ключ', value: '水門', timestamp: '1700000000000' },
      ...Array.from({ length: 500 }, (_, at) => ({ key: `${at}`, value: `v${at}`.repeat(50) })),
    ]
    await producer.send({ topic, compression: CompressionTypes.GZIP, messages: sent })
    const [records] = await readTopic(lane, topic)
    check(records?.length === sent.length, () => `${records?.length} of ${sent.length} records`)
    const bytes = (value: string | Buffer | null): string | null =>
      value === null ? null : Buffer.from(value).toString('base64')
    sent.forEach(({ key, value }, at) => {
      const record = records?.[at]
      check(
        bytes(record?.key ?? null) === bytes(key) && bytes(record?.value ?? null) === bytes(value),
        () => `record ${at} differs: key ${record?.key} value ${record?.value?.subarray(0, 50)}`,
      )
    })
    check(
      records?.[4]?.timestamp === 1_700_000_000_000,
      () => `timestamp ${records?.[4]?.timestamp}`,
    )
    const headers = records?.[0]?.headers
    check(String(headers?.['one']) === 'a', () => `headers ${JSON.stringify(headers)}`)
    return `${sent.length} records equal`
  },
}

const adminClient: Check = {
  name: 'admin: topics, partitions, options, records',
  limitMs: 60_000,
  async run(lane) {
    const topic = `kafkajs-admin-${randomUUID().slice(0, 8)}`
    const producer = quietKafkajs(lane.address).producer()
    lane.defer(() => producer.disconnect())
    await producer.connect()
    return new KafkaAdmin(lane).use(async (admin) => {
      const configEntries = [{ name: 'retention.ms', value: '1000' }]
      const made = { topic, numPartitions: 2, configEntries }
      check(await admin.createTopics({ topics: [made] }), () => 'createTopics said false')
      check(!(await admin.createTopics({ topics: [made] })), () => 'made the same topic twice')
      check((await admin.listTopics()).includes(topic), () => 'not listed')
      await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      check(topics[0]?.partitions.length === 4, () => JSON.stringify(topics))
      const resource = { type: TOPIC_RESOURCE, name: topic, configNames: ['retention.ms'] }
      const asked = { resources: [resource], includeSynonyms: false }
      const { resources } = await admin.describeConfigs(asked)
      const [entry] = resources[0]?.configEntries ?? []
      check(entry?.configValue === '1000', () => JSON.stringify(resources))
      const { brokers, controller } = await admin.describeCluster()
      check(brokers.length === 1 && controller === brokers[0]?.nodeId, () => `${controller}`)

      const messages = Array.from({ length: 40 }, (_, at) => ({ partition: 3, value: `${at}` }))
      await producer.send({ topic, messages })
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 3, offset: '10' }] })
      const offsets = await admin.fetchTopicOffsets(topic)
      const last = offsets.find(({ partition }) => partition === 3)
      check(last?.low === '10' && last.high === '40', () => JSON.stringify(offsets))
      await admin.deleteTopics({ topics: [topic] })
      // A Kafka answers when the deletion is decided, not when every broker has heard of it.
      for (let tries = 0; (await admin.listTopics()).includes(topic); tries++) {
        check(tries < 50, () => 'still listed after its deletion')
        await sleep(100)
      }
      return 'created, grown, described, trimmed, deleted'
    })
  },
}

const adminGroups: Check = {
  name: 'admin: group offsets set, reset and deleted',
  limitMs: 60_000,
  // The client waits 5 s in each of setOffsets and resetOffsets.
  slow: true,
  async run(lane) {
    const topic = `kafkajs-offsets-${randomUUID().slice(0, 8)}`
    const group = `${topic}-group`
    const admin = new KafkaAdmin(lane)
    await admin.createTopic(topic, 4)
    return admin.use(async (client) => {
      const wanted = [{ partition: 3, offset: '33' }]
      await client.setOffsets({ groupId: group, topic, partitions: wanted })
      check((await committed(client, group, topic)) === '33', () => 'setOffsets did not hold')
      await client.resetOffsets({ groupId: group, topic, earliest: true })
      const reset = await committed(client, group, topic)
      check(reset === '0' || reset === '-2', () => `resetOffsets left ${reset}`)
      const { groups } = await client.listGroups()
      check(
        groups.some(({ groupId }) => groupId === group),
        () => JSON.stringify(groups),
      )
      const described = await client.describeGroups([group])
      check(described.groups[0]?.state === 'Empty', () => JSON.stringify(described))
      await client.deleteGroups([group])
      const left = await client.listGroups()
      check(!JSON.stringify(left).includes(group), () => 'still listed after its deletion')
      return 'set to 33, reset, listed, described, deleted'
    })
  },
}

async function committed(
  admin: ReturnType<ReturnType<typeof quietKafkajs>['admin']>,
  groupId: string,
  topic: string,
): Promise<string | undefined> {
  const answer = await admin.fetchOffsets({ groupId, topics: [topic] })
  return answer[0]?.partitions.find(({ partition }) => partition === 3)?.offset
}

export const kafkajsScenario: Scenario = {
  name: 'kafkajs',
  checks: [groupCheck, idempotent, gzip, adminClient, adminGroups],
}

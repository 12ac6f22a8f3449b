/** @platformatic/kafka: a group whose members come and go, idempotent produce, all codecs, topic ids. */
import { randomUUID } from 'node:crypto'
import zlib from 'node:zlib'
import {
  Consumer,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { openStream } from '../../tools/quickstart/open-stream.ts'
import { type GroupClient, membersComeAndGo } from './group-changes.ts'
import { KafkaAdmin } from './kafka-admin.ts'
import { readTopic } from './read-topic.ts'
import { type Check, check, grouped, type Lane, type Scenario } from './scenario.ts'

/** The client has zstd from Node's zlib only. */
const codecs = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).filter(
  (codec) => codec !== 'zstd' || 'zstdCompressSync' in zlib,
)
const GROUP_TIMES = { sessionTimeout: 10_000, rebalanceTimeout: 10_000, heartbeatInterval: 300 }

function newProducer(lane: Lane): Producer<string, string, string, string> {
  const producer = new Producer({
    clientId: 'client-lane',
    bootstrapBrokers: [lane.address],
    serializers: stringSerializers,
  })
  lane.defer(() => producer.close())
  return producer
}

function groupClient(lane: Lane): GroupClient {
  const producer = newProducer(lane)
  return {
    strict: false,
    async send(topic, partition, values) {
      const messages = values.map((value) => ({ topic, partition, value }))
      await producer.send({ messages, acks: -1 })
    },
    async join({ topic, group, name, onAssigned, onRecord }) {
      const consumer = new Consumer({
        groupId: group,
        clientId: name,
        bootstrapBrokers: [lane.address],
        deserializers: stringDeserializers,
        maxWaitTime: 100,
        autocommit: 200,
        ...GROUP_TIMES,
      })
      consumer.on('consumer:group:join', onAssigned)
      let failure: Error | null = null
      let isLeaving = false
      const consume = async () => {
        const place = {
          topics: [topic],
          mode: MessagesStreamModes.COMMITTED,
          fallbackMode: MessagesStreamFallbackModes.EARLIEST,
        }
        const onError = (error: Error & { errors?: readonly Error[] }): void => {
          // The client commits by timer and on closing; a rebalance in between makes that commit one of
          // an old generation, which a broker must refuse. Its stream ends with that, and the member
          // stays in the group without a subscription: an application reads on with a new one.
          const reasons = [error, ...(error.errors ?? [])].map(({ message }) => message).join(' ')
          if (!/generation|rebalanc/i.test(reasons)) failure = error
          else if (!isLeaving) current = consume()
        }
        const stream = await openStream(consumer, place, onError)
        stream.on('data', (message) => onRecord(message.partition, Number(message.offset)))
        return stream
      }
      let current = consume()
      await current
      return {
        async leave() {
          isLeaving = true
          const stream = await current
          await stream.close().catch((error: Error) => {
            if (!/closed|generation|rebalanc|OffsetCommit/i.test(error.message)) throw error
          })
          await consumer.close()
          if (failure !== null) throw failure
        },
      }
    },
  }
}

const groupCheck: Check = {
  name: 'group with members joining and leaving',
  limitMs: 120_000,
  run: (lane) => membersComeAndGo(lane, groupClient(lane)),
}

const idempotent: Check = {
  name: `idempotent producer, ${codecs.join(' ')}`,
  limitMs: 60_000,
  async run(lane) {
    const topic = `platformatic-${randomUUID().slice(0, 8)}`
    await new KafkaAdmin(lane).createTopic(topic, 1)
    const producer = newProducer(lane)
    const [batches, perBatch] = [100, 50]
    for (let batch = 0; batch < batches; batch++) {
      const messages = Array.from({ length: perBatch }, (_, at) => ({
        topic,
        partition: 0,
        key: `${batch}`,
        value: `${batch * perBatch + at} ${'text '.repeat(at)}`,
      }))
      const compression = codecs[batch % codecs.length] ?? 'none'
      await producer.send({ messages, acks: -1, idempotent: true, compression })
    }
    const [records] = await readTopicWith(lane, topic, batches * perBatch)
    check(records?.length === batches * perBatch, () => `${records?.length} records`)
    records?.forEach((value, at) => {
      check(value.startsWith(`${at} `), () => `offset ${at} holds ${value.slice(0, 20)}`)
    })
    return `${grouped(records?.length ?? 0)} records, each once and in order`
  },
}

/** Values by partition, read by @platformatic/kafka itself: kafkajs has one codec only. */
async function readTopicWith(lane: Lane, topic: string, count: number): Promise<string[][]> {
  const consumer = new Consumer({
    groupId: `read-${randomUUID()}`,
    clientId: 'client-lane',
    bootstrapBrokers: [lane.address],
    deserializers: stringDeserializers,
    maxWaitTime: 100,
  })
  lane.defer(() => consumer.close(true))
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
  const values: string[][] = []
  let left = count
  for await (const message of stream) {
    values[message.partition] ??= []
    values[message.partition]?.push(message.value)
    if (--left === 0) break
  }
  await consumer.close(true)
  return values
}

const plain: Check = {
  name: 'keys, headers and a topic id in metadata',
  limitMs: 60_000,
  async run(lane) {
    const topic = `platformatic-${randomUUID().slice(0, 8)}`
    await new KafkaAdmin(lane).createTopic(topic, 2)
    const producer = newProducer(lane)
    const { offsets } = await producer.send({
      acks: -1,
      messages: Array.from({ length: 200 }, (_, at) => ({
        topic,
        partition: at % 2,
        key: `key ${at}`,
        value: `value ${at}`,
        headers: { number: `${at}` },
      })),
    })
    check(offsets?.length === 2, () => `offsets ${offsets?.length}`)
    const metadata = await producer.metadata({ topics: [topic] })
    const id = metadata.topics.get(topic)?.id ?? ''
    check(/^[0-9a-f-]{36}$/.test(id) && !/^[0-]+$/.test(id), () => `topic id ${id}`)
    const records = await readTopic(lane, topic)
    records.forEach((partition, number) => {
      partition.forEach((record, at) => {
        const sent = at * 2 + number
        check(
          record.key?.toString() === `key ${sent}` &&
            record.value?.toString() === `value ${sent}` &&
            String(record.headers['number']) === `${sent}`,
          () => `partition ${number} offset ${at}: ${record.key} ${record.value}`,
        )
      })
    })
    return `200 records read back by kafkajs, topic id ${id}`
  },
}

export const platformaticScenario: Scenario = {
  name: 'platformatic',
  checks: [groupCheck, idempotent, plain],
}

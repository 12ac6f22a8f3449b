/**
 * kafkajs as load, in a process of its own: `stock-kafkajs.ts produce|consume ADDRESS TOPIC COUNT BYTES`
 * prints `rate RECORDS_A_SECOND`. Batches of 64 records, five sends on their way.
 */
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { randomBytes } from './load/payload.ts'

const BATCH_RECORDS = 64
const IN_FLIGHT = 5

const [what, address = '', topic = '', countText, bytesText] = process.argv.slice(2)
const count = Number(countText)
const kafka = new Kafka({ brokers: [address], clientId: 'stock', logLevel: logLevel.ERROR })

async function produce(): Promise<number> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const value = randomBytes(Number(bytesText), 1)
  const messages = Array.from({ length: BATCH_RECORDS }, () => ({ value, partition: 0 }))
  let left = Math.ceil(count / BATCH_RECORDS)
  const sender = async (): Promise<void> => {
    while (left-- > 0) await producer.send({ topic, messages, acks: -1 })
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender))
  const seconds = (performance.now() - start) / 1000
  await producer.disconnect()
  return count / seconds
}

async function consume(): Promise<number> {
  const consumer = kafka.consumer({ groupId: `stock-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let seen = 0
  let first = 0
  let startMs = 0
  const rate = await new Promise<number>((resolve) => {
    void consumer.run({
      eachBatch: async ({ batch }) => {
        seen += batch.messages.length
        // Without the time the group took to form.
        if (startMs === 0) [startMs, first] = [performance.now(), seen]
        else if (seen >= count) resolve(((seen - first) * 1000) / (performance.now() - startMs))
      },
    })
  })
  await consumer.disconnect()
  return rate
}

console.log(`rate ${await (what === 'produce' ? produce() : consume())}`)

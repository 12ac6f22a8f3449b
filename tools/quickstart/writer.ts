/** The writing side of the quick start: kafkajs, as anyone would use it. */
import { type Admin, Kafka, logLevel, type Message, type Producer } from 'kafkajs'
import { KeyedDigest, type Line } from './corpus.ts'

/** Records handed to one send(); large enough that the client's own cost dominates. */
const SEND_RECORDS = 4_000
/** And at most this many characters, so that no partition's batch passes the broker's limit. */
const SEND_CHARACTERS = 600_000

export class Writer {
  private readonly producer: Producer
  private readonly admin: Admin
  private readonly topic: string

  constructor(address: string, topic: string) {
    const kafka = new Kafka({
      clientId: 'quickstart-writer',
      brokers: [address],
      logLevel: logLevel.ERROR,
    })
    this.producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    this.admin = kafka.admin()
    this.topic = topic
  }

  /** Connects, creates the topic when absent; returns the records already in it. */
  async start(partitions: number): Promise<number> {
    await Promise.all([this.producer.connect(), this.admin.connect()])
    await this.admin.createTopics({
      topics: [{ topic: this.topic, numPartitions: partitions }],
      waitForLeaders: true,
    })
    const offsets = await this.admin.fetchTopicOffsets(this.topic)
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  }

  /** Sends every line in order; `onSent` hears the running count. */
  async writeAll(
    lines: Iterable<Line>,
    run: string,
    onSent: (count: number) => void,
  ): Promise<KeyedDigest> {
    const digest = new KeyedDigest()
    let messages: Message[] = []
    let characters = 0
    const flush = async (): Promise<void> => {
      if (messages.length === 0) return
      await this.producer.send({ topic: this.topic, messages, acks: -1 })
      messages = []
      characters = 0
      onSent(digest.count)
    }
    for (const { key, value } of lines) {
      digest.add(key, value)
      messages.push({ key, value, headers: { run } })
      characters += value.length
      if (messages.length >= SEND_RECORDS || characters >= SEND_CHARACTERS) await flush()
    }
    await flush()
    return digest
  }

  /** One record with the time of sending in its value, for the latency probe. */
  async probe(run: string, sequence: number): Promise<void> {
    await this.producer.send({
      topic: this.topic,
      messages: [
        {
          key: `probe-${sequence % 3}`,
          value: String(performance.timeOrigin + performance.now()),
          headers: { run },
        },
      ],
    })
  }

  async stop(): Promise<void> {
    await Promise.all([this.producer.disconnect(), this.admin.disconnect()])
  }
}

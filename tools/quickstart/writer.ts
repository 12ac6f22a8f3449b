/** The writing side of the quick start: kafkajs, as anyone would use it. */
import { type Admin, Kafka, logLevel, type Message, type Producer } from 'kafkajs'
import { KeyedDigest, type Line } from './corpus.ts'

/** Records handed to one send(); large enough that the client's own cost dominates. */
const SEND_RECORDS = 4_000
/** And at most this many characters, so that no partition's batch passes the broker's limit. */
const SEND_CHARACTERS = 600_000

/** Keys of the latency probe's records begin so; no path of a file does. */
export const PROBE_KEY = '\0probe-'

/** What a partition holds: first offset and the one behind the last. */
export interface PartitionRange {
  readonly partition: number
  readonly low: number
  readonly high: number
}

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

  /** Connects, creates the topic when absent; returns first and next offset of each partition. */
  async start(partitions: number): Promise<PartitionRange[]> {
    await Promise.all([this.producer.connect(), this.admin.connect()])
    // Asked first: the client logs an error for a topic that is there.
    if (!(await this.admin.listTopics()).includes(this.topic))
      await this.admin.createTopics({
        topics: [{ topic: this.topic, numPartitions: partitions }],
        waitForLeaders: true,
      })
    const offsets = await this.admin.fetchTopicOffsets(this.topic)
    return offsets.map(({ partition, low, high }) => ({
      partition,
      low: Number(low),
      high: Number(high),
    }))
  }

  /** Sends every line in order; throws the signal's reason when that comes first. */
  async writeAll(lines: Iterable<Line>, signal: AbortSignal): Promise<KeyedDigest> {
    const digest = new KeyedDigest()
    let messages: Message[] = []
    let characters = 0
    const flush = async (): Promise<void> => {
      signal.throwIfAborted()
      if (messages.length === 0) return
      await this.producer.send({ topic: this.topic, messages, acks: -1 })
      messages = []
      characters = 0
    }
    for (const { key, value } of lines) {
      digest.add(key, value)
      messages.push({ key, value })
      characters += value.length
      if (messages.length >= SEND_RECORDS || characters >= SEND_CHARACTERS) await flush()
    }
    await flush()
    return digest
  }

  /** One record with the time of sending in its value, for the latency probe. */
  async probe(sequence: number): Promise<void> {
    await this.producer.send({
      topic: this.topic,
      messages: [
        {
          key: `${PROBE_KEY}${sequence % 3}`,
          value: String(performance.timeOrigin + performance.now()),
        },
      ],
    })
  }

  async stop(): Promise<void> {
    await Promise.all([this.producer.disconnect(), this.admin.disconnect()])
  }
}

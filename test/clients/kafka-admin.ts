/** Topics for the checks, made through kafkajs: the client that every machine with this tree has. */
import { Consumer } from '@platformatic/kafka'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { Lane } from './scenario.ts'

const LOADING_LIMIT_MS = 20_000

export function quietKafkajs(address: string, clientId = 'client-lane', retries = 30): Kafka {
  return new Kafka({
    clientId,
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 5_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries },
  })
}

/**
 * Waits until the broker knows the topic: a busy Kafka's answer to its making comes before that, which
 * kafkajs' own waitForLeaders takes for a failure.
 */
async function isKnown(admin: Admin, topic: string): Promise<void> {
  const untilMs = performance.now() + LOADING_LIMIT_MS
  for (;;)
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      if (topics[0]?.partitions.every(({ leader }) => leader >= 0) === true) return
      if (performance.now() > untilMs) throw new Error(`${topic} has no leaders`)
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
}

export class KafkaAdmin {
  private readonly lane: Pick<Lane, 'defer'>
  private readonly address: string

  /** Of the lane's broker, unless another address is given. */
  constructor(lane: Pick<Lane, 'address' | 'defer'>, address = lane.address) {
    this.lane = lane
    this.address = address
  }

  async createTopic(
    topic: string,
    numPartitions: number,
    configs: Record<string, string> = {},
  ): Promise<void> {
    await this.use(async (admin) => {
      await admin.createTopics({
        waitForLeaders: false,
        topics: [
          {
            topic,
            numPartitions,
            configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
          },
        ],
      })
      await isKnown(admin, topic)
    })
  }

  /** Log end offset of each partition, by partition number. */
  async endOffsets(topic: string): Promise<number[]> {
    const offsets = await this.use((admin) => admin.fetchTopicOffsets(topic))
    const ends: number[] = []
    for (const { partition, high } of offsets) ends[partition] = Number(high)
    return ends
  }

  /**
   * Commits as a member of the group that then leaves. By @platformatic/kafka: kafkajs takes 5 s for
   * it, and its consumers commit -1 behind one's back for partitions without records.
   */
  async commit(group: string, topic: string, offsets: readonly number[]): Promise<void> {
    const consumer = new Consumer({
      groupId: group,
      clientId: 'client-lane',
      bootstrapBrokers: [this.address],
    })
    this.lane.defer(() => consumer.close(true))
    consumer.topics.track(topic)
    await consumer.joinGroup({})
    await consumer.commit({
      offsets: offsets.map((offset, partition) => ({
        topic,
        partition,
        offset: BigInt(offset),
        leaderEpoch: -1,
      })),
    })
    await consumer.leaveGroup()
    await consumer.close()
  }

  /** Committed offset of each partition, -1 for none; waits while the coordinator loads. */
  async groupOffsets(group: string, topic: string): Promise<number[]> {
    const untilMs = performance.now() + LOADING_LIMIT_MS
    for (;;)
      try {
        return await this.use(async (admin) => {
          const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
          const offsets: number[] = []
          for (const { partition, offset } of answer?.partitions ?? [])
            offsets[partition] = Number(offset)
          return offsets
        })
      } catch (error) {
        if (performance.now() > untilMs) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
  }

  /** Runs with a connected admin client, closed behind it. */
  async use<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = quietKafkajs(this.address).admin()
    this.lane.defer(() => admin.disconnect())
    await admin.connect()
    const result = await work(admin)
    await admin.disconnect()
    return result
  }
}

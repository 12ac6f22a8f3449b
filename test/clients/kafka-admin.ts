/** Topics for the checks, made through kafkajs: the client that every machine with this tree has. */
import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { Lane } from './scenario.ts'

export function quietKafkajs(address: string, clientId = 'client-lane'): Kafka {
  return new Kafka({
    clientId,
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 5_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 30 },
  })
}

export class KafkaAdmin {
  private readonly lane: Lane
  private readonly address: string

  /** Of the lane's broker, unless another address is given. */
  constructor(lane: Lane, address = lane.address) {
    this.lane = lane
    this.address = address
  }

  async createTopic(
    topic: string,
    numPartitions: number,
    configs: Record<string, string> = {},
  ): Promise<void> {
    await this.use((admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic,
            numPartitions,
            configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
          },
        ],
      }),
    )
  }

  /** Log end offset of each partition, by partition number. */
  async endOffsets(topic: string): Promise<number[]> {
    const offsets = await this.use((admin) => admin.fetchTopicOffsets(topic))
    const ends: number[] = []
    for (const { partition, high } of offsets) ends[partition] = Number(high)
    return ends
  }

  /** Commits as a member of the group that then leaves; kafkajs's own setOffsets takes 5 s. */
  async commit(group: string, topic: string, offsets: readonly number[]): Promise<void> {
    const consumer = quietKafkajs(this.address).consumer({ groupId: group, maxWaitTimeInMs: 50 })
    this.lane.defer(() => consumer.disconnect())
    const joined = new Promise<unknown>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, resolve)
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic] })
    await consumer.run({ autoCommit: false, eachBatch: async () => {} })
    await joined
    await consumer.commitOffsets(
      offsets.map((offset, partition) => ({ topic, partition, offset: `${offset}` })),
    )
    await consumer.disconnect()
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

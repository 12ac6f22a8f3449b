/** Every record of a topic, partition by partition in order, read by kafkajs with a group of its own. */
import { randomUUID } from 'node:crypto'
import type { IHeaders } from 'kafkajs'
import { KafkaAdmin, quietKafkajs } from './kafka-admin.ts'
import { check, type Lane } from './scenario.ts'

const STALL_MS = 30_000

export interface ReadRecord {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
  readonly headers: IHeaders
}

/** What reading needs of a lane. */
export type ReadLane = Pick<Lane, 'address' | 'defer'>

/** Records by partition number. */
export async function readTopic(
  lane: ReadLane,
  topic: string,
  address = lane.address,
): Promise<ReadRecord[][]> {
  const ends = await new KafkaAdmin(lane, address).endOffsets(topic)
  const records: ReadRecord[][] = ends.map(() => [])
  const finished = new Set(ends.flatMap((end, partition) => (end === 0 ? [partition] : [])))
  if (finished.size === ends.length) return records
  const consumer = quietKafkajs(address).consumer({
    groupId: `read-${randomUUID()}`,
    maxWaitTimeInMs: 100,
  })
  lane.defer(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let lastMs = performance.now()
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch }) => {
      lastMs = performance.now()
      const target = records[batch.partition]
      for (const { offset, key, value, timestamp, headers } of batch.messages)
        target?.push({
          offset: Number(offset),
          key,
          value,
          timestamp: Number(timestamp),
          headers: headers ?? {},
        })
      if (Number(batch.lastOffset()) + 1 >= (ends[batch.partition] ?? 0))
        finished.add(batch.partition)
    },
  })
  while (finished.size < ends.length) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    check(
      performance.now() - lastMs < STALL_MS,
      () => `${topic}: stalled with ${finished.size} of ${ends.length} partitions read to the end`,
    )
  }
  await consumer.disconnect()
  return records
}

/**
 * Offsets and records of partitions over the own client: what kafka-get-offsets, kafka-delete-records,
 * kafka-consumer-groups and `sluice topic` and `sluice group` share.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../engine/protocol/02-list-offsets.ts'
import {
  DeleteRecordsRequest,
  DeleteRecordsResponse,
} from '../../engine/protocol/21-delete-records.ts'
import type { Client, TopicMetadata } from '../../net/client/client.ts'

export interface PartitionOf {
  readonly topic: string
  readonly partition: number
}

/** Special timestamps of ListOffsets; others are milliseconds since 1970. */
export const OffsetTime = {
  latest: -1,
  earliest: -2,
  maxTimestamp: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6,
} as const

/** The first version of ListOffsets that knows a special timestamp. */
const SINCE_VERSION = new Map<number, number>([
  [OffsetTime.maxTimestamp, 7],
  [OffsetTime.earliestLocal, 8],
  [OffsetTime.latestTiered, 9],
  [OffsetTime.earliestPendingUpload, 11],
])
const READ_UNCOMMITTED = 0
const REMOTE_TIMEOUT_MS = 30_000
const DELETE_TIMEOUT_MS = 30_000

export interface FoundOffset extends PartitionOf {
  readonly errorCode: number
  /** -1: there is none. */
  readonly offset: number
  readonly leaderEpoch: number
}

export function partitionKey({ topic, partition }: PartitionOf): string {
  return `${topic}-${partition}`
}

/** By topic and partition. */
export function sortedPartitions<P extends PartitionOf>(partitions: Iterable<P>): P[] {
  return [...partitions].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  )
}

export function partitionsOf(topics: readonly TopicMetadata[]): PartitionOf[] {
  return sortedPartitions(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topic: name ?? '', partition: partitionIndex })),
    ),
  )
}

/** Broker id by partition key, negative where there is no leader. */
export function leadersOf(topics: readonly TopicMetadata[]): ReadonlyMap<string, number> {
  const leaders = new Map<string, number>()
  for (const { name, partitions } of topics)
    for (const { partitionIndex, leaderId } of partitions)
      leaders.set(partitionKey({ topic: name ?? '', partition: partitionIndex }), leaderId)
  return leaders
}

/** Topics as requests have them: partitions behind their names. */
export function byTopic<P extends PartitionOf>(
  partitions: Iterable<P>,
): { name: string; partitions: P[] }[] {
  const topics = new Map<string, P[]>()
  for (const partition of partitions) {
    const known = topics.get(partition.topic)
    if (known === undefined) topics.set(partition.topic, [partition])
    else known.push(partition)
  }
  return [...topics].map(([name, list]) => ({ name, partitions: list }))
}

/**
 * Offsets at a time, by partition key; each partition asked of its leader. `topics` is what metadata said
 * of them, for a caller that has asked already.
 */
export async function listOffsets(
  client: Client,
  partitions: readonly PartitionOf[],
  timestamp: number,
  topics?: readonly TopicMetadata[],
): Promise<ReadonlyMap<string, FoundOffset>> {
  const found = new Map<string, FoundOffset>()
  const ask = async (leader: number, asked: readonly PartitionOf[]): Promise<void> => {
    const { versionOf } = await connectionTo(client, leader)
    const version = versionOf()
    if (version < (SINCE_VERSION.get(timestamp) ?? 0)) {
      for (const partition of asked)
        found.set(partitionKey(partition), failedOffset(partition, ErrorCode.UNSUPPORTED_VERSION))
      return
    }
    const answer = await client.sendTo(leader, ListOffsetsRequest, ListOffsetsResponse, {
      replicaId: -1,
      isolationLevel: READ_UNCOMMITTED,
      topics: byTopic(asked).map((topic) => ({
        name: topic.name,
        partitions: topic.partitions.map(({ partition }) => ({
          partitionIndex: partition,
          timestamp,
        })),
      })),
      timeoutMs: REMOTE_TIMEOUT_MS,
    })
    for (const { name, partitions: results } of answer.topics)
      for (const { partitionIndex, errorCode, offset, leaderEpoch } of results) {
        const entry = { topic: name, partition: partitionIndex, errorCode, offset, leaderEpoch }
        found.set(partitionKey(entry), entry)
      }
  }
  const refuse = (partition: PartitionOf, errorCode: number): void => {
    found.set(partitionKey(partition), failedOffset(partition, errorCode))
  }
  await atLeaders(client, partitions, ask, refuse, topics)
  return found
}

async function connectionTo(
  client: Client,
  leader: number,
): Promise<{ readonly versionOf: () => number }> {
  const connection = await client.broker(leader)
  return { versionOf: () => connection.versionOf(ListOffsetsRequest) }
}

function failedOffset(partition: PartitionOf, errorCode: number): FoundOffset {
  return { ...partition, errorCode, offset: -1, leaderEpoch: -1 }
}

export interface DeletedRecords extends PartitionOf {
  readonly errorCode: number
  readonly lowWatermark: number
}

/** Moves log start offsets up; -1 is the high watermark. In the order asked. */
export async function deleteRecords(
  client: Client,
  offsets: readonly (PartitionOf & { readonly offset: number })[],
): Promise<DeletedRecords[]> {
  const results = new Map<string, DeletedRecords>()
  const ask = async (leader: number, asked: readonly PartitionOf[]): Promise<void> => {
    const mine = new Set(asked.map(partitionKey))
    const answer = await client.sendTo(leader, DeleteRecordsRequest, DeleteRecordsResponse, {
      topics: byTopic(offsets.filter((entry) => mine.has(partitionKey(entry)))).map((topic) => ({
        name: topic.name,
        partitions: topic.partitions.map(({ partition, offset }) => ({
          partitionIndex: partition,
          offset,
        })),
      })),
      timeoutMs: DELETE_TIMEOUT_MS,
    })
    for (const { name, partitions } of answer.topics)
      for (const { partitionIndex, errorCode, lowWatermark } of partitions) {
        const entry = { topic: name, partition: partitionIndex, errorCode, lowWatermark }
        results.set(partitionKey(entry), entry)
      }
  }
  await atLeaders(client, offsets, ask, (partition, errorCode) =>
    results.set(partitionKey(partition), { ...partition, errorCode, lowWatermark: -1 }),
  )
  return offsets.flatMap((entry) => results.get(partitionKey(entry)) ?? [])
}

/** Groups partitions by leader; those without one, or unknown, are told to `refuse`. */
async function atLeaders(
  client: Client,
  partitions: readonly PartitionOf[],
  ask: (leader: number, partitions: readonly PartitionOf[]) => Promise<void>,
  refuse: (partition: PartitionOf, errorCode: number) => void,
  topics?: readonly TopicMetadata[],
): Promise<void> {
  const names = [...new Set(partitions.map(({ topic }) => topic))]
  if (names.length === 0) return
  const known = leadersOf(topics ?? (await client.metadata(names)).topics)
  const leaders = new Map<number, PartitionOf[]>()
  for (const { topic, partition } of partitions) {
    const leader = known.get(partitionKey({ topic, partition }))
    if (leader === undefined) refuse({ topic, partition }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    else if (leader < 0) refuse({ topic, partition }, ErrorCode.LEADER_NOT_AVAILABLE)
    else if (leaders.get(leader)?.push({ topic, partition }) === undefined)
      leaders.set(leader, [{ topic, partition }])
  }
  await Promise.all([...leaders].map(([leader, asked]) => ask(leader, asked)))
}

/**
 * Where every topic ends and every group stands, at one moment: two of these give rates. Asked of each
 * leader and coordinator once; no consumer group is joined and nothing is written.
 */
import { ListOffsetsRequest, ListOffsetsResponse } from '../../engine/protocol/02-list-offsets.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../engine/protocol/09-offset-fetch.ts'
import type { Client, TopicMetadata } from '../../net/client/client.ts'
import { listGroups } from './cluster-admin.ts'

export interface TopicSnapshot {
  readonly name: string
  /** Log end offset by partition; absent: its leader did not say. */
  readonly ends: ReadonlyMap<number, number>
}

export interface GroupSnapshot {
  readonly name: string
  readonly state: string
  /** `topic-partition` → committed offset. */
  readonly committed: ReadonlyMap<string, number>
}

export interface ClusterSnapshot {
  /** Monotonic milliseconds. */
  readonly atMs: number
  readonly brokers: number
  readonly topics: readonly TopicSnapshot[]
  readonly groups: readonly GroupSnapshot[]
}

const LATEST = -1
const NO_OFFSET = -1

export async function takeSnapshot(client: Client): Promise<ClusterSnapshot> {
  const metadata = await client.metadata(null)
  const topics = metadata.topics.filter(
    ({ isInternal, errorCode }) => !isInternal && errorCode === 0,
  )
  const ends = await endOffsets(client, topics)
  const groups: GroupSnapshot[] = []
  for (const { groupId, groupState } of await listGroups(client))
    groups.push({
      name: groupId,
      state: groupState,
      committed: await committedOffsets(client, groupId),
    })
  return {
    atMs: performance.now(),
    brokers: metadata.brokers.length,
    topics: topics.map(({ name }) => ({
      name: name ?? '',
      ends: ends.get(name ?? '') ?? new Map<number, number>(),
    })),
    groups,
  }
}

async function endOffsets(
  client: Client,
  topics: readonly TopicMetadata[],
): Promise<Map<string, Map<number, number>>> {
  const byLeader = new Map<number, Map<string, number[]>>()
  for (const { name, partitions } of topics)
    for (const { leaderId, partitionIndex } of partitions) {
      if (leaderId < 0) continue
      const wanted = byLeader.get(leaderId) ?? new Map<string, number[]>()
      byLeader.set(leaderId, wanted)
      wanted.set(name ?? '', [...(wanted.get(name ?? '') ?? []), partitionIndex])
    }
  const ends = new Map<string, Map<number, number>>()
  for (const [leader, wanted] of byLeader) {
    const answer = await client.sendTo(leader, ListOffsetsRequest, ListOffsetsResponse, {
      replicaId: -1,
      topics: [...wanted].map(([name, partitions]) => ({
        name,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp: LATEST })),
      })),
    })
    for (const { name, partitions } of answer.topics)
      for (const { partitionIndex, errorCode, offset } of partitions) {
        if (errorCode !== 0) continue
        const known = ends.get(name) ?? new Map<number, number>()
        ends.set(name, known.set(partitionIndex, offset))
      }
  }
  return ends
}

async function committedOffsets(client: Client, group: string): Promise<Map<string, number>> {
  const connection = await client.coordinator(group)
  const version = connection.versionOf(OffsetFetchRequest)
  const answer = await connection.send(
    OffsetFetchRequest,
    OffsetFetchResponse,
    version >= 8
      ? { groups: [{ groupId: group, topics: null }] }
      : { groupId: group, topics: null },
    { version: Math.min(version, LAST_WITH_NAMES) },
  )
  const topics = version >= 8 ? (answer.groups[0]?.topics ?? []) : answer.topics
  const committed = new Map<string, number>()
  for (const { name, partitions } of topics)
    for (const { partitionIndex, committedOffset, errorCode } of partitions)
      if (errorCode === 0 && committedOffset !== NO_OFFSET)
        committed.set(`${name}-${partitionIndex}`, committedOffset)
  return committed
}

/** From version 10 on topics come by id. */
const LAST_WITH_NAMES = 9

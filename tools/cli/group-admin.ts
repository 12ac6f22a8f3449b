/**
 * Consumer groups over the own client, classic ones and those of KIP-848: what `sluice group` and
 * `kafka-consumer-groups` share.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  OffsetCommitRequest,
  OffsetCommitResponse,
} from '../../engine/protocol/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../engine/protocol/09-offset-fetch.ts'
import {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../engine/protocol/15-describe-groups.ts'
import {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
} from '../../engine/protocol/42-delete-groups.ts'
import {
  OffsetDeleteRequest,
  OffsetDeleteResponse,
} from '../../engine/protocol/47-offset-delete.ts'
import {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../engine/protocol/69-consumer-group-describe.ts'
import { ConsumerProtocolAssignment } from '../../engine/protocol/consumer-protocol.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import type { Client } from '../../net/client/client.ts'
import type { ClientConnection } from '../../net/client/client-connection.ts'
import { RequestFailed } from '../../net/client/client-errors.ts'
import { type ListedGroup, listGroups } from './cluster-admin.ts'
import { byTopic, type PartitionOf, sortedPartitions } from './offsets-admin.ts'

/** Later versions name topics by their ids, which a deleted topic has no more. */
const VERSION_BY_NAME_MAX = 9
const MANY_GROUPS_SINCE = 8
const LOADING_LIMIT_MS = 30_000
const LOADING_PAUSE_MS = 100
const LOADING: readonly number[] = [
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
]

export interface GroupMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly host: string
  readonly assignment: readonly PartitionOf[]
  /** Null with classic groups. */
  readonly epoch: number | null
  readonly targetAssignment: readonly PartitionOf[] | null
}

export interface GroupDescription {
  readonly groupId: string
  readonly type: 'classic' | 'consumer'
  readonly state: string
  readonly assignor: string
  readonly coordinator: { readonly id: number; readonly host: string; readonly port: number }
  /** Null with classic groups. */
  readonly epoch: number | null
  readonly assignmentEpoch: number | null
  readonly members: readonly GroupMember[]
}

export interface CommittedOffset extends PartitionOf {
  readonly offset: number
  /** -1: not known. */
  readonly leaderEpoch: number
}

/** Groups of consumers, not of shares, streams or other users of the protocol. */
export async function listConsumerGroups(client: Client): Promise<ListedGroup[]> {
  const groups = await listGroups(client)
  return groups.filter(({ groupType, protocolType }) => {
    const type = groupType.toLowerCase()
    return (
      type === 'consumer' ||
      ((type === 'classic' || type === '') && (protocolType === 'consumer' || protocolType === ''))
    )
  })
}

/** Rejects with GROUP_ID_NOT_FOUND for a group that is not there. */
export async function describeGroup(client: Client, groupId: string): Promise<GroupDescription> {
  const connection = await client.coordinator(groupId)
  const { brokers } = await client.metadata([])
  const { host, port } = connection.address
  const id = brokers.find((broker) => broker.host === host && broker.port === port)?.nodeId ?? -1
  const coordinator = { id, host, port }
  if (connection.servedVersions(ConsumerGroupDescribeRequest.apiKey) !== null) {
    const group = await describeConsumer(client, groupId)
    if (group !== null) return { ...group, coordinator }
  }
  return { ...(await describeClassic(client, groupId)), coordinator }
}

/** A group that is not there may be given positions all the same: it counts as Dead. */
export async function stateOfGroup(client: Client, groupId: string): Promise<string> {
  try {
    return (await describeGroup(client, groupId)).state
  } catch (error) {
    if (error instanceof RequestFailed && error.code === ErrorCode.GROUP_ID_NOT_FOUND) return 'Dead'
    throw error
  }
}

type Uncoordinated = Omit<GroupDescription, 'coordinator'>

/** Null: no group of that type has the id. */
async function describeConsumer(client: Client, groupId: string): Promise<Uncoordinated | null> {
  const group = await atCoordinator(client, groupId, async (connection) => {
    const answer = await connection.send(
      ConsumerGroupDescribeRequest,
      ConsumerGroupDescribeResponse,
      { groupIds: [groupId], includeAuthorizedOperations: false },
    )
    return only(answer.groups)
  })
  if (group.errorCode === ErrorCode.GROUP_ID_NOT_FOUND) return null
  failOn(group.errorCode, group.errorMessage)
  const partitions = (
    topics: readonly { topicName: string; partitions: readonly number[] }[],
  ): PartitionOf[] => flat(topics.map((topic) => [topic.topicName, topic.partitions] as const))
  return {
    groupId,
    type: 'consumer',
    state: group.groupState,
    assignor: group.assignorName,
    epoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: partitions(member.assignment.topicPartitions),
      epoch: member.memberEpoch,
      targetAssignment: partitions(member.targetAssignment.topicPartitions),
    })),
  }
}

async function describeClassic(client: Client, groupId: string): Promise<Uncoordinated> {
  const group = await atCoordinator(client, groupId, async (connection) => {
    const answer = await connection.send(DescribeGroupsRequest, DescribeGroupsResponse, {
      groups: [groupId],
    })
    return only(answer.groups)
  })
  // Brokers before version 6 tell of the dead instead.
  if (group.errorCode === ErrorCode.GROUP_ID_NOT_FOUND || group.groupState === 'Dead')
    throw new RequestFailed(ErrorCode.GROUP_ID_NOT_FOUND, `Group ${groupId} not found.`)
  failOn(group.errorCode, group.errorMessage)
  return {
    groupId,
    type: 'classic',
    state: group.groupState,
    assignor: group.protocolData,
    epoch: null,
    assignmentEpoch: null,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: classicAssignment(member.memberAssignment),
      epoch: null,
      targetAssignment: null,
    })),
  }
}

const VERSION_BYTES = 2

function classicAssignment(bytes: Buffer): PartitionOf[] {
  if (bytes.length < VERSION_BYTES) return []
  const version = Math.min(bytes.readInt16BE(0), ConsumerProtocolAssignment.maxVersion)
  const reader = new Reader(bytes, VERSION_BYTES)
  const { assignedPartitions } = decoderFor(ConsumerProtocolAssignment, version)(reader)
  return flat(assignedPartitions.map(({ topic, partitions }) => [topic, partitions] as const))
}

function flat(topics: readonly (readonly [string, readonly number[]])[]): PartitionOf[] {
  return sortedPartitions(
    topics.flatMap(([topic, numbers]) => numbers.map((partition) => ({ topic, partition }))),
  )
}

/** Positions committed, of all topics. */
export async function committedOffsets(
  client: Client,
  groupId: string,
): Promise<CommittedOffset[]> {
  const group = await atCoordinator(client, groupId, async (connection) => {
    const version = connection.versionOf(OffsetFetchRequest, VERSION_BY_NAME_MAX)
    const many = version >= MANY_GROUPS_SINCE
    const answer = await connection.send(
      OffsetFetchRequest,
      OffsetFetchResponse,
      many ? { groups: [{ groupId, topics: null }] } : { groupId, topics: null },
      { version },
    )
    return many ? only(answer.groups) : answer
  })
  failOn(group.errorCode, null)
  return group.topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ errorCode, committedOffset }) => errorCode === 0 && committedOffset >= 0)
      .map(({ partitionIndex, committedOffset, committedLeaderEpoch }) => ({
        topic: name,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
      })),
  )
}

/** Sets positions of a group without members; throws RequestFailed at the first refusal. */
export async function commitOffsets(
  client: Client,
  groupId: string,
  offsets: readonly (PartitionOf & { readonly offset: number })[],
): Promise<void> {
  if (offsets.length === 0) return
  await atCoordinator(client, groupId, async (connection) => {
    const version = connection.versionOf(OffsetCommitRequest, VERSION_BY_NAME_MAX)
    const answer = await connection.send(
      OffsetCommitRequest,
      OffsetCommitResponse,
      {
        groupId,
        memberId: '',
        topics: byTopic(offsets).map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partition, offset }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedMetadata: '',
          })),
        })),
      },
      { version },
    )
    const refused = answer.topics
      .flatMap(({ partitions }) => partitions)
      .find(({ errorCode }) => errorCode !== 0)
    return { errorCode: refused?.errorCode ?? 0 }
  }).then(({ errorCode }) => failOn(errorCode, null))
}

/** An ErrorCode, 0 when it is gone. */
export async function deleteGroup(client: Client, groupId: string): Promise<number> {
  const result = await atCoordinator(client, groupId, async (connection) => {
    const answer = await connection.send(DeleteGroupsRequest, DeleteGroupsResponse, {
      groupsNames: [groupId],
    })
    return only(answer.results)
  })
  return result.errorCode
}

export interface OffsetDeletion {
  readonly errorCode: number
  readonly partitions: readonly (PartitionOf & { readonly errorCode: number })[]
}

export async function deleteOffsets(
  client: Client,
  groupId: string,
  partitions: readonly PartitionOf[],
): Promise<OffsetDeletion> {
  const answer = await atCoordinator(client, groupId, (connection) =>
    connection.send(OffsetDeleteRequest, OffsetDeleteResponse, {
      groupId,
      topics: byTopic(partitions).map((topic) => ({
        name: topic.name,
        partitions: topic.partitions.map(({ partition }) => ({ partitionIndex: partition })),
      })),
    }),
  )
  return {
    errorCode: answer.errorCode,
    partitions: answer.topics.flatMap(({ name, partitions: results }) =>
      results.map(({ partitionIndex, errorCode }) => ({
        topic: name,
        partition: partitionIndex,
        errorCode,
      })),
    ),
  }
}

/** Asks the coordinator, again while it is loading or moving. */
async function atCoordinator<T extends { readonly errorCode: number }>(
  client: Client,
  groupId: string,
  ask: (connection: ClientConnection) => Promise<T>,
): Promise<T> {
  const until = performance.now() + LOADING_LIMIT_MS
  for (;;) {
    const answer = await ask(await client.coordinator(groupId))
    if (!LOADING.includes(answer.errorCode) || performance.now() > until) return answer
    await new Promise((resolve) => setTimeout(resolve, LOADING_PAUSE_MS))
  }
}

function only<T>(list: readonly T[]): T {
  const [first] = list
  if (first === undefined)
    throw new RequestFailed(ErrorCode.UNKNOWN_SERVER_ERROR, 'the answer leaves the group out')
  return first
}

function failOn(errorCode: number, message: string | null): void {
  if (errorCode !== 0) throw new RequestFailed(errorCode, message)
}

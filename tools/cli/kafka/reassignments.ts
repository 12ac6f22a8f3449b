/**
 * Moves of replicas over the own client: AlterPartitionReassignments, ListPartitionReassignments, and
 * what partitions have now. Brokers hand these on to the controller, so that any will do, and a
 * controller itself too.
 */
import { ErrorCode } from '../../../engine/base/errors.ts'
import {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
} from '../../../engine/protocol/45-alter-partition-reassignments.ts'
import {
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from '../../../engine/protocol/46-list-partition-reassignments.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { byTopic, type PartitionOf, partitionKey } from '../offsets-admin.ts'
import { errorWords } from './java-errors.ts'
import type { Assignment } from './reassignment-json.ts'

const TIMEOUT_MS = 60_000

export interface ActiveReassignment extends Assignment {
  readonly adding: readonly number[]
  readonly removing: readonly number[]
}

/** Moves under way, by partition key; null = all. */
export async function listReassignments(
  client: Client,
  partitions: readonly PartitionOf[] | null = null,
): Promise<Map<string, ActiveReassignment>> {
  const answer = await client.send(
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    {
      timeoutMs: TIMEOUT_MS,
      topics:
        partitions === null
          ? null
          : byTopic(partitions).map((topic) => ({
              name: topic.name,
              partitionIndexes: topic.partitions.map(({ partition }) => partition),
            })),
    },
  )
  failOn(answer.errorCode, answer.errorMessage)
  const found = answer.topics.flatMap(({ name, partitions: list }) =>
    list.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
      topic: name,
      partition: partitionIndex,
      replicas,
      adding: addingReplicas,
      removing: removingReplicas,
    })),
  )
  return new Map(found.map((one) => [partitionKey(one), one]))
}

/** Starts moves, or ends them where the replicas are null; what failed, with the broker's words. */
export async function alterReassignments(
  client: Client,
  partitions: readonly (PartitionOf & { readonly replicas: readonly number[] | null })[],
  allowReplicationFactorChange = true,
): Promise<{ partition: PartitionOf; why: string }[]> {
  const connection = await client.anyBroker()
  const version = connection.versionOf(AlterPartitionReassignmentsRequest)
  const answer = await connection.send(
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    {
      timeoutMs: TIMEOUT_MS,
      ...(version >= 1 ? { allowReplicationFactorChange } : {}),
      topics: byTopic(partitions).map((topic) => ({
        name: topic.name,
        partitions: topic.partitions.map(({ partition, replicas }) => ({
          partitionIndex: partition,
          replicas: replicas === null ? null : [...replicas],
        })),
      })),
    },
  )
  failOn(answer.errorCode, answer.errorMessage)
  return answer.responses.flatMap(({ name, partitions: list }) =>
    list
      .filter(({ errorCode }) => errorCode !== 0)
      .map(({ partitionIndex, errorCode, errorMessage }) => ({
        partition: { topic: name, partition: partitionIndex },
        why: errorWords(errorCode, errorMessage),
      })),
  )
}

/** All partitions of topics; throws for a topic that is not there. */
export async function assignmentsOf(
  client: Client,
  names: readonly string[],
): Promise<Assignment[]> {
  if (names.length === 0) return []
  const { topics } = await client.metadata([...new Set(names)])
  for (const { name, errorCode } of topics)
    if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      throw new RequestFailed(errorCode, `Topic ${name} not found.`)
    else failOn(errorCode, null)
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicaNodes }) => ({
      topic: name ?? '',
      partition: partitionIndex,
      replicas: replicaNodes,
    })),
  )
}

function failOn(errorCode: number, message: string | null): void {
  if (errorCode !== 0) throw new RequestFailed(errorCode, errorWords(errorCode, message))
}

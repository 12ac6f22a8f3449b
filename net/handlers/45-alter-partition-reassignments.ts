/**
 * AlterPartitionReassignments, v0–v1. v1 may refuse a change of the replication factor (KIP-860). With
 * one broker there is one legal assignment, the one that is: asking for it is a success that changes
 * nothing, anything else names a broker that is not there, and nothing is ever under way to cancel.
 * Checks and words are those of Kafka's ReplicationControlManager, 4.2.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { assignmentProblem } from '../../engine/metadata/assignment.ts'
import type { MetadataImage } from '../../engine/metadata/image.ts'
import {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
} from '../../engine/protocol/45-alter-partition-reassignments.ts'
import type { Handler } from '../handler.ts'

export const alterPartitionReassignmentsHandler: Handler<
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse
> = {
  apiKey: 45,
  versions: [0, 1],
  pipelined: false,
  request: AlterPartitionReassignmentsRequest,
  response: AlterPartitionReassignmentsResponse,
  handle(context, { topics, allowReplicationFactorChange }) {
    const image = context.router.image()
    return {
      throttleTimeMs: 0,
      allowReplicationFactorChange,
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      responses: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => ({
          partitionIndex,
          ...reassignment(image, name, partitionIndex, replicas),
        })),
      })),
    }
  },
}

function reassignment(
  image: MetadataImage,
  name: string,
  partition: number,
  replicas: readonly number[] | null,
): { readonly errorCode: number; readonly errorMessage: string | null } {
  const topic = image.topics.get(name)
  if (topic === undefined) return unknown(`Unable to find a topic named ${name}.`)
  if (topic.partitions[partition] === undefined)
    return unknown(`Unable to find partition ${name}:${partition}.`)
  if (replicas === null)
    return { errorCode: ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, errorMessage: null }
  const errorMessage = assignmentProblem(replicas, image.brokerId)
  if (errorMessage === null) return { errorCode: ErrorCode.NONE, errorMessage }
  return { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, errorMessage }
}

function unknown(errorMessage: string) {
  return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage }
}

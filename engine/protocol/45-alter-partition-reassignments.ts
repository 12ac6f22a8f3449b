/**
 * AlterPartitionReassignments, v0–1. Moves replicas between brokers (KIP-455). v1 may refuse a
 * change of the replication factor (KIP-860).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const AlterPartitionReassignmentsRequest = message(
  45,
  'AlterPartitionReassignmentsRequest',
  { versions: [0, 1], flexible: 0 },
  {
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32.default(60000),
    allowReplicationFactorChange: bool.since(1).default(true),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        /** Null cancels a move under way. */
        replicas: array(int32).nullable(),
      }),
    }),
  },
)
export type AlterPartitionReassignmentsRequest = Infer<typeof AlterPartitionReassignmentsRequest>

export const AlterPartitionReassignmentsResponse = message(
  45,
  'AlterPartitionReassignmentsResponse',
  { versions: [0, 1], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    allowReplicationFactorChange: bool.since(1).default(true).ignorable(),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    responses: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    }),
  },
)
export type AlterPartitionReassignmentsResponse = Infer<typeof AlterPartitionReassignmentsResponse>

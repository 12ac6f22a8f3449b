/**
 * ListPartitionReassignments, v0. Replica moves that are under way (KIP-455).
 */
import { array, type Infer, int16, int32, message, string, structs } from '../schema/fields.ts'

export const ListPartitionReassignmentsRequest = message(
  46,
  'ListPartitionReassignmentsRequest',
  { versions: [0, 0], flexible: 0 },
  {
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32.default(60000),
    /** Null: all. */
    topics: structs({
      name: string,
      partitionIndexes: array(int32),
    }).nullable(),
  },
)
export type ListPartitionReassignmentsRequest = Infer<typeof ListPartitionReassignmentsRequest>

export const ListPartitionReassignmentsResponse = message(
  46,
  'ListPartitionReassignmentsResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        replicas: array(int32),
        addingReplicas: array(int32),
        removingReplicas: array(int32),
      }),
    }),
  },
)
export type ListPartitionReassignmentsResponse = Infer<typeof ListPartitionReassignmentsResponse>

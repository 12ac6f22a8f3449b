/**
 * ElectLeaders, v0–2. Elects partition leaders (KIP-183). v1 unclean elections (KIP-460), v2
 * flexible.
 */
import {
  array,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const ElectLeadersRequest = message(
  43,
  'ElectLeadersRequest',
  { versions: [0, 2], flexible: 2 },
  {
    /** 0 preferred, 1 unclean. */
    electionType: int8.since(1),
    /** Null: all partitions. */
    topicPartitions: structs({
      topic: string,
      partitions: array(int32),
    }).nullable(),
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32.default(60000),
  },
)
export type ElectLeadersRequest = Infer<typeof ElectLeadersRequest>

export const ElectLeadersResponse = message(
  43,
  'ElectLeadersResponse',
  { versions: [0, 2], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16.since(1),
    replicaElectionResults: structs({
      topic: string,
      partitionResult: structs({
        partitionId: int32,
        errorCode: int16,
        /** Text for people; null without an error. */
        errorMessage: string.nullable(),
      }),
    }),
  },
)
export type ElectLeadersResponse = Infer<typeof ElectLeadersResponse>

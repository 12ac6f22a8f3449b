/**
 * InitializeShareGroupState, v0. Sets up the persisted state of share partitions; between brokers
 * (KIP-932).
 */
import {
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const InitializeShareGroupStateRequest = message(
  83,
  'InitializeShareGroupStateRequest',
  { versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: structs({
      topicId: uuid,
      partitions: structs({
        partition: int32,
        /** Fences older share coordinators' writes. */
        stateEpoch: int32,
        startOffset: int64,
      }),
    }),
  },
)
export type InitializeShareGroupStateRequest = Infer<typeof InitializeShareGroupStateRequest>

export const InitializeShareGroupStateResponse = message(
  83,
  'InitializeShareGroupStateResponse',
  { versions: [0, 0], flexible: 0 },
  {
    results: structs({
      topicId: uuid,
      partitions: structs({
        partition: int32,
        errorCode: int16,
        /** Text for people; null without an error. */
        errorMessage: string.nullable(),
      }),
    }),
  },
)
export type InitializeShareGroupStateResponse = Infer<typeof InitializeShareGroupStateResponse>

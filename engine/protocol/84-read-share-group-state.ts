/**
 * ReadShareGroupState, v0. Reads the persisted state of share partitions; between brokers
 * (KIP-932).
 */
import {
  type Infer,
  int8,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const ReadShareGroupStateRequest = message(
  84,
  'ReadShareGroupStateRequest',
  { versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: structs({
      topicId: uuid,
      partitions: structs({
        partition: int32,
        leaderEpoch: int32,
      }),
    }),
  },
)
export type ReadShareGroupStateRequest = Infer<typeof ReadShareGroupStateRequest>

export const ReadShareGroupStateResponse = message(
  84,
  'ReadShareGroupStateResponse',
  { versions: [0, 0], flexible: 0 },
  {
    results: structs({
      topicId: uuid,
      partitions: structs({
        partition: int32,
        errorCode: int16,
        /** Text for people; null without an error. */
        errorMessage: string.nullable(),
        /** Fences older share coordinators' writes. */
        stateEpoch: int32,
        startOffset: int64,
        stateBatches: structs({
          firstOffset: int64,
          lastOffset: int64,
          /** 0 available, 2 acknowledged, 4 archived. */
          deliveryState: int8,
          deliveryCount: int16,
        }),
      }),
    }),
  },
)
export type ReadShareGroupStateResponse = Infer<typeof ReadShareGroupStateResponse>

/**
 * WriteShareGroupState, v0–1. Writes the persisted state of share partitions; between brokers
 * (KIP-932). v1 count of completed deliveries (KIP-1226).
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

export const WriteShareGroupStateRequest = message(
  85,
  'WriteShareGroupStateRequest',
  { versions: [0, 1], flexible: 0 },
  {
    groupId: string,
    topics: structs({
      topicId: uuid,
      partitions: structs({
        partition: int32,
        /** Fences older share coordinators' writes. */
        stateEpoch: int32,
        leaderEpoch: int32,
        startOffset: int64,
        /** Records between start and end offset whose delivery is complete, -1 for unknown. */
        deliveryCompleteCount: int32.since(1).default(-1).ignorable(),
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
export type WriteShareGroupStateRequest = Infer<typeof WriteShareGroupStateRequest>

export const WriteShareGroupStateResponse = message(
  85,
  'WriteShareGroupStateResponse',
  { versions: [0, 1], flexible: 0 },
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
export type WriteShareGroupStateResponse = Infer<typeof WriteShareGroupStateResponse>

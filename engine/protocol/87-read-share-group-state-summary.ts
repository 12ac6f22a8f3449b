/**
 * ReadShareGroupStateSummary, v0–1. Start offset of the persisted state of share partitions;
 * between brokers (KIP-932). v1 count of completed deliveries (KIP-1226).
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

export const ReadShareGroupStateSummaryRequest = message(
  87,
  'ReadShareGroupStateSummaryRequest',
  { versions: [0, 1], flexible: 0 },
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
export type ReadShareGroupStateSummaryRequest = Infer<typeof ReadShareGroupStateSummaryRequest>

export const ReadShareGroupStateSummaryResponse = message(
  87,
  'ReadShareGroupStateSummaryResponse',
  { versions: [0, 1], flexible: 0 },
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
        leaderEpoch: int32,
        startOffset: int64,
        /** Records between start and end offset whose delivery is complete, -1 for unknown. */
        deliveryCompleteCount: int32.since(1).default(-1).ignorable(),
      }),
    }),
  },
)
export type ReadShareGroupStateSummaryResponse = Infer<typeof ReadShareGroupStateSummaryResponse>

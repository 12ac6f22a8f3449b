/**
 * DescribeShareGroupOffsets, v0–1. Start offsets of share groups (KIP-932). v1 lag (KIP-1226).
 */
import {
  array,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const DescribeShareGroupOffsetsRequest = message(
  90,
  'DescribeShareGroupOffsetsRequest',
  { versions: [0, 1], flexible: 0 },
  {
    groups: structs({
      groupId: string,
      /** Null: all topics. */
      topics: structs({
        topicName: string,
        partitions: array(int32),
      }).nullable(),
    }),
  },
)
export type DescribeShareGroupOffsetsRequest = Infer<typeof DescribeShareGroupOffsetsRequest>

export const DescribeShareGroupOffsetsResponse = message(
  90,
  'DescribeShareGroupOffsetsResponse',
  { versions: [0, 1], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    groups: structs({
      groupId: string,
      topics: structs({
        topicName: string,
        topicId: uuid,
        partitions: structs({
          partitionIndex: int32,
          /** -1 when not yet known. */
          startOffset: int64,
          leaderEpoch: int32,
          /** Records from the start offset on that are not yet delivered; -1 for unknown. */
          lag: int64.since(1).default(-1).ignorable(),
          errorCode: int16,
          /** Text for people; null without an error. */
          errorMessage: string.nullable(),
        }),
      }),
      errorCode: int16,
      errorMessage: string.nullable(),
    }),
  },
)
export type DescribeShareGroupOffsetsResponse = Infer<typeof DescribeShareGroupOffsetsResponse>

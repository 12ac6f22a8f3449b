/**
 * OffsetFetch, v1–10. Committed positions of consumer groups.
 * v2 null = all topics, and a top-level error, v5 leader epochs (KIP-320), v6 flexible, v7
 * requireStable (KIP-447), v8 many groups in one request (KIP-709), v9 member epochs (KIP-848), v10
 * topic ids (KIP-516).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const OffsetFetchRequest = message(
  9,
  'OffsetFetchRequest',
  { versions: [1, 10], flexible: 6 },
  {
    groupId: string.until(7),
    /** Null: all topics (v2). */
    topics: structs({
      name: string,
      partitionIndexes: array(int32),
    })
      .nullable(2)
      .until(7),
    groups: structs({
      groupId: string,
      memberId: string.nullable().since(9).ignorable(),
      /** -1 with the classic protocol. */
      memberEpoch: int32.since(9).default(-1).ignorable(),
      /** Null: all topics. */
      topics: structs({
        name: string.until(9).ignorable(),
        topicId: uuid.since(10).ignorable(),
        partitionIndexes: array(int32),
      }).nullable(),
    }).since(8),
    /** UNSTABLE_OFFSET_COMMIT while a transaction holds commits of the partition. */
    requireStable: bool.since(7),
  },
)
export type OffsetFetchRequest = Infer<typeof OffsetFetchRequest>

export const OffsetFetchResponse = message(
  9,
  'OffsetFetchResponse',
  { versions: [1, 10], flexible: 6 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(3).ignorable(),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        /** -1 when nothing is committed. */
        committedOffset: int64,
        /** Epoch of the last record consumed, -1 for unknown. */
        committedLeaderEpoch: int32.since(5).default(-1).ignorable(),
        metadata: string.nullable(),
        errorCode: int16,
      }),
    }).until(7),
    errorCode: int16.since(2).until(7).ignorable(),
    groups: structs({
      groupId: string,
      topics: structs({
        name: string.until(9).ignorable(),
        topicId: uuid.since(10).ignorable(),
        partitions: structs({
          partitionIndex: int32,
          /** -1 when nothing is committed. */
          committedOffset: int64,
          committedLeaderEpoch: int32.default(-1).ignorable(),
          metadata: string.nullable(),
          errorCode: int16,
        }),
      }),
      errorCode: int16.default(0),
    }).since(8),
  },
)
export type OffsetFetchResponse = Infer<typeof OffsetFetchResponse>

/**
 * OffsetCommit, v2–10. Commits positions of a consumer group.
 * v3 throttle time, v5 without retention time (KIP-211), v6 leader epochs (KIP-320), v7 static
 * members (KIP-345), v8 flexible, v9 the consumer protocol's member epochs (KIP-848), v10 topic ids
 * (KIP-516).
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

export const OffsetCommitRequest = message(
  8,
  'OffsetCommitRequest',
  { versions: [2, 10], flexible: 8 },
  {
    groupId: string,
    /** -1 for commits from outside the group's protocol. */
    generationIdOrMemberEpoch: int32.default(-1).ignorable(),
    memberId: string.ignorable(),
    /** Name of a static member, null for a dynamic one. */
    groupInstanceId: string.nullable().since(7),
    /** -1 for the broker's own. */
    retentionTimeMs: int64.until(4).default(-1).ignorable(),
    topics: structs({
      name: string.until(9).ignorable(),
      topicId: uuid.since(10).ignorable(),
      partitions: structs({
        partitionIndex: int32,
        /** Next offset to consume. */
        committedOffset: int64,
        /** Epoch of the last record consumed, -1 for unknown. */
        committedLeaderEpoch: int32.since(6).default(-1).ignorable(),
        /** Whatever the client keeps with its position. */
        committedMetadata: string.nullable(),
      }),
    }),
  },
)
export type OffsetCommitRequest = Infer<typeof OffsetCommitRequest>

export const OffsetCommitResponse = message(
  8,
  'OffsetCommitResponse',
  { versions: [2, 10], flexible: 8 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(3).ignorable(),
    topics: structs({
      name: string.until(9).ignorable(),
      topicId: uuid.since(10).ignorable(),
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
)
export type OffsetCommitResponse = Infer<typeof OffsetCommitResponse>

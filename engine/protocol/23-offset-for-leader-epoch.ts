/**
 * OffsetForLeaderEpoch, v2–4. Where a leader epoch ended, for truncation checks (KIP-101, KIP-279).
 * v3 replica id: consumers may ask too (KIP-320), v4 flexible.
 */
import { type Infer, int16, int32, int64, message, string, structs } from '../schema/fields.ts'

export const OffsetForLeaderEpochRequest = message(
  23,
  'OffsetForLeaderEpochRequest',
  { versions: [2, 4], flexible: 4 },
  {
    /** -1 consumers, -2 not said. */
    replicaId: int32.since(3).default(-2).ignorable(),
    topics: structs({
      topic: string,
      partitions: structs({
        partition: int32,
        /** Epoch in which the client believes the leader to be, -1 for unknown; others are fenced. */
        currentLeaderEpoch: int32.default(-1).ignorable(),
        /** The epoch whose end is wanted. */
        leaderEpoch: int32,
      }),
    }),
  },
)
export type OffsetForLeaderEpochRequest = Infer<typeof OffsetForLeaderEpochRequest>

export const OffsetForLeaderEpochResponse = message(
  23,
  'OffsetForLeaderEpochResponse',
  { versions: [2, 4], flexible: 4 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    topics: structs({
      topic: string,
      partitions: structs({
        errorCode: int16,
        partition: int32,
        /** Largest epoch not above the one asked for, -1 for unknown. */
        leaderEpoch: int32.default(-1).ignorable(),
        /** First offset of a later epoch, or the log end; -1 for unknown. */
        endOffset: int64.default(-1),
      }),
    }),
  },
)
export type OffsetForLeaderEpochResponse = Infer<typeof OffsetForLeaderEpochResponse>

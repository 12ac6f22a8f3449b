/**
 * ListOffsets, v1–11. Offsets by timestamp, and the special ones: -1 latest, -2 earliest, -3 of the
 * largest timestamp (v7, KIP-734), -4 earliest local (v8, KIP-405), -5 latest tiered (v9,
 * KIP-1005), -6 earliest pending upload (v11, KIP-1023).
 * v2 isolation level, v4 leader epoch (KIP-320), v5 OFFSET_NOT_AVAILABLE (KIP-207), v6 flexible,
 * v10 timeout for remote look-ups (KIP-1075).
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
} from '../schema/fields.ts'

export const ListOffsetsRequest = message(
  2,
  'ListOffsetsRequest',
  { versions: [1, 11], flexible: 6 },
  {
    /** -1 for consumers. */
    replicaId: int32,
    /** 0 read uncommitted: to the high watermark; 1 read committed: to the last stable offset. */
    isolationLevel: int8.since(2),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        /** Epoch in which the client believes the leader to be, -1 for unknown; others are fenced. */
        currentLeaderEpoch: int32.since(4).default(-1).ignorable(),
        /** Milliseconds since 1970, or one of the special numbers. */
        timestamp: int64,
      }),
    }),
    /** Longest wait for tiered storage, in milliseconds. */
    timeoutMs: int32.since(10).ignorable(),
  },
)
export type ListOffsetsRequest = Infer<typeof ListOffsetsRequest>

export const ListOffsetsResponse = message(
  2,
  'ListOffsetsResponse',
  { versions: [1, 11], flexible: 6 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(2).ignorable(),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        /** Of the record found; -1 when none or not asked by time. */
        timestamp: int64.default(-1),
        /** -1 when no record is that late. */
        offset: int64.default(-1),
        leaderEpoch: int32.since(4).default(-1),
      }),
    }),
  },
)
export type ListOffsetsResponse = Infer<typeof ListOffsetsResponse>

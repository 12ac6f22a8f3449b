/**
 * TxnOffsetCommit, v0–5. Commits a group's positions inside a transaction (KIP-98). v2 leader
 * epochs (KIP-320), v3 flexible, member and generation (KIP-447), v4 TRANSACTION_ABORTABLE, v5
 * without AddOffsetsToTxn before it (KIP-890).
 */
import { type Infer, int16, int32, int64, message, string, structs } from '../schema/fields.ts'

export const TxnOffsetCommitRequest = message(
  28,
  'TxnOffsetCommitRequest',
  { versions: [0, 5], flexible: 3 },
  {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    /** -1 for commits from outside the group's protocol. */
    generationId: int32.since(3).default(-1),
    memberId: string.since(3),
    /** Name of a static member, null for a dynamic one. */
    groupInstanceId: string.nullable().since(3),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        /** Next offset to consume. */
        committedOffset: int64,
        /** Epoch of the last record consumed, -1 for unknown. */
        committedLeaderEpoch: int32.since(2).default(-1).ignorable(),
        /** Whatever the client keeps with its position. */
        committedMetadata: string.nullable(),
      }),
    }),
  },
)
export type TxnOffsetCommitRequest = Infer<typeof TxnOffsetCommitRequest>

export const TxnOffsetCommitResponse = message(
  28,
  'TxnOffsetCommitResponse',
  { versions: [0, 5], flexible: 3 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
)
export type TxnOffsetCommitResponse = Infer<typeof TxnOffsetCommitResponse>

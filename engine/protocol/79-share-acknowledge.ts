/**
 * ShareAcknowledge, v1–2. Acknowledges records of a share group (KIP-932). v2 renewal of locks
 * (KIP-1222).
 */
import {
  array,
  bool,
  type Infer,
  int8,
  int16,
  int32,
  int64,
  message,
  string,
  struct,
  structs,
  uuid,
} from '../schema/fields.ts'

export const ShareAcknowledgeRequest = message(
  79,
  'ShareAcknowledgeRequest',
  { versions: [1, 2], flexible: 0 },
  {
    groupId: string.nullable(),
    memberId: string.nullable(),
    /** 0 opens a share session, -1 closes it, else one more than last time. */
    shareSessionEpoch: int32,
    /** True if any acknowledgement renews a lock. */
    isRenewAck: bool.since(2),
    topics: structs({
      topicId: uuid,
      partitions: structs({
        partitionIndex: int32,
        acknowledgementBatches: structs({
          firstOffset: int64,
          lastOffset: int64,
          /** Per record, or one for all: 0 gap, 1 accept, 2 release, 3 reject, 4 renew (v2). */
          acknowledgeTypes: array(int8),
        }),
      }),
    }),
  },
)
export type ShareAcknowledgeRequest = Infer<typeof ShareAcknowledgeRequest>

export const ShareAcknowledgeResponse = message(
  79,
  'ShareAcknowledgeResponse',
  { versions: [1, 2], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    /** Acquired records are locked for this long, in milliseconds. */
    acquisitionLockTimeoutMs: int32.since(2).ignorable(),
    responses: structs({
      topicId: uuid,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
        /** Filled beside NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH. */
        currentLeader: struct({
          leaderId: int32,
          leaderEpoch: int32,
        }),
      }),
    }),
    /** Addresses of the leaders named above. */
    nodeEndpoints: structs({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable(),
    }),
  },
)
export type ShareAcknowledgeResponse = Infer<typeof ShareAcknowledgeResponse>

/**
 * ShareFetch, v1–2. Acquires records for a share group and acknowledges earlier ones (KIP-932). v2
 * acquire mode and renewal of locks (KIP-1206, KIP-1222).
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
  records,
  string,
  struct,
  structs,
  uuid,
} from '../schema/fields.ts'

export const ShareFetchRequest = message(
  78,
  'ShareFetchRequest',
  { versions: [1, 2], flexible: 0 },
  {
    groupId: string.nullable(),
    memberId: string.nullable(),
    /** 0 opens a share session, -1 closes it, else one more than last time. */
    shareSessionEpoch: int32,
    /** Longest wait for minBytes, in milliseconds. */
    maxWaitMs: int32,
    /** The answer waits until this many bytes of records are there. */
    minBytes: int32,
    /** Bytes of records in the whole answer; the first batch may exceed it. */
    maxBytes: int32.default(0x7fffffff),
    /** Records acquired at most. */
    maxRecords: int32,
    /** Records in one acquired batch, where they can be split. */
    batchSize: int32,
    /** 0 whole batches, maxRecords may be exceeded; 1 strictly maxRecords. */
    shareAcquireMode: int8.since(2).ignorable(),
    /** True if any acknowledgement renews a lock. */
    isRenewAck: bool.since(2),
    topics: structs({
      topicId: uuid,
      partitions: structs({
        partitionIndex: int32,
        /** Inclusive ranges of offsets. */
        acknowledgementBatches: structs({
          firstOffset: int64,
          lastOffset: int64,
          /** Per record, or one for all: 0 gap, 1 accept, 2 release, 3 reject, 4 renew (v2). */
          acknowledgeTypes: array(int8),
        }),
      }),
    }),
    forgottenTopicsData: structs({
      topicId: uuid,
      partitions: array(int32),
    }),
  },
)
export type ShareFetchRequest = Infer<typeof ShareFetchRequest>

export const ShareFetchResponse = message(
  78,
  'ShareFetchResponse',
  { versions: [1, 2], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    /** Acquired records are locked for this long, in milliseconds. */
    acquisitionLockTimeoutMs: int32,
    responses: structs({
      topicId: uuid,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
        acknowledgeErrorCode: int16,
        acknowledgeErrorMessage: string.nullable(),
        /** Filled beside NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH. */
        currentLeader: struct({
          leaderId: int32,
          leaderEpoch: int32,
        }),
        records: records,
        /** Inclusive ranges of offsets now locked for this member. */
        acquiredRecords: structs({
          firstOffset: int64,
          lastOffset: int64,
          deliveryCount: int16,
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
export type ShareFetchResponse = Infer<typeof ShareFetchResponse>

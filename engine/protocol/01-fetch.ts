/**
 * Fetch, v4–18. Reads record batches, by consumers and by following replicas; waits for minBytes.
 * v4 isolation level (KIP-98), v5 log start offset (KIP-107), v7 sessions (KIP-227), v9 leader
 * epoch (KIP-320), v10 zstd, v11 rack and nearest replica (KIP-392), v12 flexible, last fetched
 * epoch and diverging epoch (KIP-595), v13 topic ids (KIP-516), v14 tiered storage errors
 * (KIP-405), v15 replica state as a tag (KIP-903), v16 leader hints (KIP-951), v17 replica
 * directory (KIP-853), v18 high watermark of followers (KIP-1166).
 */
import {
  array,
  INT64_MAX,
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

export const FetchRequest = message(
  1,
  'FetchRequest',
  { versions: [4, 18], flexible: 12 },
  {
    /** Set by controllers of a quorum only. */
    clusterId: string.nullable().tag(0, 12).ignorable(),
    /** -1 for consumers. */
    replicaId: int32.until(14).default(-1),
    /** Who fetches, from v15 on. */
    replicaState: struct({
      /** -1 for consumers. */
      replicaId: int32.default(-1),
      replicaEpoch: int64.default(-1),
    }).tag(1, 15),
    /** Longest wait for minBytes, in milliseconds. */
    maxWaitMs: int32,
    /** The answer waits until this many bytes of records are there. */
    minBytes: int32,
    /** Bytes of records in the whole answer; the first batch may exceed it. */
    maxBytes: int32.default(0x7fffffff).ignorable(),
    /** 0 read uncommitted: to the high watermark; 1 read committed: to the last stable offset. */
    isolationLevel: int8.default(0).ignorable(),
    /** 0 without a session. */
    sessionId: int32.since(7).ignorable(),
    /** -1 no session, 0 opens one, else one more than last time. */
    sessionEpoch: int32.since(7).default(-1).ignorable(),
    topics: structs({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: structs({
        partition: int32,
        /** Epoch in which the client believes the leader to be, -1 for unknown; others are fenced. */
        currentLeaderEpoch: int32.since(9).default(-1).ignorable(),
        /** First offset wanted. */
        fetchOffset: int64,
        /** Epoch of the last record fetched, -1 for unknown; finds logs that diverge. */
        lastFetchedEpoch: int32.since(12).default(-1),
        /** The follower's own; -1 from consumers. */
        logStartOffset: int64.since(5).default(-1).ignorable(),
        /** Bytes of records of this partition; the first batch of the answer may exceed it. */
        partitionMaxBytes: int32,
        replicaDirectoryId: uuid.tag(0, 17).ignorable(),
        /** The follower's own, so that the leader answers when it moves. */
        highWatermark: int64.tag(1, 18).default(INT64_MAX).ignorable(),
      }),
    }),
    /** Partitions to drop from the session. */
    forgottenTopicsData: structs({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: array(int32),
    }).since(7),
    /** Where the client is; empty or null for unknown. */
    rackId: string.since(11).ignorable(),
  },
)
export type FetchRequest = Infer<typeof FetchRequest>

export const FetchResponse = message(
  1,
  'FetchResponse',
  { versions: [4, 18], flexible: 12 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    errorCode: int16.since(7).ignorable(),
    /** 0 when no session was kept. */
    sessionId: int32.since(7),
    responses: structs({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        /** First offset of the oldest open transaction, or the high watermark; -1 for none. */
        lastStableOffset: int64.default(-1).ignorable(),
        logStartOffset: int64.since(5).default(-1).ignorable(),
        /** Where the log parts from what the follower asked for. */
        divergingEpoch: struct({
          epoch: int32.default(-1),
          endOffset: int64.default(-1),
        }).tag(0, 12),
        /** Filled beside NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH. */
        currentLeader: struct({
          leaderId: int32.default(-1),
          leaderEpoch: int32.default(-1),
        }).tag(1, 12),
        /** Metadata partitions: fetch this snapshot instead. */
        snapshotId: struct({
          endOffset: int64.default(-1),
          epoch: int32.default(-1),
        }).tag(2, 12),
        /** Null unless read committed: transactions whose records in here are to be skipped. */
        abortedTransactions: structs({
          producerId: int64,
          firstOffset: int64,
        })
          .nullable()
          .ignorable(),
        /** Replica the consumer should fetch from instead, -1 for none. */
        preferredReadReplica: int32.since(11).default(-1),
        /** Whole record batches; the last one may be cut in old versions of Kafka, never by us. */
        records: records.nullable(),
      }),
    }),
    /** Addresses of the leaders named above. */
    nodeEndpoints: structs({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable(),
    }).tag(0, 16),
  },
)
export type FetchResponse = Infer<typeof FetchResponse>

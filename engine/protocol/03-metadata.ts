/**
 * Metadata, v0–13. Brokers, topics and where partitions lead.
 * v1 null = all topics and an empty list = none, controller, racks, v2 cluster id, v4 automatic
 * creation, v5 offline replicas, v7 leader epochs (KIP-320), v8 authorized operations (KIP-430), v9
 * flexible, v10 topic ids out (KIP-516), v11 without the cluster's authorized operations (KIP-700),
 * v12 look-up by topic id, v13 a top-level error (KIP-1102).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const MetadataRequest = message(
  3,
  'MetadataRequest',
  { versions: [0, 13], flexible: 9 },
  {
    /** Null: all topics. v0: empty means all. */
    topics: structs({
      /** Zero unless looked up by id. */
      topicId: uuid.since(10).ignorable(),
      /** Null when looked up by id. */
      name: string.nullable(10),
    }).nullable(1),
    allowAutoTopicCreation: bool.since(4).default(true),
    includeClusterAuthorizedOperations: bool.since(8).until(10),
    includeTopicAuthorizedOperations: bool.since(8),
  },
)
export type MetadataRequest = Infer<typeof MetadataRequest>

export const MetadataResponse = message(
  3,
  'MetadataResponse',
  { versions: [0, 13], flexible: 9 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(3).ignorable(),
    brokers: structs({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable().since(1).ignorable(),
    }),
    clusterId: string.nullable().since(2).ignorable(),
    /** -1 for none. */
    controllerId: int32.since(1).default(-1).ignorable(),
    topics: structs({
      errorCode: int16,
      /** Null when an unknown id was looked up. */
      name: string.nullable(12),
      topicId: uuid.since(10).ignorable(),
      isInternal: bool.since(1).ignorable(),
      partitions: structs({
        errorCode: int16,
        partitionIndex: int32,
        /** -1 for none. */
        leaderId: int32,
        leaderEpoch: int32.since(7).default(-1).ignorable(),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        /** Replicas whose broker or log directory is down. */
        offlineReplicas: array(int32).since(5).ignorable(),
      }),
      /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
      topicAuthorizedOperations: int32.since(8).default(-2147483648),
    }),
    /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
    clusterAuthorizedOperations: int32.since(8).until(10).default(-2147483648),
    errorCode: int16.since(13).ignorable(),
  },
)
export type MetadataResponse = Infer<typeof MetadataResponse>

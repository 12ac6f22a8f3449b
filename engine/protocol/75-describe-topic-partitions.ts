/**
 * DescribeTopicPartitions, v0. Topics page by page, with eligible leader replicas (KIP-966).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  message,
  string,
  struct,
  structs,
  uuid,
} from '../schema/fields.ts'

export const DescribeTopicPartitionsRequest = message(
  75,
  'DescribeTopicPartitionsRequest',
  { versions: [0, 0], flexible: 0 },
  {
    topics: structs({
      name: string,
    }),
    /** Partitions in one answer. */
    responsePartitionLimit: int32.default(2000),
    /** First topic and partition wanted; null: from the start. */
    cursor: struct({
      topicName: string,
      partitionIndex: int32,
    }).nullable(),
  },
)
export type DescribeTopicPartitionsRequest = Infer<typeof DescribeTopicPartitionsRequest>

export const DescribeTopicPartitionsResponse = message(
  75,
  'DescribeTopicPartitionsResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    topics: structs({
      errorCode: int16,
      name: string.nullable(),
      topicId: uuid.ignorable(),
      isInternal: bool.default(false).ignorable(),
      partitions: structs({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32.default(-1).ignorable(),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        /** Out of sync, yet sure to hold all below the high watermark; null: unknown. */
        eligibleLeaderReplicas: array(int32).nullable(),
        lastKnownElr: array(int32).nullable(),
        offlineReplicas: array(int32).ignorable(),
      }),
      /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
      topicAuthorizedOperations: int32.default(-2147483648),
    }),
    /** Where the next page begins; null after the last. */
    nextCursor: struct({
      topicName: string,
      partitionIndex: int32,
    }).nullable(),
  },
)
export type DescribeTopicPartitionsResponse = Infer<typeof DescribeTopicPartitionsResponse>

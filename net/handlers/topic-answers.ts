/** What Metadata and DescribeTopicPartitions say of a topic that one broker leads and holds alone. */
import { ErrorCode } from '../../engine/base/errors.ts'
import { type MetadataImage, partitionKey, type TopicImage } from '../../engine/metadata/image.ts'

const NO_LEADER = -1

/** "Not asked for", in the authorized-operations fields. */
export const OPERATIONS_NOT_ASKED = -2_147_483_648

/** All operations a topic knows: READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE and the config ones. */
export const TOPIC_OPERATIONS = operations([3, 4, 5, 6, 7, 8, 10, 11])
/** All a cluster knows: CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, configs, IDEMPOTENT_WRITE. */
export const CLUSTER_OPERATIONS = operations([5, 7, 8, 9, 10, 11, 12])

function operations(codes: readonly number[]): number {
  return codes.reduce((mask, code) => mask | (1 << code), 0)
}

/** A partition whose disk failed has no leader and nobody in sync, as in Kafka. */
export function partitionAnswers(
  topic: TopicImage,
  { brokerId, offlinePartitions }: MetadataImage,
) {
  const replicas = [brokerId]
  return topic.partitions.map(({ index, leaderEpoch }) => {
    const isOffline =
      offlinePartitions.size > 0 && offlinePartitions.has(partitionKey(topic.ordinal, index))
    return {
      errorCode: isOffline ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
      partitionIndex: index,
      leaderId: isOffline ? NO_LEADER : brokerId,
      leaderEpoch,
      replicaNodes: replicas,
      isrNodes: isOffline ? [] : replicas,
      offlineReplicas: isOffline ? replicas : [],
    }
  })
}

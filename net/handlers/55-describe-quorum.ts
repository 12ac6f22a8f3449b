/**
 * DescribeQuorum, v0–v2. v1 fetch times, v2 directory ids, endpoints, messages (KIP-853). The quorum of a
 * broker that keeps its own control state: itself the leader and only voter, its starts the epochs, the
 * number of published changes the end of the log. It is reached where this client reached it.
 *
 * differs from Kafka: the endpoint is a listener for clients, since there is none for controllers.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import { CLUSTER_METADATA_TOPIC } from '../../engine/metadata/topic-name.ts'
import {
  DescribeQuorumRequest,
  DescribeQuorumResponse,
} from '../../engine/protocol/55-describe-quorum.ts'
import type { Handler, RequestContext } from '../handler.ts'

export const describeQuorumHandler: Handler<DescribeQuorumRequest, DescribeQuorumResponse> = {
  apiKey: 55,
  versions: [0, 2],
  pipelined: false,
  request: DescribeQuorumRequest,
  response: DescribeQuorumResponse,
  handle(context, { topics }) {
    const legal = isMetadataPartition(topics)
    const { brokerId } = context.router.image()
    const { listenerName, advertised } = context.connection
    const listeners = [{ name: listenerName, host: advertised.host, port: advertised.port }]
    return {
      errorCode: ErrorCode.NONE,
      errorMessage: '',
      topics: topics.map(({ topicName, partitions }) => ({
        topicName,
        partitions: partitions.map(({ partitionIndex }) =>
          legal ? quorum(context) : notHosted(partitionIndex),
        ),
      })),
      nodes: legal ? [{ nodeId: brokerId, listeners }] : [],
    }
  },
}

/** Kafka answers for this one partition, asked alone. */
function isMetadataPartition(topics: DescribeQuorumRequest['topics']): boolean {
  const [topic] = topics
  return (
    topics.length === 1 &&
    topic?.topicName === CLUSTER_METADATA_TOPIC &&
    topic.partitions.length === 1 &&
    topic.partitions[0]?.partitionIndex === 0
  )
}

function quorum({ router, clock, apiVersion }: RequestContext) {
  const { brokerId, incarnation, version } = router.image()
  const nowMs = apiVersion === 0 ? -1 : clock.wallMs()
  const voter = {
    replicaId: brokerId,
    replicaDirectoryId: ZERO_UUID,
    logEndOffset: version,
    lastFetchTimestamp: nowMs,
    lastCaughtUpTimestamp: nowMs,
  }
  return {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE as number,
    errorMessage: '',
    leaderId: brokerId,
    leaderEpoch: incarnation,
    highWatermark: version,
    currentVoters: [voter],
    observers: [],
  }
}

function notHosted(partitionIndex: number) {
  return {
    partitionIndex,
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION as number,
    errorMessage: 'This server does not host this topic-partition.',
    leaderId: 0,
    leaderEpoch: 0,
    highWatermark: 0,
    currentVoters: [],
    observers: [],
  }
}

/**
 * Errors as Kafka's tools print them: the Java exception of an error code and its default message
 * (org.apache.kafka.common.protocol.Errors). Codes that tools here never show have the general form.
 */
import { ErrorCode, errorName } from '../../../engine/base/errors.ts'

const PACKAGE = 'org.apache.kafka.common.errors'

const KNOWN = new Map<number, readonly [exception: string, message: string]>([
  [
    ErrorCode.OFFSET_OUT_OF_RANGE,
    [
      'OffsetOutOfRangeException',
      'The requested offset is not within the range of offsets maintained by the server.',
    ],
  ],
  [
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ['UnknownTopicOrPartitionException', 'This server does not host this topic-partition.'],
  ],
  [
    ErrorCode.POLICY_VIOLATION,
    ['PolicyViolationException', 'Request parameters do not satisfy the configured policy.'],
  ],
  [ErrorCode.NON_EMPTY_GROUP, ['GroupNotEmptyException', 'The group is not empty.']],
  [ErrorCode.GROUP_ID_NOT_FOUND, ['GroupIdNotFoundException', 'The group id does not exist.']],
  [
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
    [
      'GroupSubscribedToTopicException',
      'Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it.',
    ],
  ],
  [ErrorCode.INVALID_CONFIG, ['InvalidConfigurationException', 'Configuration is invalid.']],
  [
    ErrorCode.UNKNOWN_SERVER_ERROR,
    [
      'UnknownServerException',
      'The server experienced an unexpected error when processing the request.',
    ],
  ],
  [
    ErrorCode.LEADER_NOT_AVAILABLE,
    [
      'LeaderNotAvailableException',
      'There is no leader for this topic-partition as we are in the middle of a leadership election.',
    ],
  ],
  [ErrorCode.REQUEST_TIMED_OUT, ['TimeoutException', 'The request timed out.']],
  [
    ErrorCode.INVALID_TOPIC_EXCEPTION,
    ['InvalidTopicException', 'The request attempted to perform an operation on an invalid topic.'],
  ],
  [
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ['TopicAuthorizationException', 'Topic authorization failed.'],
  ],
  [
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ['ClusterAuthorizationException', 'Cluster authorization failed.'],
  ],
  [
    ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    ['InvalidReplicaAssignmentException', 'Replica assignment is invalid.'],
  ],
  [
    ErrorCode.KAFKA_STORAGE_ERROR,
    ['KafkaStorageException', 'Disk error when trying to access log file on the disk.'],
  ],
  [
    ErrorCode.LOG_DIR_NOT_FOUND,
    [
      'LogDirNotFoundException',
      'The user-specified log directory is not found in the broker config.',
    ],
  ],
  [
    ErrorCode.NO_REASSIGNMENT_IN_PROGRESS,
    ['NoReassignmentInProgressException', 'No partition reassignment is in progress.'],
  ],
])

/** `org.apache.kafka.common.errors.XException: message`. */
export function javaError(code: number, message: string | null = null): string {
  const [exception, fallback] = KNOWN.get(code) ?? [exceptionName(code), errorName(code)]
  return `${PACKAGE}.${exception}: ${message ?? fallback}`
}

/** What an error says: the broker's words, else the general ones. */
export function errorWords(code: number, message: string | null = null): string {
  return message ?? KNOWN.get(code)?.[1] ?? errorName(code)
}

/** INVALID_REQUEST is InvalidRequestException, and so on. */
function exceptionName(code: number): string {
  const words = errorName(code).toLowerCase().split('_')
  return `${words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')}Exception`
}

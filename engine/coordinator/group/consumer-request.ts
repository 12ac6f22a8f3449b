/**
 * What is wrong with a ConsumerGroupHeartbeat by itself, before any group is looked at. Source:
 * Kafka's GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid.
 */
import { ErrorCode } from '../../base/errors.ts'
import type { ConsumerGroupHeartbeatRequest } from '../../protocol/68-consumer-group-heartbeat.ts'
import { AWAY_EPOCH, JOINING_EPOCH, LEAVING_EPOCH } from './consumer-member.ts'
import { type Refusal, refusal } from './consumer-refusal.ts'

/** From here on the client makes its member id, and may subscribe with a pattern. */
const FIRST_CLIENT_ID_VERSION = 1

export function heartbeatRefusal(
  body: ConsumerGroupHeartbeatRequest,
  apiVersion: number,
  assignors: readonly string[],
): Refusal | null {
  const problem = problemOf(body, apiVersion)
  if (problem !== null) return refusal(ErrorCode.INVALID_REQUEST, problem)
  const { serverAssignor } = body
  if (serverAssignor === null || assignors.includes(serverAssignor)) return null
  return refusal(
    ErrorCode.UNSUPPORTED_ASSIGNOR,
    `ServerAssignor ${serverAssignor} is not supported. ` +
      `Supported assignors: ${assignors.join(', ')}.`,
  )
}

function problemOf(body: ConsumerGroupHeartbeatRequest, apiVersion: number): string | null {
  const { groupId, memberId, memberEpoch, instanceId, rackId } = body
  const needsId = memberEpoch > 0 || memberEpoch === LEAVING_EPOCH
  if ((needsId || apiVersion >= FIRST_CLIENT_ID_VERSION) && isBlank(memberId))
    return "MemberId can't be empty."
  if (isBlank(groupId)) return "GroupId can't be empty."
  if (instanceId !== null && isBlank(instanceId)) return "InstanceId can't be empty."
  if (rackId !== null && isBlank(rackId)) return "RackId can't be empty."
  if (memberEpoch === JOINING_EPOCH) return joinProblemOf(body)
  if (memberEpoch === AWAY_EPOCH && instanceId === null) return "InstanceId can't be null."
  return memberEpoch < AWAY_EPOCH ? 'MemberEpoch is invalid.' : null
}

function joinProblemOf(body: ConsumerGroupHeartbeatRequest): string | null {
  const { rebalanceTimeoutMs, topicPartitions, subscribedTopicNames, subscribedTopicRegex } = body
  if (rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.'
  if (topicPartitions === null || topicPartitions.length > 0)
    return 'TopicPartitions must be empty when (re-)joining.'
  return subscribedTopicNames === null && subscribedTopicRegex === null
    ? 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.'
    : null
}

/** Kafka takes only spaces for nothing as well. */
function isBlank(text: string): boolean {
  return text.trim() === ''
}

/**
 * ConsumerGroupHeartbeat: membership, subscription and assignment in one request. Source: KIP-848 and
 * Kafka's GroupMetadataManager.consumerGroupHeartbeat.
 *
 *   epoch 0   joins, or joins again after having been fenced
 *   epoch >0  is the member's, or the one before when an answer was lost; else FENCED_MEMBER_EPOCH
 *   epoch -1  leaves      -2 is away for a while, see consumer-leave.ts
 *
 * The assignment is told when it changed or when the request tells everything; null is "unchanged".
 */
import { ErrorCode } from '../../base/errors.ts'
import type { ConsumerGroupHeartbeatResponse } from '../../protocol/68-consumer-group-heartbeat.ts'
import { answer } from '../state-machine.ts'
import { advance } from './consumer-advance.ts'
import { findGroup, findMember } from './consumer-join.ts'
import { consumerLeave } from './consumer-leave.ts'
import { type ConsumerMember, JOINING_EPOCH } from './consumer-member.ts'
import { heartbeatIntervalMs, isConsumerProtocolServed } from './consumer-options.ts'
import { samePartitions, toList } from './consumer-partitions.ts'
import { heartbeatError, isRefusal, type Refusal } from './consumer-refusal.ts'
import { heartbeatRefusal } from './consumer-request.ts'
import { timeSession } from './consumer-sessions.ts'
import { freeze } from './consumer-upgrade.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import type { GroupRequestOf } from './requests.ts'

export function consumerHeartbeat(env: GroupEnv, request: GroupRequestOf<68>): GroupOutcome {
  const { body, apiVersion } = request
  const refuse = (refusal: Refusal) => answer(heartbeatError(refusal))
  if (!isConsumerProtocolServed(env.config.consumer, env.context.image()))
    return refuse({ errorCode: ErrorCode.UNSUPPORTED_VERSION, message: null })
  const invalid = heartbeatRefusal(body, apiVersion, env.config.consumer.assignors)
  if (invalid !== null) return refuse(invalid)
  const { groupId, memberEpoch, instanceId } = body
  if (memberEpoch < JOINING_EPOCH) return consumerLeave(env, request)
  const create = memberEpoch === JOINING_EPOCH
  const found = findGroup(env, groupId, create)
  if (isRefusal(found)) return refuse(found)
  const memberId = body.memberId === '' ? env.context.random.uuid() : body.memberId
  const owned = body.topicPartitions
  const claim = { memberId, instanceId, memberEpoch, owned, create, isClassic: false }
  const draft = findMember(env, found, claim)
  if (isRefusal(draft)) return refuse(draft)
  const before = draft.member
  const after = updated(before, request)
  const advanced = advance(env, { ...draft, before, after, owned })
  if (isRefusal(advanced)) return refuse(advanced)
  const { member, records } = advanced
  timeSession(env, groupId, memberId)
  const classic = env.groups.get(groupId)
  const settled = classic === undefined ? null : freeze(env, classic)
  const tells = create || isFull(request) || !samePartitions(before.assigned, member.assigned)
  return { records, replay: true, response: responseTo(env, groupId, member, tells), settled }
}

/** Everything there is to say was said: the client asks for everything in return. */
function isFull({ body }: GroupRequestOf<68>): boolean {
  const subscribes = body.subscribedTopicNames !== null || body.subscribedTopicRegex !== null
  return body.rebalanceTimeoutMs !== -1 && subscribes && body.topicPartitions !== null
}

function responseTo(
  env: GroupEnv,
  groupId: string,
  member: ConsumerMember,
  tells: boolean,
): ConsumerGroupHeartbeatResponse {
  const { config, context } = env
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    memberId: member.memberId,
    memberEpoch: member.memberEpoch,
    heartbeatIntervalMs: heartbeatIntervalMs(config.consumer, context.image(), groupId),
    assignment: tells ? { topicPartitions: toList(member.assigned) } : null,
  }
}

/** The member as the request says it is; null and -1 leave things as they were. */
function updated(member: ConsumerMember, { body, client }: GroupRequestOf<68>): ConsumerMember {
  const names = body.subscribedTopicNames
  return {
    ...member,
    instanceId: body.instanceId ?? member.instanceId,
    rackId: body.rackId ?? member.rackId,
    rebalanceTimeoutMs:
      body.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : body.rebalanceTimeoutMs,
    serverAssignor: body.serverAssignor ?? member.serverAssignor,
    topicNames: names === null ? member.topicNames : [...new Set(names)].sort(),
    topicRegex: body.subscribedTopicRegex ?? member.topicRegex,
    clientId: client.clientId ?? '',
    clientHost: client.host.startsWith('/') ? client.host : `/${client.host}`,
    classic: null,
  }
}

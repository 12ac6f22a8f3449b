/**
 * Members of the classic protocol inside a consumer group: JoinGroup, SyncGroup, Heartbeat and
 * LeaveGroup as steps of KIP-848. Source: Kafka's GroupMetadataManager.classicGroup…ToConsumerGroup.
 *
 *   JoinGroup   one heartbeat with everything in it; the generation is the member epoch
 *   SyncGroup   gives the assigned partitions, REBALANCE_IN_PROGRESS when the group is further on
 *   Heartbeat   REBALANCE_IN_PROGRESS whenever joining again would change what the member has
 *
 * Nobody leads: the leader is empty, and no member gets the others' metadata.
 *
 * differs from Kafka: a classic member that takes over the static id of the last member of the new
 * protocol does not turn the group into a classic one at once; that member's instance has moved on,
 * and the group is converted when the next one leaves.
 */
import { ErrorCode, MalformedRequest } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { JoinGroupResponse } from '../../protocol/11-join-group.ts'
import {
  type ConsumerProtocolSubscription,
  decodeSubscription,
} from '../../protocol/consumer-protocol.ts'
import { answer } from '../state-machine.ts'
import {
  heartbeatAnswer,
  joinAnswerForVersion,
  joinError,
  type LeavingMember,
  leaveAnswer,
  NO_MEMBER_ID,
  syncError,
} from './answers.ts'
import { CONSUMER_PROTOCOL_TYPE } from './classic-group.ts'
import { ClassicMember } from './classic-member.ts'
import { advance } from './consumer-advance.ts'
import { assignmentBytes, subscriptionVersion } from './consumer-downgrade.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { findMember } from './consumer-join.ts'
import { membersGone } from './consumer-leave.ts'
import { type ConsumerMember, MemberState } from './consumer-member.ts'
import { hasPartition } from './consumer-partitions.ts'
import { isRefusal } from './consumer-refusal.ts'
import { timeClassicMember, timeRejoin } from './consumer-sessions.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import type { GroupRequestOf } from './requests.ts'

export function joinConsumerGroup(
  env: GroupEnv,
  group: ConsumerGroup,
  request: GroupRequestOf<11>,
): GroupOutcome {
  const { apiVersion, body } = request
  const refuse = (memberId: string, errorCode: number) =>
    answer(joinAnswerForVersion(joinError(memberId, errorCode), apiVersion))
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = env.config
  const { sessionTimeoutMs } = body
  if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs)
    return refuse(body.memberId, ErrorCode.INVALID_SESSION_TIMEOUT)
  const isUnknown = body.memberId === NO_MEMBER_ID
  const memberId = isUnknown ? env.context.random.uuid() : body.memberId
  const subscription = supportedSubscription(group, request)
  if (subscription === null) return refuse(memberId, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  if (apiVersion >= 4 && body.groupInstanceId === null && isUnknown)
    return refuse(memberId, ErrorCode.MEMBER_ID_REQUIRED)
  const found = findMember(
    env,
    { group, records: [] },
    {
      memberId,
      instanceId: body.groupInstanceId,
      memberEpoch: -1,
      owned: [],
      create: body.groupInstanceId === null || isUnknown,
      isClassic: true,
    },
  )
  if (isRefusal(found)) return refuse(memberId, found.errorCode)
  const after = joined(found.member, request, subscription)
  const step = { ...found, before: found.member, after, owned: ownedOf(env, subscription) }
  const advanced = advance(env, step)
  if (isRefusal(advanced)) return refuse(memberId, advanced.errorCode)
  const { member, records } = advanced
  env.timers.cancel('join', body.groupId, memberId)
  timeClassicMember(env, body.groupId, member)
  timeRejoin(env, body.groupId, member, 'sync')
  const response = joinedAnswer(member)
  return { records, replay: true, response, settled: null }
}

function joinedAnswer(member: ConsumerMember): JoinGroupResponse {
  return {
    ...joinError(member.memberId, ErrorCode.NONE),
    generationId: member.memberEpoch,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocolName: member.classic?.protocols[0]?.name ?? '',
  }
}

/** What the member subscribes to; null when it could not be in the group with the others. */
function supportedSubscription(
  group: ConsumerGroup,
  { body }: GroupRequestOf<11>,
): ConsumerProtocolSubscription | null {
  const { protocolType, protocols } = body
  const first = protocols[0]
  if (protocolType !== CONSUMER_PROTOCOL_TYPE || first === undefined) return null
  if (protocols.length > limits.groupProtocolsMax) return null
  const classics = [...group.members.values()].flatMap(({ classic }) => classic ?? [])
  const isCommon = protocols.some(({ name }) =>
    classics.every((classic) => classic.protocols.some((protocol) => protocol.name === name)),
  )
  if (!isCommon) return null
  try {
    return decodeSubscription(first.metadata)
  } catch (error) {
    if (error instanceof MalformedRequest) return null
    throw error
  }
}

function joined(
  member: ConsumerMember,
  { body, client, apiVersion }: GroupRequestOf<11>,
  subscription: ConsumerProtocolSubscription,
): ConsumerMember {
  const { sessionTimeoutMs, protocols, groupInstanceId } = body
  return {
    ...member,
    instanceId: groupInstanceId ?? member.instanceId,
    rackId: subscription.rackId === '' || subscription.rackId === null ? null : subscription.rackId,
    // v0 has no rebalance timeout; the session timeout stands for it.
    rebalanceTimeoutMs: apiVersion === 0 ? sessionTimeoutMs : Math.max(body.rebalanceTimeoutMs, 0),
    topicNames: [...new Set(subscription.topics)].sort(),
    topicRegex: '',
    serverAssignor: null,
    clientId: client.clientId ?? '',
    clientHost: client.host.startsWith('/') ? client.host : `/${client.host}`,
    classic: { sessionTimeoutMs, protocols: ClassicMember.copyProtocols(protocols) },
  }
}

function ownedOf(env: GroupEnv, { ownedPartitions }: ConsumerProtocolSubscription) {
  const { topics } = env.context.image()
  return ownedPartitions.flatMap(({ topic, partitions }) => {
    const topicId = topics.get(topic)?.topicId
    return topicId === undefined ? [] : [{ topicId, partitions }]
  })
}

/** The member a request of the classic protocol names, or why it may not go on. */
function classicMember(
  group: ConsumerGroup,
  { memberId, groupInstanceId }: { memberId: string; groupInstanceId: string | null },
): ConsumerMember | number {
  const member =
    groupInstanceId === null ? group.members.get(memberId) : group.staticMember(groupInstanceId)
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  if (member.memberId !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  return member.classic === null ? ErrorCode.UNKNOWN_MEMBER_ID : member
}

export function syncConsumerGroup(
  env: GroupEnv,
  group: ConsumerGroup,
  { body }: GroupRequestOf<14>,
): GroupOutcome {
  const { groupId, generationId, protocolType, protocolName } = body
  const member = classicMember(group, body)
  if (typeof member === 'number') return answer(syncError(member))
  if (generationId !== member.memberEpoch) return answer(syncError(ErrorCode.ILLEGAL_GENERATION))
  const ownName = member.classic?.protocols[0]?.name ?? ''
  const differs = (said: string | null, is: string) => said !== null && said !== is
  if (differs(protocolType, CONSUMER_PROTOCOL_TYPE) || differs(protocolName, ownName))
    return answer(syncError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
  env.timers.cancel('sync', groupId, member.memberId)
  // A member that is to give partitions up does that first; joining again comes by itself.
  if (group.groupEpoch > member.memberEpoch && member.state !== MemberState.Unrevoked) {
    timeRejoin(env, groupId, member, 'join')
    return answer(syncError(ErrorCode.REBALANCE_IN_PROGRESS))
  }
  return answer({
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocolName: ownName,
    assignment: assignmentBytes(member.assigned, env.context.image(), subscriptionVersion(member)),
  })
}

export function heartbeatConsumerGroup(
  env: GroupEnv,
  group: ConsumerGroup,
  { body }: GroupRequestOf<12>,
): GroupOutcome {
  const member = classicMember(group, body)
  if (typeof member === 'number') return answer(heartbeatAnswer(member))
  if (body.generationId !== member.memberEpoch)
    return answer(heartbeatAnswer(ErrorCode.ILLEGAL_GENERATION))
  timeClassicMember(env, body.groupId, member)
  if (!shouldRejoin(group, member)) return answer(heartbeatAnswer(ErrorCode.NONE))
  timeRejoin(env, body.groupId, member, 'join')
  return answer(heartbeatAnswer(ErrorCode.REBALANCE_IN_PROGRESS))
}

function shouldRejoin(group: ConsumerGroup, member: ConsumerMember): boolean {
  if (member.memberEpoch < group.groupEpoch || member.state === MemberState.Unrevoked) return true
  if (member.state !== MemberState.Unreleased) return false
  for (const [topicId, partitions] of group.target(member.memberId))
    for (const partition of partitions)
      if (
        !hasPartition(member.assigned, topicId, partition) &&
        group.ownerOf(topicId, partition) !== undefined
      )
        return false
  return true
}

export function leaveConsumerGroup(
  env: GroupEnv,
  group: ConsumerGroup,
  { apiVersion, body }: GroupRequestOf<13>,
): GroupOutcome {
  const leaving =
    apiVersion <= 2 ? [{ memberId: body.memberId, groupInstanceId: null }] : body.members
  const gone = new Map<string, ConsumerMember>()
  const left: LeavingMember[] = leaving.map(({ memberId, groupInstanceId }) => {
    const member = leavingMember(group, memberId, groupInstanceId)
    if (typeof member === 'number') return { memberId, groupInstanceId, errorCode: member }
    gone.set(member.memberId, member)
    return { memberId, groupInstanceId, errorCode: ErrorCode.NONE }
  })
  const response = leaveAnswer(ErrorCode.NONE, left, apiVersion)
  if (gone.size === 0) return answer(response)
  return { ...membersGone(env, group, [...gone.values()]), response }
}

/** An administrator removes an instance by its name, any other member by its id, whatever protocol it speaks. */
function leavingMember(
  group: ConsumerGroup,
  memberId: string,
  groupInstanceId: string | null,
): ConsumerMember | number {
  if (groupInstanceId === null) return group.members.get(memberId) ?? ErrorCode.UNKNOWN_MEMBER_ID
  if (memberId === NO_MEMBER_ID)
    return group.staticMember(groupInstanceId) ?? ErrorCode.UNKNOWN_MEMBER_ID
  return classicMember(group, { memberId, groupInstanceId })
}

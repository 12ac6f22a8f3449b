/**
 * JoinGroup. Source: Kafka's GroupMetadataManager.classicGroupJoin and KIP-394 (two-step member
 * ids), KIP-345 (static members), KIP-814 (skip assignment).
 *
 *   no id, v4+, dynamic         → MEMBER_ID_REQUIRED (79) with an id, pending for a session timeout
 *   no id, v0-3 or static       → joins at once; a known instance replaces its old id (fenced: 82)
 *   pending id                  → joins
 *   known id                    → rejoins, or gets the current generation again if nothing changed
 *   other id, unknown group     → UNKNOWN_MEMBER_ID (25)
 *
 * differs from Kafka: a join parked under an id that joins again is answered REBALANCE_IN_PROGRESS;
 * Kafka leaves it without answer. Ties between protocols are decided, see selectProtocol().
 */
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { answer } from '../state-machine.ts'
import {
  type JoinAnswer,
  joinAnswerForVersion,
  joinError,
  joinSuccess,
  NO_MEMBER_ID,
} from './answers.ts'
import type { ClassicGroup } from './classic-group.ts'
import { ClassicMember, EMPTY_BYTES, type MemberTerms } from './classic-member.ts'
import { joinConsumerGroup } from './consumer-classic.ts'
import { consumerTombstones } from './consumer-downgrade.ts'
import {
  createGroup,
  forgetGroup,
  type GroupEnv,
  type GroupOutcome,
  type GroupReply,
} from './env.ts'
import { completeJoinIfReady, pendingJoinExpired, prepareOrCompleteJoin } from './rebalance.ts'
import { emptyGroupRecord } from './records.ts'
import type { GroupRequestOf } from './requests.ts'
import { touchSession } from './session.ts'
import { joinKnownInstance, validateMember } from './static-member.ts'

export type JoinRequest = GroupRequestOf<11>
export type JoinReply = (answer: JoinAnswer) => void

export function joinGroup(env: GroupEnv, request: JoinRequest, toClient: GroupReply): GroupOutcome {
  const { groupId, memberId, sessionTimeoutMs } = request.body
  const reply: JoinReply = (joined) => toClient(joinAnswerForVersion(joined, request.apiVersion))
  const refuse = (id: string, errorCode: number) => refused(request, id, errorCode)
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = env.config
  if (groupId === '') return refuse(memberId, ErrorCode.INVALID_GROUP_ID)
  if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs)
    return refuse(memberId, ErrorCode.INVALID_SESSION_TIMEOUT)
  const known = env.groups.get(groupId)
  if (known !== undefined) return joinExisting(env, known, request, reply)
  const consumers = env.consumers.get(groupId)
  if (consumers !== undefined && !consumers.isEmpty)
    return joinConsumerGroup(env, consumers, request)
  if (!env.foreign.yieldsTo(groupId))
    return refuse(NO_MEMBER_ID, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  if (memberId !== NO_MEMBER_ID) return refuse(memberId, ErrorCode.UNKNOWN_MEMBER_ID)
  return joinNewGroup(env, request, reply)
}

function refused(request: JoinRequest, memberId: string, errorCode: number): GroupOutcome {
  return answer(joinAnswerForVersion(joinError(memberId, errorCode), request.apiVersion))
}

/**
 * The first member of a group: the group itself is written, still empty, so that it outlives a
 * restart like any other. A group of another protocol under this id ends with tombstones before it.
 */
function joinNewGroup(env: GroupEnv, request: JoinRequest, reply: JoinReply): GroupOutcome {
  const { groupId } = request.body
  if (!offersProtocols(request))
    return refused(request, NO_MEMBER_ID, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  const converted = env.foreign.take(groupId)
  const emptied = env.consumers.get(groupId)
  env.consumers.delete(groupId)
  const group = createGroup(env, groupId)
  if (group === null) {
    env.foreign.restore(groupId, converted)
    if (emptied !== undefined) env.consumers.set(groupId, emptied)
    return refused(request, NO_MEMBER_ID, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  }
  const record = emptyGroupRecord(group)
  const tombstones = [
    ...(converted?.tombstones() ?? []),
    ...(emptied === undefined ? [] : consumerTombstones(emptied)),
  ]
  const joined = joinExisting(env, group, request, reply)
  return {
    records: [...tombstones, record],
    replay: false,
    response: joined.response,
    settled: (errorCode) => {
      if (errorCode === ErrorCode.NONE) return
      env.foreign.restore(groupId, converted)
      abandonNewGroup(env, group, errorCode)
      if (emptied !== undefined && !env.groups.has(groupId)) env.consumers.set(groupId, emptied)
    },
  }
}

/** The group could not be written: whoever has joined meanwhile is told, and the group is gone. */
function abandonNewGroup(env: GroupEnv, group: ClassicGroup, errorCode: number): void {
  if (group.generationId > 0) return
  for (const member of [...group.members.values()]) {
    group.completeJoin(member, joinError(NO_MEMBER_ID, errorCode))
    group.remove(member.memberId)
  }
  forgetGroup(env, group)
}

function joinExisting(
  env: GroupEnv,
  group: ClassicGroup,
  request: JoinRequest,
  reply: JoinReply,
): GroupOutcome {
  const { memberId } = request.body
  if (group.state === 'Dead') return refused(request, memberId, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  if (!acceptsMember(env, group, memberId)) {
    group.remove(memberId)
    const followUp = completeJoinIfReady(env, group)
    const { response } = refused(request, NO_MEMBER_ID, ErrorCode.GROUP_MAX_SIZE_REACHED)
    return { ...followUp, response }
  }
  const names = request.body.protocols.map((protocol) => protocol.name)
  if (!offersProtocols(request) || !group.supportsProtocols(request.body.protocolType, names))
    return refused(request, memberId, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  return memberId === NO_MEMBER_ID
    ? joinWithoutId(env, group, request, reply)
    : joinWithId(env, group, request, reply)
}

function offersProtocols(request: JoinRequest): boolean {
  const { protocolType, protocols } = request.body
  return protocolType !== '' && protocols.length > 0 && protocols.length <= limits.groupProtocolsMax
}

/**
 * Room for one more? While joins are collected, parked members count instead of known ones: if the
 * bound was lowered, the last to rejoin are turned away.
 */
function acceptsMember(env: GroupEnv, group: ClassicGroup, memberId: string): boolean {
  const bound = Math.min(env.config.maxSize, limits.groupMembersMax)
  const member = group.members.get(memberId)
  switch (group.state) {
    case 'PreparingRebalance':
      return (member?.awaitingJoin ?? null) !== null || group.awaitingJoinCount < bound
    case 'CompletingRebalance':
    case 'Stable':
      return member !== undefined || group.members.size < bound
    default:
      return true
  }
}

function joinWithoutId(
  env: GroupEnv,
  group: ClassicGroup,
  request: JoinRequest,
  reply: JoinReply,
): GroupOutcome {
  const { groupInstanceId } = request.body
  const prefix = groupInstanceId ?? request.client.clientId ?? ''
  const memberId = `${prefix}-${javaUuid(env.context.random.uuid())}`
  if (groupInstanceId !== null) {
    const oldMemberId = group.staticMembers.get(groupInstanceId)
    if (oldMemberId === undefined) return addMember(env, group, request, memberId, reply)
    const replacing = { oldMemberId, newMemberId: memberId, terms: termsOf(request) }
    return joinKnownInstance(env, group, request, replacing, reply)
  }
  if (request.apiVersion < 4) return addMember(env, group, request, memberId, reply)
  if (group.pendingJoins.size >= limits.groupPendingMembersMax)
    return refused(request, NO_MEMBER_ID, ErrorCode.GROUP_MAX_SIZE_REACHED)
  const expiry = env.context.schedule(request.body.sessionTimeoutMs, () =>
    pendingJoinExpired(env, group, memberId),
  )
  group.pendingJoins.set(memberId, expiry)
  return refused(request, memberId, ErrorCode.MEMBER_ID_REQUIRED)
}

function joinWithId(
  env: GroupEnv,
  group: ClassicGroup,
  request: JoinRequest,
  reply: JoinReply,
): GroupOutcome {
  const { memberId, groupInstanceId, protocols } = request.body
  if (group.pendingJoins.has(memberId)) {
    // A pending id was handed to a dynamic member; an instance cannot own it.
    if (groupInstanceId !== null) return refused(request, memberId, ErrorCode.UNKNOWN_SERVER_ERROR)
    return addMember(env, group, request, memberId, reply)
  }
  const invalid = validateMember(group, memberId, groupInstanceId)
  if (invalid !== ErrorCode.NONE) return refused(request, memberId, invalid)
  const member = group.member(memberId)
  const isLeader = group.isLeader(memberId)
  if (group.state === 'CompletingRebalance' && member.matches(protocols))
    // The first answer was lost: repeat it.
    return repeated(group, request, { withMembers: isLeader })
  if (group.state === 'Stable' && !isLeader && member.matches(protocols))
    return repeated(group, request, { withMembers: false })
  // The leader may rejoin without change of its own, to have the group assigned anew.
  group.updateTerms(member, termsOf(request))
  park(group, member, reply)
  return prepareOrCompleteJoin(env, group)
}

function repeated(
  group: ClassicGroup,
  request: JoinRequest,
  as: { withMembers: boolean },
): GroupOutcome {
  const joined = joinSuccess(group, request.body.memberId, as)
  return answer(joinAnswerForVersion(joined, request.apiVersion))
}

/** Parks a join in place of one that is parked already under the same id. */
function park(group: ClassicGroup, member: ClassicMember, reply: JoinReply): void {
  group.completeJoin(member, joinError(member.memberId, ErrorCode.REBALANCE_IN_PROGRESS))
  group.parkJoin(member, reply)
}

function addMember(
  env: GroupEnv,
  group: ClassicGroup,
  request: JoinRequest,
  memberId: string,
  reply: JoinReply,
): GroupOutcome {
  const { groupInstanceId, protocolType } = request.body
  const { clientId, host } = request.client
  const identity = {
    memberId,
    groupInstanceId,
    clientId: clientId ?? '',
    clientHost: host.startsWith('/') ? host : `/${host}`,
    protocolType,
  }
  const member = new ClassicMember(identity, termsOf(request), EMPTY_BYTES)
  member.isNew = true
  if (group.state === 'PreparingRebalance' && group.previousState === 'Empty')
    group.newMemberAdded = true
  group.parkJoin(member, reply)
  group.add(member)
  // A new member cannot heartbeat, and its disconnect is not seen while it is parked: the longer
  // time bounds how many lost joins of a retrying client pile up.
  touchSession(env, group, member, env.config.newMemberJoinTimeoutMs)
  return prepareOrCompleteJoin(env, group)
}

/** v0 has no rebalance timeout; the session timeout stands for it. */
function termsOf(request: JoinRequest): MemberTerms {
  const { sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request.body
  return {
    sessionTimeoutMs,
    rebalanceTimeoutMs:
      request.apiVersion === 0 ? sessionTimeoutMs : Math.max(rebalanceTimeoutMs, 0),
    protocols: ClassicMember.copyProtocols(protocols),
  }
}

/** A UUID as Java prints it, 8-4-4-4-12 hex digits: the form member ids have in Kafka. */
function javaUuid(base64Url: string): string {
  const hex = Buffer.from(base64Url, 'base64url').toString('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return `${parts.join('-')}-${hex.slice(20)}`
}

/**
 * SyncGroup and Heartbeat. Source: Kafka's GroupMetadataManager.classicGroupSync and
 * classicGroupHeartbeat.
 *
 * The leader's SyncGroup writes the whole generation as one record; only when that is committed do
 * members get their part, so that an assignment anybody has seen survives a restart.
 *
 * differs from Kafka: a second SyncGroup of the leader while its first is being written waits with
 * it instead of writing another assignment behind the one that members are about to get.
 */
import { ErrorCode } from '../../base/errors.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/14-sync-group.ts'
import { answer, nothing } from '../state-machine.ts'
import { heartbeatAnswer, syncError, syncSuccess } from './answers.ts'
import type { ClassicGroup } from './classic-group.ts'
import { EMPTY_BYTES } from './classic-member.ts'
import { heartbeatConsumerGroup, syncConsumerGroup } from './consumer-classic.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { prepareRebalance, resetAssignments, syncReceived } from './rebalance.ts'
import { groupMetadataRecord } from './records.ts'
import type { GroupRequestOf } from './requests.ts'
import { touchSession } from './session.ts'
import { validateMember } from './static-member.ts'

export function syncGroup(
  env: GroupEnv,
  request: GroupRequestOf<14>,
  reply: (answer: SyncGroupResponse) => void,
): GroupOutcome {
  const { body } = request
  const refusal = refusalOf(request)
  if (refusal !== ErrorCode.NONE) return answer(syncError(refusal))
  const consumers = env.consumers.get(body.groupId)
  if (consumers !== undefined) return syncConsumerGroup(env, consumers, request)
  const group = env.groups.get(body.groupId)
  if (group === undefined) return answer(syncError(ErrorCode.UNKNOWN_MEMBER_ID))
  const invalid = validate(group, body)
  if (invalid !== ErrorCode.NONE) return answer(syncError(invalid))
  const member = group.member(body.memberId)
  if (group.state === 'Stable') {
    syncReceived(group, member.memberId)
    return answer(syncSuccess(group, member.assignment))
  }
  group.completeSync(member, syncError(ErrorCode.REBALANCE_IN_PROGRESS))
  member.awaitingSync = reply
  syncReceived(group, member.memberId)
  if (!group.isLeader(member.memberId) || group.assignmentInFlight) return nothing()
  return writeAssignment(env, group, body)
}

/** What is wrong with the request by itself. From v5 on type and name of the protocol are due. */
function refusalOf({ apiVersion, body }: GroupRequestOf<14>): number {
  if (body.groupId === '') return ErrorCode.INVALID_GROUP_ID
  if (apiVersion >= 5 && (body.protocolType === null || body.protocolName === null))
    return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
  return ErrorCode.NONE
}

function validate(group: ClassicGroup, body: SyncGroupRequest): number {
  if (group.state === 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID
  if (group.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
  const invalid = validateMember(group, body.memberId, body.groupInstanceId)
  if (invalid !== ErrorCode.NONE) return invalid
  if (body.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  const differs = (said: string | null, is: string | null) => said !== null && said !== is
  if (differs(body.protocolType, group.protocolType)) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
  if (differs(body.protocolName, group.protocolName)) return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
  if (group.state === 'PreparingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS
  return ErrorCode.NONE
}

function writeAssignment(env: GroupEnv, group: ClassicGroup, body: SyncGroupRequest): GroupOutcome {
  const assignments = new Map<string, Buffer>()
  for (const { memberId, assignment } of body.assignments)
    assignments.set(memberId, Buffer.from(assignment))
  const generationId = group.generationId
  group.assignmentInFlight = true
  return {
    records: [
      groupMetadataRecord(group, (member) => assignments.get(member.memberId) ?? EMPTY_BYTES),
    ],
    replay: false,
    response: null,
    settled: (errorCode) => {
      // A rebalance since then has answered everyone already.
      if (group.state !== 'CompletingRebalance' || group.generationId !== generationId) return
      group.assignmentInFlight = false
      if (errorCode !== ErrorCode.NONE) {
        resetAssignments(env, group, errorCode)
        env.context.run(prepareRebalance(env, group))
        return
      }
      for (const member of group.members.values()) {
        member.assignment = assignments.get(member.memberId) ?? EMPTY_BYTES
        if (group.completeSync(member, syncSuccess(group, member.assignment)))
          touchSession(env, group, member)
      }
      group.transitionTo('Stable', env.context.clock.wallMs())
    },
  }
}

export function heartbeat(env: GroupEnv, request: GroupRequestOf<12>): GroupOutcome {
  const { groupId, memberId, groupInstanceId, generationId } = request.body
  if (groupId === '') return answer(heartbeatAnswer(ErrorCode.INVALID_GROUP_ID))
  const consumers = env.consumers.get(groupId)
  if (consumers !== undefined) return heartbeatConsumerGroup(env, consumers, request)
  const group = env.groups.get(groupId)
  if (group === undefined) return answer(heartbeatAnswer(ErrorCode.UNKNOWN_MEMBER_ID))
  if (group.state === 'Dead') return answer(heartbeatAnswer(ErrorCode.COORDINATOR_NOT_AVAILABLE))
  const invalid = validateMember(group, memberId, groupInstanceId)
  if (invalid !== ErrorCode.NONE) return answer(heartbeatAnswer(invalid))
  if (generationId !== group.generationId)
    return answer(heartbeatAnswer(ErrorCode.ILLEGAL_GENERATION))
  touchSession(env, group, group.member(memberId))
  const rebalancing = group.state === 'PreparingRebalance'
  return answer(heartbeatAnswer(rebalancing ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE))
}

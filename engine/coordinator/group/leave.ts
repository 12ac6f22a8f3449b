/**
 * LeaveGroup. v0-2 name one member at the top, v3+ several with an error each; v5 adds reasons,
 * which are for the log. An instance may be removed by its name alone (administrators do).
 * Source: Kafka's GroupMetadataManager.classicGroupLeave.
 */
import { ErrorCode } from '../../base/errors.ts'
import { answer } from '../state-machine.ts'
import { type LeavingMember, leaveAnswer, NO_MEMBER_ID } from './answers.ts'
import type { ClassicGroup } from './classic-group.ts'
import { leaveConsumerGroup } from './consumer-classic.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { membershipShrank, removeMember } from './rebalance.ts'
import type { GroupRequestOf } from './requests.ts'
import { validateMember } from './static-member.ts'

interface Identity {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export function leaveGroup(env: GroupEnv, request: GroupRequestOf<13>): GroupOutcome {
  const { apiVersion, body } = request
  const leaving: readonly Identity[] =
    apiVersion <= 2 ? [{ memberId: body.memberId, groupInstanceId: null }] : body.members
  const top = (errorCode: number) => answer(leaveAnswer(errorCode, [], apiVersion))
  if (body.groupId === '') return top(ErrorCode.INVALID_GROUP_ID)
  const consumers = env.consumers.get(body.groupId)
  if (consumers !== undefined) return leaveConsumerGroup(env, consumers, request)
  const group = env.groups.get(body.groupId)
  if (group?.state === 'Dead') return top(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  const left: LeavingMember[] = leaving.map(({ memberId, groupInstanceId }) => ({
    memberId,
    groupInstanceId,
    errorCode:
      group === undefined
        ? ErrorCode.UNKNOWN_MEMBER_ID
        : leaveOne(group, { memberId, groupInstanceId }),
  }))
  const response = leaveAnswer(ErrorCode.NONE, left, apiVersion)
  if (group === undefined || left.every((member) => member.errorCode !== ErrorCode.NONE))
    return answer(response)
  return { ...membershipShrank(env, group), response }
}

function leaveOne(group: ClassicGroup, { memberId, groupInstanceId }: Identity): number {
  if (memberId === NO_MEMBER_ID) {
    const current = groupInstanceId === null ? undefined : group.staticMembers.get(groupInstanceId)
    if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    removeMember(group, current)
    return ErrorCode.NONE
  }
  if (group.pendingJoins.has(memberId)) {
    group.remove(memberId)
    return ErrorCode.NONE
  }
  const invalid = validateMember(group, memberId, groupInstanceId)
  if (invalid === ErrorCode.NONE) removeMember(group, memberId)
  return invalid
}

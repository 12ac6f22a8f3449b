/**
 * The machine's answers as response bodies with every field set, whatever the version: the encoder
 * takes what a version knows. Only where a version cannot say null is it said differently here.
 */

import { ErrorCode } from '../../base/errors.ts'
import type { JoinGroupResponse } from '../../protocol/11-join-group.ts'
import type { HeartbeatResponse } from '../../protocol/12-heartbeat.ts'
import type { LeaveGroupResponse } from '../../protocol/13-leave-group.ts'
import type { SyncGroupResponse } from '../../protocol/14-sync-group.ts'
import type { ClassicGroup } from './classic-group.ts'
import { EMPTY_BYTES } from './classic-member.ts'

export type JoinAnswer = JoinGroupResponse
export type SyncAnswer = SyncGroupResponse

/** "No member id yet", in requests and in answers. */
export const NO_MEMBER_ID = ''

export function joinError(memberId: string, errorCode: number): JoinAnswer {
  return {
    throttleTimeMs: 0,
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

/** The current generation, told to one member. `skipAssignment`: leader, but nothing to assign. */
export function joinSuccess(
  group: ClassicGroup,
  memberId: string,
  as: { withMembers: boolean; leader?: string; skipAssignment?: boolean },
): JoinAnswer {
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: as.leader ?? group.leaderId ?? '',
    skipAssignment: as.skipAssignment ?? false,
    memberId,
    members: as.withMembers ? memberMetadata(group) : [],
  }
}

/** What the leader is shown of everyone, itself included. */
function memberMetadata(group: ClassicGroup): JoinAnswer['members'] {
  const protocolName = group.protocolName ?? ''
  return [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: member.metadata(protocolName),
  }))
}

/** Before v7 the protocol name is never null: empty stands for none. */
export function joinAnswerForVersion(answer: JoinAnswer, apiVersion: number): JoinAnswer {
  if (apiVersion >= 7 || answer.protocolName !== null) return answer
  return { ...answer, protocolName: '' }
}

export function syncError(errorCode: number): SyncAnswer {
  return {
    throttleTimeMs: 0,
    errorCode,
    protocolType: null,
    protocolName: null,
    assignment: EMPTY_BYTES,
  }
}

export function syncSuccess(group: ClassicGroup, assignment: Buffer): SyncAnswer {
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment,
  }
}

export function heartbeatAnswer(errorCode: number): HeartbeatResponse {
  return { throttleTimeMs: 0, errorCode }
}

export type LeavingMember = LeaveGroupResponse['members'][number]

/** Up to v2 the one member's error stands at the top; from v3 on each has its own. */
export function leaveAnswer(
  errorCode: number,
  members: readonly LeavingMember[],
  apiVersion: number,
): LeaveGroupResponse {
  if (apiVersion <= 2) {
    const code = errorCode !== ErrorCode.NONE ? errorCode : (members[0]?.errorCode ?? errorCode)
    return { throttleTimeMs: 0, errorCode: code, members: [] }
  }
  return { throttleTimeMs: 0, errorCode, members: [...members] }
}

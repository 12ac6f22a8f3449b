/**
 * Static members (KIP-345): an instance keeps its place in the group over restarts. Coming back
 * without a member id it gets a new one, and the old one is fenced (FENCED_INSTANCE_ID, 82).
 *
 *   Stable, selected protocol unchanged → no rebalance: the new id is written, the generation stays
 *   Stable, protocol would change       → rebalance
 *   CompletingRebalance                 → rebalance: the leader may have been shown the old id
 *   PreparingRebalance                  → takes part in it
 *
 * An answer in Stable tells a leader from v9 on to skip the assignment (KIP-814); below v9 it names
 * the old leader id, so that the member does not take itself for the leader.
 */
import { ErrorCode, errorName } from '../../base/errors.ts'
import type { JoinGroupResponse } from '../../protocol/11-join-group.ts'
import { joinAnswerForVersion, joinError, joinSuccess, NO_MEMBER_ID, syncError } from './answers.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember, MemberTerms } from './classic-member.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { completeJoinIfReady, prepareRebalance } from './rebalance.ts'
import { groupMetadataRecord } from './records.ts'
import type { GroupRequestOf } from './requests.ts'
import { touchSession } from './session.ts'

/** NONE, UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID when the instance goes by another id now. */
export function validateMember(
  group: ClassicGroup,
  memberId: string,
  groupInstanceId: string | null,
): number {
  if (groupInstanceId !== null) {
    const current = group.staticMembers.get(groupInstanceId)
    if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
}

interface Replacement {
  readonly oldMemberId: string
  readonly newMemberId: string
  readonly terms: MemberTerms
}

/** A known instance joins without member id. */
export function joinKnownInstance(
  env: GroupEnv,
  group: ClassicGroup,
  request: GroupRequestOf<11>,
  replacing: Replacement,
  reply: (answer: JoinGroupResponse) => void,
): GroupOutcome {
  const oldLeader = group.leaderId ?? ''
  const old = group.member(replacing.oldMemberId)
  const oldTerms = old.terms
  fence(group, old)
  const member = replace(group, old, replacing.newMemberId)
  group.updateTerms(member, replacing.terms)
  touchSession(env, group, member)
  group.parkJoin(member, reply)
  if (group.state === 'CompletingRebalance') return prepareRebalance(env, group)
  if (group.state !== 'Stable') return completeJoinIfReady(env, group)
  if (group.selectProtocol() !== group.protocolName) return prepareRebalance(env, group)
  return {
    records: [groupMetadataRecord(group, (each) => each.assignment)],
    replay: false,
    response: null,
    settled: (errorCode) => {
      if (errorCode === ErrorCode.NONE) welcomeBack(group, member, request.apiVersion, oldLeader)
      else {
        env.context.logger.warn(
          `group ${group.groupId}: member id of instance ${member.groupInstanceId} not written: ` +
            errorName(errorCode),
        )
        revert(env, group, member, { ...replacing, terms: oldTerms }, errorCode)
      }
    },
  }
}

/** Whoever still waits under the old id learns that the instance has moved on. */
function fence(group: ClassicGroup, old: ClassicMember): void {
  group.completeJoin(old, joinError(old.memberId, ErrorCode.FENCED_INSTANCE_ID))
  group.completeSync(old, syncError(ErrorCode.FENCED_INSTANCE_ID))
}

function replace(group: ClassicGroup, old: ClassicMember, newMemberId: string): ClassicMember {
  return group.replaceStatic(old.groupInstanceId ?? '', old.memberId, newMemberId)
}

function welcomeBack(
  group: ClassicGroup,
  member: ClassicMember,
  apiVersion: number,
  oldLeader: string,
): void {
  // A rebalance that began meanwhile answers the parked join itself.
  if (group.state !== 'Stable') return
  const isLeader = group.isLeader(member.memberId)
  const joined =
    apiVersion >= 9
      ? joinSuccess(group, member.memberId, { withMembers: isLeader, skipAssignment: isLeader })
      : joinSuccess(group, member.memberId, { withMembers: false, leader: oldLeader })
  group.completeJoin(member, joinAnswerForVersion(joined, apiVersion))
}

/** The new id was not written: the instance goes by its old one again. */
function revert(
  env: GroupEnv,
  group: ClassicGroup,
  member: ClassicMember,
  back: Replacement,
  errorCode: number,
): void {
  if (group.members.get(member.memberId) !== member) return
  if (group.state !== 'Stable') return
  group.completeJoin(member, joinError(NO_MEMBER_ID, errorCode))
  fence(group, member)
  group.updateTerms(member, back.terms)
  const old = replace(group, member, back.oldMemberId)
  touchSession(env, group, old)
}

/**
 * The rebalance: from the first reason to rejoin to the leader's assignment. Source: Kafka's
 * GroupMetadataManager (prepareRebalance, completeClassicGroupJoin and what calls them).
 *
 *   prepare → (initial delay | all joined | rebalance timeout) → completeJoin → syncs → Stable
 *
 * Every function changes the group at once and returns the records that must follow, none mostly:
 * membership is written only when a generation is complete (the assignment) or empty.
 */
import { ErrorCode, errorName } from '../../base/errors.ts'
import { nothing } from '../state-machine.ts'
import { joinError, joinSuccess, NO_MEMBER_ID, syncError } from './answers.ts'
import type { ClassicGroup } from './classic-group.ts'
import { type ClassicMember, EMPTY_BYTES } from './classic-member.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { groupMetadataRecord } from './records.ts'
import { touchSession } from './session.ts'

/** Starts a rebalance where the state allows it; else completes the one under way if it can be. */
export function prepareOrCompleteJoin(env: GroupEnv, group: ClassicGroup): GroupOutcome {
  return group.canRebalance ? prepareRebalance(env, group) : completeJoinIfReady(env, group)
}

/** Goes to PreparingRebalance; an empty group waits the initial delay, so that more may come. */
export function prepareRebalance(env: GroupEnv, group: ClassicGroup): GroupOutcome {
  const { config, context } = env
  if (group.state === 'CompletingRebalance')
    resetAssignments(env, group, ErrorCode.REBALANCE_IN_PROGRESS)
  cancelSyncTimer(group)
  group.pendingSyncs.clear()
  const isInitial = group.state === 'Empty'
  group.transitionTo('PreparingRebalance', context.clock.wallMs())
  if (!isInitial) return completeJoinOrWait(env, group)
  const delayMs = config.initialRebalanceDelayMs
  waitInitially(env, group, delayMs, Math.max(group.rebalanceTimeoutMs - delayMs, 0))
  return nothing()
}

/** The initial delay, repeated while members keep coming, within the rebalance timeout. */
function waitInitially(
  env: GroupEnv,
  group: ClassicGroup,
  delayMs: number,
  remainingMs: number,
): void {
  group.newMemberAdded = false
  group.joinTimer?.cancel()
  group.joinTimer = env.context.schedule(delayMs, () => {
    group.joinTimer = null
    if (!group.newMemberAdded || remainingMs === 0) return completeJoin(env, group)
    const nextDelayMs = Math.min(env.config.initialRebalanceDelayMs, remainingMs)
    waitInitially(env, group, nextDelayMs, Math.max(remainingMs - delayMs, 0))
    return null
  })
}

function completeJoinOrWait(env: GroupEnv, group: ClassicGroup): GroupOutcome {
  if (group.hasAllMembersJoined) return completeJoin(env, group)
  waitForJoins(env, group)
  return nothing()
}

function waitForJoins(env: GroupEnv, group: ClassicGroup): void {
  group.joinTimer?.cancel()
  group.joinTimer = env.context.schedule(group.rebalanceTimeoutMs, () => {
    group.joinTimer = null
    return completeJoin(env, group)
  })
}

/** Completes the join phase if everybody is there; the initial delay is always waited out. */
export function completeJoinIfReady(env: GroupEnv, group: ClassicGroup): GroupOutcome {
  const isInitial = group.previousState === 'Empty'
  if (group.state !== 'PreparingRebalance' || isInitial || !group.hasAllMembersJoined)
    return nothing()
  return completeJoin(env, group)
}

/**
 * Ends the join phase: dynamic members that did not come back are dropped, absent static ones stay;
 * the generation starts and everyone gets the answer to the parked join.
 */
function completeJoin(env: GroupEnv, group: ClassicGroup): GroupOutcome {
  if (group.state !== 'PreparingRebalance') return nothing()
  const { context } = env
  group.joinTimer?.cancel()
  group.joinTimer = null
  for (const member of [...group.members.values()])
    if (member.awaitingJoin === null && !member.isStatic) group.remove(member.memberId)
  if (group.members.size > 0 && !group.electJoinedLeader()) {
    // Only static members, none of them back: wait on, until their sessions end or one comes.
    waitForJoins(env, group)
    return nothing()
  }
  group.startGeneration(context.clock.wallMs())
  if (group.members.size === 0) return emptied(env, group)
  const generationId = group.generationId
  context.logger.info(
    `group ${group.groupId}: generation ${generationId} with ${group.members.size} members`,
  )
  for (const member of group.members.values()) {
    const withMembers = group.isLeader(member.memberId)
    group.completeJoin(member, joinSuccess(group, member.memberId, { withMembers }))
    member.isNew = false
    touchSession(env, group, member)
    group.pendingSyncs.add(member.memberId)
  }
  group.syncTimer = context.schedule(group.rebalanceTimeoutMs, () => {
    group.syncTimer = null
    return syncsExpired(env, group, generationId)
  })
  return nothing()
}

/** The last member is gone: the empty generation is written, so that a restart knows it too. */
function emptied(env: GroupEnv, group: ClassicGroup): GroupOutcome {
  const { logger } = env.context
  logger.info(`group ${group.groupId}: generation ${group.generationId} is empty`)
  return {
    records: [groupMetadataRecord(group, () => EMPTY_BYTES)],
    replay: false,
    response: null,
    settled: (errorCode) => {
      // Without the record a restart brings back the last generation, whose members then expire.
      if (errorCode !== ErrorCode.NONE)
        logger.warn(`group ${group.groupId}: empty generation not written: ${errorName(errorCode)}`)
    },
  }
}

/** Members that never sent SyncGroup in this generation are removed, and the rest rejoins. */
function syncsExpired(env: GroupEnv, group: ClassicGroup, generationId: number): GroupOutcome {
  if (generationId !== group.generationId || group.pendingSyncs.size === 0) return nothing()
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return nothing()
  for (const memberId of [...group.pendingSyncs]) removeMember(group, memberId)
  return prepareRebalance(env, group)
}

/** Once everybody has sent SyncGroup there is nothing to wait for. */
export function syncReceived(group: ClassicGroup, memberId: string): void {
  group.pendingSyncs.delete(memberId)
  if (group.pendingSyncs.size === 0) cancelSyncTimer(group)
}

function cancelSyncTimer(group: ClassicGroup): void {
  group.syncTimer?.cancel()
  group.syncTimer = null
}

/** The session is over. A parked request of an old member proves life and wins. */
export function memberExpired(
  env: GroupEnv,
  group: ClassicGroup,
  member: ClassicMember,
): GroupOutcome | null {
  if (group.state === 'Dead' || member.satisfiesHeartbeat) return null
  env.context.logger.info(`group ${group.groupId}: member ${member.memberId} has failed`)
  removeMember(group, member.memberId)
  return membershipShrank(env, group)
}

/** A pending member id was not used in time; others may have been waiting for it. */
export function pendingJoinExpired(
  env: GroupEnv,
  group: ClassicGroup,
  memberId: string,
): GroupOutcome {
  group.remove(memberId)
  return completeJoinIfReady(env, group)
}

/** What follows when members have gone, whatever the state. */
export function membershipShrank(env: GroupEnv, group: ClassicGroup): GroupOutcome {
  if (group.state === 'Stable' || group.state === 'CompletingRebalance')
    return prepareOrCompleteJoin(env, group)
  return completeJoinIfReady(env, group)
}

/** Takes a member out; what it has parked is told that it is unknown, so that it may rejoin. */
export function removeMember(group: ClassicGroup, memberId: string): void {
  const member = group.members.get(memberId)
  if (member !== undefined) {
    group.completeJoin(member, joinError(NO_MEMBER_ID, ErrorCode.UNKNOWN_MEMBER_ID))
    group.completeSync(member, syncError(ErrorCode.UNKNOWN_MEMBER_ID))
  }
  group.remove(memberId)
}

/** Nobody keeps an assignment, and whoever waits for one is told why. */
export function resetAssignments(env: GroupEnv, group: ClassicGroup, errorCode: number): void {
  for (const member of group.members.values()) {
    member.assignment = EMPTY_BYTES
    if (group.completeSync(member, syncError(errorCode))) touchSession(env, group, member)
  }
}

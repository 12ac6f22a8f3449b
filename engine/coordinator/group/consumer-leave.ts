/**
 * Members that go: by their own word, by their session's end, by not giving partitions up in time.
 * Source: Kafka's GroupMetadataManager.consumerGroupLeave and consumerGroupFenceMembers.
 *
 *   leaves, or is fenced   all of it goes, the group's epoch rises; the next heartbeat of another
 *                          member computes the new target
 *   static, for a while    (-2) keeps place and partitions until it is back or its session ends
 *   the last member of the new protocol among classic ones, where the policy allows it: the group
 *   becomes a classic one (consumer-downgrade.ts)
 */
import type { ConsumerGroupHeartbeatResponse } from '../../protocol/68-consumer-group-heartbeat.ts'
import { answer, type CoordinatorRecord, nothing } from '../state-machine.ts'
import { downgrade, downgradesWithout } from './consumer-downgrade.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { findGroup } from './consumer-join.ts'
import { AWAY_EPOCH, type ConsumerMember, LEAVING_EPOCH, MemberState } from './consumer-member.ts'
import { metadataHash } from './consumer-metadata.ts'
import { NO_PARTITIONS } from './consumer-partitions.ts'
import {
  ConsumerRecord,
  currentRecord,
  epochRecord,
  memberTombstones,
  tombstone,
} from './consumer-records.ts'
import {
  fencedInstance,
  heartbeatError,
  isRefusal,
  unknownInstance,
  unknownMember,
} from './consumer-refusal.ts'
import type { FenceReason, GroupEnv, GroupOutcome } from './env.ts'
import type { GroupRequestOf } from './requests.ts'

/** A heartbeat with epoch -1 or -2. */
export function consumerLeave(env: GroupEnv, { body }: GroupRequestOf<68>): GroupOutcome {
  const { groupId, memberId, instanceId, memberEpoch } = body
  const found = findGroup(env, groupId, false)
  if (isRefusal(found)) return answer(heartbeatError(found))
  const { group } = found
  const member = instanceId === null ? group.members.get(memberId) : group.staticMember(instanceId)
  if (member === undefined)
    return answer(
      heartbeatError(
        instanceId === null ? unknownMember(groupId, memberId) : unknownInstance(instanceId),
      ),
    )
  if (instanceId !== null && member.memberId !== memberId)
    return answer(heartbeatError(fencedInstance(memberId, instanceId, member.memberId)))
  const response: ConsumerGroupHeartbeatResponse = {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId,
    memberEpoch,
    heartbeatIntervalMs: 0,
    assignment: null,
  }
  if (instanceId !== null && memberEpoch === AWAY_EPOCH) {
    const away: ConsumerMember = {
      ...member,
      memberEpoch: AWAY_EPOCH,
      pendingRevocation: NO_PARTITIONS,
      state: MemberState.Stable,
    }
    return { records: [currentRecord(groupId, away)], replay: true, response, settled: null }
  }
  env.context.logger.info(`group ${groupId}: member ${memberId} leaves`)
  return {
    ...membersGone(env, group, [member]),
    response: { ...response, memberEpoch: LEAVING_EPOCH },
  }
}

/** Takes members out; the outcome has no response. */
export function membersGone(
  env: GroupEnv,
  group: ConsumerGroup,
  gone: readonly ConsumerMember[],
): GroupOutcome {
  for (const { memberId } of gone) env.timers.cancelMember(group.groupId, memberId)
  const ids = new Set(gone.map(({ memberId }) => memberId))
  const left = [...group.members.values()].filter(({ memberId }) => !ids.has(memberId))
  if (downgradesWithout(env, group, gone)) return downgrade(env, group, left)
  const { groupId } = group
  const records: CoordinatorRecord[] = gone.flatMap(({ memberId }) =>
    memberTombstones(groupId, memberId),
  )
  const regexes = new Map(group.regexes)
  for (const regex of group.regexes.keys())
    if (!left.some(({ topicRegex }) => topicRegex === regex)) {
      regexes.delete(regex)
      records.push(tombstone(ConsumerRecord.Regex, groupId, regex))
    }
  const hash = metadataHash(left, regexes, env.context.image())
  records.push(epochRecord(groupId, group.groupEpoch + 1, hash))
  if (group.hasLegacyTopics) records.push(tombstone(ConsumerRecord.LegacyTopics, groupId))
  return { records, replay: true, response: null, settled: null }
}

/** A timer found a member out; `when` must still hold. */
export function memberFenced(
  env: GroupEnv,
  groupId: string,
  memberId: string,
  because: FenceReason,
): GroupOutcome {
  const group = env.consumers.get(groupId)
  const member = group?.members.get(memberId)
  if (group === undefined || member === undefined || !because.when(member)) return nothing()
  env.context.logger.info(`group ${groupId}: member ${memberId} ${because.why}`)
  return membersGone(env, group, [member])
}

/**
 * Which group and which member a heartbeat is about, made when it joins. Source: Kafka's
 * GroupMetadataManager.getOrMaybeCreateConsumerGroup and getOrMaybeSubscribe…ConsumerGroupMember.
 *
 * What has to be written before the heartbeat can be decided (an old group's end, a static member's
 * new id, a classic group's conversion) is replayed on a copy of the group, and the decision is made
 * on that copy; the group itself follows when the records are committed.
 */
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { CoordinatorRecord } from '../state-machine.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { AWAY_EPOCH, type ConsumerMember, JOINING_EPOCH, newMember } from './consumer-member.ts'
import type { TopicPartitions } from './consumer-partitions.ts'
import {
  currentRecord,
  decodeConsumerRecord,
  memberRecord,
  memberTombstones,
  targetRecord,
} from './consumer-records.ts'
import {
  epochRefusal,
  fencedInstance,
  groupFull,
  isRefusal,
  type Refusal,
  refusal,
  unknownInstance,
  unknownMember,
  unreleasedInstance,
} from './consumer-refusal.ts'
import { upgradeRecords } from './consumer-upgrade.ts'
import type { GroupEnv } from './env.ts'
import { groupTombstone } from './records.ts'

/** A group to decide on, and what is to be written first. */
export interface GroupDraft {
  readonly group: ConsumerGroup
  readonly records: CoordinatorRecord[]
}

export interface MemberDraft extends GroupDraft {
  readonly member: ConsumerMember
}

/** The group as it is after these records. */
export function draftOf(group: ConsumerGroup, records: readonly CoordinatorRecord[]) {
  for (const record of records) group.replay(decodeConsumerRecord(record))
  return group
}

export function notConsumerGroup(groupId: string): Refusal {
  return refusal(ErrorCode.GROUP_ID_NOT_FOUND, `Group ${groupId} is not a consumer group.`)
}

/** The consumer group of this id; `create` also makes one, of nothing or of a classic group. */
export function findGroup(env: GroupEnv, groupId: string, create: boolean): GroupDraft | Refusal {
  const known = env.consumers.get(groupId)
  if (known !== undefined) return { group: known, records: [] }
  const classic = env.groups.get(groupId)
  if (classic !== undefined) {
    if (!create) return notConsumerGroup(groupId)
    if (classic.members.size === 0 && classic.state !== 'Dead')
      return { group: new ConsumerGroup(groupId), records: [groupTombstone(groupId)] }
    const converted = upgradeRecords(env, classic)
    if (isRefusal(converted)) return converted
    const group = draftOf(new ConsumerGroup(groupId), converted)
    return { group, records: [groupTombstone(groupId), ...converted] }
  }
  if (env.foreign.get(groupId) !== undefined) return notConsumerGroup(groupId)
  if (!create) return refusal(ErrorCode.GROUP_ID_NOT_FOUND, `Consumer group ${groupId} not found.`)
  if (env.groups.size + env.foreign.size + env.consumers.size >= limits.groupsMax)
    return refusal(ErrorCode.COORDINATOR_NOT_AVAILABLE, null)
  return { group: new ConsumerGroup(groupId), records: [] }
}

/** Who is meant by a request, and how it wants to be taken. */
export interface Claim {
  readonly memberId: string
  readonly instanceId: string | null
  readonly memberEpoch: number
  readonly owned: readonly TopicPartitions[] | null
  /** May be made when unknown. */
  readonly create: boolean
  /** The epoch is not looked at, and an instance is handed over at once. */
  readonly isClassic: boolean
}

export function findMember(env: GroupEnv, draft: GroupDraft, claim: Claim): MemberDraft | Refusal {
  const { group } = draft
  const { memberId, instanceId, create } = claim
  const maxSize = Math.min(env.config.consumer.maxSize, limits.groupMembersMax)
  if (group.members.size >= maxSize && !group.members.has(memberId)) return groupFull(maxSize)
  if (instanceId !== null) return findInstance(draft, claim, instanceId)
  const known = group.members.get(memberId)
  if (known === undefined) {
    if (!create) return unknownMember(group.groupId, memberId)
    return checked(draft, newMember(memberId), claim)
  }
  return checked(draft, known, claim)
}

function checked(
  draft: GroupDraft,
  member: ConsumerMember,
  { isClassic, memberEpoch, owned }: Claim,
): MemberDraft | Refusal {
  const invalid = isClassic ? null : epochRefusal(member, memberEpoch, ownedList(owned))
  return invalid ?? { ...draft, member }
}

function findInstance(draft: GroupDraft, claim: Claim, instanceId: string): MemberDraft | Refusal {
  const { group } = draft
  const { memberId } = claim
  const existing = group.staticMember(instanceId)
  if (!claim.create) {
    if (existing === undefined) return unknownInstance(instanceId)
    if (existing.memberId !== memberId)
      return fencedInstance(memberId, instanceId, existing.memberId)
    return checked(draft, existing, claim)
  }
  if (existing === undefined)
    return { ...draft, member: group.members.get(memberId) ?? newMember(memberId) }
  const bothNew = !claim.isClassic && existing.classic === null
  if (bothNew && existing.memberEpoch !== AWAY_EPOCH)
    return unreleasedInstance(memberId, instanceId, existing.memberId)
  return handOver(draft, existing, memberId)
}

/** The instance goes on under a new id, with the target and the partitions it had. */
function handOver(draft: GroupDraft, existing: ConsumerMember, memberId: string): MemberDraft {
  const { groupId } = draft.group
  const successor: ConsumerMember = {
    ...existing,
    memberId,
    memberEpoch: JOINING_EPOCH,
    previousMemberEpoch: JOINING_EPOCH,
  }
  const records = [
    ...memberTombstones(groupId, existing.memberId),
    memberRecord(groupId, successor),
    targetRecord(groupId, memberId, draft.group.target(existing.memberId)),
    currentRecord(groupId, successor),
  ]
  const group = draftOf(draft.group.copy(), records)
  return { group, records: [...draft.records, ...records], member: group.members.get(memberId)! }
}

function ownedList(owned: readonly TopicPartitions[] | null) {
  return owned?.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })) ?? null
}

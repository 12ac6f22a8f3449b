/**
 * A classic group becomes a consumer group, without anybody leaving: the first member that joins with
 * ConsumerGroupHeartbeat takes the others along, which go on with the classic protocol
 * (consumer-classic.ts). Source: KIP-848 and Kafka's GroupMetadataManager.convertToConsumerGroup and
 * ConsumerGroup.fromClassicGroup.
 *
 *   generation → group, target and member epoch       assignment → target and assigned partitions
 *
 * Refused (GROUP_ID_NOT_FOUND) when group.consumer.migration.policy says so, when members speak
 * another protocol type, are too many, or are assigned by an assignor with data of its own.
 */
import { ErrorCode, errorName, MalformedRequest } from '../../base/errors.ts'
import { decodeAssignment, decodeSubscription } from '../../protocol/consumer-protocol.ts'
import type { CoordinatorRecord, TopicDirectory } from '../state-machine.ts'
import { joinError, NO_MEMBER_ID, syncError } from './answers.ts'
import type { ClassicGroup, GroupState } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'
import { type ConsumerMember, newMember } from './consumer-member.ts'
import { metadataHash } from './consumer-metadata.ts'
import {
  addPartition,
  hasPartition,
  type PartitionSets,
  type Partitions,
} from './consumer-partitions.ts'
import {
  currentRecord,
  epochRecord,
  memberRecord,
  targetEpochRecord,
  targetRecord,
} from './consumer-records.ts'
import { type Refusal, refusal } from './consumer-refusal.ts'
import { timeClassicMember } from './consumer-sessions.ts'
import type { GroupEnv } from './env.ts'
import { prepareRebalance } from './rebalance.ts'
import { touchSession } from './session.ts'

/** What the classic group is as a consumer group, in records; changes nothing. */
export function upgradeRecords(env: GroupEnv, group: ClassicGroup): CoordinatorRecord[] | Refusal {
  const problem = problemOf(env, group)
  if (problem !== null) return refused(group, problem)
  const { groupId, generationId } = group
  const image = env.context.image()
  const taken: PartitionSets = new Map()
  const members: ConsumerMember[] = []
  for (const member of group.members.values()) {
    const converted = convert(group, member, image, taken)
    if (typeof converted === 'string') return refused(group, converted)
    members.push(converted)
  }
  return [
    ...members.map((member) => memberRecord(groupId, member)),
    epochRecord(groupId, generationId, metadataHash(members, new Map(), image)),
    ...members.map((member) => targetRecord(groupId, member.memberId, member.assigned)),
    targetEpochRecord(groupId, generationId),
    ...members.map((member) => currentRecord(groupId, member)),
  ]
}

function refused({ groupId }: ClassicGroup, why: string): Refusal {
  return refusal(
    ErrorCode.GROUP_ID_NOT_FOUND,
    `Cannot upgrade classic group ${groupId} to consumer group because ${why}.`,
  )
}

function problemOf({ config }: GroupEnv, group: ClassicGroup): string | null {
  const { migrationPolicy, maxSize } = config.consumer
  if (group.state === 'Dead') return 'the group is being deleted'
  if (migrationPolicy !== 'bidirectional' && migrationPolicy !== 'upgrade')
    return 'online upgrade is disabled'
  if (!group.isConsumerGroup) return 'the group does not use the consumer embedded protocol'
  return group.members.size > maxSize
    ? 'the group size exceeds the consumer group maximum size'
    : null
}

/** A member as it is in the consumer group, or why it cannot be. */
function convert(
  group: ClassicGroup,
  member: ClassicMember,
  image: TopicDirectory,
  taken: PartitionSets,
): ConsumerMember | string {
  const { protocols, rebalanceTimeoutMs, sessionTimeoutMs } = member.terms
  const metadata =
    group.protocolName === null ? protocols[0]!.metadata : member.metadata(group.protocolName)
  try {
    const subscription = decodeSubscription(metadata)
    const assignment = member.assignment.length === 0 ? null : decodeAssignment(member.assignment)
    if (assignment?.userData != null && assignment.userData.length > 0)
      return (
        'an unsupported custom assignor is in use. Please refer to the documentation or ' +
        'switch to a default assignor before re-attempting the upgrade'
      )
    return {
      ...newMember(member.memberId),
      memberEpoch: group.generationId,
      previousMemberEpoch: group.generationId,
      instanceId: member.groupInstanceId,
      rackId: subscription.rackId === '' ? null : subscription.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs,
      topicNames: [...new Set(subscription.topics)].sort(),
      classic: { sessionTimeoutMs, protocols },
      assigned: assignedOf(assignment?.assignedPartitions ?? [], image, taken),
    }
  } catch (error) {
    if (error instanceof MalformedRequest) return 'the embedded consumer protocol is malformed'
    throw error
  }
}

/** By topic id; a partition that two members were given stays with the first. */
function assignedOf(
  topics: readonly { topic: string; partitions: number[] }[],
  image: TopicDirectory,
  taken: PartitionSets,
): Partitions {
  const assigned: PartitionSets = new Map()
  for (const { topic, partitions } of topics) {
    const known = image.topics.get(topic)
    if (known === undefined) continue
    for (const partition of partitions) {
      if (hasPartition(taken, known.topicId, partition)) continue
      addPartition(taken, known.topicId, partition)
      addPartition(assigned, known.topicId, partition)
    }
  }
  return assigned
}

/** While the conversion is written the classic group takes nothing; gives what ends that. */
export function freeze(env: GroupEnv, group: ClassicGroup): (errorCode: number) => void {
  const { state } = group
  for (const member of group.members.values()) {
    group.completeJoin(member, joinError(NO_MEMBER_ID, ErrorCode.REBALANCE_IN_PROGRESS))
    group.completeSync(member, syncError(ErrorCode.REBALANCE_IN_PROGRESS))
  }
  group.cancelTimers()
  group.state = 'Dead'
  return (errorCode) => {
    if (errorCode !== ErrorCode.NONE) thaw(env, group, state, errorCode)
    else startTimers(env, group)
  }
}

function startTimers(env: GroupEnv, { groupId }: ClassicGroup): void {
  for (const member of env.consumers.get(groupId)?.members.values() ?? [])
    if (member.classic !== null) timeClassicMember(env, groupId, member)
}

/** The conversion was not written: the group is classic as it was, and rebalances. */
function thaw(env: GroupEnv, group: ClassicGroup, state: GroupState, errorCode: number): void {
  if (env.groups.get(group.groupId) !== group) return
  env.context.logger.warn(`group ${group.groupId}: not converted: ${errorName(errorCode)}`)
  group.state = state === 'Empty' ? 'Empty' : 'Stable'
  if (group.state === 'Empty') return
  for (const member of group.members.values()) touchSession(env, group, member)
  env.context.run(prepareRebalance(env, group))
}

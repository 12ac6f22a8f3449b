/**
 * The three steps every heartbeat takes after member and request are known. Source: Kafka's
 * GroupMetadataManager.consumerGroupHeartbeat.
 *
 *   1 the member is written if it changed; the group's epoch rises if what it subscribes to, or the
 *     topics behind that, did
 *   2 a new target is computed if the group's epoch is ahead of the target's
 *   3 the member is reconciled with its target
 */

import { ErrorCode } from '../../base/errors.ts'
import type { CoordinatorRecord } from '../state-machine.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import {
  type ConsumerMember,
  isReconciledTo,
  sameAssignment,
  sameMetadata,
  sameTopics,
} from './consumer-member.ts'
import { membersWith, metadataHash, subscribedTopicIds } from './consumer-metadata.ts'
import type { Partitions, TopicPartitions } from './consumer-partitions.ts'
import { reconcile } from './consumer-reconcile.ts'
import {
  ConsumerRecord,
  currentRecord,
  epochRecord,
  memberRecord,
  tombstone,
} from './consumer-records.ts'
import { isRefusal, type Refusal, refusal } from './consumer-refusal.ts'
import { type RegexChange, regexChange } from './consumer-regex.ts'
import { timeRevocation } from './consumer-sessions.ts'
import { computeTargets } from './consumer-target.ts'
import type { GroupEnv } from './env.ts'

export interface Advance {
  readonly group: ConsumerGroup
  /** As it was, and as the request says it is; assignments are the same in both. */
  readonly before: ConsumerMember
  readonly after: ConsumerMember
  readonly owned: readonly TopicPartitions[] | null
  /** Written first. */
  readonly records: readonly CoordinatorRecord[]
}

export interface Advanced {
  readonly member: ConsumerMember
  readonly records: readonly CoordinatorRecord[]
  /** Subscriptions or topics changed. */
  readonly bumped: boolean
}

export function advance(env: GroupEnv, step: Advance): Advanced | Refusal {
  const written = writeMember(env, step)
  if (isRefusal(written)) return written
  const { records, epoch, bumped, subscriptionChanged } = written
  const { group, after } = step
  let { targetEpoch } = group
  let target: Partitions = group.target(after.memberId)
  if (epoch > targetEpoch) {
    const members = membersWith(group, after)
    const targets = computeTargets(group, epoch, members, {
      image: env.context.image(),
      assignors: env.config.consumer.assignors,
    })
    records.push(...targets.records)
    targetEpoch = epoch
    target = targets.byMember.get(after.memberId) ?? target
  }
  const to = { targetEpoch, target, subscriptionChanged, owned: step.owned }
  const member = reconciled(env, group, after, to)
  if (member === null)
    return refusal(
      ErrorCode.FENCED_MEMBER_EPOCH,
      'The consumer group member is in a unknown state. ' +
        'The member must abandon all its partitions and rejoin.',
    )
  if (!sameAssignment(member, after)) {
    records.push(currentRecord(group.groupId, member))
    timeRevocation(env, group.groupId, member)
  }
  return { member, records, bumped }
}

interface Written {
  readonly records: CoordinatorRecord[]
  /** Of the group once the records are committed. */
  readonly epoch: number
  readonly bumped: boolean
  readonly subscriptionChanged: boolean
}

/** Step 1. */
export function writeMember(env: GroupEnv, step: Advance): Written | Refusal {
  const { group, before, after } = step
  const { groupId } = group
  const records = [...step.records]
  const image = env.context.image()
  const isNew = !group.members.has(after.memberId)
  if (isNew || !sameMetadata(before, after)) records.push(memberRecord(groupId, after))
  const namesChanged = !sameTopics(before.topicNames, after.topicNames)
  const change = regexChange(env, group, before, after)
  if (isRefusal(change)) return change
  records.push(...change.records)
  const bumpsAnyway = group.groupEpoch === 0 || namesChanged || bumps(change, after)
  let epoch = group.groupEpoch
  let bumped = false
  if (bumpsAnyway || group.checkedTopics !== image.topics) {
    const hash = metadataHash(membersWith(group, after), group.regexes, image)
    bumped = bumpsAnyway || hash !== group.metadataHash
    if (bumped) records.push(epochRecord(groupId, ++epoch, hash))
    group.checkedTopics = image.topics
    if (group.hasLegacyTopics) records.push(tombstone(ConsumerRecord.LegacyTopics, groupId))
  }
  return { records, epoch, bumped, subscriptionChanged: namesChanged || change.changed }
}

/**
 * A pattern that is not resolved yet brings no topics: the epoch rises when it is. A classic member
 * has none, and its leaving one behind counts at once.
 */
function bumps(change: RegexChange, after: ConsumerMember): boolean {
  return change.resolved || (change.changed && after.classic !== null)
}

/** Step 3; null when the member's state is of a later version. */
export function reconciled(
  env: GroupEnv,
  group: ConsumerGroup,
  member: ConsumerMember,
  to: {
    readonly targetEpoch: number
    readonly target: Partitions
    readonly subscriptionChanged: boolean
    readonly owned: readonly TopicPartitions[] | null
  },
): ConsumerMember | null {
  if (!to.subscriptionChanged && isReconciledTo(member, to.targetEpoch)) return member
  const result = reconcile(member, {
    ...to,
    topicIds: new Set(subscribedTopicIds(member, group.regexes, env.context.image())),
    ownerOf: (topicId, partition) => group.ownerOf(topicId, partition),
  })
  return 'unknownState' in result ? null : result.member
}

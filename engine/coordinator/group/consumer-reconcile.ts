/**
 * Moves one member from what it has to what it should have. Source: Kafka's CurrentAssignmentBuilder.
 *
 *   keeps     assigned ∩ target
 *   revokes   assigned \ target                         → Unrevoked, in its old epoch, until the
 *                                                         client no longer reports them as owned
 *   gets      target \ assigned, as far as nobody has it → Stable, or Unreleased when some are not
 *                                                         free yet; at the target's epoch
 *
 * Topics a member no longer subscribes to count as not in its target.
 */
import { type ConsumerMember, MemberState } from './consumer-member.ts'
import {
  addPartition,
  hasPartition,
  overlaps,
  type PartitionSets,
  type Partitions,
  type TopicPartitions,
} from './consumer-partitions.ts'

export interface Reconciliation {
  readonly targetEpoch: number
  readonly target: Partitions
  /** The member changed its subscription with this request. */
  readonly subscriptionChanged: boolean
  /** Topics the member subscribes to and that exist. */
  readonly topicIds: ReadonlySet<string>
  /** What the client says it owns; null when it does not say. */
  readonly owned: readonly TopicPartitions[] | null
  ownerOf(topicId: string, partition: number): string | undefined
}

export type Reconciled = { readonly member: ConsumerMember } | { readonly unknownState: true }

/** The member as it is next, the same object when nothing changes. */
export function reconcile(member: ConsumerMember, to: Reconciliation): Reconciled {
  switch (member.state) {
    case MemberState.Stable:
      if (member.memberEpoch !== to.targetEpoch) return { member: next(member, to) }
      return { member: to.subscriptionChanged ? withoutUnsubscribed(member, to) : member }
    case MemberState.Unrevoked:
      if (!ownsAny(to, member.pendingRevocation)) return { member: next(member, to) }
      return { member: to.subscriptionChanged ? withoutUnsubscribed(member, to) : member }
    case MemberState.Unreleased:
      return { member: next(member, to) }
    default:
      // Written by a later version: only a member that starts from nothing can go on.
      if (to.owned === null || to.owned.length > 0) return { unknownState: true }
      return { member: next({ ...member, memberEpoch: to.targetEpoch }, to) }
  }
}

/** A client that does not say what it owns may own everything. */
function ownsAny({ owned }: Reconciliation, partitions: Partitions): boolean {
  return owned === null || overlaps(owned, partitions)
}

function next(member: ConsumerMember, to: Reconciliation): ConsumerMember {
  const kept: PartitionSets = new Map()
  const revoked: PartitionSets = new Map()
  for (const [topicId, partitions] of member.assigned)
    for (const partition of partitions)
      addPartition(isTarget(to, topicId, partition) ? kept : revoked, topicId, partition)
  if (revoked.size > 0 && ownsAny(to, revoked))
    return moved(member, {
      memberEpoch: member.memberEpoch,
      state: MemberState.Unrevoked,
      assigned: kept,
      pendingRevocation: revoked,
    })
  let hasUnreleased = false
  for (const [topicId, partitions] of to.target) {
    if (!to.topicIds.has(topicId)) continue
    for (const partition of partitions) {
      if (hasPartition(member.assigned, topicId, partition)) continue
      const owner = to.ownerOf(topicId, partition)
      if (owner === undefined || owner === member.memberId) addPartition(kept, topicId, partition)
      else hasUnreleased = true
    }
  }
  return moved(member, {
    memberEpoch: to.targetEpoch,
    state: hasUnreleased ? MemberState.Unreleased : MemberState.Stable,
    assigned: kept,
    pendingRevocation: new Map(),
  })
}

function isTarget(to: Reconciliation, topicId: string, partition: number): boolean {
  return to.topicIds.has(topicId) && hasPartition(to.target, topicId, partition)
}

/** Takes partitions of unsubscribed topics away at once, without looking at the target. */
function withoutUnsubscribed(member: ConsumerMember, to: Reconciliation): ConsumerMember {
  const kept: PartitionSets = new Map()
  const revoked: PartitionSets = new Map()
  for (const [topicId, partitions] of member.pendingRevocation)
    for (const partition of partitions) addPartition(revoked, topicId, partition)
  let changed = false
  for (const [topicId, partitions] of member.assigned)
    for (const partition of partitions) {
      const isKept = to.topicIds.has(topicId)
      addPartition(isKept ? kept : revoked, topicId, partition)
      if (!isKept) changed = true
    }
  if (!changed) return member
  const { memberEpoch, state } = member
  if (!ownsAny(to, revoked)) return moved(member, { memberEpoch, state, assigned: kept })
  return moved(member, {
    memberEpoch,
    state: MemberState.Unrevoked,
    assigned: kept,
    pendingRevocation: revoked,
  })
}

/** The epoch left behind is remembered: an answer that was lost may be asked for with it. */
function moved(
  member: ConsumerMember,
  to: Pick<ConsumerMember, 'memberEpoch' | 'state' | 'assigned'> & {
    readonly pendingRevocation?: Partitions
  },
): ConsumerMember {
  return { ...member, previousMemberEpoch: member.memberEpoch, ...to }
}

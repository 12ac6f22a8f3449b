/**
 * A consumer group (KIP-848): epochs, members, targets and who holds which partition. It changes by
 * replay alone; what is decided meanwhile waits its turn (group-turns.ts). Source: Kafka's
 * ConsumerGroup and ModernGroup.
 *
 *   group epoch     rises when members, subscriptions or the topics behind them change
 *   target epoch    the group epoch that the targets were computed for
 *   member epoch    the target epoch that a member has come to
 *
 *   Empty        no members
 *   Assigning    the target is of an older epoch than the group
 *   Reconciling  some member is not yet at the target epoch with all it should have
 *   Stable       everyone is
 *
 * Invariant (checkConsumerGroup): a partition is assigned to, or still to be given up by, one member
 * at most.
 */
import { assert } from '../../base/assert.ts'
import {
  AWAY_EPOCH,
  type ConsumerMember,
  isReconciledTo,
  LEAVING_EPOCH,
  MemberState,
  newMember,
} from './consumer-member.ts'
import { NO_PARTITIONS, type Partitions } from './consumer-partitions.ts'
import type { ConsumerGroupRecord, ResolvedRegex } from './consumer-records.ts'

export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

export class ConsumerGroup {
  readonly groupId: string
  groupEpoch: number
  /** Of the subscribed topics, see consumer-metadata.ts; 0 without any. */
  metadataHash: bigint
  targetEpoch: number
  readonly members: Map<string, ConsumerMember>
  readonly targets: Map<string, Partitions>
  /** instanceId → memberId. */
  readonly staticMembers: Map<string, string>
  readonly regexes: Map<string, ResolvedRegex>
  /** The log has topic metadata of Kafka before 4.1 for this group. */
  hasLegacyTopics: boolean
  /** The topics that metadataHash was last compared with; null: to be done. Not in the log. */
  checkedTopics: object | null
  /** The topics that the patterns were last matched with. Not in the log. */
  regexTopics: object | null
  /** The patterns are about to be matched again. Not in the log. */
  regexRefreshDue: boolean
  /** Its tombstones are on their way. Not in the log. */
  isDying: boolean
  /** topicId → partition → member that has it or has to give it up. */
  private readonly owners: Map<string, Map<number, string>>

  constructor(groupId: string) {
    this.groupId = groupId
    this.groupEpoch = 0
    this.metadataHash = 0n
    this.targetEpoch = 0
    this.members = new Map()
    this.targets = new Map()
    this.staticMembers = new Map()
    this.regexes = new Map()
    this.hasLegacyTopics = false
    this.checkedTopics = null
    this.regexTopics = null
    this.regexRefreshDue = false
    this.isDying = false
    this.owners = new Map()
  }

  /** A group of its own in the same state, to try records on. */
  copy(): ConsumerGroup {
    const copy = new ConsumerGroup(this.groupId)
    copy.groupEpoch = this.groupEpoch
    copy.metadataHash = this.metadataHash
    copy.targetEpoch = this.targetEpoch
    copy.hasLegacyTopics = this.hasLegacyTopics
    copy.checkedTopics = this.checkedTopics
    copy.regexTopics = this.regexTopics
    copy.regexRefreshDue = this.regexRefreshDue
    for (const [memberId, target] of this.targets) copy.targets.set(memberId, target)
    for (const [regex, resolved] of this.regexes) copy.regexes.set(regex, resolved)
    for (const member of this.members.values()) copy.update(member)
    return copy
  }

  get isEmpty(): boolean {
    return this.members.size === 0
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return 'Empty'
    if (this.groupEpoch > this.targetEpoch) return 'Assigning'
    for (const member of this.members.values())
      if (!isReconciledTo(member, this.targetEpoch)) return 'Reconciling'
    return 'Stable'
  }

  /** The member that goes by an instance id. */
  staticMember(instanceId: string): ConsumerMember | undefined {
    const memberId = this.staticMembers.get(instanceId)
    return memberId === undefined ? undefined : this.members.get(memberId)
  }

  target(memberId: string): Partitions {
    return this.targets.get(memberId) ?? NO_PARTITIONS
  }

  ownerOf(topicId: string, partition: number): string | undefined {
    return this.owners.get(topicId)?.get(partition)
  }

  /** How many members subscribe with this pattern. */
  regexSubscribers(regex: string): number {
    let count = 0
    for (const { topicRegex } of this.members.values()) if (topicRegex === regex) count++
    return count
  }

  isSubscribedTo(topic: string): boolean {
    for (const { topicNames, topicRegex } of this.members.values()) {
      if (topicNames.includes(topic)) return true
      if (topicRegex !== '' && this.regexes.get(topicRegex)?.topics.has(topic)) return true
    }
    return false
  }

  /** Applies one committed record; false when nothing of the group is left. */
  replay(record: ConsumerGroupRecord): boolean {
    switch (record.type) {
      case 'epoch':
        if (record.value === null) return false
        this.groupEpoch = record.value.epoch
        this.metadataHash = record.value.metadataHash
        return true
      case 'legacyTopics':
        this.hasLegacyTopics = record.value !== null
        return true
      case 'targetEpoch':
        this.targetEpoch = record.value ?? -1
        return true
      case 'target':
        if (record.value === null) this.targets.delete(record.memberId)
        else this.targets.set(record.memberId, record.value)
        return true
      case 'regex':
        if (record.value === null) this.regexes.delete(record.regex)
        else this.regexes.set(record.regex, record.value)
        return true
      case 'member':
        if (record.value === null) this.remove(record.memberId)
        else this.update({ ...this.memberOrNew(record.memberId), ...record.value })
        return true
      case 'current': {
        const member = this.members.get(record.memberId)
        if (record.value !== null)
          this.update({ ...(member ?? newMember(record.memberId)), ...record.value })
        else if (member !== undefined) this.update({ ...member, ...NOTHING_ASSIGNED })
        return true
      }
    }
  }

  private memberOrNew(memberId: string): ConsumerMember {
    return this.members.get(memberId) ?? newMember(memberId)
  }

  private update(member: ConsumerMember): void {
    const { memberId, instanceId } = member
    const old = this.members.get(memberId)
    this.members.set(memberId, member)
    if (instanceId !== null) this.staticMembers.set(instanceId, memberId)
    if (old !== undefined) {
      const { assigned, pendingRevocation } = old
      if (assigned === member.assigned && pendingRevocation === member.pendingRevocation) return
      this.release(old)
    }
    this.claim(memberId, member.assigned)
    this.claim(memberId, member.pendingRevocation)
  }

  private remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (member === undefined) return
    this.members.delete(memberId)
    this.release(member)
    const { instanceId } = member
    // The instance may go by the id of its successor already.
    if (instanceId !== null && this.staticMembers.get(instanceId) === memberId)
      this.staticMembers.delete(instanceId)
  }

  private claim(memberId: string, partitions: Partitions): void {
    for (const [topicId, set] of partitions) {
      let owners = this.owners.get(topicId)
      if (owners === undefined) {
        owners = new Map()
        this.owners.set(topicId, owners)
      }
      for (const partition of set) owners.set(partition, memberId)
    }
  }

  private release(member: ConsumerMember): void {
    for (const partitions of [member.assigned, member.pendingRevocation])
      for (const [topicId, set] of partitions) {
        const owners = this.owners.get(topicId)
        if (owners === undefined) continue
        for (const partition of set)
          if (owners.get(partition) === member.memberId) owners.delete(partition)
        if (owners.size === 0) this.owners.delete(topicId)
      }
  }
}

/** What a member is after the tombstone of its current assignment. */
const NOTHING_ASSIGNED = {
  memberEpoch: LEAVING_EPOCH,
  previousMemberEpoch: LEAVING_EPOCH,
  state: MemberState.Stable,
  assigned: NO_PARTITIONS,
  pendingRevocation: NO_PARTITIONS,
}

/** Asserts what the opening comment promises; tests run it after every step. */
export function checkConsumerGroup(group: ConsumerGroup): void {
  const where = `group ${group.groupId}`
  const seen = new Map<string, string>()
  for (const [memberId, member] of group.members) {
    assert(member.memberId === memberId, `${where}: member under its id`)
    assert(member.memberEpoch >= AWAY_EPOCH, `${where}: epoch ${member.memberEpoch}`)
    assert(member.memberEpoch <= group.targetEpoch, `${where}: ${memberId} is ahead of the target`)
    for (const partitions of [member.assigned, member.pendingRevocation])
      for (const [topicId, set] of partitions)
        for (const partition of set) {
          const key = `${topicId}-${partition}`
          assert(!seen.has(key), `${where}: ${key} is held by ${seen.get(key)} and ${memberId}`)
          seen.set(key, memberId)
          assert(group.ownerOf(topicId, partition) === memberId, `${where}: owner of ${key}`)
        }
  }
  assert(group.targetEpoch <= group.groupEpoch, `${where}: target ahead of the group`)
  for (const [instanceId, memberId] of group.staticMembers)
    assert(group.members.get(memberId)?.instanceId === instanceId, `${where}: ${instanceId}`)
}

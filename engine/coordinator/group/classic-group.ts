/**
 * A group of the classic protocol: its state, members, generation and leader. Decisions lie in
 * join.ts, sync.ts and rebalance.ts; here are the facts and the rules that keep them consistent.
 * Source: Kafka's ClassicGroup and ClassicGroupState.
 *
 *   Empty               no members; offsets may remain
 *     Join → PreparingRebalance · Heartbeat, Sync, Leave → UNKNOWN_MEMBER_ID
 *     OffsetCommit without member and generation → accepted (simple group)
 *   PreparingRebalance  waits until all known members have joined again
 *     Join → parked · Sync, Heartbeat → REBALANCE_IN_PROGRESS
 *     OffsetCommit of this generation → accepted
 *     all joined, or time is up → CompletingRebalance; nobody left → Empty
 *   CompletingRebalance waits for the leader's assignment
 *     Sync → parked until it is committed · Heartbeat → NONE · OffsetCommit → REBALANCE_IN_PROGRESS
 *     Join with changed metadata, failure, leave → PreparingRebalance
 *     assignment committed → Stable
 *   Stable              everyone has its assignment
 *     Sync → assignment · Heartbeat → NONE
 *     Join of a follower with the same metadata → this generation
 *     Join of the leader or with changed metadata, failure, leave → PreparingRebalance
 *   Dead                being deleted; everything → COORDINATOR_NOT_AVAILABLE, and back to Empty
 *                       if the deletion could not be written
 *
 * Invariants (check()): awaitingJoinCount counts parked joins; the leader is a member; static ids
 * map to members; every member offers a protocol type equal to the group's; Empty has no members.
 */
import { assert } from '../../base/assert.ts'
import type { JoinGroupResponse } from '../../protocol/11-join-group.ts'
import type { SyncGroupResponse } from '../../protocol/14-sync-group.ts'
import type { TimerHandle } from '../state-machine.ts'
import { ClassicMember, type MemberTerms } from './classic-member.ts'
import { subscribedTopics } from './subscription.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

const VALID_PREVIOUS: Readonly<Record<GroupState, readonly GroupState[]>> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['Stable', 'CompletingRebalance', 'Empty'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Empty'],
}

export const CONSUMER_PROTOCOL_TYPE = 'consumer'

export class ClassicGroup {
  readonly groupId: string
  state: GroupState
  previousState: GroupState
  /** Wall clock of the last transition; -1 when the log does not tell (records below version 2). */
  stateTimestampMs: number
  generationId: number
  /** Null for a simple group and until the first member joins. */
  protocolType: string | null
  protocolName: string | null
  leaderId: string | null
  /** Topics of all subscriptions; null when unknown or not a consumer group. */
  topics: ReadonlySet<string> | null
  readonly members: Map<string, ClassicMember>
  /** groupInstanceId → memberId. */
  readonly staticMembers: Map<string, string>
  /** Ids handed out with MEMBER_ID_REQUIRED and not yet joined with, with their expiry. */
  readonly pendingJoins: Map<string, TimerHandle>
  /** Members of this generation that have not sent SyncGroup. */
  readonly pendingSyncs: Set<string>
  awaitingJoinCount: number
  /** A member came during the initial delay, which may therefore be extended. */
  newMemberAdded: boolean
  /** The leader's assignment of this generation is being written. */
  assignmentInFlight: boolean
  joinTimer: TimerHandle | null
  syncTimer: TimerHandle | null
  /** How many members offer each protocol. */
  private readonly protocolCounts: Map<string, number>

  constructor(groupId: string, nowMs: number) {
    this.groupId = groupId
    this.state = 'Empty'
    this.previousState = 'Empty'
    this.stateTimestampMs = nowMs
    this.generationId = 0
    this.protocolType = null
    this.protocolName = null
    this.leaderId = null
    this.topics = null
    this.members = new Map()
    this.staticMembers = new Map()
    this.pendingJoins = new Map()
    this.pendingSyncs = new Set()
    this.awaitingJoinCount = 0
    this.newMemberAdded = false
    this.assignmentInFlight = false
    this.joinTimer = null
    this.syncTimer = null
    this.protocolCounts = new Map()
  }

  get isConsumerGroup(): boolean {
    return this.protocolType === CONSUMER_PROTOCOL_TYPE
  }

  get canRebalance(): boolean {
    return VALID_PREVIOUS.PreparingRebalance.includes(this.state)
  }

  get hasAllMembersJoined(): boolean {
    return this.members.size === this.awaitingJoinCount && this.pendingJoins.size === 0
  }

  /** The longest time any member grants for a rebalance; 0 without members. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values())
      longest = Math.max(longest, member.terms.rebalanceTimeoutMs)
    return longest
  }

  member(memberId: string): ClassicMember {
    const member = this.members.get(memberId)
    assert(member !== undefined, `${memberId} is a member of ${this.groupId}`)
    return member
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId
  }

  transitionTo(state: GroupState, nowMs: number): void {
    assert(
      VALID_PREVIOUS[state].includes(this.state),
      `group ${this.groupId} goes from ${this.state} to ${state}`,
    )
    this.previousState = this.state
    this.state = state
    this.stateTimestampMs = nowMs
  }

  /** Takes a member in; the first one decides the protocol type, and leads the group. */
  add(member: ClassicMember): void {
    const { memberId, groupInstanceId } = member
    assert(!this.members.has(memberId), `${memberId} joins ${this.groupId} once`)
    if (groupInstanceId !== null) {
      assert(!this.staticMembers.has(groupInstanceId), `instance ${groupInstanceId} is free`)
      this.staticMembers.set(groupInstanceId, memberId)
    }
    if (this.members.size === 0) this.protocolType = member.protocolType
    assert(this.protocolType === member.protocolType, `${memberId} has the group's protocol type`)
    this.leaderId ??= memberId
    this.members.set(memberId, member)
    this.countProtocols(member.terms, 1)
    if (member.awaitingJoin !== null) this.awaitingJoinCount++
    this.dropPendingJoin(memberId)
  }

  /** Forgets a member or pending id; its parked requests must have been answered before. */
  remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (member !== undefined) {
      assert(member.awaitingJoin === null, `${memberId} leaves with an answered join`)
      assert(member.awaitingSync === null, `${memberId} leaves with an answered sync`)
      this.members.delete(memberId)
      this.countProtocols(member.terms, -1)
      if (member.groupInstanceId !== null) this.staticMembers.delete(member.groupInstanceId)
      member.sessionTimer?.cancel()
      member.sessionTimer = null
    }
    if (this.leaderId === memberId) {
      const next = this.members.keys().next()
      this.leaderId = next.done === true ? null : next.value
    }
    this.dropPendingJoin(memberId)
    this.pendingSyncs.delete(memberId)
  }

  /**
   * Puts a static member under a new id. Whoever waits under the old one is fenced by the caller
   * first. Leadership and an outstanding sync pass on.
   */
  replaceStatic(groupInstanceId: string, oldMemberId: string, newMemberId: string): ClassicMember {
    const old = this.member(oldMemberId)
    assert(old.groupInstanceId === groupInstanceId, `${oldMemberId} is ${groupInstanceId}`)
    assert(old.awaitingJoin === null && old.awaitingSync === null, `${oldMemberId} was fenced`)
    const member = new ClassicMember(
      { ...identityOf(old), memberId: newMemberId },
      old.terms,
      old.assignment,
    )
    old.sessionTimer?.cancel()
    old.sessionTimer = null
    this.members.delete(oldMemberId)
    this.members.set(newMemberId, member)
    this.staticMembers.set(groupInstanceId, newMemberId)
    if (this.leaderId === oldMemberId) this.leaderId = newMemberId
    if (this.pendingSyncs.delete(oldMemberId)) this.pendingSyncs.add(newMemberId)
    return member
  }

  /** Changes what a member offers; the group's counts follow. */
  updateTerms(member: ClassicMember, terms: MemberTerms): void {
    this.countProtocols(member.terms, -1)
    member.terms = terms
    this.countProtocols(terms, 1)
  }

  parkJoin(member: ClassicMember, reply: (answer: JoinGroupResponse) => void): void {
    assert(member.awaitingJoin === null, `${member.memberId} has one parked join`)
    member.awaitingJoin = reply
    if (this.members.get(member.memberId) === member) this.awaitingJoinCount++
  }

  /** Answers a parked join, if there is one. */
  completeJoin(member: ClassicMember, answer: JoinGroupResponse): void {
    const reply = member.awaitingJoin
    if (reply === null) return
    member.awaitingJoin = null
    if (this.members.get(member.memberId) === member) this.awaitingJoinCount--
    reply(answer)
  }

  /** Answers a parked sync; false when there was none. */
  completeSync(member: ClassicMember, answer: SyncGroupResponse): boolean {
    const reply = member.awaitingSync
    if (reply === null) return false
    member.awaitingSync = null
    reply(answer)
    return true
  }

  /** True when a member with these protocols could be in the group with all the others. */
  supportsProtocols(protocolType: string, names: readonly string[]): boolean {
    if (this.state === 'Empty') return protocolType !== '' && names.length > 0
    if (this.protocolType !== protocolType) return false
    return names.some((name) => (this.protocolCounts.get(name) ?? 0) === this.members.size)
  }

  /**
   * The protocol of the next generation: among those offered by all, each member votes for its
   * first; most votes win. A tie goes to the one voted for first, in the order of members.
   */
  selectProtocol(): string {
    assert(this.members.size > 0, `group ${this.groupId} has members to vote`)
    const candidates = new Set<string>()
    for (const [name, count] of this.protocolCounts)
      if (count === this.members.size) candidates.add(name)
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const choice = member.vote(candidates)
      votes.set(choice, (votes.get(choice) ?? 0) + 1)
    }
    let best = ''
    let most = 0
    for (const [name, count] of votes)
      if (count > most) {
        best = name
        most = count
      }
    return best
  }

  /** Makes sure that the leader is one that has joined; false when nobody has. */
  electJoinedLeader(): boolean {
    if (this.leaderId === null) return false
    if (this.member(this.leaderId).awaitingJoin !== null) return true
    for (const member of this.members.values())
      if (member.awaitingJoin !== null) {
        this.leaderId = member.memberId
        return true
      }
    return false
  }

  /** Begins the next generation: CompletingRebalance with members, Empty without. */
  startGeneration(nowMs: number): void {
    this.generationId++
    this.protocolName = this.members.size > 0 ? this.selectProtocol() : null
    this.refreshTopics()
    this.transitionTo(this.members.size > 0 ? 'CompletingRebalance' : 'Empty', nowMs)
    this.pendingSyncs.clear()
    this.assignmentInFlight = false
  }

  /** Reads the members' subscriptions again; see `topics`. */
  refreshTopics(): void {
    this.topics = null
    if (!this.isConsumerGroup) return
    if (this.members.size === 0) this.topics = new Set()
    else if (this.protocolName !== null) {
      const name = this.protocolName
      this.topics = subscribedTopics(
        [...this.members.values()].map((member) => member.metadata(name)),
      )
    }
  }

  /** A consumer group whose subscriptions are not understood counts as subscribed to everything. */
  isSubscribedTo(topic: string): boolean {
    return this.topics === null ? this.isConsumerGroup : this.topics.has(topic)
  }

  cancelTimers(): void {
    this.joinTimer?.cancel()
    this.joinTimer = null
    this.syncTimer?.cancel()
    this.syncTimer = null
    for (const timer of this.pendingJoins.values()) timer.cancel()
    this.pendingJoins.clear()
    for (const member of this.members.values()) {
      member.sessionTimer?.cancel()
      member.sessionTimer = null
    }
  }

  private dropPendingJoin(memberId: string): void {
    this.pendingJoins.get(memberId)?.cancel()
    this.pendingJoins.delete(memberId)
  }

  private countProtocols(terms: MemberTerms, by: 1 | -1): void {
    for (const { name } of terms.protocols) {
      const count = (this.protocolCounts.get(name) ?? 0) + by
      assert(count >= 0, `protocol count of ${name} in ${this.groupId}`)
      if (count === 0) this.protocolCounts.delete(name)
      else this.protocolCounts.set(name, count)
    }
  }
}

export function identityOf(member: ClassicMember) {
  const { memberId, groupInstanceId, clientId, clientHost, protocolType } = member
  return { memberId, groupInstanceId, clientId, clientHost, protocolType }
}

/** Asserts what the opening comment promises; tests run it after every step. */
export function checkGroup(group: ClassicGroup): void {
  const where = `group ${group.groupId}`
  let awaiting = 0
  for (const [memberId, member] of group.members) {
    assert(member.memberId === memberId, `${where}: member under its id`)
    assert(member.protocolType === group.protocolType, `${where}: one protocol type`)
    if (member.awaitingJoin !== null) awaiting++
    assert(!group.pendingJoins.has(memberId), `${where}: ${memberId} is a member or pending`)
  }
  assert(awaiting === group.awaitingJoinCount, `${where}: ${awaiting} parked joins`)
  assert(
    group.members.size === 0 ? group.leaderId === null : group.members.has(group.leaderId ?? ''),
    `${where}: the leader ${group.leaderId} is a member`,
  )
  for (const [instance, memberId] of group.staticMembers)
    assert(group.members.get(memberId)?.groupInstanceId === instance, `${where}: ${instance}`)
  for (const memberId of group.pendingSyncs)
    assert(group.members.has(memberId), `${where}: ${memberId} owes a sync`)
  if (group.state === 'Empty') assert(group.members.size === 0, `${where}: Empty has no members`)
}

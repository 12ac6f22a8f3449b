/**
 * A member of a consumer group (KIP-848), as a value that never changes: replay and heartbeats make
 * new ones. Source: Kafka's ConsumerGroupMember and MemberState.
 *
 *   Stable        has what its epoch's target gives it
 *   Unrevoked     is to give partitions up and stays in its epoch until it says it has
 *   Unreleased    is at the target's epoch and waits for partitions that others still hold
 *
 * A member of the classic protocol inside a consumer group carries `classic`.
 */
import type { MemberProtocol } from './classic-member.ts'
import { NO_PARTITIONS, type Partitions, samePartitions } from './consumer-partitions.ts'

export const MemberState = { Stable: 0, Unrevoked: 1, Unreleased: 2, Unknown: 127 } as const
export type MemberState = (typeof MemberState)[keyof typeof MemberState]

/** Epochs with a meaning of their own, in requests and in members. */
export const JOINING_EPOCH = 0
export const LEAVING_EPOCH = -1
/** A static member is away; its place and partitions are kept for its session timeout. */
export const AWAY_EPOCH = -2

export interface ClassicMemberData {
  readonly sessionTimeoutMs: number
  readonly protocols: readonly MemberProtocol[]
}

export interface ConsumerMember {
  readonly memberId: string
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  /** Java's form of an address: a slash before it. */
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  /** Sorted, each once. */
  readonly topicNames: readonly string[]
  /** Empty: none. */
  readonly topicRegex: string
  /** Null: the broker's. */
  readonly serverAssignor: string | null
  readonly classic: ClassicMemberData | null
  readonly state: MemberState
  readonly assigned: Partitions
  readonly pendingRevocation: Partitions
}

export function newMember(memberId: string): ConsumerMember {
  return {
    memberId,
    memberEpoch: JOINING_EPOCH,
    previousMemberEpoch: -1,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    rebalanceTimeoutMs: -1,
    topicNames: [],
    topicRegex: '',
    serverAssignor: null,
    classic: null,
    state: MemberState.Stable,
    assigned: NO_PARTITIONS,
    pendingRevocation: NO_PARTITIONS,
  }
}

/** At the epoch with nothing left to do. */
export function isReconciledTo(member: ConsumerMember, epoch: number): boolean {
  return member.state === MemberState.Stable && member.memberEpoch === epoch
}

export function sameTopics(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((topic, at) => topic === other[at])
}

/** The part of a member that its metadata record tells. */
export function sameMetadata(one: ConsumerMember, other: ConsumerMember): boolean {
  return (
    one.instanceId === other.instanceId &&
    one.rackId === other.rackId &&
    one.clientId === other.clientId &&
    one.clientHost === other.clientHost &&
    one.rebalanceTimeoutMs === other.rebalanceTimeoutMs &&
    one.topicRegex === other.topicRegex &&
    one.serverAssignor === other.serverAssignor &&
    sameTopics(one.topicNames, other.topicNames) &&
    sameClassic(one.classic, other.classic)
  )
}

/** The part of a member that its current assignment record tells. */
export function sameAssignment(one: ConsumerMember, other: ConsumerMember): boolean {
  return (
    one.memberEpoch === other.memberEpoch &&
    one.previousMemberEpoch === other.previousMemberEpoch &&
    one.state === other.state &&
    samePartitions(one.assigned, other.assigned) &&
    samePartitions(one.pendingRevocation, other.pendingRevocation)
  )
}

function sameClassic(one: ClassicMemberData | null, other: ClassicMemberData | null): boolean {
  if (one === null || other === null) return one === other
  return (
    one.sessionTimeoutMs === other.sessionTimeoutMs &&
    one.protocols.length === other.protocols.length &&
    one.protocols.every(({ name, metadata }, at) => {
      const protocol = other.protocols[at]!
      return protocol.name === name && protocol.metadata.equals(metadata)
    })
  )
}

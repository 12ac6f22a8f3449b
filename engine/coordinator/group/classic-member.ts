/**
 * A member of a classic group: what it said when it joined, the assignment it got, and the request
 * it is waiting with. Source: Kafka's ClassicGroupMember.
 */
import { assert } from '../../base/assert.ts'
import type { JoinGroupResponse } from '../../protocol/11-join-group.ts'
import type { SyncGroupResponse } from '../../protocol/14-sync-group.ts'
import type { Reply, TimerHandle } from '../state-machine.ts'

/** One protocol (assignor) a member offers, with the bytes it wants the leader to see. */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

/** "No assignment": what a member gets that the leader left out. */
export const EMPTY_BYTES: Buffer = Buffer.alloc(0)

export interface MemberIdentity {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly protocolType: string
}

export interface MemberTerms {
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** In the member's order of preference, names unique. */
  readonly protocols: readonly MemberProtocol[]
}

export class ClassicMember {
  readonly memberId: string
  /** Null for a dynamic member. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly protocolType: string
  terms: MemberTerms
  assignment: Buffer
  /** Joined in the rebalance under way and has not had an answer yet: it cannot heartbeat. */
  isNew: boolean
  /** Parked JoinGroup. Written by ClassicGroup only, which counts them. */
  awaitingJoin: Reply<JoinGroupResponse> | null
  /** Parked SyncGroup. */
  awaitingSync: Reply<SyncGroupResponse> | null
  /** Monotonic time at which the session ends; see session.ts. */
  sessionDeadlineMs: number
  sessionTimer: TimerHandle | null
  /** Monotonic time at which sessionTimer fires, at or before the deadline. */
  sessionTimerAtMs: number

  constructor(identity: MemberIdentity, terms: MemberTerms, assignment: Buffer) {
    this.memberId = identity.memberId
    this.groupInstanceId = identity.groupInstanceId
    this.clientId = identity.clientId
    this.clientHost = identity.clientHost
    this.protocolType = identity.protocolType
    this.terms = terms
    this.assignment = assignment
    this.isNew = false
    this.awaitingJoin = null
    this.awaitingSync = null
    this.sessionDeadlineMs = 0
    this.sessionTimer = null
    this.sessionTimerAtMs = 0
  }

  get isStatic(): boolean {
    return this.groupInstanceId !== null
  }

  /** True while a parked request proves that the member is alive; never for a new one. */
  get satisfiesHeartbeat(): boolean {
    return !this.isNew && (this.awaitingJoin !== null || this.awaitingSync !== null)
  }

  /** The metadata for a protocol the member offers. */
  metadata(protocolName: string): Buffer {
    const protocol = this.terms.protocols.find((offered) => offered.name === protocolName)
    assert(protocol !== undefined, `member ${this.memberId} offers ${protocolName}`)
    return protocol.metadata
  }

  /** The member's first protocol that is a candidate; candidates are offered by all. */
  vote(candidates: ReadonlySet<string>): string {
    const choice = this.terms.protocols.find((offered) => candidates.has(offered.name))
    assert(choice !== undefined, `member ${this.memberId} offers a candidate`)
    return choice.name
  }

  /** True when the list is the same in order, names and bytes. */
  matches(protocols: readonly MemberProtocol[]): boolean {
    const mine = this.terms.protocols
    if (mine.length !== protocols.length) return false
    return mine.every((protocol, at) => {
      const other = protocols[at]!
      return protocol.name === other.name && protocol.metadata.equals(other.metadata)
    })
  }

  /** Copies protocols whose bytes belong to a connection; of a repeated name the first counts. */
  static copyProtocols(protocols: readonly MemberProtocol[]): readonly MemberProtocol[] {
    const byName = new Map<string, MemberProtocol>()
    for (const { name, metadata } of protocols)
      if (!byName.has(name)) byName.set(name, { name, metadata: Buffer.from(metadata) })
    return [...byName.values()]
  }
}

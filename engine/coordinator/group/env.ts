/**
 * What the parts of the group machine share: options, the runtime's context, and the groups of one
 * internal partition.
 */
import { limits } from '../../base/limits.ts'
import type { MachineContext, Outcome, Reply } from '../state-machine.ts'
import { ClassicGroup } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'
import type { GroupConfig } from './config.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import type { ConsumerTimers } from './consumer-timers.ts'
import type { ForeignGroups } from './foreign-groups.ts'
import type { GroupTurns } from './group-turns.ts'
import type { GroupOffsets } from './offset-store.ts'
import type { GroupResponse } from './requests.ts'

export type GroupOutcome = Outcome<GroupResponse>
export type GroupReply = Reply<GroupResponse>

/** Why a timer takes a member out, and what must still hold when its turn comes. */
export interface FenceReason {
  readonly why: string
  when(member: ConsumerMember): boolean
}

export interface GroupEnv {
  readonly config: GroupConfig
  readonly context: MachineContext<GroupResponse>
  /** By group id, in the order of creation. */
  readonly groups: Map<string, ClassicGroup>
  /** Groups of KIP-848 by id; a group id is in one of the two maps at most. */
  readonly consumers: Map<string, ConsumerGroup>
  readonly turns: GroupTurns
  readonly timers: ConsumerTimers
  readonly offsets: GroupOffsets
  /** Groups of other kinds in the same log. */
  readonly foreign: ForeignGroups
  /** When a member of a consumer group is late: consumer-leave.ts, put here as the next one. */
  readonly memberFenced: (groupId: string, memberId: string, because: FenceReason) => GroupOutcome
  /** When a member's session is over: rebalance.ts, put here to keep imports one-way. */
  readonly memberExpired: (group: ClassicGroup, member: ClassicMember) => GroupOutcome | null
}

/** Adds an empty group, or null when the partition is full. */
export function createGroup(env: GroupEnv, groupId: string): ClassicGroup | null {
  if (env.groups.size + env.consumers.size + env.foreign.size >= limits.groupsMax) return null
  const group = new ClassicGroup(groupId, env.context.clock.wallMs())
  env.groups.set(groupId, group)
  return group
}

/** Takes a group out of sight; its parked requests must have been answered. */
export function forgetGroup(env: GroupEnv, group: ClassicGroup): void {
  group.cancelTimers()
  if (env.groups.get(group.groupId) === group) env.groups.delete(group.groupId)
}

/**
 * The times that members of consumer groups have: to be heard of, to give partitions up, and for
 * classic members to join or sync. Whoever is late is taken out in the group's next turn. Source:
 * Kafka's GroupMetadataManager.scheduleConsumerGroup…Timeout.
 */
import { type ConsumerMember, MemberState } from './consumer-member.ts'
import { sessionTimeoutMs } from './consumer-options.ts'
import type { TimerKind } from './consumer-timers.ts'
import type { GroupEnv } from './env.ts'

/** Starts or extends a member's session. */
export function timeSession(env: GroupEnv, groupId: string, memberId: string): void {
  const timeoutMs = sessionTimeoutMs(env.config.consumer, env.context.image(), groupId)
  start(env, 'session', { groupId, memberId, timeoutMs }, 'has failed', () => true)
}

/** Starts or extends the session of a classic member, which brings its own timeout. */
export function timeClassicMember(env: GroupEnv, groupId: string, member: ConsumerMember): void {
  const { memberId, classic } = member
  const timeoutMs = classic?.sessionTimeoutMs ?? 0
  start(env, 'session', { groupId, memberId, timeoutMs }, 'has failed', () => true)
}

/** A classic member that is asked to join or sync has its rebalance timeout to do so. */
export function timeRejoin(
  env: GroupEnv,
  groupId: string,
  { memberId, rebalanceTimeoutMs }: ConsumerMember,
  kind: 'join' | 'sync',
): void {
  if (kind === 'join' && env.timers.isRunning('join', groupId, memberId)) return
  const of = { groupId, memberId, timeoutMs: Math.max(rebalanceTimeoutMs, 0) }
  start(env, kind, of, `did not ${kind} in time`, ({ classic }) => classic !== null)
}

/** A member that has to give partitions up has its rebalance timeout to do so. */
export function timeRevocation(env: GroupEnv, groupId: string, member: ConsumerMember): void {
  const { memberId, memberEpoch, rebalanceTimeoutMs } = member
  if (member.classic !== null) return
  if (member.state !== MemberState.Unrevoked) {
    env.timers.cancel('rebalance', groupId, memberId)
    return
  }
  const of = { groupId, memberId, timeoutMs: Math.max(rebalanceTimeoutMs, 0) }
  start(env, 'rebalance', of, 'did not give up its partitions in time', (current) => {
    return current.memberEpoch === memberEpoch && current.state === MemberState.Unrevoked
  })
}

/** After a load: every session starts afresh, and so does the time to give partitions up. */
export function timeLoadedGroups(env: GroupEnv): void {
  for (const { groupId, members } of env.consumers.values())
    for (const member of members.values()) {
      if (member.classic === null) timeSession(env, groupId, member.memberId)
      else timeClassicMember(env, groupId, member)
      timeRevocation(env, groupId, member)
    }
}

function start(
  env: GroupEnv,
  kind: TimerKind,
  of: { readonly groupId: string; readonly memberId: string; readonly timeoutMs: number },
  why: string,
  when: (member: ConsumerMember) => boolean,
): void {
  const { groupId, memberId, timeoutMs } = of
  env.timers.start(kind, groupId, memberId, timeoutMs, () =>
    env.turns.event(groupId, () => env.memberFenced(groupId, memberId, { why, when })),
  )
}

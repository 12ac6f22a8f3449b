/**
 * Member sessions. A heartbeat only moves the deadline; the timer looks at it when it fires and
 * sleeps on for the rest. So a heartbeat costs no timer work, and one timer per member exists.
 */
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'

/** Starts or extends the session; `timeoutMs` defaults to the member's session timeout. */
export function touchSession(
  env: GroupEnv,
  group: ClassicGroup,
  member: ClassicMember,
  timeoutMs: number = member.terms.sessionTimeoutMs,
): void {
  member.sessionDeadlineMs = env.context.clock.monotonicMs() + timeoutMs
  if (member.sessionTimer !== null) {
    if (member.sessionTimerAtMs <= member.sessionDeadlineMs) return
    member.sessionTimer.cancel()
  }
  arm(env, group, member)
}

function arm(env: GroupEnv, group: ClassicGroup, member: ClassicMember): void {
  const remainingMs = Math.ceil(member.sessionDeadlineMs - env.context.clock.monotonicMs())
  member.sessionTimerAtMs = member.sessionDeadlineMs
  member.sessionTimer = env.context.schedule(Math.max(remainingMs, 0), () => {
    member.sessionTimer = null
    return fire(env, group, member)
  })
}

function fire(env: GroupEnv, group: ClassicGroup, member: ClassicMember): GroupOutcome | null {
  if (group.members.get(member.memberId) !== member) return null
  if (env.context.clock.monotonicMs() < member.sessionDeadlineMs) {
    arm(env, group, member)
    return null
  }
  return env.memberExpired(group, member)
}

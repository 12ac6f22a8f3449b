/**
 * The timers of consumer group members, by group and member id: a group's object comes and goes with
 * replay, its timers do not. Each kind exists once per member. A session is extended by moving its
 * deadline; its timer looks at that when it fires and sleeps on for the rest.
 */
import type { Clock } from '../../base/clock.ts'
import type { TimerHandle } from '../state-machine.ts'

export type TimerKind = 'session' | 'rebalance' | 'join' | 'sync'

interface Timer {
  readonly handle: TimerHandle
  deadlineMs: number
  run: () => void
}

type Schedule = (delayMs: number, run: () => void) => TimerHandle

export class ConsumerTimers {
  private readonly clock: Clock
  private readonly schedule: Schedule
  private readonly timers: Map<string, Timer>

  constructor(clock: Clock, schedule: Schedule) {
    this.clock = clock
    this.schedule = schedule
    this.timers = new Map()
  }

  /** Starts a timer, or gives the one that runs another deadline and another thing to do. */
  start(kind: TimerKind, groupId: string, memberId: string, delayMs: number, run: () => void) {
    const key = keyOf(kind, groupId, memberId)
    const deadlineMs = this.clock.monotonicMs() + delayMs
    const timer = this.timers.get(key)
    if (timer !== undefined && timer.deadlineMs <= deadlineMs) {
      timer.deadlineMs = deadlineMs
      timer.run = run
      return
    }
    timer?.handle.cancel()
    this.arm(key, deadlineMs, run)
  }

  isRunning(kind: TimerKind, groupId: string, memberId: string): boolean {
    return this.timers.has(keyOf(kind, groupId, memberId))
  }

  cancel(kind: TimerKind, groupId: string, memberId: string): void {
    const key = keyOf(kind, groupId, memberId)
    this.timers.get(key)?.handle.cancel()
    this.timers.delete(key)
  }

  cancelMember(groupId: string, memberId: string): void {
    for (const kind of ['session', 'rebalance', 'join', 'sync'] as const)
      this.cancel(kind, groupId, memberId)
  }

  cancelAll(): void {
    for (const { handle } of this.timers.values()) handle.cancel()
    this.timers.clear()
  }

  private arm(key: string, deadlineMs: number, run: () => void): void {
    const delayMs = Math.max(Math.ceil(deadlineMs - this.clock.monotonicMs()), 0)
    const handle = this.schedule(delayMs, () => this.fire(key))
    this.timers.set(key, { handle, deadlineMs, run })
  }

  private fire(key: string): void {
    const timer = this.timers.get(key)
    if (timer === undefined) return
    this.timers.delete(key)
    if (this.clock.monotonicMs() < timer.deadlineMs) this.arm(key, timer.deadlineMs, timer.run)
    else timer.run()
  }
}

/** Ids are the clients' and may hold any character. */
function keyOf(kind: TimerKind, groupId: string, memberId: string): string {
  return JSON.stringify([kind, groupId, memberId])
}

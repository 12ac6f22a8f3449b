/**
 * Drives a shard's timer wheel with one host timer, armed for the first deadline only: a shard with
 * nothing due sleeps. The host timer does not keep the process alive; sockets do.
 */
import type { Clock } from '../engine/base/clock.ts'
import type { TimerWheel } from '../engine/base/timer-wheel.ts'

/** Longest sleep of one host timer, below the runtime's own bound of 2^31 ms. */
const SLEEP_MS_MAX = 3_600_000

export class WheelHost {
  private readonly wheel: TimerWheel
  private readonly clock: Clock
  private timer: NodeJS.Timeout | null = null
  private stopped = false

  constructor(wheel: TimerWheel, clock: Clock) {
    this.wheel = wheel
    this.clock = clock
    wheel.onEarlier = (dueMs) => this.sleepUntil(dueMs)
    this.settle()
  }

  stop(): void {
    this.stopped = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private wake(): void {
    this.timer = null
    // What is armed while timers run is seen by settle().
    this.wheel.wakeAtMs = Number.NEGATIVE_INFINITY
    this.wheel.advance(this.clock.monotonicMs())
    this.settle()
  }

  private settle(): void {
    const dueMs = this.wheel.nextDueMs()
    this.wheel.wakeAtMs = dueMs ?? Number.POSITIVE_INFINITY
    if (dueMs !== null) this.sleepUntil(dueMs)
  }

  private sleepUntil(dueMs: number): void {
    if (this.stopped) return
    if (this.timer !== null) clearTimeout(this.timer)
    const delayMs = Math.min(Math.max(1, dueMs - this.clock.monotonicMs()), SLEEP_MS_MAX)
    this.timer = setTimeout(() => this.wake(), Math.ceil(delayMs))
    this.timer.unref()
  }
}

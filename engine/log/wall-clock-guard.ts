/**
 * Notices when the wall clock jumps (S14): it should run with the monotonic clock, and deletion by age
 * must not follow a clock that was set wrong. A drift beyond the bound suspends trust until the two
 * clocks have agreed for a while, which then counts as the new truth. One per shard.
 */
import type { Clock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'
import type { Logger } from '../base/logger.ts'

export class WallClockGuard {
  private readonly clock: Clock
  private readonly logger: Logger
  /** Wall minus monotonic time as trusted. */
  private trustedGap: number
  /** The gap since the last jump, and since when it holds; -1 when there was none. */
  private newGap = 0
  private newSinceMs = -1

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
    this.trustedGap = clock.wallMs() - clock.monotonicMs()
  }

  /** Whether the wall clock may decide about deletion now. */
  trusted(): boolean {
    const nowMs = this.clock.monotonicMs()
    const gap = this.clock.wallMs() - nowMs
    if (near(gap, this.trustedGap)) {
      // Slow drift is how clocks are set right; it moves the trusted gap along.
      this.trustedGap = gap
      this.newSinceMs = -1
      return true
    }
    if (this.newSinceMs < 0 || !near(gap, this.newGap)) {
      const seconds = Math.round((gap - this.trustedGap) / 1000)
      this.logger.warn(`the wall clock jumped by ${seconds} s: deletion by age is suspended`)
      this.newGap = gap
      this.newSinceMs = nowMs
      return false
    }
    if (nowMs - this.newSinceMs < limits.wallClockSettleMs) return false
    this.logger.info('the wall clock holds: deletion by age goes on')
    this.trustedGap = gap
    this.newSinceMs = -1
    return true
  }
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= limits.wallClockJumpMs
}

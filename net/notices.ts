/** Log lines about misbehaving peers, one per address and kind in limits.noticeIntervalMs (N5). */
import type { Clock } from '../engine/base/clock.ts'
import { limits } from '../engine/base/limits.ts'
import type { Logger } from '../engine/base/logger.ts'

export class Notices {
  private readonly clock: Clock
  private readonly logger: Logger
  /** When a line was last written; oldest first, bounded by limits.noticeAddressesMax. */
  private readonly written = new Map<string, { atMs: number; dropped: number }>()

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
  }

  /** Writes `message` unless this address caused one of this kind a short while ago. */
  warn(address: string, kind: string, message: string): void {
    const key = `${kind} ${address}`
    const now = this.clock.monotonicMs()
    const last = this.written.get(key)
    if (last !== undefined && now - last.atMs < limits.noticeIntervalMs) {
      last.dropped++
      return
    }
    const more = last === undefined || last.dropped === 0 ? '' : ` (and ${last.dropped} more since)`
    this.logger.warn(message + more)
    this.written.delete(key)
    this.written.set(key, { atMs: now, dropped: 0 })
    if (this.written.size <= limits.noticeAddressesMax) return
    const oldest = this.written.keys().next().value
    if (oldest !== undefined) this.written.delete(oldest)
  }
}

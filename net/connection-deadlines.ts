/**
 * The patience of one connection, as one timer of the shard's wheel, armed for whatever is due first:
 *
 *   frame  once begun it must end within limits.frameDeadlineMs; and while others wait for the slab memory
 *          that one holds it must come at limits.frameBytesPerSecondMin from slowFrameMs on
 *   drain  replies in the socket must move within limits.drainDeadlineMs
 *   idle   connections.max.idle.ms without a byte either way
 *
 * Time in which the peer waits for us does not count: requests unanswered, a quota's silence, a frame that
 * waits for its memory, a socket that is not read.
 */
import type { Clock } from '../engine/base/clock.ts'
import { limits } from '../engine/base/limits.ts'
import { Timer, type TimerWheel } from '../engine/base/timer-wheel.ts'
import type { Receiver } from './receive.ts'

export interface DeadlineParts {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly receiver: Receiver
  /** Negative: never. */
  readonly idleMs: number
  /** The peer waits for an answer, or is told to be quiet. */
  waitsForUs(): boolean
  /** With a log line. */
  close(kind: string, reason: string): void
  /** Without one. */
  end(): void
}

const NONE = -1
const SECOND_MS = 1_000

export class ConnectionDeadlines {
  private readonly parts: DeadlineParts
  private readonly timer = new Timer(() => this.check())
  private lastActiveMs: number
  private frameSinceMs = NONE
  private drainSinceMs = NONE

  constructor(parts: DeadlineParts) {
    this.parts = parts
    this.lastActiveMs = parts.clock.monotonicMs()
    this.arm()
  }

  /** Bytes came or went, or it is the peer's turn from now on. */
  active(): void {
    this.lastActiveMs = this.parts.clock.monotonicMs()
  }

  /** The socket took what it was given. */
  drained(): void {
    this.active()
    this.drainSinceMs = NONE
  }

  /** Bytes lie in the socket for the peer to take. */
  drains(): void {
    if (this.drainSinceMs !== NONE) return
    this.drainSinceMs = this.parts.clock.monotonicMs()
    this.arm()
  }

  frameEnded(): void {
    this.frameSinceMs = NONE
  }

  /** Looks whether a frame is under way; `reading`: the socket is being read. */
  noteFrame(reading: boolean): void {
    if (!reading || !this.parts.receiver.midFrame) this.frameSinceMs = NONE
    else if (this.frameSinceMs === NONE) {
      this.frameSinceMs = this.lastActiveMs
      this.arm()
    }
  }

  cancel(): void {
    this.timer.cancel()
  }

  private arm(): void {
    const dueMs = this.nextMs()
    if (dueMs === Number.POSITIVE_INFINITY) return
    const { wheel } = this.parts
    if (!this.timer.armed || this.timer.dueTick * wheel.tickMs > dueMs) wheel.arm(this.timer, dueMs)
  }

  private nextMs(): number {
    const { idleMs, receiver } = this.parts
    let dueMs = idleMs < 0 ? Number.POSITIVE_INFINITY : this.lastActiveMs + idleMs
    if (this.frameSinceMs !== NONE) {
      dueMs = Math.min(dueMs, this.frameSinceMs + limits.frameDeadlineMs)
      if (receiver.slabFrameBytes >= 0) dueMs = Math.min(dueMs, this.nextLookMs())
    }
    if (this.drainSinceMs !== NONE)
      dueMs = Math.min(dueMs, this.drainSinceMs + limits.drainDeadlineMs)
    return dueMs
  }

  /** When the pace of a large frame is next looked at. */
  private nextLookMs(): number {
    const ageMs = this.parts.clock.monotonicMs() - this.frameSinceMs
    const looks = Math.floor(ageMs / limits.slowFrameMs) + 1
    return this.frameSinceMs + looks * limits.slowFrameMs
  }

  private isTooSlow(nowMs: number): boolean {
    const { receiver } = this.parts
    const bytes = receiver.slabFrameBytes
    if (bytes < 0 || this.frameSinceMs === NONE || !receiver.slabWanted) return false
    const ageMs = nowMs - this.frameSinceMs
    return (
      ageMs >= limits.slowFrameMs && bytes < (ageMs * limits.frameBytesPerSecondMin) / SECOND_MS
    )
  }

  private check(): void {
    const { clock, receiver } = this.parts
    const nowMs = clock.monotonicMs()
    if (this.parts.waitsForUs() || receiver.awaitsSlab) this.lastActiveMs = nowMs
    if (this.frameSinceMs !== NONE && nowMs >= this.frameSinceMs + limits.frameDeadlineMs)
      this.parts.close('frame', `a request was not complete after ${limits.frameDeadlineMs} ms`)
    else if (this.isTooSlow(nowMs))
      this.parts.close('slow', 'a large request came slowly while others waited for its memory')
    else if (this.drainSinceMs !== NONE && nowMs >= this.drainSinceMs + limits.drainDeadlineMs)
      this.parts.close('drain', `it took no reply byte for ${limits.drainDeadlineMs} ms`)
    else if (nowMs >= this.nextMs()) this.parts.end()
    else this.arm()
  }
}

/**
 * Bounds how many closed segments keep their files open: the longest unused one is closed when there
 * are more than limits.openSegmentsMax. One per shard, shared by its logs; active segments do not
 * count. A leased segment is passed over.
 */
import { limits } from '../base/limits.ts'
import type { Segment } from './segment.ts'

export class OpenSegments {
  private readonly max: number
  /** In order of use, the longest unused first. */
  private readonly used = new Set<Segment>()
  /** Closes under way; awaited by those who end a log. */
  private closing: Promise<unknown> = Promise.resolve()

  constructor(max: number = limits.openSegmentsMax) {
    this.max = max
  }

  get count(): number {
    return this.used.size
  }

  /** `segment` is open and was just used. */
  touch(segment: Segment): void {
    this.used.delete(segment)
    if (segment.pinned) return
    this.used.add(segment)
    if (this.used.size > this.max) this.closeOldest()
  }

  /** `segment` is deleted or its log closed. */
  forget(segment: Segment): void {
    this.used.delete(segment)
  }

  /** Resolves when the closes begun so far are done. */
  settled(): Promise<unknown> {
    return this.closing
  }

  private closeOldest(): void {
    for (const segment of this.used) {
      if (segment.lease.held || segment.pinned) continue
      this.used.delete(segment)
      // A failed close of a file that was only read loses nothing.
      const closed = segment.close(true).catch(() => {})
      this.closing = Promise.all([this.closing, closed])
      return
    }
  }
}

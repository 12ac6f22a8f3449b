/**
 * Keeps the files of a segment while someone reads them: a fetch answers with a place in a file, and
 * the bytes leave later, perhaps from another thread. A leased segment's file is neither closed nor
 * unlinked; when the last lease goes, what waited for that runs.
 *
 * Counted, owner's thread only: other threads give leases back by message.
 */
import { assert } from '../base/assert.ts'

export class SegmentLease {
  private count = 0
  private onIdle: (() => void)[] = []

  get held(): boolean {
    return this.count > 0
  }

  acquire(): void {
    this.count++
  }

  /** Gives back one acquire. */
  release(): void {
    assert(this.count > 0, 'a lease is released as often as it was acquired')
    this.count--
    if (this.count > 0 || this.onIdle.length === 0) return
    const waiting = this.onIdle
    this.onIdle = []
    for (const run of waiting) run()
  }

  /** Resolves when nobody holds a lease; at once when nobody does. */
  idle(): Promise<void> {
    if (this.count === 0) return Promise.resolve()
    return new Promise((resolve) => this.onIdle.push(resolve))
  }
}

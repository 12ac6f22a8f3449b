/**
 * Answers of reads whose files are kept for one other shard until it has sent their bytes: a lease
 * covers all results of one answer. Bound: limits.remoteLeasesMax.
 */
import { assert } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { ReadResult } from '../engine/shard-port.ts'

export class LeaseTable {
  private readonly byId: (readonly ReadResult[] | null)[] = [null]
  private readonly free: number[] = []
  private held = 0

  get size(): number {
    return this.held
  }

  get full(): boolean {
    return this.held >= limits.remoteLeasesMax
  }

  /** Keeps the results; returns the lease, never 0. */
  add(results: readonly ReadResult[]): number {
    assert(!this.full, `${this.held} leases`)
    this.held++
    const id = this.free.pop()
    if (id !== undefined) {
      this.byId[id] = results
      return id
    }
    this.byId.push(results)
    return this.byId.length - 1
  }

  result(id: number, index: number): ReadResult {
    const result = this.byId[id]?.[index]
    assert(result !== undefined, `lease ${id} has no result ${index}`)
    return result
  }

  release(id: number): void {
    const results = this.byId[id]
    assert(results !== undefined && results !== null, `lease ${id} is released and not held`)
    this.byId[id] = null
    this.free.push(id)
    this.held--
    for (const result of results) result.release()
  }
}

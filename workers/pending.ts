/**
 * Requests to one other shard that await their reply: numbered slots, so that a reply finds what it
 * belongs to without a search, and a deadline for each (R4).
 *
 * A correlation is slot | generation << 16. A slot is free again only when its reply has come:
 * after the deadline the asker is told, but the slot stays taken and keeps the slab whose bytes
 * the owner may still be reading. So a late reply can never be taken for another request's.
 *
 * Bound: limits.pendingRequestsMax.
 */
import { broken } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { Slab } from './slab.ts'

const SLOT_BITS = 16
const SLOT_MASK = (1 << SLOT_BITS) - 1
const GENERATIONS = 0x7fff
const INITIAL_SLOTS = 64

/** What `take` found; one object, valid until the next call. */
export interface Taken<T> {
  /** null: its deadline passed before and the asker was told. */
  entry: T | null
  slab: Slab | null
}

export class PendingTable<T> {
  private readonly slotsMax: number
  private readonly entries: (T | null)[] = []
  private readonly slabs: (Slab | null)[] = []
  private readonly deadlines: number[] = []
  /** 1 … GENERATIONS while in use, that of the last use negated while free. */
  private readonly generations: number[] = []
  /** Slots free for use, the last one freed on top. */
  private readonly free: number[] = []
  private readonly taken: Taken<T> = { entry: null, slab: null }

  constructor(slotsMax: number = limits.pendingRequestsMax) {
    this.slotsMax = slotsMax
    this.addSlots(Math.min(INITIAL_SLOTS, slotsMax))
  }

  get size(): number {
    return this.entries.length - this.free.length
  }

  /** The request's correlation, never 0; -1: too many are pending. `slab` is kept until the reply. */
  add(entry: T, slab: Slab | null, deadlineMs: number): number {
    if (this.free.length === 0) {
      const slots = this.entries.length
      if (slots >= this.slotsMax) return -1
      this.addSlots(Math.min(slots, this.slotsMax - slots))
    }
    const slot = this.free.pop()!
    const generation = (-this.generations[slot]! % GENERATIONS) + 1
    this.generations[slot] = generation
    this.entries[slot] = entry
    this.slabs[slot] = slab
    this.deadlines[slot] = deadlineMs
    return slot | (generation << SLOT_BITS)
  }

  /** Sets the slab of a request whose bytes were not ready when it was added. */
  setSlab(correlation: number, slab: Slab): void {
    this.slabs[this.slotOf(correlation)] = slab
  }

  /** Whether this request's reply is still to come. */
  holds(correlation: number): boolean {
    return this.generations[correlation & SLOT_MASK] === correlation >>> SLOT_BITS
  }

  /** The reply came, or the request was never sent: frees the slot; the caller, the slab. */
  take(correlation: number): Taken<T> {
    const slot = this.slotOf(correlation)
    const { taken } = this
    taken.entry = this.entries[slot] ?? null
    taken.slab = this.slabs[slot] ?? null
    this.entries[slot] = null
    this.slabs[slot] = null
    this.deadlines[slot] = Number.POSITIVE_INFINITY
    this.generations[slot] = -this.generations[slot]!
    this.free.push(slot)
    return taken
  }

  /** Hands every request whose deadline came to `onExpired`, once; returns the earliest left. */
  expire(nowMs: number, onExpired: (entry: T) => void): number {
    let earliest = Number.POSITIVE_INFINITY
    for (let slot = 0; slot < this.deadlines.length; slot++) {
      const deadline = this.deadlines[slot]!
      const entry = this.entries[slot]
      if (entry === null || entry === undefined) continue
      if (deadline > nowMs) {
        earliest = Math.min(earliest, deadline)
        continue
      }
      this.entries[slot] = null
      this.deadlines[slot] = Number.POSITIVE_INFINITY
      onExpired(entry)
    }
    return earliest
  }

  private slotOf(correlation: number): number {
    const slot = correlation & SLOT_MASK
    if (!this.holds(correlation))
      broken(`correlation ${correlation}: slot ${slot} is at generation ${this.generations[slot]}`)
    return slot
  }

  private addSlots(count: number): void {
    const first = this.entries.length
    for (let slot = first + count - 1; slot >= first; slot--) this.free.push(slot)
    for (let i = 0; i < count; i++) {
      this.entries.push(null)
      this.slabs.push(null)
      this.deadlines.push(Number.POSITIVE_INFINITY)
      this.generations.push(0)
    }
  }
}

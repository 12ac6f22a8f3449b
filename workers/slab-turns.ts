/**
 * Who gets slab memory next. Counts bytes alone; the memory itself is the pool's (slab.ts).
 *
 * Two lines, because to announce megabytes costs a peer nothing and a few who do so would hold up
 * everybody who has something to send:
 *
 *   small  size classes up to budget.smallBytesMax; first come first served, over the whole budget
 *   large  the rest; first come first served, together at most budget.largeBytesMax. One that is
 *          larger than that gets its memory while no other large one has any.
 *
 * A large one is due from the moment it is the first of its line and only small ones are in its way.
 * Then small ones that already wait go first, and those that come later go after it.
 *
 * Bounds:
 *   - a small one never waits for a large one that waits for large ones. It waits while the budget is
 *     used up: for small ones before it, and for one large one at most, because before the next is due
 *     it is among those that go first. As long as small ones in use need no more than
 *     bytesMax - largeBytesMax, no large one within the share delays it at all.
 *   - a large one waits for the large ones before it, then for the small ones that are in use or wait
 *     when it becomes due. Nobody starves, however many come on either side.
 *   - one of the whole budget's size, which limits.slabBytesMax allows, is due when no large one is in
 *     use, has its turn when all memory is back, and the small ones that come from then on wait until
 *     it is done: the price of a socket.request.max.bytes above largeBytesMax.
 *   - how long memory is held: limits.frameDeadlineMs for a frame on its way, or slowFrameMs at less
 *     than frameBytesPerSecondMin while somebody waits whom it would help (`wanted`).
 */
import { broken } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import { Place, WaitingLine } from './waiting-line.ts'

export interface TurnsBudget {
  readonly bytesMax: number
  /** Largest size class of the small ones. */
  readonly smallBytesMax: number
  /** What the large ones may have together. */
  readonly largeBytesMax: number
}

/** Somebody in line. */
export interface Waiter {
  /** Size class. */
  readonly size: number
  /** In the order in which they came. */
  readonly number: number
  /** Has its bytes: they are counted as used. */
  readonly served: () => void
}

const NOT_DUE = -1

export class SlabTurns {
  private readonly budget: TurnsBudget
  private readonly small = new WaitingLine<Waiter>()
  private readonly large = new WaitingLine<Waiter>()
  private used = 0
  private largeUsed = 0
  private lastNumber = 0
  /** Of the last that waited when the first of the large ones became due; -1: it is not. */
  private dueNumber = NOT_DUE
  private serving = false

  constructor(budget: TurnsBudget) {
    this.budget = budget
  }

  get usedBytes(): number {
    return this.used
  }

  get waiting(): number {
    return this.small.length + this.large.length
  }

  /** Takes `size` bytes if it is nobody else's turn and they are there. */
  take(size: number): boolean {
    const free = this.isLarge(size)
      ? this.large.length === 0 && this.inShare(size)
      : this.small.length === 0 && this.dueNumber === NOT_DUE
    if (!free || !this.fits(size)) return false
    this.count(size)
    return true
  }

  /** In line, after `take` said no; `served` is called from within a `giveBack` or a `leave`. */
  wait(size: number, served: () => void): Place<Waiter> {
    if (this.waiting >= limits.slabWaitersMax) broken(`${this.waiting} wait for slabs`)
    const line = this.isLarge(size) ? this.large : this.small
    const place = new Place<Waiter>({ size, number: ++this.lastNumber, served })
    line.push(place)
    this.look()
    return place
  }

  /** Somebody who was not served does not wait any more: others may have their turn for that. */
  leave(place: Place<Waiter>): void {
    const line = this.isLarge(place.item.size) ? this.large : this.small
    if (place === this.large.first) this.dueNumber = NOT_DUE
    line.remove(place)
    this.serve()
  }

  /** Bytes are free again: others have their turn. */
  giveBack(size: number): void {
    this.used -= size
    if (this.isLarge(size)) this.largeUsed -= size
    this.serve()
  }

  /** Somebody waits whom these bytes would help if they came back. */
  wanted(size: number): boolean {
    return this.isLarge(size)
      ? this.waiting > 0
      : this.small.length > 0 || this.dueNumber !== NOT_DUE
  }

  private serve(): void {
    this.look()
    // Whoever is served may give back at once; the loop further up goes on then, not a deeper one.
    if (this.serving) return
    this.serving = true
    try {
      for (let next = this.next(); next !== undefined; next = this.next()) next.served()
    } finally {
      this.serving = false
    }
  }

  private next(): Waiter | undefined {
    const line = this.isLargeTurn() ? this.large : this.small
    const place = line.first
    if (place === null || !this.fits(place.item.size)) return undefined
    if (line === this.large) this.dueNumber = NOT_DUE
    line.remove(place)
    this.count(place.item.size)
    this.look()
    return place.item
  }

  private isLargeTurn(): boolean {
    if (this.dueNumber === NOT_DUE) return false
    const small = this.small.first
    return small === null || small.item.number > this.dueNumber
  }

  /** Looks whether the first of the large ones has become due. */
  private look(): void {
    const { first } = this.large
    if (this.dueNumber !== NOT_DUE || first === null) return
    if (this.inShare(first.item.size)) this.dueNumber = this.lastNumber
  }

  private isLarge(size: number): boolean {
    return size > this.budget.smallBytesMax
  }

  private inShare(size: number): boolean {
    return this.largeUsed === 0 || this.largeUsed + size <= this.budget.largeBytesMax
  }

  private fits(size: number): boolean {
    return this.used + size <= this.budget.bytesMax
  }

  private count(size: number): void {
    this.used += size
    if (this.isLarge(size)) this.largeUsed += size
  }
}

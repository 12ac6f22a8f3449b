/**
 * A hierarchical timing wheel (Varghese and Lauck; Kafka's `TimingWheel`): thousands of deadlines
 * that mostly never fire, armed and cancelled in constant time. Plain and deterministic: no clock
 * and no host timer inside. The host calls `advance(nowMs)` and sleeps until `nextDueMs()`.
 *
 *   level 0   64 slots of 1 tick          a slot of level k+1 holds what will cascade into level k
 *   level 1   64 slots of 64 ticks        when the wheel reaches it; the last level is re-entered
 *   by level 2   64 slots of 4096 ticks      deadlines farther away than it spans
 *   level 3   64 slots of 262144 ticks
 *
 * Invariants: a timer never fires early; it fires in the first `advance` at or after its deadline
 * rounded up to a tick; timers of one tick fire in the order they were armed. Times are monotonic
 * milliseconds and never negative.
 */
import { assert } from './assert.ts'

const LEVEL_BITS = 6
const SLOTS = 1 << LEVEL_BITS
const LEVELS = 4
/** Ticks the whole wheel spans; farther deadlines wait in its last slot and are put back. */
const SPAN_TICKS = SLOTS ** LEVELS

/** One deadline; make it once and arm it as often as needed. Belongs to one wheel at a time. */
export class Timer {
  readonly run: () => void
  /** Tick at which it fires; meaningless unless armed. */
  dueTick = 0
  /** Neighbours in the slot's ring; null = not armed. */
  next: Timer | null = null
  previous: Timer | null = null

  constructor(run: () => void) {
    this.run = run
  }

  get armed(): boolean {
    return this.next !== null
  }

  /** Takes it out of its wheel; harmless when not armed. */
  cancel(): void {
    if (this.next === null || this.previous === null) return
    this.previous.next = this.next
    this.next.previous = this.previous
    this.next = null
    this.previous = null
  }
}

export class TimerWheel {
  readonly tickMs: number
  /** Ticks up to and including this one have fired. */
  private tick: number
  /**
   * When the host will call `advance` next; kept by the host, lowered here before `onEarlier` is
   * called because something is due before that.
   */
  wakeAtMs = Number.POSITIVE_INFINITY
  onEarlier: (dueMs: number) => void = () => {}
  /** Ring heads, level by level. */
  private readonly slots: Timer[] = []

  constructor(startMs: number, tickMs: number) {
    assert(tickMs > 0 && startMs >= 0, `timer wheel from ${startMs} ms in ticks of ${tickMs} ms`)
    this.tickMs = tickMs
    this.tick = Math.floor(startMs / tickMs)
    for (let i = 0; i < LEVELS * SLOTS; i++) this.slots.push(emptyRing())
  }

  /** Fires at the first `advance(nowMs)` with nowMs >= deadlineMs; arming again moves it. */
  arm(timer: Timer, deadlineMs: number): void {
    timer.cancel()
    timer.dueTick = Math.max(Math.ceil(deadlineMs / this.tickMs), this.tick + 1)
    this.insert(timer)
    const dueMs = timer.dueTick * this.tickMs
    if (dueMs >= this.wakeAtMs) return
    this.wakeAtMs = dueMs
    this.onEarlier(dueMs)
  }

  /** A new armed timer; keep it to cancel it. */
  schedule(deadlineMs: number, run: () => void): Timer {
    const timer = new Timer(run)
    this.arm(timer, deadlineMs)
    return timer
  }

  /**
   * Runs everything due by `nowMs`; what a run arms for the past fires in the next tick, not now.
   */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / this.tickMs)
    while (this.tick < target) {
      const next = this.nextBusyTick()
      if (next === null || next > target) {
        this.tick = target
        return
      }
      this.tick = next
      this.cascade()
      this.fire()
    }
  }

  /** When `advance` has something to do next, in milliseconds; null while nothing is armed. */
  nextDueMs(): number | null {
    const tick = this.nextBusyTick()
    return tick === null ? null : tick * this.tickMs
  }

  private insert(timer: Timer): void {
    // The level is the highest digit (base 64) in which the due tick differs from the current one:
    // lower levels are then reached by cascading exactly when that digit turns.
    const reach = Math.min(timer.dueTick, this.tick + SPAN_TICKS - SLOTS ** (LEVELS - 1))
    let level = 0
    let unit = 1
    while (
      level < LEVELS - 1 &&
      Math.floor(reach / (unit * SLOTS)) !== Math.floor(this.tick / (unit * SLOTS))
    ) {
      level++
      unit *= SLOTS
    }
    append(this.slot(level, Math.floor(reach / unit)), timer)
  }

  private slot(level: number, unitIndex: number): Timer {
    const head = this.slots[level * SLOTS + (unitIndex % SLOTS)]
    assert(head !== undefined, `timer slot ${level}/${unitIndex}`)
    return head
  }

  /**
   * First tick after the current one at which a slot fires or cascades; null when all are empty.
   */
  private nextBusyTick(): number | null {
    let unit = 1
    let best: number | null = null
    for (let level = 0; level < LEVELS; level++) {
      const at = Math.floor(this.tick / unit)
      for (let ahead = 1; ahead <= SLOTS; ahead++) {
        const head = this.slot(level, at + ahead)
        if (head.next === head) continue
        const tick = (at + ahead) * unit
        if (best === null || tick < best) best = tick
        break
      }
      unit *= SLOTS
    }
    return best
  }

  /** On a tick where a higher digit turned, spreads that level's slot over the levels below. */
  private cascade(): void {
    // From the highest turned level down, so that what falls two levels lands in order.
    for (let level = LEVELS - 1; level >= 1; level--) {
      const levelUnit = SLOTS ** level
      if (this.tick % levelUnit !== 0) continue
      for (const timer of takeAll(this.slot(level, Math.floor(this.tick / levelUnit)))) {
        timer.cancel()
        this.insert(timer)
      }
    }
  }

  private fire(): void {
    for (const timer of takeAll(this.slot(0, this.tick))) {
      // A run before this one may have cancelled or moved it; takeAll left it marked as armed.
      if (timer.dueTick > this.tick || timer.next !== timer) continue
      timer.next = null
      timer.previous = null
      timer.run()
    }
  }
}

function emptyRing(): Timer {
  const head = new Timer(() => {})
  head.next = head
  head.previous = head
  return head
}

function append(head: Timer, timer: Timer): void {
  const last = head.previous
  assert(last !== null, 'timer ring is closed')
  timer.previous = last
  timer.next = head
  last.next = timer
  head.previous = timer
}

/**
 * Empties a slot; each taken timer becomes a ring of its own, so that cancelling it still works.
 */
function takeAll(head: Timer): Timer[] {
  const taken: Timer[] = []
  while (head.next !== head) {
    const timer = head.next
    assert(timer !== null, 'timer ring is closed')
    timer.cancel()
    timer.next = timer
    timer.previous = timer
    taken.push(timer)
  }
  return taken
}

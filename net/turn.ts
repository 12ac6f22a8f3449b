/**
 * The end of a loop turn. Whatever a turn's reads and wake-ups brought is finished once, in order:
 * storage first (one disk write for all appends), then one socket write per connection. Nothing is
 * done per event; an idle shard schedules nothing.
 *
 * While all reads that ask for the end of a turn are one connection's, nobody is there to share it: it
 * comes right behind the read then, not after the loop's other events.
 */
import { unfailing } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'

/** Something that finishes its work at the end of the turn in which it asked to. */
export interface TurnPart {
  endTurn(): void
  /** It is in the list of the turn; kept by Turn alone. */
  touched: boolean
}

/** Told when a turn has ended and none follows. */
export interface TurnRest {
  /** `pending`: a turn is on its way. */
  follow(pending: () => boolean): void
  /** `only`: the one part that the turn had, null when it had none or several. */
  rest(only: TurnPart | null): void
}

export class Turn {
  private readonly flushStorage: () => void
  private readonly flushed: () => void
  private readonly resting: readonly TurnRest[]
  /** The first `count` entries are the turn's; what is behind them is kept as room. */
  private parts: (TurnPart | null)[] = []
  private spare: (TurnPart | null)[] = []
  private count = 0
  /** An end of turn is on its way. */
  private scheduled = false
  private running = false
  /** Parts that ask now belong to the turn that is ending. */
  private gathering = false
  private only: TurnPart | null = null
  /** Between `readBegins` and `readEnds`, and what was asked for meanwhile. */
  private reading = false
  private asked = false
  /** Whose read asked last, and how many before it in a row. */
  private asker: TurnPart | null = null
  private loneReads = 0

  /** `flushStorage` writes out what was appended and answers it; `flushed` runs right after. */
  constructor(flushStorage: () => void, flushed: () => void, resting: readonly TurnRest[] = []) {
    this.flushStorage = flushStorage
    this.flushed = flushed
    this.resting = resting
    for (const rest of resting) rest.follow(() => this.scheduled)
  }

  /** Ends this turn even if no part asks for it, for work that storage holds. */
  schedule(): void {
    if (this.gathering) return
    if (this.reading) this.asked = true
    else this.scheduleEnd()
  }

  private scheduleEnd(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(this.ended)
  }

  /** From here to `readEnds`, which is owed, it is the read of one part that asks. */
  readBegins(): void {
    this.reading = true
  }

  /** `mayEnd`: there was no more to read. True: the turn that the read asked for has ended, or will. */
  readEnds(part: TurnPart, mayEnd: boolean): boolean {
    this.reading = false
    if (!this.asked) return false
    this.asked = false
    this.loneReads = part === this.asker ? this.loneReads + 1 : 0
    this.asker = part
    if (mayEnd && this.loneReads >= limits.loneReadsMin && !this.scheduled) this.end()
    else this.scheduleEnd()
    return true
  }

  /** Calls `part.endTurn()` once at the end of this turn. */
  touch(part: TurnPart): void {
    if (part.touched) return
    part.touched = true
    this.parts[this.count++] = part
    this.schedule()
  }

  /** A part has done already what a turn would have done for it. */
  spared(part: TurnPart): void {
    if (!this.scheduled && !this.running && !part.touched) this.rest(part)
  }

  private rest(only: TurnPart | null): void {
    for (const resting of this.resting) resting.rest(only)
  }

  /**
   * Ends the turn now. Parts that storage's answers touch end with it; what parts ask for while they
   * end belongs to the next one.
   */
  run(): void {
    if (this.running) return
    this.running = true
    this.gathering = true
    try {
      // A connection at its bounds runs a turn from amid its own read.
      unfailing(this.finish)
    } finally {
      this.running = false
      this.gathering = false
    }
  }

  private readonly finish = (): void => {
    this.flushStorage()
    this.flushed()
    this.gathering = false
    const { parts, count } = this
    this.parts = this.spare
    this.spare = parts
    this.count = 0
    this.only = count === 1 ? parts[0]! : null
    for (let i = 0; i < count; i++) parts[i]!.touched = false
    for (let i = 0; i < count; i++) {
      const part = parts[i]!
      parts[i] = null
      part.endTurn()
    }
  }

  private readonly ended = (): void => {
    this.scheduled = false
    this.end()
  }

  private end(): void {
    this.run()
    if (!this.scheduled) this.rest(this.only)
  }
}

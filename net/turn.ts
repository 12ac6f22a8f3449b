/**
 * The end of a loop turn. Whatever a turn's reads and wake-ups brought is finished once, in order:
 * storage first (one disk write for all appends), then one socket write per connection. Nothing is
 * done per event; an idle shard schedules nothing.
 */

/** Something that finishes its work at the end of the turn in which it asked to. */
export interface TurnPart {
  endTurn(): void
  /** It is in the list of the turn; kept by Turn alone. */
  touched: boolean
}

export class Turn {
  private readonly flushStorage: () => void
  private readonly flushed: () => void
  private parts: TurnPart[] = []
  private spare: TurnPart[] = []
  private scheduled = false
  private running = false

  /** `flushStorage` writes out what was appended and answers it; `flushed` runs right after. */
  constructor(flushStorage: () => void, flushed: () => void) {
    this.flushStorage = flushStorage
    this.flushed = flushed
  }

  /** Ends this turn even if no part asks for it, for work that storage holds. */
  schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => this.run())
  }

  /** Calls `part.endTurn()` once at the end of this turn. */
  touch(part: TurnPart): void {
    if (part.touched) return
    part.touched = true
    this.parts.push(part)
    this.schedule()
  }

  /** Ends the turn now; what parts ask for meanwhile belongs to the next one. */
  run(): void {
    if (this.running) return
    this.running = true
    this.scheduled = false
    try {
      this.flushStorage()
      this.flushed()
      const parts = this.parts
      this.parts = this.spare
      for (const part of parts) part.touched = false
      for (const part of parts) part.endTurn()
      parts.length = 0
      this.spare = parts
    } finally {
      this.running = false
    }
  }
}

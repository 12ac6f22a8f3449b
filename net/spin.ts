/**
 * Looking at the sockets again in place of sleeping, for a client that sends its next request as soon as
 * it has the answer to the one before. To be woken on another processor costs 30 us and cold caches;
 * such a client is back sooner (reference/performance.md §2.6).
 *
 * A gate, since for any other load this takes CPU and gains nothing, nor where the kernel has client and
 * broker take turns on one processor anyway:
 *
 *   shut → open   limits.spinTurnsMin turns in a row for one and the same connection, none later than
 *                 limits.spinCycleMsMax after the one before, with sleeps that cost more than a spin
 *   open → shut   a turn for somebody else or for several (they gain more by being served together), or
 *                 more than one of limits.spinsPerMiss spins in vain, or turns that come no faster than
 *                 with sleeps; and at times, to measure those anew
 *
 * After a vain opening the next one takes twice as many turns, limits.spinTurnsMax at most. One thread of
 * the process spins at a time: the client needs a processor as well. At rest nothing runs.
 */
import { limits } from '../engine/base/limits.ts'
import { CreditGate } from './credit-gate.ts'
import type { TurnPart } from './turn.ts'

export interface SpinParts {
  /** One word of all threads: 1 while one of them spins. */
  readonly busy: Int32Array
  /** Of one spin; 0 = never. */
  readonly spinMs: number
  nowMs(): number
  /** After the sockets were looked at, without waiting (setImmediate). */
  afterPoll(run: () => void): void
}

export class Spin {
  private readonly parts: SpinParts
  private readonly busy: Int32Array
  private client: TurnPart | null = null
  private restedMs = 0
  /** Turns in a row, while shut or of the trial at hand, and the time they took. */
  private turns = 0
  private turnsMs = 0
  private readonly gate = new CreditGate({
    turnsMin: limits.spinTurnsMin,
    turnsMax: limits.spinTurnsMax,
    opening: 0,
    max: limits.spinCreditMax,
    worth: limits.spinTurnsMin,
  })
  /** From turn to turn when it sleeps in between; of the last turns while shut. */
  private sleepingMs = 0
  private trials = 0
  private untilMs = 0
  private spinning = false
  private pending: () => boolean = () => false

  constructor(parts: SpinParts) {
    this.parts = parts
    this.busy = parts.busy
  }

  /** `pending`: a turn is on its way. */
  follow(pending: () => boolean): void {
    this.pending = pending
  }

  /** A turn has ended and none follows; `only` is its one part, null when it had none or several. */
  rest(only: TurnPart | null): void {
    const { parts } = this
    if (parts.spinMs === 0) return
    if (only === null || only !== this.client) {
      this.client = only
      this.shut()
      return
    }
    const nowMs = parts.nowMs()
    const cycleMs = nowMs - this.restedMs
    this.restedMs = nowMs
    if (!(this.gate.isOpen ? this.staysOpen(cycleMs) : this.opens(cycleMs))) return
    this.untilMs = nowMs + parts.spinMs
    if (this.spinning) {
      // No turn was needed (Turn.spared): it goes on looking.
      this.judge(true)
      return
    }
    if (Atomics.compareExchange(this.busy, 0, 0, 1) !== 0) return
    this.spinning = true
    parts.afterPoll(this.look)
  }

  private opens(cycleMs: number): boolean {
    if (cycleMs > limits.spinCycleMsMax) {
      this.count(0, 0)
      return false
    }
    this.count(this.turns + 1, this.turnsMs + cycleMs)
    if (!this.gate.suffice(this.turns)) return false
    this.sleepingMs = this.turnsMs / this.turns
    this.count(0, 0)
    if (this.sleepingMs < this.parts.spinMs) return false
    this.gate.open()
    this.trials = 0
    return true
  }

  private staysOpen(cycleMs: number): boolean {
    // A pause of the client says nothing about either way.
    if (cycleMs > limits.spinCycleMsMax) return true
    this.count(this.turns + 1, this.turnsMs + cycleMs)
    if (this.turns < limits.spinTrialTurns) return true
    const isFaster = this.turnsMs / this.turns <= this.sleepingMs * limits.spinCycleShare
    this.count(0, 0)
    if (isFaster && ++this.trials < limits.spinTrialsMax) return true
    this.shut(isFaster)
    return false
  }

  private count(turns: number, turnsMs: number): void {
    this.turns = turns
    this.turnsMs = turnsMs
  }

  private readonly look = (): void => {
    const caught = this.pending()
    if (!caught && this.parts.nowMs() < this.untilMs) {
      this.parts.afterPoll(this.look)
      return
    }
    this.spinning = false
    Atomics.store(this.busy, 0, 0)
    this.judge(caught)
  }

  private judge(caught: boolean): void {
    if (caught) this.gate.earn()
    else {
      this.gate.lose(limits.spinsPerMiss)
      if (!this.gate.isOpen) this.count(0, 0)
    }
  }

  private shut(wasWorth?: boolean): void {
    this.count(0, 0)
    this.gate.shut(wasWorth)
  }
}

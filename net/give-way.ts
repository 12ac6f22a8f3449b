/**
 * Handing the processor to whoever waits for it, in place of sleeping, while several clients keep a thread
 * busy. Where clients run on the broker's machine there are more busy threads than processors: a thread that
 * sleeps has to be woken by a client that is about to be interrupted for it, and is woken for each request by
 * itself. One that gives way stays runnable, so nobody has to wake it, and finds all that the clients have
 * sent meanwhile. sched_yield(2) returns at once where nobody waits; after limits.giveWayLooks of them that
 * brought nothing the thread sleeps. Looking at the sockets again without giving way only gets in the
 * clients' way (docs/performance.md).
 *
 * A gate, as for spinning (spin.ts), which serves the one client that this leaves alone:
 *
 *   shut → open   limits.giveWayTurnsMin turns in a row, none later than limits.giveWayCycleMsMax after the
 *                 one before; more after it was in vain, but for a thread that finds another one trying
 *   open → shut   mostly in vain; or whoever was given the processor keeps it for longer than
 *                 limits.giveWayMsMax too often: a neighbour that computes, against which a thread that
 *                 sleeps is better off
 *
 * Threads try together: while the others sleep nobody waits for the processor that one of them gives away,
 * and each alone would find it in vain for as long as the load lasts.
 *
 * At rest nothing runs. Without native calls nobody gives way.
 */
import { limits } from '../engine/base/limits.ts'
import { CreditGate } from './credit-gate.ts'
import type { TurnPart, TurnRest } from './turn.ts'

export interface GiveWayParts {
  /** One word of all threads: how often a thread began to try. */
  readonly trials: Int32Array
  /** sched_yield(2); null: never. */
  readonly giveWay: (() => void) | null
  nowMs(): number
  /** After the sockets were looked at, without waiting (setImmediate). */
  afterPoll(run: () => void): void
}

export class GiveWay implements TurnRest {
  private readonly parts: GiveWayParts
  private readonly gate = new CreditGate({
    turnsMin: limits.giveWayTurnsMin,
    turnsMax: limits.giveWayTurnsMax,
    opening: limits.giveWayCreditMax / 2,
    max: limits.giveWayCreditMax,
    worth: limits.giveWayWorth,
  })
  /** The last one of `trials` in which it took part. */
  private trial = 0
  private restedMs = 0
  private client: TurnPart | null = null
  /** Turns in a row for `client` alone. */
  private alone = 0
  /** Turns in a row, while shut. */
  private turns = 0
  /** Since the last turn. */
  private looks = 0
  private looking = false
  private pending: () => boolean = () => false

  constructor(parts: GiveWayParts) {
    this.parts = parts
  }

  follow(pending: () => boolean): void {
    this.pending = pending
  }

  rest(only: TurnPart | null): void {
    const { parts, gate } = this
    if (parts.giveWay === null) return
    const nowMs = parts.nowMs()
    const isInTime = nowMs - this.restedMs <= limits.giveWayCycleMsMax
    this.restedMs = nowMs
    this.alone = only !== null && only === this.client ? this.alone + 1 : 0
    this.client = only
    this.turns = isInTime ? this.turns + 1 : 0
    if (!isInTime || this.alone >= limits.giveWayAloneMax) return
    if (!gate.isOpen && !this.opens()) return
    this.looks = 0
    if (this.looking) {
      // No turn was needed (Turn.spared): it goes on looking.
      gate.earn()
      return
    }
    this.looking = true
    parts.afterPoll(this.look)
  }

  private opens(): boolean {
    const { gate, turns } = this
    const { trials } = this.parts
    const isInvited = Atomics.load(trials, 0) !== this.trial && turns >= limits.giveWayTurnsMin
    if (!isInvited) {
      if (!gate.suffice(turns)) return false
      Atomics.add(trials, 0, 1)
    }
    this.trial = Atomics.load(trials, 0)
    gate.open()
    return true
  }

  private readonly look = (): void => {
    const { gate } = this
    const caught = this.pending()
    if (!caught && gate.isOpen && this.looks++ < limits.giveWayLooks) {
      this.giveWay()
      this.parts.afterPoll(this.look)
      return
    }
    this.looking = false
    if (caught) gate.earn()
    else gate.lose(limits.giveWayPerMiss)
    if (!gate.isOpen) this.turns = 0
  }

  private giveWay(): void {
    const { parts } = this
    const beganMs = parts.nowMs()
    parts.giveWay?.()
    if (parts.nowMs() - beganMs > limits.giveWayMsMax) this.gate.lose(limits.giveWayPerStall)
  }
}

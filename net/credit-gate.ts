/**
 * Whether something that costs time goes on being tried, told by what lately came of it: each success
 * earns one credit up to a bound, each failure costs what its kind costs, and at less than nothing the gate
 * shuts. It opens after so many turns in a row that fit; each time it shuts they are twice as many, up to
 * a bound, until it has been worth it.
 */

export interface CreditTerms {
  /** Turns that it takes to open: at first, and at most. */
  readonly turnsMin: number
  readonly turnsMax: number
  /** Credit to begin with, and at most. */
  readonly opening: number
  readonly max: number
  /** Successes of one opening with which it was worth it. */
  readonly worth: number
}

export class CreditGate {
  private readonly terms: CreditTerms
  private opened = false
  private turnsNeeded: number
  private credit = 0
  private earned = 0

  constructor(terms: CreditTerms) {
    this.terms = terms
    this.turnsNeeded = terms.turnsMin
  }

  get isOpen(): boolean {
    return this.opened
  }

  /** So many turns in a row are enough to open it. */
  suffice(turns: number): boolean {
    return turns >= this.turnsNeeded
  }

  open(): void {
    this.opened = true
    this.credit = this.terms.opening
    this.earned = 0
  }

  earn(): void {
    this.earned++
    this.credit = Math.min(this.credit + 1, this.terms.max)
  }

  lose(credit: number): void {
    this.credit -= credit
    if (this.credit < 0) this.shut()
  }

  /** `worth`: the next time it opens as soon as at first. */
  shut(worth = this.earned >= this.terms.worth): void {
    if (!this.opened) return
    this.opened = false
    this.turnsNeeded = worth
      ? this.terms.turnsMin
      : Math.min(this.turnsNeeded * 2, this.terms.turnsMax)
  }
}

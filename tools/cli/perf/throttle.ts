/** Keeps a loop at about so many turns a second; a negative rate is no limit. */

const NAP_MS = 2

export class Throttle {
  private readonly perMs: number
  private readonly startedAt = performance.now()

  constructor(perSecond: number) {
    this.perMs = perSecond / 1000
  }

  /** Resolves as soon as turn number `turns`, counted from 0, is due. */
  async due(turns: number): Promise<void> {
    while (this.early(turns)) await new Promise((resolve) => setTimeout(resolve, NAP_MS))
  }

  /** True: `due` would wait. */
  early(turns: number): boolean {
    return this.perMs >= 0 && turns > (performance.now() - this.startedAt) * this.perMs
  }
}

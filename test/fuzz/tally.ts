/** What was tried, per API and version, and what came of it. */
import type { SeedGroup } from './seed-frames.ts'

export interface GroupTally {
  /** Mutated frames that began as this API and version. */
  frames: number
  /** Those a broker may take, by the second reading. */
  whole: number
  /** Of those, how many a handler answered. */
  answered: number
}

export class Tally {
  readonly groups: readonly SeedGroup[]
  private readonly tallies: GroupTally[]

  constructor(groups: readonly SeedGroup[]) {
    this.groups = groups
    this.tallies = groups.map(() => ({ frames: 0, whole: 0, answered: 0 }))
  }

  of(group: number): GroupTally {
    return this.tallies[group]!
  }

  get frames(): number {
    return this.tallies.reduce((sum, { frames }) => sum + frames, 0)
  }

  /** Versions that never had a frame of either fate: the run says nothing of them. */
  uncovered(): string[] {
    return this.groups.flatMap(({ name }, index) => {
      const { frames, whole } = this.of(index)
      return whole === 0 || whole === frames ? [name] : []
    })
  }

  /** One line per API: versions, frames of the version with the fewest, share that was whole. */
  lines(): string[] {
    const byApi = new Map<number, number[]>()
    this.groups.forEach(({ apiKey }, index) => {
      byApi.set(apiKey, [...(byApi.get(apiKey) ?? []), index])
    })
    return [...byApi].map(([apiKey, indexes]) => {
      const first = this.groups[indexes[0]!]!
      const last = this.groups[indexes.at(-1)!]!
      const tallies = indexes.map((index) => this.of(index))
      const sum = (pick: (tally: GroupTally) => number): number =>
        tallies.reduce((total, tally) => total + pick(tally), 0)
      const frames = sum((tally) => tally.frames)
      const fewest = Math.min(...tallies.map((tally) => tally.frames))
      const name = first.name.replace(/ v\d+$/, '')
      return (
        `  ${String(apiKey).padStart(2)} ${name} v${first.version}-${last.version}: ${frames} frames, ` +
        `${fewest} or more per version, ${sum((t) => t.whole)} whole, ${sum((t) => t.answered)} answered`
      )
    })
  }
}

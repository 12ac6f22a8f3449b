import { describe, expect, it } from 'vitest'
import { plantedBugs } from '../planted/bugs.ts'
import { plantingProblem, sourceOf } from '../planted/tree.ts'

describe('the planted bugs', () => {
  it('are at least twenty, each of another name', () => {
    expect(plantedBugs.length).toBeGreaterThanOrEqual(20)
    expect(new Set(plantedBugs.map(({ name }) => name)).size).toBe(plantedBugs.length)
  })

  it('can still be planted: their texts are in the sources, once', () => {
    const problems = plantedBugs.map((bug) => plantingProblem(sourceOf(bug.file), bug))
    expect(problems.filter((problem) => problem !== null)).toEqual([])
  })

  it('change something, and are refused when their text is gone', () => {
    for (const bug of plantedBugs) {
      expect(bug.to).not.toBe(bug.from)
      expect(plantingProblem('another text', bug)).toContain('0 times')
    }
  })
})

import { describe, expect, it } from 'vitest'
import { partitionKey } from '../../engine/metadata/image.ts'
import { ownerOfKey } from '../../workers/placement.ts'

describe('placement', () => {
  it('is even per topic: owners differ by at most one partition', () => {
    for (const shards of [1, 2, 3, 7, 16])
      for (const partitions of [1, 2, 5, 50, 1000]) {
        const owned = new Array<number>(shards).fill(0)
        for (let p = 0; p < partitions; p++) owned[ownerOfKey(partitionKey(11, p), shards)]!++
        expect(Math.max(...owned) - Math.min(...owned)).toBeLessThanOrEqual(1)
      }
  })

  it('spreads topics of one partition over all shards', () => {
    const owners = [0, 1, 2, 3, 4, 5].map((ordinal) => ownerOfKey(partitionKey(ordinal, 0), 3))
    expect(owners).toEqual([0, 1, 2, 0, 1, 2])
  })

  it('never changes: these owners are what running brokers use', () => {
    expect(ownerOfKey(partitionKey(0, 0), 4)).toBe(0)
    expect(ownerOfKey(partitionKey(5, 2), 4)).toBe(3)
    expect(ownerOfKey(partitionKey(2 ** 32 - 1, 99_999), 4)).toBe((2 ** 32 - 1 + 99_999) % 4)
  })
})

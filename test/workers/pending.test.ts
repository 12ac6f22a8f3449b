import { describe, expect, it } from 'vitest'
import { PendingTable } from '../../workers/pending.ts'

describe('the table of pending requests', () => {
  it('finds each request by its correlation, once', () => {
    const table = new PendingTable<string>()
    const first = table.add('first', null, 10)
    const second = table.add('second', null, 10)
    expect(first).toBeGreaterThan(0)
    expect(table.take(second).entry).toBe('second')
    expect(table.take(first).entry).toBe('first')
    expect(() => table.take(first)).toThrow('correlation')
    expect(table.size).toBe(0)
  })

  it('never gives the same correlation twice in a row, through all generations', () => {
    const table = new PendingTable<number>(1)
    let last = 0
    for (let i = 0; i < 70_000; i++) {
      const correlation = table.add(i, null, 0)
      const wrong = correlation <= 0 || correlation === last || table.holds(last)
      if (wrong || table.take(correlation).entry !== i) expect.fail(`correlation ${correlation}`)
      last = correlation
    }
  })

  it('refuses requests beyond its bound', () => {
    const table = new PendingTable<number>(100)
    const correlations = Array.from({ length: 100 }, (_, i) => table.add(i, null, 0))
    expect(new Set(correlations).size).toBe(100)
    expect(table.add(100, null, 0)).toBe(-1)
    table.take(correlations[42]!)
    expect(table.add(100, null, 0)).toBeGreaterThan(0)
  })

  it('tells of an expired request once and keeps its slot until the reply', () => {
    const table = new PendingTable<string>(1)
    const correlation = table.add('late', null, 100)
    const expired: string[] = []
    expect(table.expire(99, (entry) => expired.push(entry))).toBe(100)
    expect(table.expire(100, (entry) => expired.push(entry))).toBe(Number.POSITIVE_INFINITY)
    expect(table.expire(101, (entry) => expired.push(entry))).toBe(Number.POSITIVE_INFINITY)
    expect(expired).toEqual(['late'])
    expect(table.holds(correlation)).toBe(true)
    expect(table.add('next', null, 0)).toBe(-1)
    expect(table.take(correlation).entry).toBeNull()
    expect(table.add('next', null, 0)).toBeGreaterThan(0)
  })
})

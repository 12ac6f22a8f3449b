import { describe, expect, it } from 'vitest'
import { systemRandom } from '../../net/system-ports.ts'

describe('chance of the machine', () => {
  it('makes ids as Kafka does: version 4, no dash in front, never twice', () => {
    const ids = Array.from({ length: 2_000 }, () => systemRandom.uuid())
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) {
      expect(id).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
      const bytes = Buffer.from(id, 'base64url')
      expect([bytes.length, bytes[6]! >> 4, bytes[8]! >> 6]).toEqual([16, 4, 2])
    }
  })

  it('gives every whole number below the bound', () => {
    const seen = new Set(Array.from({ length: 500 }, () => systemRandom.int(5)))
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4])
    expect(systemRandom.int(1)).toBe(0)
    const large = Array.from({ length: 50 }, () => systemRandom.int(2 ** 31 - 1))
    expect(Math.max(...large)).toBeGreaterThan(2 ** 29)
    expect(() => systemRandom.int(0)).toThrow('chance below 0')
  })
})

import { describe, expect, it } from 'vitest'
import { KeyHash } from '../../../engine/log/key-hash.ts'

const SEED = [1, 2, 3, 4] as const
const sum = (hash: KeyHash, key: Buffer): string => {
  hash.update(key, 0, key.length)
  return hash.words.join()
}

describe('the hash of keys', () => {
  it('tells 200,000 numbered keys apart in 96 bits, and spreads the other 32', () => {
    const hash = new KeyHash(SEED)
    const seen = new Set<string>()
    const buckets = new Uint32Array(1_024)
    const key = Buffer.alloc(8)
    for (let n = 0; n < 200_000; n++) {
      key.writeUInt32LE(n, 2)
      hash.update(key, 0, key.length)
      const [a = 0, b = 0, c = 0, d = 0] = hash.words
      seen.add(
        String.fromCharCode(a & 0xffff, a >>> 16, b & 0xffff, b >>> 16, c & 0xffff, c >>> 16),
      )
      buckets[(d >>> 22) & 1_023]!++
    }
    expect(seen.size).toBe(200_000)
    // 195 expected, deviation 14.
    expect(Math.min(...buckets)).toBeGreaterThan(195 - 95)
    expect(Math.max(...buckets)).toBeLessThan(195 + 95)
  })

  it('tells keys apart that differ in length alone, and depends on each bit of key and secret', () => {
    const hash = new KeyHash(SEED)
    const zeros = Array.from({ length: 40 }, (_, length) => sum(hash, Buffer.alloc(length)))
    expect(new Set(zeros).size).toBe(40)
    const key = Buffer.from('a key of some length')
    const plain = sum(hash, key)
    for (let bit = 0; bit < key.length * 8; bit++) {
      const other = Buffer.from(key)
      other[bit >> 3]! ^= 1 << (bit & 7)
      expect(sum(hash, other)).not.toBe(plain)
    }
    for (let word = 0; word < 4; word++) {
      const seed: [number, number, number, number] = [...SEED]
      seed[word]! ^= 0x8000_0000
      expect(sum(new KeyHash(seed), key)).not.toBe(plain)
    }
  })

  it('sums the part of a buffer it is given', () => {
    const hash = new KeyHash(SEED)
    const key = Buffer.from('orders')
    const inside = Buffer.from('xx-orders-yy')
    const plain = sum(hash, key)
    hash.update(inside, 3, 6)
    expect(hash.words.join()).toBe(plain)
  })
})

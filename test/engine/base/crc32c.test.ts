import { describe, expect, it } from 'vitest'
import { crc32c, crc32cImplementation, crc32cImplementations } from '../../../engine/base/crc32c.ts'

/** Bit by bit, straight from the definition: shares nothing with the implementations. */
function reference(bytes: Uint8Array): number {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
  }
  return ~sum >>> 0
}

function pattern(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, index) => (index * 73 + (index >> 8)) & 255))
}

/** RFC 3720, B.4. */
const VECTORS: [string, Buffer, number][] = [
  ['zeros', Buffer.alloc(32), 0x8a9136aa],
  ['ones', Buffer.alloc(32, 255), 0x62a8ab43],
  ['rising', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
  ['falling', Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c],
  ['check value', Buffer.from('123456789'), 0xe3069283],
  ['nothing', Buffer.alloc(0), 0],
]

describe.each(crc32cImplementations())('crc32c by $name', ({ calculate }) => {
  it.each(VECTORS)('gives the published sum of %s', (_name, bytes, sum) => {
    expect(calculate(bytes, 0, bytes.length)).toBe(sum)
  })

  it('sums any range at any alignment as the definition does', () => {
    const bytes = pattern(300)
    for (let start = 0; start < 9; start++)
      for (let end = start; end < bytes.length; end += 7)
        expect(calculate(bytes, start, end)).toBe(reference(bytes.subarray(start, end)))
  })

  it('reads shared memory like private memory', () => {
    const bytes = pattern(70_000)
    const shared = Buffer.from(new SharedArrayBuffer(80_000), 1000, 70_000)
    bytes.copy(shared)
    expect(calculate(shared, 3, 69_999)).toBe(reference(bytes.subarray(3, 69_999)))
  })
})

describe('crc32c', () => {
  it('takes the first implementation that works', () => {
    expect(crc32cImplementation()).toBe(crc32cImplementations()[0]!.name)
    expect(crc32cImplementations().at(-1)!.name).toBe('table')
  })

  it('gives the same sum on both sides of the size where it changes implementation', () => {
    const bytes = pattern(1024)
    for (let end = 100; end < 260; end++)
      expect(crc32c(bytes, 1, end)).toBe(reference(bytes.subarray(1, end)))
  })

  it('sums the whole buffer by default', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(pattern(500))).toBe(reference(pattern(500)))
  })
})

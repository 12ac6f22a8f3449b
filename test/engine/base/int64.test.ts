import { expect, it } from 'vitest'
import { readInt64, writeInt64 } from '../../../engine/base/int64.ts'

it.each([
  0,
  1,
  -1,
  -2,
  255,
  2 ** 31,
  2 ** 32,
  -(2 ** 32),
  -(2 ** 32) - 1,
  1_700_000_000_000,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
])('writes and reads %d like BigInt does', (value) => {
  const buffer = Buffer.alloc(12)
  writeInt64(buffer, 3, value)
  expect(buffer.readBigInt64BE(3)).toBe(BigInt(value))
  expect(readInt64(buffer, 3)).toBe(value)
})

it('reads values past 2^53 as unsafe numbers, so that edges can refuse them', () => {
  const buffer = Buffer.alloc(8)
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    buffer.writeBigInt64BE(value)
    expect(Number.isSafeInteger(readInt64(buffer, 0))).toBe(false)
  }
})

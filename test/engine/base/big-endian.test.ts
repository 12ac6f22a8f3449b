import { expect, it } from 'vitest'
import {
  readInt8,
  readInt16,
  readInt32,
  readInt64,
  readUint32,
  writeInt16,
  writeInt32,
  writeInt64,
} from '../../../engine/base/big-endian.ts'

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

it.each([0, 1, -1, 127, -128, 255, 32_767, -32_768, 65_535, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1])(
  'reads and writes the low bits of %d as Buffer does',
  (value) => {
    const [ours, theirs] = [Buffer.alloc(7), Buffer.alloc(7)]
    writeInt32(ours, 2, value)
    theirs.writeInt32BE(value | 0, 2)
    expect(ours).toEqual(theirs)
    for (let at = 0; at <= 3; at++) {
      expect(readInt32(ours, at)).toBe(theirs.readInt32BE(at))
      expect(readUint32(ours, at)).toBe(theirs.readUInt32BE(at))
      expect(readInt16(ours, at)).toBe(theirs.readInt16BE(at))
      expect(readInt8(ours, at)).toBe(theirs.readInt8(at))
    }
    writeInt16(ours, 0, value)
    theirs.writeUInt16BE(value & 0xffff, 0)
    expect(ours).toEqual(theirs)
  },
)

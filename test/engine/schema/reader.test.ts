import { describe, expect, test } from 'vitest'
import { MalformedRequest } from '../../../engine/base/errors.ts'
import { limits } from '../../../engine/base/limits.ts'
import { Reader } from '../../../engine/schema/reader.ts'

function over(hex: string): Reader {
  return new Reader(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

describe('numbers', () => {
  test('are big-endian and signed', () => {
    expect(over('ff').int8()).toBe(-1)
    expect(over('8001').int16()).toBe(-32_767)
    expect(over('8001').uint16()).toBe(32_769)
    expect(over('80000001').int32()).toBe(-2_147_483_647)
    expect(over('80000001').uint32()).toBe(2_147_483_649)
    expect(over('ffffffffffffffff').int64()).toBe(-1)
    expect(over('ffffffffffffffff').bigint64()).toBe(-1n)
    expect(over('3ff8000000000000').float64()).toBe(1.5)
    expect(over('02').bool()).toBe(true)
  })

  test('int64 takes every safe integer, and the last one for what lies beyond', () => {
    expect(over('001fffffffffffff').int64()).toBe(Number.MAX_SAFE_INTEGER)
    expect(over('ffe0000000000001').int64()).toBe(Number.MIN_SAFE_INTEGER)
    expect(over('000fffffffffffff').int64()).toBe(2 ** 52 - 1)
    for (const hex of ['0020000000000000', '0020000000000001', '7fffffffffffffff'])
      expect(over(hex).int64()).toBe(Number.MAX_SAFE_INTEGER)
    for (const hex of ['ffe0000000000000', 'ffdfffffffffffff', '8000000000000000'])
      expect(over(hex).int64()).toBe(Number.MIN_SAFE_INTEGER)
  })

  test('beyond the region are refused, though the buffer goes on', () => {
    const buffer = Buffer.alloc(64)
    for (const read of ['int8', 'int16', 'int32', 'int64', 'uuid', 'float64', 'bigint64'] as const)
      expect(() => new Reader(buffer, 10, 10)[read](), read).toThrow(MalformedRequest)
    expect(() => new Reader(buffer, 10, 13).int32()).toThrow(MalformedRequest)
  })
})

describe('varints', () => {
  test('read up to five bytes and 32 bits', () => {
    expect(over('00').unsignedVarint()).toBe(0)
    expect(over('ac02').unsignedVarint()).toBe(300)
    expect(over('ffffffff0f').unsignedVarint()).toBe(0xffffffff)
    expect(over('01').varint()).toBe(-1)
    expect(over('ffffffff0f').varint()).toBe(-2_147_483_648)
  })

  test('are refused when longer, larger or cut', () => {
    for (const hex of ['ffffffff10', 'ffffffffff', 'ffffffff8f01', '80', '', 'ffffffff'])
      expect(() => over(hex).unsignedVarint(), hex).toThrow(MalformedRequest)
  })

  test('of 64 bits take ten bytes at most and a safe integer', () => {
    expect(over('01').varlong()).toBe(-1)
    expect(over('feffffffffffff1f').varlong()).toBe(Number.MAX_SAFE_INTEGER)
    for (const hex of ['ffffffffffffffffff01', 'ffffffffffffffffff02', '8080808080808080808001'])
      expect(() => over(hex).varlong(), hex).toThrow(MalformedRequest)
  })
})

describe('strings', () => {
  test('come in both lengths, null only where it may', () => {
    expect(over('0003 616263').string()).toBe('abc')
    expect(over('04 616263').compactString()).toBe('abc')
    expect(over('ffff').stringOrNull()).toBeNull()
    expect(over('00').compactStringOrNull()).toBeNull()
    expect(() => over('ffff').string()).toThrow(MalformedRequest)
    expect(() => over('00').compactString()).toThrow(MalformedRequest)
    expect(() => over('fffe').stringOrNull()).toThrow(MalformedRequest)
  })

  test('are UTF-8, and bad UTF-8 is refused', () => {
    expect(over('0005 c3a4e282ac').string()).toBe('ä€')
    expect(over('0003 efbfbd').string()).toBe('\ufffd')
    for (const hex of ['0001 ff', '0002 c328', '0003 eda080', '0002 c080', '0003 e282ff'])
      expect(() => over(hex).string(), hex).toThrow(MalformedRequest)
  })

  test('longer than the bytes left or than 32,767 are refused', () => {
    expect(() => over('0004 616263').string()).toThrow(MalformedRequest)
    const long = Buffer.concat([Buffer.from([0x81, 0x80, 0x02]), Buffer.alloc(40_000, 0x61)])
    expect(() => new Reader(long).compactString()).toThrow(MalformedRequest)
  })

  test('met before are recognised by all their bytes', () => {
    const texts = ['orders', 'Orders', 'order', 'orders-1', 'x'.repeat(40), 'x'.repeat(41)]
    for (let round = 0; round < 3; round++)
      for (const text of texts) {
        const buffer = Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)])
        expect(new Reader(buffer).string()).toBe(text)
      }
  })

  test('that fall into one slot of the memory do not take each other’s place', () => {
    // 'Aa' and 'BB' have the same hash, as in Java.
    for (let round = 0; round < 3; round++) {
      expect(over(`0002 ${Buffer.from('Aa').toString('hex')}`).string()).toBe('Aa')
      expect(over(`0002 ${Buffer.from('BB').toString('hex')}`).string()).toBe('BB')
    }
  })
})

test('uuids are base64url, the same bytes the same text', () => {
  const bytes = '00112233445566778899aabbccddeeff'
  // All but the words' order the same: falls into the same slot.
  const swapped = '44556677001122338899aabbccddeeff'
  for (let round = 0; round < 2; round++) {
    expect(over(bytes).uuid()).toBe(Buffer.from(bytes, 'hex').toString('base64url'))
    expect(over(swapped).uuid()).toBe(Buffer.from(swapped, 'hex').toString('base64url'))
    expect(over('00'.repeat(16)).uuid()).toBe('AAAAAAAAAAAAAAAAAAAAAA')
  }
})

describe('bytes', () => {
  test('are views into the buffer', () => {
    const buffer = Buffer.from('00000003616263', 'hex')
    const bytes = new Reader(buffer).bytes()
    buffer[4] = 0x7a
    expect(bytes.toString()).toBe('zbc')
  })

  test('longer than what is left are refused before anything is taken', () => {
    expect(() => over('7fffffff 61').bytes()).toThrow(MalformedRequest)
    expect(() => over('fffffffe').bytesOrNull()).toThrow(MalformedRequest)
    expect(() => over('ffffffff0f 61').compactBytes()).toThrow(MalformedRequest)
    expect(over('ffffffff').bytesOrNull()).toBeNull()
    expect(over('00').compactBytesOrNull()).toBeNull()
  })
})

describe('counts', () => {
  test('are checked against the bytes left', () => {
    expect(over('00000002 0000000100000002').count(4)).toBe(2)
    expect(() => over('00000003 0000000100000002').count(4)).toThrow(MalformedRequest)
    expect(() => over('7fffffff').count(1)).toThrow(MalformedRequest)
    expect(() => over('ffffffff0f').compactCount(1)).toThrow(MalformedRequest)
  })

  test('are null only where they may', () => {
    expect(over('ffffffff').countOrNull(4)).toBe(-1)
    expect(over('00').compactCountOrNull(4)).toBe(-1)
    expect(() => over('ffffffff').count(4)).toThrow(MalformedRequest)
    expect(() => over('00').compactCount(4)).toThrow(MalformedRequest)
    expect(() => over('fffffffe').countOrNull(4)).toThrow(MalformedRequest)
  })

  test('above the budget are refused even with enough bytes', () => {
    const buffer = Buffer.alloc(limits.messageElementsMax + 10)
    buffer.writeInt32BE(limits.messageElementsMax + 1)
    const reader = new Reader(buffer)
    expect(() => reader.count(1)).toThrow(MalformedRequest)
    buffer.writeInt32BE(limits.requestElementsMax + 1)
    reader.reset(buffer)
    expect(reader.count(1)).toBe(limits.requestElementsMax + 1)
    reader.reset(buffer, 0, buffer.length, limits.requestElementsMax)
    expect(() => reader.count(1)).toThrow(MalformedRequest)
  })

  test('are paid from one budget', () => {
    const half = Math.ceil(limits.messageElementsMax / 2) + 1
    const buffer = Buffer.alloc(2 * half + 8)
    buffer.writeInt32BE(half, 0)
    buffer.writeInt32BE(half, 4)
    const reader = new Reader(buffer)
    expect(reader.count(1)).toBe(half)
    expect(() => reader.count(1)).toThrow(MalformedRequest)
    reader.reset(buffer)
    expect(reader.count(1)).toBe(half)
  })
})

describe('tag sections', () => {
  test('of unknown tags are read over', () => {
    const reader = over('02 05 03 aabbcc 07 00 ff')
    reader.skipTags()
    expect(reader.remaining).toBe(1)
  })

  test('are paid from the budget of elements', () => {
    const reader = over('01 05 00 01 05 00')
    reader.elementsLeft = 1
    reader.skipTags()
    expect(() => reader.skipTags()).toThrow(MalformedRequest)
  })

  test('with more tags than bytes, or than the cap, are refused', () => {
    expect(() => over('02 05 00').skipTags()).toThrow(MalformedRequest)
    const many = Buffer.alloc(10_000)
    many[0] = 0xe9 // 1001
    many[1] = 0x07
    expect(limits.taggedFieldsMax).toBe(1000)
    expect(() => new Reader(many).skipTags()).toThrow(MalformedRequest)
  })

  test('whose value is longer than what is left are refused', () => {
    expect(() => over('01 05 03 aabb').skipTags()).toThrow(MalformedRequest)
  })
})

test('struct marks are 1 or -1, inside a tag 1 or 0', () => {
  expect(over('01').structFollows()).toBe(true)
  expect(over('ff').structFollows()).toBe(false)
  expect(() => over('00').structFollows()).toThrow(MalformedRequest)
  expect(over('01').taggedStructFollows()).toBe(true)
  expect(over('00').taggedStructFollows()).toBe(false)
  expect(() => over('ff').taggedStructFollows()).toThrow(MalformedRequest)
})

test('numbers and strings can be read from shared memory', () => {
  const shared = Buffer.from(new SharedArrayBuffer(64))
  Buffer.from('0000000700036162630005c3a4e282ac', 'hex').copy(shared)
  const reader = new Reader(shared)
  expect(reader.int32()).toBe(7)
  expect(reader.string()).toBe('abc')
  expect(reader.string()).toBe('ä€')
})

import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../engine/base/assert.ts'
import { Reader } from '../../../engine/schema/reader.ts'
import { Writer } from '../../../engine/schema/writer.ts'

function written(write: (writer: Writer) => void): string {
  const writer = new Writer(1)
  write(writer)
  return writer.bytes().toString('hex')
}

test('numbers are big-endian', () => {
  expect(written((w) => w.int8(-1))).toBe('ff')
  expect(written((w) => w.int16(-2))).toBe('fffe')
  expect(written((w) => w.uint16(65_535))).toBe('ffff')
  expect(written((w) => w.int32(-2_147_483_648))).toBe('80000000')
  expect(written((w) => w.uint32(4_294_967_295))).toBe('ffffffff')
  expect(written((w) => w.int64(-1))).toBe('ffffffffffffffff')
  expect(written((w) => w.int64(4_294_967_295))).toBe('00000000ffffffff')
  expect(written((w) => w.int64(Number.MIN_SAFE_INTEGER))).toBe('ffe0000000000001')
  expect(written((w) => w.int64(Number.MAX_SAFE_INTEGER))).toBe('001fffffffffffff')
  expect(written((w) => w.bool(true))).toBe('01')
})

test('numbers out of range are our fault', () => {
  const wrong: ((writer: Writer) => void)[] = [
    (w) => w.int8(128),
    (w) => w.int16(32_768),
    (w) => w.int16(Number.NaN),
    (w) => w.uint16(-1),
    (w) => w.int32(2 ** 31),
    (w) => w.int32(1.5),
    (w) => w.uint32(-1),
    (w) => w.int64(2 ** 53),
    (w) => w.varlong(2 ** 53),
    (w) => w.uuid('short'),
    (w) => w.uuid('!!!!!!!!!!!!!!!!!!!!!!'),
    (w) => w.string('x'.repeat(32_768)),
  ]
  for (const write of wrong) expect(() => write(new Writer())).toThrow(InvariantError)
})

test.each([0, 1, -1, 63, -64, 64, 300, 2 ** 31 - 1, -(2 ** 31)])('varint %i returns', (value) => {
  const writer = new Writer(1)
  writer.varint(value)
  writer.varlong(value)
  writer.varlong(value * 2 ** 21)
  const reader = new Reader(writer.bytes())
  expect(reader.varint()).toBe(value)
  expect(reader.varlong()).toBe(value)
  expect(reader.varlong()).toBe(value * 2 ** 21)
  expect(reader.remaining).toBe(0)
})

test.each([
  '',
  'a',
  'x'.repeat(40),
  'x'.repeat(41),
  'ä€😀',
  `${'x'.repeat(39)}ä`,
  'ä'.repeat(3000),
])('text %# returns in both forms', (text) => {
  const writer = new Writer(1)
  writer.string(text)
  writer.compactString(text)
  writer.stringOrNull(text)
  writer.compactStringOrNull(text)
  const reader = new Reader(writer.bytes())
  expect(reader.string()).toBe(text)
  expect(reader.compactString()).toBe(text)
  expect(reader.stringOrNull()).toBe(text)
  expect(reader.compactStringOrNull()).toBe(text)
  expect(reader.remaining).toBe(0)
})

test('uuids return', () => {
  for (const hex of ['00112233445566778899aabbccddeeff', 'ff'.repeat(16), '00'.repeat(16)])
    expect(written((w) => w.uuid(Buffer.from(hex, 'hex').toString('base64url')))).toBe(hex)
})

describe('memory', () => {
  test('grows and keeps what was written', () => {
    const writer = new Writer(1)
    for (let i = 0; i < 1000; i++) writer.int32(i)
    const reader = new Reader(writer.bytes())
    for (let i = 0; i < 1000; i++) expect(reader.int32()).toBe(i)
  })

  test('is used again after reset', () => {
    const writer = new Writer(16)
    writer.int32(1)
    writer.reset()
    expect(writer.size).toBe(0)
    writer.int32(2)
    expect(writer.bytes().toString('hex')).toBe('00000002')
  })

  test('taken is never touched again', () => {
    const writer = new Writer(8)
    writer.int32(1)
    const first = writer.take()
    writer.int32(2)
    const second = writer.take()
    writer.int64(3)
    const third = writer.take()
    expect(Buffer.concat([first, second, third]).toString('hex')).toBe(
      '00000001000000020000000000000003',
    )
  })

  test('positions given out hold while it grows', () => {
    const writer = new Writer(4)
    writer.int32(7)
    writer.take()
    const at = writer.reserve(4)
    for (let i = 0; i < 100; i++) writer.int32(i)
    writer.patchInt32(at, writer.size - 4)
    expect(writer.bytes().readInt32BE(0)).toBe(400)
  })
})

describe('tags', () => {
  test.each([0, 1, 127, 128, 16_383, 16_384, 70_000])(
    'of %i bytes have their size before them',
    (size) => {
      const writer = new Writer(1)
      writer.int8(9)
      const mark = writer.openTag(3)
      for (let i = 0; i < size; i++) writer.int8(i % 100)
      writer.closeTag(mark)
      writer.int8(8)
      const reader = new Reader(writer.bytes())
      expect(reader.int8()).toBe(9)
      expect(reader.unsignedVarint()).toBe(3)
      const outerEnd = reader.openTag()
      expect(reader.remaining).toBe(size)
      for (let i = 0; i < size; i++) expect(reader.int8()).toBe(i % 100)
      reader.closeTag(outerEnd)
      expect(reader.int8()).toBe(8)
    },
  )
})

describe('scattering', () => {
  test('leaves large bytes where they are', () => {
    const writer = new Writer(64, 100)
    const large = Buffer.alloc(200, 1)
    const small = Buffer.alloc(10, 2)
    writer.int8(5)
    writer.bytesField(small)
    writer.bytesField(large)
    writer.compactBytesField(large)
    writer.int8(6)
    expect(writer.size).toBe(1 + 14 + 204 + 202 + 1)
    const pieces = writer.takePieces()
    expect(pieces.filter((piece) => piece === large)).toHaveLength(2)
    const reader = new Reader(Buffer.concat(pieces))
    expect(reader.int8()).toBe(5)
    expect(reader.bytes()).toEqual(small)
    expect(reader.bytes()).toEqual(large)
    expect(reader.compactBytes()).toEqual(large)
    expect(reader.int8()).toBe(6)
    expect(writer.size).toBe(0)
  })

  test('survives growth and is forgotten by reset', () => {
    const writer = new Writer(4, 8)
    writer.append(Buffer.alloc(8, 1))
    for (let i = 0; i < 50; i++) writer.int32(i)
    expect(writer.takePieces().map((piece) => piece.length)).toEqual([8, 200])
    writer.append(Buffer.alloc(8, 1))
    writer.reset()
    writer.int8(1)
    expect(writer.bytes()).toHaveLength(1)
  })
})

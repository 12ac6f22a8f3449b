import { describe, expect, it } from 'vitest'
import {
  VarintReader,
  varintBytes,
  varlongBytes,
  writeVarint,
  writeVarlong,
} from '../../../engine/record/varint.ts'

/** From Kafka's ByteUtilsTest. */
const KNOWN: [number, string][] = [
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [63, '7e'],
  [-64, '7f'],
  [64, '8001'],
  [-65, '8101'],
  [8191, 'fe7f'],
  [-8192, 'ff7f'],
  [8192, '808001'],
  [1048575, 'feff7f'],
  [-1048576, 'ffff7f'],
  [134217727, 'feffff7f'],
  [2147483647, 'feffffff0f'],
  [-2147483648, 'ffffffff0f'],
]
const KNOWN_LONG: [number, string][] = [
  ...KNOWN,
  [17179869183, 'feffffff7f'],
  [-17179869184, 'ffffffff7f'],
  [17179869184, '808080808001'],
  [2199023255551, 'feffffffff7f'],
  [-2199023255552, 'ffffffffff7f'],
  [281474976710655, 'feffffffffff7f'],
  [281474976710656, '8080808080808001'],
]

function read(hex: string, kind: 'varint' | 'varlong') {
  const reader = new VarintReader()
  const bytes = Buffer.from(hex, 'hex')
  reader.reset(bytes, 0, bytes.length)
  const value = reader[kind]()
  return { value, malformed: reader.malformed, position: reader.position }
}

describe('varints', () => {
  it.each(KNOWN)('%d is %s', (value, hex) => {
    const buffer = Buffer.alloc(8)
    const end = writeVarint(buffer, 0, value)
    expect(buffer.toString('hex', 0, end)).toBe(hex)
    expect(varintBytes(value)).toBe(end)
    expect(read(hex, 'varint')).toEqual({ value, malformed: false, position: end })
  })

  it('are malformed when cut off or longer than five bytes', () => {
    for (const hex of ['', '80', 'ffffffff', '808080808001'])
      expect(read(hex, 'varint')).toMatchObject({ value: 0, malformed: true })
  })
})

describe('varlongs', () => {
  it.each(KNOWN_LONG)('%d is %s', (value, hex) => {
    const buffer = Buffer.alloc(12)
    const end = writeVarlong(buffer, 0, value)
    expect(buffer.toString('hex', 0, end)).toBe(hex)
    expect(varlongBytes(value)).toBe(end)
    expect(read(hex, 'varlong')).toEqual({ value, malformed: false, position: end })
  })

  it('reach to both ends of the safe range and no further', () => {
    for (const value of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      const buffer = Buffer.alloc(12)
      const end = writeVarlong(buffer, 0, value)
      expect(read(buffer.toString('hex', 0, end), 'varlong').value).toBe(value)
    }
    const long = 'ffffffffffffffffff01' // Long.MIN_VALUE
    expect(read(long, 'varlong')).toMatchObject({ value: 0, malformed: true })
    expect(read('80808080808080801000', 'varlong').malformed).toBe(true) // 2^55
  })

  it('are malformed when cut off or longer than ten bytes', () => {
    expect(read('8080', 'varlong').malformed).toBe(true)
    expect(read('8080808080808080808001', 'varlong').malformed).toBe(true)
  })
})

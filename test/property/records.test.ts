import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readInt64, writeInt64 } from '../../engine/base/big-endian.ts'
import { crc32c } from '../../engine/base/crc32c.ts'
import { ErrorCode } from '../../engine/base/errors.ts'
import { type BatchRules, newAdmission } from '../../engine/record/admission.ts'
import { setBatchCrc, storedBatchProblem, TimestampType } from '../../engine/record/batch.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { BombRefused, CorruptPayload } from '../../engine/record/codec-adapter.ts'
import { Codec, compress, decompress } from '../../engine/record/compression.ts'
import { readRecords } from '../../engine/record/iterate.ts'
import { admitBatch } from '../../engine/record/validate.ts'
import {
  VarintReader,
  varintBytes,
  varlongBytes,
  writeVarint,
  writeVarlong,
} from '../../engine/record/varint.ts'

const RULES: BatchRules = {
  topicPartition: 't-0',
  maxMessageBytes: 1 << 20,
  isCompacted: false,
  timestampType: TimestampType.createTime,
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  codec: null,
  recordsValidation: 'full',
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const nullableBytes = fc.option(bytes)
const codec = fc.constantFrom(...Object.values(Codec))
const record = fc.record({
  key: nullableBytes,
  value: nullableBytes,
  timestamp: fc.integer({ min: -1, max: 2 ** 50 }),
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: nullableBytes }), {
    maxLength: 3,
  }),
})
const batch = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 20 }),
  codec,
  producerId: fc.integer({ min: -1, max: 2 ** 40 }),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  baseSequence: fc.nat(),
})

describe('numbers', () => {
  it('survive as varints', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const buffer = Buffer.alloc(5)
        const end = writeVarint(buffer, 0, value)
        const reader = new VarintReader()
        reader.reset(buffer, 0, end)
        expect([reader.varint(), reader.position, varintBytes(value)]).toEqual([value, end, end])
      }),
    )
  })

  it('survive as varlongs, with the bytes that BigInt arithmetic gives', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const buffer = Buffer.alloc(10)
        const end = writeVarlong(buffer, 0, value)
        const reader = new VarintReader()
        reader.reset(buffer, 0, end)
        expect([reader.varlong(), reader.position, varlongBytes(value)]).toEqual([value, end, end])
        let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
        for (let at = 0; at < end; at++, rest >>= 7n)
          expect(buffer[at]! & 0x7f).toBe(Number(rest & 0x7fn))
        expect(rest).toBe(0n)
      }),
    )
  })

  it('survive as int64', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const buffer = Buffer.alloc(8)
        writeInt64(buffer, 0, value)
        expect([readInt64(buffer, 0), buffer.readBigInt64BE(0)]).toEqual([value, BigInt(value)])
      }),
    )
  })
})

describe('batches', () => {
  it('give back the records they were built from, and pass every check', () => {
    fc.assert(
      fc.property(batch, (parts) => {
        const built = buildBatch(parts)
        expect(storedBatchProblem(built, 0, built.length)).toBeNull()
        const read = readRecords(built)
        expect(
          read.map(({ key, value, timestamp, headers }) => ({ key, value, timestamp, headers })),
        ).toEqual(parts.records)
        const before = Buffer.from(built)
        expect(admitBatch(built, 0, built.length, RULES, 11, 0, newAdmission())).toBe(
          ErrorCode.NONE,
        )
        expect(built.equals(before)).toBe(true)
      }),
    )
  })

  it('with any bytes for records, summed correctly, are refused or readable', () => {
    const noise = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(batch, noise, fc.nat(), (parts, bytesOver, where) => {
        const built = buildBatch(parts)
        const at = 61 + (where % (built.length - 61))
        built.set(bytesOver.subarray(0, built.length - at), at)
        setBatchCrc(built, 0)
        expectValueOrRecords(built)
      }),
      { numRuns: 300 },
    )
  })

  it('with a changed header, summed correctly, are refused or readable', () => {
    fc.assert(
      fc.property(batch, fc.integer({ min: 21, max: 60 }), fc.nat(255), (parts, at, byte) => {
        const built = buildBatch(parts)
        built[at] = byte
        setBatchCrc(built, 0)
        expectValueOrRecords(built)
      }),
      { numRuns: 300 },
    )
  })

  it('of noise are refused without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const buffer = Buffer.from(noise)
        expect(admitBatch(buffer, 0, buffer.length, RULES, 11, 0, newAdmission())).not.toBe(0)
      }),
    )
  })
})

/** What was admitted can be read; what cannot be read was refused; nothing else is ever thrown. */
function expectValueOrRecords(built: Buffer): void {
  const code = admitBatch(built, 0, built.length, RULES, 11, 0, newAdmission())
  if (code === ErrorCode.NONE) expect(readRecords(built).length).toBeGreaterThan(0)
  else expect([2, 10, 32, 87]).toContain(code)
}

describe('codecs', () => {
  it('give back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), codec, (array, chosen) => {
        const plain = Buffer.from(array)
        expect(decompress(chosen, compress(chosen, plain), plain.length + 1).equals(plain)).toBe(
          true,
        )
      }),
    )
  })

  it('answer changed bytes with output within the limit or a typed error', () => {
    const LIMIT = 20_000
    fc.assert(
      fc.property(
        fc.constantFrom(Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (chosen, changes) => {
          const packed = compress(chosen, Buffer.alloc(10_000, 'some words to repeat, '))
          for (const [at, byte] of changes) packed[at % packed.length] = byte
          try {
            expect(decompress(chosen, packed, LIMIT).length).toBeLessThanOrEqual(LIMIT)
          } catch (error) {
            const isTyped = error instanceof CorruptPayload || error instanceof BombRefused
            if (!isTyped) throw error
          }
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

it('the sum of a range is the sum of its copy', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(50), fc.nat(50), (array, front, back) => {
      const outer = Buffer.concat([
        Buffer.alloc(front, 1),
        Buffer.from(array),
        Buffer.alloc(back, 2),
      ])
      const sum = crc32c(outer, front, front + array.length)
      expect(sum).toBe(crc32c(Buffer.from(array)))
    }),
  )
})

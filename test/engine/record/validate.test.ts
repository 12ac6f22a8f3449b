import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { limits } from '../../../engine/base/limits.ts'
import { type BatchRules, newAdmission } from '../../../engine/record/admission.ts'
import {
  batchAttributes,
  batchMaxTimestamp,
  codecOf,
  setBatchCrc,
  storedBatchProblem,
  TimestampType,
  timestampTypeOf,
} from '../../../engine/record/batch.ts'
import { type BatchToWrite, buildBatch } from '../../../engine/record/build.ts'
import { Codec } from '../../../engine/record/compression.ts'
import { readRecords } from '../../../engine/record/iterate.ts'
import { admitBatch, validateBatch } from '../../../engine/record/validate.ts'
import { sampleBatch, sampleRecords } from '../../support/batches.ts'

const NOW = 1_700_000_100_000
const RULES: BatchRules = {
  topicPartition: 'orders-3',
  maxMessageBytes: 1_048_588,
  isCompacted: false,
  timestampType: TimestampType.createTime,
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  codec: null,
  recordsValidation: 'header',
}
const FULL: BatchRules = { ...RULES, recordsValidation: 'full' }

function admit(batch: Buffer, rules: BatchRules, produceVersion = 11) {
  const admission = newAdmission()
  const code = admitBatch(batch, 0, batch.length, rules, produceVersion, NOW, admission)
  expect(admission.errorCode).toBe(code)
  return admission
}

/** A good batch with some bytes changed and summed anew. */
function changed(change: (batch: Buffer) => void, options: Partial<BatchToWrite> = {}): Buffer {
  const batch = buildBatch({ records: sampleRecords(3, 30), ...options })
  change(batch)
  setBatchCrc(batch, 0)
  return batch
}

function withProducer(batch: Buffer): void {
  batch.writeBigInt64BE(5n, 43)
}

const HEADER_CASES: [string, Buffer, number, RegExp][] = [
  ['nothing', Buffer.alloc(0), ErrorCode.INVALID_RECORD, /at least one/],
  ['16 bytes', Buffer.alloc(16), ErrorCode.INVALID_RECORD, /at least one/],
  ['zeros', Buffer.alloc(200), ErrorCode.CORRUPT_MESSAGE, /Record size 0/],
  [
    'a cut batch',
    sampleBatch(500).subarray(0, 300),
    ErrorCode.INVALID_RECORD,
    /at least one complete/,
  ],
  ['magic 3', changed((b) => b.writeInt8(3, 16)), ErrorCode.CORRUPT_MESSAGE, /Invalid magic/],
  ['magic 1', changed((b) => b.writeInt8(1, 16)), ErrorCode.INVALID_RECORD, /magic version 2/],
  [
    'two batches',
    Buffer.concat([sampleBatch(300), sampleBatch(300)]),
    ErrorCode.INVALID_RECORD,
    /Exactly one/,
  ],
  [
    'an unknown codec',
    changed((b) => b.writeInt16BE(5, 21)),
    ErrorCode.INVALID_RECORD,
    /compression type id: 5/,
  ],
  [
    'a base offset',
    changed((b) => b.writeBigInt64BE(1n, 0)),
    ErrorCode.INVALID_RECORD,
    /orders-3 should be 0, but it is 1/,
  ],
  [
    'a count that is not lastOffsetDelta + 1',
    changed((b) => b.writeInt32BE(4, 57)),
    ErrorCode.INVALID_RECORD,
    /Inconsistent/,
  ],
  [
    'no records',
    buildBatch({ records: [], lastOffsetDelta: 0 }),
    ErrorCode.INVALID_RECORD,
    /count of records 0/,
  ],
  [
    'a negative offset range',
    changed((b) => b.writeInt32BE(-2, 23)),
    ErrorCode.INVALID_RECORD,
    /Inconsistent/,
  ],
  [
    'more records than bytes allow',
    changed((b) => {
      b.writeInt32BE(999_999, 23)
      b.writeInt32BE(1_000_000, 57)
    }),
    ErrorCode.INVALID_RECORD,
    /Inconsistent/,
  ],
  [
    'the control bit',
    buildBatch({ records: sampleRecords(1, 5), isControl: true }),
    ErrorCode.INVALID_RECORD,
    /control records/,
  ],
  [
    'a producer id without sequence',
    changed(withProducer),
    ErrorCode.INVALID_RECORD,
    /Invalid sequence number -1 in record batch with producerId 5/,
  ],
  [
    'the LogAppendTime bit',
    changed((b) => b.writeInt16BE(8, 21)),
    ErrorCode.INVALID_TIMESTAMP,
    /LogAppendTime/,
  ],
  [
    'a timestamp past 2^53',
    changed((b) => b.writeBigInt64BE(2n ** 62n, 35)),
    ErrorCode.INVALID_TIMESTAMP,
    /safe integers/,
  ],
]

describe('the header checks', () => {
  it('pass a good batch and leave its bytes alone', () => {
    const batch = sampleBatch(5000, { producerId: 1, producerEpoch: 0, baseSequence: 0 })
    const before = Buffer.from(batch)
    expect(admit(batch, RULES)).toEqual(newAdmission())
    expect(validateBatch(batch, 0, batch.length, RULES, 11)).toBe(0)
    expect(batch.equals(before)).toBe(true)
  })

  it.each(HEADER_CASES)('refuse %s', (_name, batch, code, message) => {
    const admission = admit(batch, RULES)
    expect(admission.errorCode).toBe(code)
    expect(admission.message).toMatch(message)
    expect(validateBatch(batch, 0, batch.length, FULL, 11)).toBe(code)
  })

  it('refuse a change of any byte that the sum covers', () => {
    const batch = sampleBatch(300)
    for (let at = 23; at < batch.length; at++) {
      const bad = Buffer.from(batch)
      bad[at]! ^= 0x10
      expect(admit(bad, RULES).errorCode, `byte ${at}`).toBe(ErrorCode.CORRUPT_MESSAGE)
    }
  })

  it('look at the size before the sum, and at the magic before the size', () => {
    const batch = sampleBatch(3000)
    batch[200]! ^= 1
    const small = { ...RULES, maxMessageBytes: batch.length - 1 }
    expect(admit(batch, small).errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE)
    const exact = { ...RULES, maxMessageBytes: batch.length }
    expect(admit(batch, exact).errorCode).toBe(ErrorCode.CORRUPT_MESSAGE)
    batch[16] = 1
    expect(admit(batch, small).errorCode).toBe(ErrorCode.INVALID_RECORD)
  })

  it('take zstd from Produce version 7 on', () => {
    const batch = sampleBatch(3000, { codec: Codec.zstd })
    expect(admit(batch, RULES, 6).errorCode).toBe(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    expect(admit(batch, RULES, 7).errorCode).toBe(ErrorCode.NONE)
  })

  it('do not look into records', () => {
    const batch = changed((b) => b.fill(0xff, 61))
    expect(admit(batch, RULES).errorCode).toBe(ErrorCode.NONE)
    expect(admit(batch, FULL).errorCode).toBe(ErrorCode.INVALID_RECORD)
  })

  it('work in the middle of a buffer', () => {
    const batch = sampleBatch(2000)
    const buffer = Buffer.concat([Buffer.alloc(7), batch, Buffer.alloc(7)])
    expect(admitBatch(buffer, 7, batch.length, FULL, 11, NOW, newAdmission())).toBe(0)
  })
})

describe('timestamps', () => {
  it('are stamped by the broker on LogAppendTime topics, without reading records', () => {
    const batch = changed((b) => b.fill(0xff, 61))
    const rules = { ...RULES, timestampType: TimestampType.logAppendTime }
    const admission = admit(batch, rules)
    expect(admission).toMatchObject({ errorCode: 0, logAppendTimeMs: NOW, replacement: null })
    expect(batchMaxTimestamp(batch, 0)).toBe(NOW)
    expect(timestampTypeOf(batchAttributes(batch, 0))).toBe(TimestampType.logAppendTime)
    expect(storedBatchProblem(batch, 0, batch.length)).toBeNull()
  })

  it('may be far off on LogAppendTime topics', () => {
    const batch = buildBatch({ records: sampleRecords(2, 10, NOW * 2), codec: Codec.gzip })
    const rules = { ...FULL, timestampType: TimestampType.logAppendTime }
    expect(admit(batch, rules).errorCode).toBe(0)
    expect(readRecords(batch).map((record) => record.timestamp)).toEqual([NOW, NOW])
  })

  it('too far ahead are listed per record, also when only the header is checked', () => {
    const records = sampleRecords(4, 10)
    records[1] = { ...records[1]!, timestamp: NOW + 3_600_001 }
    records[3] = { ...records[3]!, timestamp: NOW + 3_600_000 }
    for (const rules of [RULES, FULL]) {
      expect(admit(buildBatch({ records }), rules)).toMatchObject({
        errorCode: ErrorCode.INVALID_TIMESTAMP,
        message: 'One or more records have been rejected due to invalid timestamp',
        recordErrors: [
          {
            batchIndex: 1,
            message:
              `Timestamp ${NOW + 3_600_001} of message with offset 1 is out of range. The timestamp ` +
              `should be within [${NOW - RULES.timestampBeforeMaxMs}, ${NOW + 3_600_000}]`,
          },
        ],
      })
    }
  })

  it('too old are refused where the topic says so; -1 is exempt', () => {
    const rules = { ...RULES, timestampBeforeMaxMs: 1000 }
    const record = { key: null, value: null }
    const at = (timestamp: number) => buildBatch({ records: [{ ...record, timestamp }] })
    expect(admit(at(NOW - 1000), rules).errorCode).toBe(0)
    expect(admit(at(NOW - 1001), rules).errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect(admit(at(-1), rules).errorCode).toBe(0)
    expect(admit(at(0), rules).errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
  })

  it('have their true maximum in the header after a full check', () => {
    const low = buildBatch({ records: sampleRecords(9, 10), maxTimestamp: 5 })
    const high = buildBatch({ records: sampleRecords(9, 10), maxTimestamp: NOW * 4 })
    for (const batch of [low, high]) {
      expect(admit(batch, RULES).errorCode).toBe(0) // a maximum that cannot be true is looked into
      expect(batchMaxTimestamp(batch, 0)).toBe(1_700_000_000_002)
      expect(storedBatchProblem(batch, 0, batch.length)).toBeNull()
    }
  })
})

describe('the records', () => {
  it.each(Object.entries(Codec))('pass the full check under %s', (_name, codec) => {
    const batch = sampleBatch(100_000, { codec })
    expect(admit(batch, FULL)).toEqual(newAdmission())
  })

  it('need keys on compacted topics', () => {
    const rules = { ...RULES, isCompacted: true }
    const records = [...sampleRecords(2, 5), { key: null, value: null, timestamp: NOW }]
    const message = 'Compacted topic cannot accept message without key in topic partition orders-3'
    expect(admit(buildBatch({ records, codec: Codec.snappy }), rules)).toMatchObject({
      errorCode: ErrorCode.INVALID_RECORD,
      message:
        'One or more records have been rejected due to 1 record errors in total, and only ' +
        `showing the first three errors at most: [RecordError(batchIndex=2, message='${message}')]`,
      recordErrors: [{ batchIndex: 2, message }],
    })
    const batch = buildBatch({ records: [{ key: Buffer.alloc(0), value: null, timestamp: 1 }] })
    expect(admit(batch, rules).errorCode).toBe(0)
  })

  it('list a bounded number of errors', () => {
    const record = { key: null, value: null, timestamp: NOW }
    const records = Array.from({ length: limits.recordErrorsMax + 50 }, () => record)
    const admission = admit(buildBatch({ records }), { ...RULES, isCompacted: true })
    expect(admission.recordErrors).toHaveLength(limits.recordErrorsMax)
  })

  it('are refused when the count or a length is wrong', () => {
    const record = { key: null, value: Buffer.from('abcd'), timestamp: NOW }
    const claim = (count: number, codec: Codec) =>
      changed(
        (b) => {
          b.writeInt32BE(count - 1, 23)
          b.writeInt32BE(count, 57)
        },
        { records: [record, record, record], codec },
      )
    for (const codec of [Codec.none, Codec.gzip, Codec.lz4]) {
      expect(admit(claim(2, codec), FULL)).toMatchObject({
        errorCode: ErrorCode.INVALID_RECORD,
        message: 'Incorrect declared batch size, records still remaining in file',
      })
      expect(admit(claim(4, codec), FULL).errorCode).toBe(ErrorCode.INVALID_RECORD)
    }
    const longer = changed((b) => b.writeInt8(b.readInt8(61) + 2, 61), { records: [record] })
    expect(admit(longer, FULL).message).toMatch(/exceeds the batch/)
    const shorter = changed((b) => b.writeInt8(b.readInt8(61) - 2, 61), { records: [record] })
    expect(admit(shorter, FULL).errorCode).toBe(ErrorCode.INVALID_RECORD)
  })

  it('are refused when they do not decompress, or to too much', () => {
    for (const codec of [Codec.gzip, Codec.snappy, Codec.lz4, Codec.zstd]) {
      const broken = changed((b) => b.fill(0x5a, 61), { codec })
      expect(admit(broken, FULL).errorCode).toBe(ErrorCode.INVALID_RECORD)
    }
    const value = Buffer.alloc(limits.inflateBytesMax)
    const records = [{ key: null, value, timestamp: NOW }]
    const bomb = admit(buildBatch({ records, codec: Codec.gzip }), FULL)
    expect(bomb).toMatchObject({ errorCode: ErrorCode.INVALID_RECORD })
    expect(bomb.message).toMatch(/exceeds/)
  })

  it.each([Codec.none, Codec.lz4])(
    'with gaps in their offsets are renumbered (codec %i)',
    (codec) => {
      const gaps = sampleRecords(3, 20).map((record, index) => ({
        ...record,
        offsetDelta: index * 2,
      }))
      const batch = changed((b) => b.writeInt32BE(2, 23), {
        records: gaps,
        codec,
        producerId: 5,
        producerEpoch: 1,
        baseSequence: 7,
      })
      const { errorCode, replacement } = admit(batch, FULL)
      expect(errorCode).toBe(0)
      const dense = buildBatch({
        records: sampleRecords(3, 20),
        codec,
        producerId: 5,
        producerEpoch: 1,
        baseSequence: 7,
      })
      expect(replacement!.equals(dense)).toBe(true)
    },
  )
})

describe('compression.type', () => {
  it.each(Object.entries(Codec))('%s is what the batch has afterwards', (_name, codec) => {
    const source = codec === Codec.gzip ? Codec.none : Codec.gzip
    const batch = sampleBatch(50_000, { codec: source })
    const { errorCode, replacement } = admit(batch, { ...RULES, codec })
    expect(errorCode).toBe(0)
    expect(codecOf(batchAttributes(replacement!, 0))).toBe(codec)
    expect(storedBatchProblem(replacement!, 0, replacement!.length)).toBeNull()
    expect(readRecords(replacement!)).toEqual(readRecords(batch))
  })

  it('keeps the bytes of a batch that has it already', () => {
    const batch = sampleBatch(50_000, { codec: Codec.lz4 })
    expect(admit(batch, { ...RULES, codec: Codec.lz4 }).replacement).toBeNull()
  })

  it('stamps LogAppendTime on the new bytes', () => {
    const batch = sampleBatch(5_000, { codec: Codec.lz4 })
    const rules = { ...RULES, codec: Codec.none, timestampType: TimestampType.logAppendTime }
    const { replacement, logAppendTimeMs } = admit(batch, rules)
    expect(logAppendTimeMs).toBe(NOW)
    expect(new Set(readRecords(replacement!).map((record) => record.timestamp))).toEqual(
      new Set([NOW]),
    )
  })

  it('counts the size again', () => {
    const batch = sampleBatch(50_000, { codec: Codec.gzip })
    const rules = { ...RULES, codec: Codec.none, maxMessageBytes: 40_000 }
    const admission = admit(batch, rules)
    expect(admission).toMatchObject({ errorCode: ErrorCode.MESSAGE_TOO_LARGE, replacement: null })
  })
})

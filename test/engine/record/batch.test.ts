import { describe, expect, it } from 'vitest'
import {
  attributesOf,
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchCrc,
  batchLastOffset,
  batchLastSequence,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchProducerId,
  batchSizeInBytes,
  codecOf,
  computeBatchCrc,
  hasDeleteHorizon,
  incrementSequence,
  isControl,
  isTransactional,
  setBaseOffset,
  setLeaderEpoch,
  setMaxTimestampAndType,
  storedBatchProblem,
  TimestampType,
  timestampTypeOf,
} from '../../../engine/record/batch.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { sampleBatch } from '../../support/batches.ts'

describe('the batch header', () => {
  it('is read at any position in a buffer', () => {
    const batch = sampleBatch(2000, {
      baseOffset: 2 ** 40,
      leaderEpoch: 7,
      producerId: 2 ** 35,
      producerEpoch: 3,
      baseSequence: 2147483640,
    })
    const buffer = Buffer.concat([Buffer.alloc(13), batch, Buffer.alloc(5)])
    expect(batchBaseOffset(buffer, 13)).toBe(2 ** 40)
    expect(batchSizeInBytes(buffer, 13)).toBe(batch.length)
    expect(batchLeaderEpoch(buffer, 13)).toBe(7)
    expect(batchProducerId(buffer, 13)).toBe(2 ** 35)
    expect(batchLastOffset(buffer, 13)).toBe(2 ** 40 + 15)
    expect(batchLastSequence(buffer, 13)).toBe(7)
    expect(batchBaseTimestamp(buffer, 13)).toBe(1_700_000_000_000)
    expect(batchMaxTimestamp(buffer, 13)).toBe(1_700_000_000_003)
    expect(storedBatchProblem(buffer, 13, buffer.length)).toBeNull()
  })

  it('takes base offset and leader epoch without a new sum', () => {
    const batch = sampleBatch(1000)
    const crc = batchCrc(batch, 0)
    setBaseOffset(batch, 0, Number.MAX_SAFE_INTEGER)
    setLeaderEpoch(batch, 0, 12)
    expect(batchBaseOffset(batch, 0)).toBe(Number.MAX_SAFE_INTEGER)
    expect(computeBatchCrc(batch, 0)).toBe(crc)
  })

  it('takes a timestamp type and maximum with a new sum, and leaves equal ones alone', () => {
    const batch = sampleBatch(1000, { isTransactional: true, producerId: 1, producerEpoch: 0 })
    const before = Buffer.from(batch)
    setMaxTimestampAndType(batch, 0, batchMaxTimestamp(batch, 0), TimestampType.createTime)
    expect(batch.equals(before)).toBe(true)
    setMaxTimestampAndType(batch, 0, 1_800_000_000_000, TimestampType.logAppendTime)
    expect(timestampTypeOf(batchAttributes(batch, 0))).toBe(TimestampType.logAppendTime)
    expect(isTransactional(batchAttributes(batch, 0))).toBe(true)
    expect(batchMaxTimestamp(batch, 0)).toBe(1_800_000_000_000)
    expect(storedBatchProblem(batch, 0, batch.length)).toBeNull()
    setMaxTimestampAndType(batch, 0, batchMaxTimestamp(before, 0), TimestampType.createTime)
    expect(batch.equals(before)).toBe(true)
  })

  it('packs and unpacks every combination of attributes', () => {
    for (let bits = 0; bits < 128; bits++) {
      const flags = {
        codec: codecOf(bits),
        timestampType: timestampTypeOf(bits),
        isTransactional: isTransactional(bits),
        isControl: isControl(bits),
        hasDeleteHorizon: hasDeleteHorizon(bits),
      }
      expect(attributesOf(flags)).toBe(bits)
    }
  })

  it('wraps sequences from 2147483647 to 0', () => {
    expect(incrementSequence(2147483647, 0)).toBe(2147483647)
    expect(incrementSequence(2147483647, 1)).toBe(0)
    expect(incrementSequence(2147483646, 5)).toBe(3)
    expect(batchLastSequence(buildBatch({ records: [], lastOffsetDelta: 4 }), 0)).toBe(-1)
  })
})

describe('a stored batch', () => {
  const batch = sampleBatch(500)

  it('is not intact when zero, cut, foreign or changed', () => {
    expect(storedBatchProblem(Buffer.alloc(4096), 0, 4096)).toMatch(/batch size 12/)
    expect(storedBatchProblem(batch, 0, 60)).toMatch(/60 bytes left/)
    expect(storedBatchProblem(batch, 0, batch.length - 1)).toMatch(/exceeds/)
    const negative = Buffer.from(batch)
    negative.writeInt32BE(-5, 8)
    expect(storedBatchProblem(negative, 0, negative.length)).toMatch(/batch size 7/)
    const foreign = Buffer.from(batch)
    foreign[16] = 1
    expect(storedBatchProblem(foreign, 0, foreign.length)).toMatch(/magic 1/)
  })

  it('shows a flip of any bit behind the magic byte', () => {
    for (let at = 17; at < batch.length; at++) {
      const changed = Buffer.from(batch)
      changed[at]! ^= 1 << (at & 7)
      expect(storedBatchProblem(changed, 0, changed.length), `byte ${at}`).toMatch(/crc/)
    }
  })
})

/**
 * What compaction leaves of one batch (org.apache.kafka.storage.internals.log.Cleaner,
 * org.apache.kafka.common.record.MemoryRecords.filterTo). Base offset, last offset, sequence, producer
 * and leader epoch always stay.
 *
 *   record        stays above the map, or as the newest of its key
 *   tombstone     the first pass that meets it gives its batch a delete horizon, now +
 *                 delete.retention.ms (attribute bit 6, in the place of the base timestamp); a pass
 *                 after the horizon drops it
 *   marker        the same, from when its transaction has no data left
 *   nothing left  the batch goes; `keepEmpty` leaves its header, with a count of 0 and no codec
 *
 * Nothing is allocated per record: kept records are copied as they are, their timestamp deltas written
 * again where the base changed (the first kept record's timestamp, or the horizon).
 */
import { writeInt64 } from '../base/big-endian.ts'
import { limits } from '../base/limits.ts'
import {
  attributesOf,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
  BatchField,
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchMaxTimestamp,
  batchSizeInBytes,
  codecOf,
  hasDeleteHorizon,
  isControl,
  isTransactional,
  setBatchCrc,
  TimestampType,
  timestampTypeOf,
} from '../record/batch.ts'
import { CorruptPayload } from '../record/codec-adapter.ts'
import { Codec, compress } from '../record/compression.ts'
import { openBatch, RecordCursor } from '../record/iterate.ts'
import { varlongBytes, writeVarint, writeVarlong } from '../record/varint.ts'
import type { CompactOffsetMap } from './compact-offset-map.ts'

export interface CompactRules {
  readonly map: CompactOffsetMap
  /** Wall clock of the pass. */
  readonly nowMs: number
  readonly deleteRetentionMs: number
}

export interface BatchFate {
  /** Aborted data. */
  readonly dropAll: boolean
  /** A marker whose transaction has no data left. */
  readonly emptyMarker: boolean
  readonly keepEmpty: boolean
}

/** A record's length and timestamp fields may grow by this much when its base changes. */
const GROWTH_BYTES = 14

export class BatchCompactor {
  /** Records that were dropped, over all batches. */
  droppedRecords = 0
  private readonly rules: CompactRules
  private readonly cursor = new RecordCursor()
  /** Of the kept records of the batch at hand, in the cursor's buffer. */
  private starts = new Uint32Array(256)
  private ends = new Uint32Array(256)
  private timestamps = new Float64Array(256)
  private kept = 0
  private whole = Buffer.alloc(0)
  private plain = Buffer.alloc(0)

  constructor(rules: CompactRules) {
    this.rules = rules
  }

  /**
   * The bytes that take the batch's place, null when it goes: a view into `buffer` when nothing
   * changed, else one that holds until the next call. Throws CorruptPayload and what codecs throw.
   */
  compact(buffer: Buffer, at: number, fate: BatchFate): Buffer | null {
    const { nowMs, deleteRetentionMs } = this.rules
    const attributes = batchAttributes(buffer, at)
    const horizonMs = hasDeleteHorizon(attributes) ? batchBaseTimestamp(buffer, at) : null
    const isOver = horizonMs !== null && horizonMs <= nowMs
    const control = isControl(attributes)
    this.kept = 0
    let hasTombstone = false
    let records = 0
    const dropAll = control ? fate.emptyMarker && isOver : fate.dropAll
    if (!dropAll) {
      this.open(buffer, at)
      hasTombstone = this.choose(buffer, at, control, isOver)
      records = this.cursor.index + 1
    }
    this.droppedRecords += records - this.kept
    if (this.kept === 0) return fate.keepEmpty ? this.emptied(buffer, at) : null
    const needsHorizon =
      horizonMs === null && ((hasTombstone && !control) || (fate.emptyMarker && control))
    if (this.kept === records && !needsHorizon)
      return buffer.subarray(at, at + batchSizeInBytes(buffer, at))
    return this.rebuilt(buffer, at, needsHorizon ? nowMs + deleteRetentionMs : horizonMs)
  }

  private open(buffer: Buffer, at: number): void {
    openBatch(this.cursor, buffer, at, limits.inflateBytesMax)
  }

  /** Notes which records stay; true when a tombstone is among them. */
  private choose(buffer: Buffer, at: number, control: boolean, isOver: boolean): boolean {
    const { cursor } = this
    const { map } = this.rules
    const baseOffset = batchBaseOffset(buffer, at)
    const baseTimestamp = batchBaseTimestamp(buffer, at)
    const appended = timestampTypeOf(batchAttributes(buffer, at)) === TimestampType.logAppendTime
    const appendTime = batchMaxTimestamp(buffer, at)
    let hasTombstone = false
    while (cursor.next()) {
      const offset = baseOffset + cursor.offsetDelta
      const isTombstone = cursor.valueBytes < 0
      // Records without key are refused at produce; one may be left from before.
      const stays =
        control ||
        offset > map.latestOffset ||
        (cursor.keyBytes >= 0 &&
          !(isTombstone && isOver) &&
          offset >= map.get(cursor.buffer, cursor.keyStart, cursor.keyBytes))
      if (!stays) continue
      if (isTombstone) hasTombstone = true
      this.keep(appended ? appendTime : baseTimestamp + cursor.timestampDelta)
    }
    const leftover = cursor.bytesLeft()
    if (cursor.problem !== null) throw new CorruptPayload(cursor.problem)
    if (leftover !== 0) throw new CorruptPayload(`${leftover} bytes behind the last record`)
    return hasTombstone
  }

  private keep(timestamp: number): void {
    const index = this.kept++
    if (index === this.starts.length) this.grow()
    this.starts[index] = this.cursor.start
    this.ends[index] = this.cursor.end
    this.timestamps[index] = timestamp
  }

  private grow(): void {
    const { starts, ends, timestamps } = this
    const length = starts.length * 2
    this.starts = new Uint32Array(length)
    this.starts.set(starts)
    this.ends = new Uint32Array(length)
    this.ends.set(ends)
    this.timestamps = new Float64Array(length)
    this.timestamps.set(timestamps)
  }

  private emptied(buffer: Buffer, at: number): Buffer {
    const whole = this.room(BATCH_HEADER_BYTES)
    return seal(whole, buffer, at, BATCH_HEADER_BYTES, {
      codec: Codec.none,
      horizonMs: null,
      baseTimestamp: -1,
      maxTimestamp: batchMaxTimestamp(buffer, at),
      count: 0,
    })
  }

  private rebuilt(buffer: Buffer, at: number, horizonMs: number | null): Buffer {
    const attributes = batchAttributes(buffer, at)
    const codec = codecOf(attributes)
    const baseTimestamp = horizonMs ?? this.timestamps[0]!
    const appended = timestampTypeOf(attributes) === TimestampType.logAppendTime
    let bytesMax = 0
    let maxTimestamp = appended ? batchMaxTimestamp(buffer, at) : -1
    for (let index = 0; index < this.kept; index++) {
      bytesMax += this.ends[index]! - this.starts[index]! + GROWTH_BYTES
      if (!appended && this.timestamps[index]! > maxTimestamp)
        maxTimestamp = this.timestamps[index]!
    }
    const words = { codec, horizonMs, baseTimestamp, maxTimestamp, count: this.kept }
    // A horizon moves all timestamps at once, so does another first record; else bytes stay.
    const shift = batchBaseTimestamp(buffer, at) - baseTimestamp
    if (codec === Codec.none) {
      const whole = this.room(BATCH_HEADER_BYTES + bytesMax)
      const end = this.writeKept(whole, BATCH_HEADER_BYTES, baseTimestamp, shift, appended)
      return seal(whole, buffer, at, end, words)
    }
    if (this.plain.length < bytesMax) this.plain = Buffer.allocUnsafeSlow(bytesMax)
    const plainEnd = this.writeKept(this.plain, 0, baseTimestamp, shift, appended)
    const packed = compress(codec, this.plain.subarray(0, plainEnd))
    const whole = this.room(BATCH_HEADER_BYTES + packed.length)
    packed.copy(whole, BATCH_HEADER_BYTES)
    return seal(whole, buffer, at, BATCH_HEADER_BYTES + packed.length, words)
  }

  private writeKept(
    into: Buffer,
    start: number,
    baseTimestamp: number,
    shift: number,
    appended: boolean,
  ): number {
    const { starts, ends, timestamps, kept } = this
    const { buffer } = this.cursor
    let at = start
    for (let index = 0; index < kept; index++) {
      if (shift !== 0 || appended) {
        const delta = timestamps[index]! - baseTimestamp
        at = writeShifted(into, at, buffer, starts[index]!, ends[index]!, delta)
        continue
      }
      // Neighbours go in one copy.
      const from = starts[index]!
      while (index + 1 < kept && starts[index + 1] === ends[index]) index++
      at += buffer.copy(into, at, from, ends[index]!)
    }
    return at
  }

  private room(bytes: number): Buffer {
    if (this.whole.length < bytes)
      this.whole = Buffer.allocUnsafeSlow(Math.max(bytes, this.whole.length * 2))
    return this.whole
  }
}

/** The record in [start, end) with another timestamp delta; returns the end of what was written. */
function writeShifted(
  into: Buffer,
  at: number,
  buffer: Buffer,
  start: number,
  end: number,
  delta: number,
): number {
  const attributes = behindVarint(buffer, start)
  const tail = behindVarint(buffer, attributes + 1)
  let to = writeVarint(into, at, 1 + varlongBytes(delta) + (end - tail))
  into[to++] = buffer[attributes]!
  to = writeVarlong(into, to, delta)
  return to + buffer.copy(into, to, tail, end)
}

/** Behind the varint at `at`, which was read before. */
function behindVarint(buffer: Buffer, at: number): number {
  let end = at
  while (buffer[end]! >= 0x80) end++
  return end + 1
}

interface SealWords {
  readonly codec: number
  readonly horizonMs: number | null
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly count: number
}

/** Puts the header of the batch at `at` in front of the records that end at `end` of `whole`. */
function seal(whole: Buffer, from: Buffer, at: number, end: number, words: SealWords): Buffer {
  const before = batchAttributes(from, at)
  const attributes = attributesOf({
    codec: words.codec,
    timestampType: timestampTypeOf(before),
    isTransactional: isTransactional(before),
    isControl: isControl(before),
    hasDeleteHorizon: words.horizonMs !== null,
  })
  from.copy(whole, 0, at, at + BATCH_HEADER_BYTES)
  whole.writeInt32BE(end - BATCH_PREFIX_BYTES, BatchField.length)
  whole.writeInt16BE(attributes, BatchField.attributes)
  writeInt64(whole, BatchField.baseTimestamp, words.baseTimestamp)
  writeInt64(whole, BatchField.maxTimestamp, words.maxTimestamp)
  whole.writeInt32BE(words.count, BatchField.recordCount)
  setBatchCrc(whole, 0)
  return whole.subarray(0, end)
}

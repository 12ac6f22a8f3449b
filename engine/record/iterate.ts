/**
 * Records inside a batch (org.apache.kafka.common.record.DefaultRecord), in the order of the bytes:
 *
 *   length          varint   bytes behind this field
 *   attributes      int8     unused, 0
 *   timestampDelta  varlong  to the batch's baseTimestamp
 *   offsetDelta     varint   to the batch's baseOffset
 *   keyLength       varint   -1 = null, then the key
 *   valueLength     varint   -1 = null, then the value
 *   headerCount     varint, then per header: key length varint and UTF-8 (never null),
 *                            value length varint (-1 = null) and bytes
 *
 * `RecordCursor` walks them without allocating, giving positions; `readRecords` makes objects, for
 * cold paths (coordinator loading, tools, tests). Neither trusts a length: all are checked against
 * the record's end, and the record's against the region's.
 */
import { limits } from '../base/limits.ts'
import {
  BatchField,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchMaxTimestamp,
  batchRecordCount,
  batchSizeInBytes,
  codecOf,
  incrementSequence,
  TimestampType,
  timestampTypeOf,
} from './batch.ts'
import { CorruptPayload } from './codec-adapter.ts'
import { Codec, decompress } from './compression.ts'
import { VarintReader } from './varint.ts'

/**
 * Walks the records of one region; every position is into `buffer` and valid until the next move.
 */
export class RecordCursor {
  buffer: Buffer
  /** First byte of the record's length field, and the byte behind the record. */
  start: number
  end: number
  /** Index of the record in the batch, -1 before the first. */
  index: number
  timestampDelta: number
  offsetDelta: number
  /** -1 for null; the bytes are [keyStart, keyStart + keyBytes). */
  keyStart: number
  keyBytes: number
  valueStart: number
  valueBytes: number
  headerCount: number
  headerKeyStart: number
  headerKeyBytes: number
  headerValueStart: number
  headerValueBytes: number
  /** Why the walk stopped early; null while all is well. */
  problem: string | null
  #reader: VarintReader
  #regionEnd: number
  #count: number
  #headersLeft: number

  constructor() {
    this.buffer = EMPTY
    this.start = 0
    this.end = 0
    this.index = -1
    this.timestampDelta = 0
    this.offsetDelta = 0
    this.keyStart = 0
    this.keyBytes = -1
    this.valueStart = 0
    this.valueBytes = -1
    this.headerCount = 0
    this.headerKeyStart = 0
    this.headerKeyBytes = 0
    this.headerValueStart = 0
    this.headerValueBytes = -1
    this.problem = null
    this.#reader = new VarintReader()
    this.#regionEnd = 0
    this.#count = 0
    this.#headersLeft = 0
  }

  /** Stands before the first of `count` records in the uncompressed bytes [start, end). */
  reset(buffer: Buffer, start: number, end: number, count: number): void {
    this.buffer = buffer
    this.start = start
    this.end = start
    this.index = -1
    this.problem = null
    this.#regionEnd = end
    this.#count = count
    this.#headersLeft = 0
  }

  /** Moves to the next record; false at the end or at a problem. Headers are not looked at yet. */
  next(): boolean {
    if (this.problem !== null || this.index + 1 >= this.#count) return false
    this.index++
    this.start = this.end
    const reader = this.#reader
    reader.reset(this.buffer, this.start, this.#regionEnd)
    const bytes = reader.varint()
    if (reader.malformed) return this.#stop('premature end of records')
    if (bytes < 0 || bytes > this.#regionEnd - reader.position)
      return this.#stop(`record of ${bytes} bytes exceeds the batch`)
    this.end = reader.position + bytes
    reader.end = this.end
    reader.position++ // attributes
    this.timestampDelta = reader.varlong()
    this.offsetDelta = reader.varint()
    this.keyBytes = reader.varint()
    this.keyStart = reader.position
    if (!this.#skip(this.keyBytes)) return this.#stop('record key exceeds the record')
    this.valueBytes = reader.varint()
    this.valueStart = reader.position
    if (!this.#skip(this.valueBytes)) return this.#stop('record value exceeds the record')
    this.headerCount = reader.varint()
    if (reader.malformed) return this.#stop('record fields exceed the record')
    if (this.headerCount < 0) return this.#stop(`header count ${this.headerCount}`)
    this.#headersLeft = this.headerCount
    return true
  }

  /** Moves to the record's next header; false after the last one or at a problem. */
  nextHeader(): boolean {
    if (this.#headersLeft === 0) return false
    this.#headersLeft--
    const reader = this.#reader
    this.headerKeyBytes = reader.varint()
    this.headerKeyStart = reader.position
    if (this.headerKeyBytes < 0 || !this.#skip(this.headerKeyBytes))
      return this.#stop('header key exceeds the record')
    this.headerValueBytes = reader.varint()
    this.headerValueStart = reader.position
    if (!this.#skip(this.headerValueBytes)) return this.#stop('header value exceeds the record')
    return true
  }

  /** Walks the rest of the record; false (and a problem) unless its fields end where it ends. */
  finishRecord(): boolean {
    while (this.nextHeader());
    if (this.problem !== null) return false
    const left = this.end - this.#reader.position
    return left === 0 || this.#stop(`record has ${left} bytes behind its last field`)
  }

  /** After the last record: bytes of the region that no record covers. */
  bytesLeft(): number {
    return this.#regionEnd - this.end
  }

  #skip(bytes: number): boolean {
    const reader = this.#reader
    if (reader.malformed) return false
    if (bytes < 0) return bytes === -1
    if (bytes > reader.end - reader.position) return false
    reader.position += bytes
    return true
  }

  #stop(problem: string): false {
    this.problem ??= problem
    this.#headersLeft = 0
    return false
  }
}

export interface Header {
  readonly key: string
  readonly value: Buffer | null
}

export interface StoredRecord {
  readonly offset: number
  /** As readers see it: the batch's maxTimestamp under LogAppendTime. */
  readonly timestamp: number
  /** -1 without a producer id. */
  readonly sequence: number
  /** Views, not copies, of the batch (or of its decompressed records). */
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
}

/**
 * All records of the batch at `at`, whose header and CRC the caller trusts. Output of a codec is
 * bounded by `maxBytes`. Throws CorruptPayload, BombRefused, CodecUnavailable.
 */
export function readRecords(
  batch: Buffer,
  at = 0,
  maxBytes: number = limits.inflateBytesMax,
): StoredRecord[] {
  const records: StoredRecord[] = []
  const cursor = new RecordCursor()
  openBatch(cursor, batch, at, maxBytes)
  const baseOffset = batchBaseOffset(batch, at)
  const baseTimestamp = batchBaseTimestamp(batch, at)
  const baseSequence = batchBaseSequence(batch, at)
  const appended = timestampTypeOf(batchAttributes(batch, at)) === TimestampType.logAppendTime
  const appendTime = batchMaxTimestamp(batch, at)
  while (cursor.next()) {
    records.push({
      offset: baseOffset + cursor.offsetDelta,
      timestamp: appended ? appendTime : baseTimestamp + cursor.timestampDelta,
      sequence: baseSequence === -1 ? -1 : incrementSequence(baseSequence, cursor.offsetDelta),
      key: recordKey(cursor),
      value: recordValue(cursor),
      headers: recordHeaders(cursor),
    })
  }
  const leftover = cursor.bytesLeft()
  if (cursor.problem === null && leftover !== 0)
    throw new CorruptPayload(`${leftover} bytes behind the last record`)
  if (cursor.problem !== null) throw new CorruptPayload(cursor.problem)
  return records
}

/**
 * Points the cursor at the records of a batch, decompressing them when needed (see readRecords).
 */
export function openBatch(cursor: RecordCursor, batch: Buffer, at: number, maxBytes: number): void {
  const codec = codecOf(batchAttributes(batch, at))
  const start = at + BatchField.records
  const end = at + batchSizeInBytes(batch, at)
  const count = batchRecordCount(batch, at)
  // Compaction leaves emptied batches with their codec bits and no bytes to decompress.
  if (codec === Codec.none || start === end) {
    cursor.reset(batch, start, end, count)
    return
  }
  const plain = decompress(codec, batch.subarray(start, end), maxBytes)
  cursor.reset(plain, 0, plain.length, count)
}

/** View of the current record's key, null for none. */
export function recordKey(cursor: RecordCursor): Buffer | null {
  if (cursor.keyBytes < 0) return null
  return cursor.buffer.subarray(cursor.keyStart, cursor.keyStart + cursor.keyBytes)
}

/** View of the current record's value, null for none. */
export function recordValue(cursor: RecordCursor): Buffer | null {
  if (cursor.valueBytes < 0) return null
  return cursor.buffer.subarray(cursor.valueStart, cursor.valueStart + cursor.valueBytes)
}

/**
 * The current record's headers; walks to the record's end and throws CorruptPayload if it is not
 * there.
 */
export function recordHeaders(cursor: RecordCursor): Header[] {
  const headers: Header[] = []
  while (cursor.nextHeader()) {
    const keyEnd = cursor.headerKeyStart + cursor.headerKeyBytes
    const valueEnd = cursor.headerValueStart + cursor.headerValueBytes
    headers.push({
      key: cursor.buffer.toString('utf8', cursor.headerKeyStart, keyEnd),
      value:
        cursor.headerValueBytes < 0
          ? null
          : cursor.buffer.subarray(cursor.headerValueStart, valueEnd),
    })
  }
  if (!cursor.finishRecord()) throw new CorruptPayload(cursor.problem ?? 'malformed record')
  return headers
}

const EMPTY = Buffer.alloc(0)

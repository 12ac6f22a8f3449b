/**
 * Request frames made once and sent again and again, and where their answers keep what matters: the
 * raw client patches four or twelve bytes of a request and reads a few of its answer, nothing else.
 *
 *   request   int32 length | int16 key | int16 version | int32 correlation id (at 8) | …
 *   Produce v9 answer    length | correlation id | tags | count | name | count | int32 index |
 *                        int16 error code | …
 *   Fetch v12 answer     length | correlation id | tags | int32 throttle | int16 error code |
 *                        int32 session | count | name | count | int32 index | int16 error code |
 *                        int64 high watermark, last stable, log start | 0 aborted | int32 replica |
 *                        uvarint 1 + bytes of records | …
 *
 * Both versions are flexible and name topics by name; one topic and one partition per request keep
 * every position fixed. Counts are one byte as long as there is one of each; read_committed may list
 * aborted transactions, 17 bytes each. Produce v12, whose first one begins a transaction, looks as v9.
 */

import { writeInt64 } from '../../engine/base/big-endian.ts'
import { ErrorCode } from '../../engine/base/errors.ts'
import { ProduceRequest } from '../../engine/protocol/00-produce.ts'
import { FetchRequest } from '../../engine/protocol/01-fetch.ts'
import { encodeRequestFrame } from '../../engine/protocol/header.ts'
import { BatchField, batchRecordCount, setBatchCrc } from '../../engine/record/batch.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { PRODUCE_VERSION_IMPLICIT, type ProducerMark } from '../../net/client/transaction-form.ts'

export const CORRELATION_ID_AT = 8
const PRODUCE_VERSION = 9
const FETCH_VERSION = 12
const CLIENT_ID = 'sluice-bench'
/** Stands for the fetch offset until its place is known. */
const OFFSET_MARK = 0x0b0c_0d0e_0f10_11
/** Of the partition, the topic and the request. */
const TAGS_BEHIND = 3
const REQUEST_TIMEOUT_MS = 30_000
/** Producer id, first offset and tags. */
const ABORTED_BYTES = 17
const UVARINT_BYTES_MAX = 5
const NAME_BYTES_MAX = 126

/** One request and the shape of its answer. */
export interface PreparedRequest {
  readonly frame: Buffer
  /** Position of the int64 fetch offset, -1 where there is none. */
  readonly fetchOffsetAt: number
  /** Position of the batch, -1 where there is none. */
  readonly batchAt: number
  readonly batchBytes: number
  /** Records of the batch. */
  readonly records: number
  readonly answer: AnswerShape
}

/** Positions from the frame's first byte, the length included. */
export interface AnswerShape {
  /** Bytes to have before an answer can be judged; shorter ones are judged whole. */
  readonly headBytes: number
  /** Of the whole answer, -1 where there is none. */
  readonly topErrorCodeAt: number
  /** Of the partition. */
  readonly errorCodeAt: number
  /** Of the count of aborted transactions, -1 where there is none. */
  readonly abortedAt: number
  /** Of the uvarint before the records where no transaction was aborted, -1 where there is none. */
  readonly recordsAt: number
}

/** Who writes in transactions, and whether its first Produce begins each (KIP-890). */
export interface TransactionForm {
  readonly transactionalId: string
  readonly implicit: boolean
}

export interface ProduceFrame {
  readonly topic: string
  readonly partition: number
  /** A whole batch, as it will stand in the log. */
  readonly batch: Buffer
  readonly acks: 1 | -1
  /** Null: no transactions. */
  readonly transaction: TransactionForm | null
}

export function produceRequest(what: ProduceFrame): PreparedRequest {
  const writer = new Writer(what.batch.length + 256)
  const apiVersion =
    what.transaction?.implicit === true ? PRODUCE_VERSION_IMPLICIT : PRODUCE_VERSION
  encodeRequestFrame(
    writer,
    ProduceRequest,
    { apiVersion, correlationId: 0, clientId: CLIENT_ID },
    {
      transactionalId: what.transaction?.transactionalId ?? null,
      acks: what.acks,
      timeoutMs: REQUEST_TIMEOUT_MS,
      topicData: [
        { name: what.topic, partitionData: [{ index: what.partition, records: what.batch }] },
      ],
    },
  )
  const errorCodeAt = 4 + 4 + 1 + 1 + nameBytes(what.topic) + 1 + 4
  const frame = writer.take()
  return {
    frame,
    fetchOffsetAt: -1,
    batchAt: frame.length - what.batch.length - TAGS_BEHIND,
    batchBytes: what.batch.length,
    records: batchRecordCount(what.batch, 0),
    answer: {
      headBytes: errorCodeAt + 2,
      topErrorCodeAt: -1,
      errorCodeAt,
      abortedAt: -1,
      recordsAt: -1,
    },
  }
}

export interface FetchFrame {
  readonly topic: string
  readonly partition: number
  /** Bytes of records an answer may hold; its first batch may exceed it. */
  readonly maxBytes: number
  /** Longest wait for one byte, in milliseconds. */
  readonly maxWaitMs: number
  readonly isolation: Isolation
}

/** 0 reads everything, 1 (read_committed) up to the first open transaction. */
export type Isolation = 0 | 1

export function fetchRequest(what: FetchFrame): PreparedRequest {
  const writer = new Writer()
  encodeRequestFrame(
    writer,
    FetchRequest,
    { apiVersion: FETCH_VERSION, correlationId: 0, clientId: CLIENT_ID },
    {
      maxWaitMs: what.maxWaitMs,
      minBytes: 1,
      maxBytes: what.maxBytes,
      isolationLevel: what.isolation,
      topics: [
        {
          topic: what.topic,
          partitions: [
            {
              partition: what.partition,
              fetchOffset: OFFSET_MARK,
              partitionMaxBytes: what.maxBytes,
            },
          ],
        },
      ],
      rackId: '',
    },
  )
  const frame = writer.take()
  const mark = Buffer.alloc(8)
  mark.writeBigInt64BE(BigInt(OFFSET_MARK))
  const errorCodeAt = 4 + 4 + 1 + 4 + 2 + 4 + 1 + nameBytes(what.topic) + 1 + 4
  const abortedAt = errorCodeAt + 2 + 3 * 8
  const recordsAt = abortedAt + 1 + 4
  return {
    frame,
    fetchOffsetAt: frame.indexOf(mark),
    batchAt: -1,
    batchBytes: 0,
    records: 0,
    answer: {
      headBytes: recordsAt + UVARINT_BYTES_MAX,
      topErrorCodeAt: 13,
      errorCodeAt,
      abortedAt,
      recordsAt,
    },
  }
}

/** Error code of an answer of which `headBytes`, or all of it when shorter, stand at `at`. */
export function answerErrorCode(shape: AnswerShape, buffer: Buffer, at: number, size: number) {
  if (shape.topErrorCodeAt >= 0) {
    const code = size < shape.topErrorCodeAt + 2 ? -1 : readInt16(buffer, at + shape.topErrorCodeAt)
    if (code !== 0) return code
  }
  if (size < shape.errorCodeAt + 2) return ErrorCode.UNKNOWN_SERVER_ERROR
  return readInt16(buffer, at + shape.errorCodeAt)
}

/** Bytes of records in a Fetch answer of `size` bytes, of which the head stands at `at`. */
export function answerRecordBytes(
  shape: AnswerShape,
  buffer: Buffer,
  at: number,
  size: number,
): number {
  const aborted = abortedBytes(shape, buffer, at)
  if (aborted === 0) return Math.max(0, uvarint(buffer, at + shape.recordsAt) - 1)
  // The list may be longer than the head: what is left of the answer, but for its tags.
  const rest = size - shape.recordsAt - aborted - TAGS_BEHIND
  for (let width = 1; width <= UVARINT_BYTES_MAX; width++)
    if (uvarintBytes(rest - width + 1) === width) return rest - width
  return 0
}

/** Of the list of aborted transactions, but for the one byte of an empty one. */
function abortedBytes(shape: AnswerShape, buffer: Buffer, at: number): number {
  const count = Math.max(0, uvarint(buffer, at + shape.abortedAt) - 1)
  return count === 0 ? 0 : uvarintBytes(count + 1) - 1 + count * ABORTED_BYTES
}

function uvarint(buffer: Buffer, at: number): number {
  let value = 0
  for (let position = at, shift = 0; shift < 35; position++, shift += 7) {
    const byte = buffer[position] ?? 0
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  return value
}

function uvarintBytes(value: number): number {
  let bytes = 1
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

/** Makes a copy of a frame at `at` the next request: its correlation id. */
export function patchCorrelationId(buffer: Buffer, at: number, id: number): void {
  buffer[at + CORRELATION_ID_AT] = id >>> 24
  buffer[at + CORRELATION_ID_AT + 1] = id >>> 16
  buffer[at + CORRELATION_ID_AT + 2] = id >>> 8
  buffer[at + CORRELATION_ID_AT + 3] = id
}

export function patchFetchOffset(buffer: Buffer, at: number, offset: number): void {
  buffer.writeUInt32BE(Math.floor(offset / 2 ** 32), at)
  buffer.writeUInt32BE(offset % 2 ** 32, at + 4)
}

/** Who sends a batch and as its how manieth record: inside the CRC, which is made anew. */
export function patchSequence(
  batch: Buffer,
  { producerId, producerEpoch }: ProducerMark,
  sequence: number,
): void {
  writeInt64(batch, BatchField.producerId, producerId)
  batch.writeInt16BE(producerEpoch, BatchField.producerEpoch)
  batch.writeInt32BE(sequence, BatchField.baseSequence)
  setBatchCrc(batch, 0)
}

/** Start and end of the records in a whole Fetch answer. */
export function answerRecordsRange(
  shape: AnswerShape,
  frame: Buffer,
): [start: number, end: number] {
  let start = shape.recordsAt + abortedBytes(shape, frame, 0)
  while ((frame[start] ?? 0) >= 0x80) start++
  start++
  return [start, Math.min(frame.length, start + answerRecordBytes(shape, frame, 0, frame.length))]
}

function readInt16(buffer: Buffer, at: number): number {
  return ((((buffer[at] ?? 0) << 8) | (buffer[at + 1] ?? 0)) << 16) >> 16
}

/** Compact string: one byte of length, then the name. */
function nameBytes(topic: string): number {
  if (topic.length > NAME_BYTES_MAX)
    throw new RangeError(`topic names of a bench have at most ${NAME_BYTES_MAX} characters`)
  return 1 + topic.length
}

/**
 * Lines that kafka-dump-log prints for a .log or .checkpoint file: one per batch, and one per record
 * when looking inside (DumpLogSegments.dumpLog).
 */
import {
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchCrc,
  batchLastOffset,
  batchLastSequence,
  batchLeaderEpoch,
  batchMagic,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  codecOf,
  computeBatchCrc,
  hasDeleteHorizon,
  isControl,
  isTransactional,
  TimestampType,
  timestampTypeOf,
} from '../../../engine/record/batch.ts'
import { codecName } from '../../../engine/record/compression.ts'
import { readRecords, type StoredRecord } from '../../../engine/record/iterate.ts'
import { BatchFile, DumpFailed, type FileBatch } from './batch-file.ts'
import { controlText } from './control-records.ts'
import type { RecordDecoder } from './record-decoders.ts'

export interface DumpOptions {
  readonly deep: boolean
  /** Null: keys and values are not printed. */
  readonly decoder: RecordDecoder | null
  readonly skipRecordMetadata: boolean
  readonly maxBytes: number
}

/** What kafka-dump-log takes for "no limit". */
export const ALL_BYTES = 0x7fffffff
const INDENT = '|'
/** A codec's output in a tool is bounded by memory, not by what a broker would take. */
const INFLATE_BYTES_MAX = 1 << 30

/** `onGap` hears of records whose offset does not follow the one before. */
export function* dumpBatches(
  path: string,
  options: DumpOptions,
  onGap: (offset: number, next: number) => void,
): Generator<string> {
  const file = new BatchFile(path)
  try {
    let valid = 0
    let last = -1
    for (const batch of file.batches(0, options.maxBytes)) {
      yield batchLine(batch)
      valid += batch.bytes.length
      if (!options.deep) continue
      for (const record of recordsOf(file, batch)) {
        if (last !== -1 && record.offset !== last + 1) onGap(last, record.offset)
        last = record.offset
        yield recordLine(record, batch.bytes, options)
      }
    }
    const trailing = file.bytes - valid
    if (trailing > 0 && options.maxBytes === ALL_BYTES)
      yield `Found ${trailing} invalid bytes at the end of ${path.replace(/^.*\//, '')}`
  } finally {
    file.close()
  }
}

export function recordsOf(file: BatchFile, { bytes, position }: FileBatch): StoredRecord[] {
  try {
    return readRecords(bytes, 0, INFLATE_BYTES_MAX)
  } catch (error) {
    throw new DumpFailed(
      `${file.path}: the records of the batch at byte ${position} cannot be read: ` +
        (error instanceof Error ? error.message : String(error)),
      'leave out --deep-iteration and --print-data-log to see the batches only',
    )
  }
}

function batchLine({ bytes, position }: FileBatch): string {
  const attributes = batchAttributes(bytes, 0)
  const horizon = hasDeleteHorizon(attributes)
    ? `OptionalLong[${batchBaseTimestamp(bytes, 0)}]`
    : 'OptionalLong.empty'
  const codec = codecOf(attributes)
  const valid = computeBatchCrc(bytes, 0) === batchCrc(bytes, 0)
  return (
    `baseOffset: ${batchBaseOffset(bytes, 0)} lastOffset: ${batchLastOffset(bytes, 0)}` +
    ` count: ${batchRecordCount(bytes, 0)} baseSequence: ${batchBaseSequence(bytes, 0)}` +
    ` lastSequence: ${batchLastSequence(bytes, 0)} producerId: ${batchProducerId(bytes, 0)}` +
    ` producerEpoch: ${batchProducerEpoch(bytes, 0)}` +
    ` partitionLeaderEpoch: ${batchLeaderEpoch(bytes, 0)}` +
    ` isTransactional: ${isTransactional(attributes)} isControl: ${isControl(attributes)}` +
    ` deleteHorizonMs: ${horizon} position: ${position}` +
    ` ${timestampName(attributes)}: ${batchMaxTimestamp(bytes, 0)} size: ${bytes.length}` +
    ` magic: ${batchMagic(bytes, 0)} compresscodec: ${codecName(codec) ?? `unknown (${codec})`}` +
    ` crc: ${batchCrc(bytes, 0)} isvalid: ${valid}`
  )
}

function recordLine(record: StoredRecord, batch: Buffer, options: DumpOptions): string {
  const attributes = batchAttributes(batch, 0)
  const control = isControl(attributes)
  let line = ''
  if (!options.skipRecordMetadata) {
    const headerKeys = record.headers.map(({ key }) => key).join(',')
    line =
      `${INDENT} offset: ${record.offset} ${timestampName(attributes)}: ${record.timestamp}` +
      ` keySize: ${record.key?.length ?? -1} valueSize: ${record.value?.length ?? -1}` +
      ` sequence: ${record.sequence} headerKeys: [${headerKeys}]`
    if (control) line += ` ${controlText(record)}`
  }
  if (options.decoder === null || control) return line
  const { key, payload } = options.decoder(record)
  if (key !== null) line += `${line === '' ? INDENT : ''} key: ${key}`
  return payload === null ? line : `${line} payload: ${payload}`
}

function timestampName(attributes: number): string {
  return timestampTypeOf(attributes) === TimestampType.logAppendTime
    ? 'LogAppendTime'
    : 'CreateTime'
}

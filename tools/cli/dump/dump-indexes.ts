/**
 * Lines that kafka-dump-log prints for the files beside a segment: .index, .timeindex, .txnindex and
 * .snapshot (DumpLogSegments.dumpIndex and its neighbours). Offset and time indexes are checked
 * against their .log; what does not fit is gathered and told after all files.
 *
 *   .index       8 bytes   relative last offset int32 · position int32
 *   .timeindex   12 bytes  timestamp int64 · relative last offset int32
 *   .txnindex    34 bytes  see engine/log/transaction-index.ts
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readInt64 } from '../../../engine/base/big-endian.ts'
import { CorruptFile } from '../../../engine/log/corrupt-file.ts'
import { decodeProducerSnapshot } from '../../../engine/log/producer-snapshot.ts'
import { batchLastOffset } from '../../../engine/record/batch.ts'
import { BatchFile, DumpFailed } from './batch-file.ts'
import { recordsOf } from './dump-batches.ts'
import type { DumpProblems } from './dump-problems.ts'

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12
const TRANSACTION_ENTRY_BYTES = 34
const SEQUENCES = 2 ** 31

export interface IndexOptions {
  readonly sanityOnly: boolean
  readonly verifyOnly: boolean
  readonly maxMessageSize: number
}

interface OffsetEntry {
  readonly offset: number
  readonly position: number
}

export function* dumpOffsetIndex(
  path: string,
  shown: string,
  options: IndexOptions,
  problems: DumpProblems,
): Generator<string> {
  const base = baseOffsetOf(path)
  const log = new BatchFile(beside(path, '.log'))
  try {
    const content = readWhole(path)
    const entries = offsetEntries(content, base)
    if (entries.length === 0) {
      yield `${shown} is empty.`
      return
    }
    if (options.sanityOnly) {
      checkSize(path, content, OFFSET_ENTRY_BYTES)
      checkLast(path, entries.at(-1)?.offset ?? base, base)
      yield `${shown} passed sanity check.`
      return
    }
    for (const [at, { offset, position }] of entries.entries()) {
      // Zeros behind the last entry: room Kafka took in advance.
      if (offset === base && at > 0) return
      const first = log.batches(position, options.maxMessageSize).next()
      if (first.done)
        throw new DumpFailed(
          `${path}: entry ${at} points to byte ${position} of the log, and no whole batch of at ` +
            `most ${options.maxMessageSize} bytes begins there`,
          'delete the index, and the broker makes it anew; or raise --max-message-size',
        )
      const found = batchLastOffset(first.value.bytes, 0)
      if (found !== offset) problems.wrongOffset(path, offset, found)
      if (!options.verifyOnly) yield `offset: ${offset} position: ${position}`
    }
  } finally {
    log.close()
  }
}

export function* dumpTimeIndex(
  path: string,
  shown: string,
  options: IndexOptions,
  problems: DumpProblems,
): Generator<string> {
  const base = baseOffsetOf(path)
  const log = new BatchFile(beside(path, '.log'))
  try {
    const offsets = offsetEntries(readWhole(beside(path, '.index')), base)
    const content = readWhole(path)
    const entries = timeEntries(content, base)
    if (options.sanityOnly) {
      checkSize(path, content, TIME_ENTRY_BYTES)
      checkLast(path, entries.at(-1)?.offset ?? base, base)
      yield `${shown} passed sanity check.`
      return
    }
    let previous = -1
    for (const [at, { timestamp, offset }] of entries.entries()) {
      if (offset === base && at > 0) return
      checkTimeEntry(log, path, lookup(offsets, offset), { timestamp, offset, previous }, problems)
      if (!options.verifyOnly) yield `timestamp: ${timestamp} offset: ${offset}`
      previous = timestamp
    }
  } finally {
    log.close()
  }
}

function checkTimeEntry(
  log: BatchFile,
  path: string,
  position: number,
  entry: { timestamp: number; offset: number; previous: number },
  problems: DumpProblems,
): void {
  for (const batch of log.batches(position)) {
    const last = batchLastOffset(batch.bytes, 0)
    if (last < entry.offset) continue
    if (last > entry.offset) {
      problems.noSuchOffset(path, entry.offset, last)
      return
    }
    const largest = recordsOf(log, batch).reduce(
      (max, { timestamp }) => Math.max(max, timestamp),
      -1,
    )
    if (largest !== entry.timestamp) problems.wrongTimestamp(path, entry.timestamp, largest)
    if (entry.previous >= entry.timestamp)
      problems.unorderedTimestamp(path, entry.timestamp, entry.previous)
    return
  }
  problems.noSuchOffset(path, entry.offset, -1)
}

export function* dumpTransactionIndex(path: string): Generator<string> {
  const content = readWhole(path)
  checkSize(path, content, TRANSACTION_ENTRY_BYTES)
  for (let at = 0; at < content.length; at += TRANSACTION_ENTRY_BYTES)
    yield `version: ${content.readInt16BE(at)} producerId: ${readInt64(content, at + 2)}` +
      ` firstOffset: ${readInt64(content, at + 10)} lastOffset: ${readInt64(content, at + 18)}` +
      ` lastStableOffset: ${readInt64(content, at + 26)}`
}

export function* dumpSnapshot(path: string, problems: DumpProblems): Generator<string> {
  const content = readWhole(path)
  try {
    for (const entry of decodeProducerSnapshot(content, path)) {
      const { lastSequence, offsetDelta, transactionFirstOffset: open } = entry
      const first = (lastSequence - offsetDelta + SEQUENCES) % SEQUENCES
      yield `producerId: ${entry.producerId} producerEpoch: ${entry.producerEpoch}` +
        ` coordinatorEpoch: ${entry.coordinatorEpoch}` +
        ` currentTxnFirstOffset: ${open < 0 ? 'OptionalLong.empty' : `OptionalLong[${open}]`}` +
        ` lastTimestamp: ${entry.timestamp} ` +
        (entry.lastOffset < 0
          ? ''
          : `firstSequence: ${lastSequence < 0 ? lastSequence : first}` +
            ` lastSequence: ${lastSequence} lastOffset: ${entry.lastOffset}` +
            ` offsetDelta: ${offsetDelta} timestamp: ${entry.timestamp}`)
    }
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
    // As there: told, and the other files still follow.
    problems.unreadable(error.message)
  }
}

export function baseOffsetOf(path: string): number {
  const [digits = ''] = basename(path).split('.')
  if (/^\d+$/.test(digits)) return Number(digits)
  throw new DumpFailed(
    `${path}: the name does not begin with an offset, so it is no segment's file`,
    'segment files are named like 00000000000000000000.log',
  )
}

function beside(path: string, suffix: string): string {
  return join(dirname(path), `${basename(path).split('.')[0]}${suffix}`)
}

function readWhole(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new DumpFailed(
      absent
        ? `${path}: there is no such file`
        : `${path}: ${error instanceof Error ? error.message : String(error)}`,
      absent ? 'an index is checked against the .log and .index of the same name beside it' : null,
    )
  }
}

function offsetEntries(content: Buffer, base: number): OffsetEntry[] {
  const entries: OffsetEntry[] = []
  for (let at = 0; at + OFFSET_ENTRY_BYTES <= content.length; at += OFFSET_ENTRY_BYTES)
    entries.push({ offset: base + content.readInt32BE(at), position: content.readInt32BE(at + 4) })
  return entries
}

function timeEntries(content: Buffer, base: number): { timestamp: number; offset: number }[] {
  const entries: { timestamp: number; offset: number }[] = []
  for (let at = 0; at + TIME_ENTRY_BYTES <= content.length; at += TIME_ENTRY_BYTES)
    entries.push({
      timestamp: readInt64(content, at),
      offset: base + content.readInt32BE(at + OFFSET_ENTRY_BYTES),
    })
  return entries
}

/** Where to begin looking for an offset: the last entry at or below it. */
function lookup(entries: readonly OffsetEntry[], offset: number): number {
  let position = 0
  for (const entry of entries) {
    if (entry.offset > offset) break
    position = entry.position
  }
  return position
}

function checkSize(path: string, content: Buffer, entryBytes: number): void {
  if (content.length % entryBytes !== 0)
    throw new DumpFailed(
      `${path}: has ${content.length} bytes, which is no whole number of entries of ${entryBytes}`,
      'delete the index, and the broker makes it anew when it starts',
    )
}

function checkLast(path: string, last: number, base: number): void {
  if (last < base)
    throw new DumpFailed(
      `${path}: its last entry is for offset ${last}, below the segment's first (${base})`,
      'delete the index, and the broker makes it anew when it starts',
    )
}

/**
 * One pass of compaction over a log (org.apache.kafka.storage.internals.log.Cleaner):
 *
 *   fillMap   the newest offset of each key among the dirty segments goes into a map of bounded memory;
 *             full, the pass ends there and `endOffset` says where the next one begins
 *   compact   the segments of a group are written again as one, in files marked `.cleaned`. Nothing that
 *             exists is changed: who owns the log swaps the result in (segment-swap.ts) before the next
 *             group is begun. Groups come in order, from the log's first segment on
 *
 * Kept without records, as Kafka does: the last batch of each producer that the owner still knows, and
 * the last batch of all sources. No more than that: some clients stand still where a fetch brings
 * nothing but a batch without records.
 *
 * Reads and writes in the calling thread, never a shard's. `pace` is told of bytes read and written; it
 * may wait, and throws to end the step.
 */
import { limits } from '../base/limits.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchLastOffset,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  isControl,
} from '../record/batch.ts'
import { CorruptPayload } from '../record/codec-adapter.ts'
import { openBatch, RecordCursor } from '../record/iterate.ts'
import { BatchCompactor } from './compact-batch.ts'
import type { CompactOffsetMap } from './compact-offset-map.ts'
import { CompactTransactions } from './compact-transactions.ts'
import { type Disk, type DiskFile, writeFullySync } from './disk.ts'
import { Segment } from './segment.ts'
import {
  CLEANED_SUFFIX,
  SEGMENT_SUFFIXES,
  SegmentSuffix,
  segmentFileName,
} from './segment-files.ts'
import { CorruptLog } from './segment-rebuild.ts'
import { BatchScan } from './segment-scan.ts'
import { type AbortedTransaction, TransactionIndex } from './transaction-index.ts'

export interface CompactSource {
  readonly baseOffset: number
  readonly size: number
  /** Base of the segment behind it. */
  readonly endOffset: number
  readonly hasTransactionIndex: boolean
}

export interface CompactInput {
  readonly dir: string
  /** From the log's first segment to the last that may be compacted; none is written to any more. */
  readonly sources: readonly CompactSource[]
  /** Whose markers lie behind the sources. */
  readonly abortedBehind: readonly AbortedTransaction[]
  /** No pass has taken the keys from here on. */
  readonly firstDirtyOffset: number
  /** Known producers: id, epoch, offset of the last data batch (-1 none). */
  readonly producers: readonly { id: number; epoch: number; lastOffset: number }[]
  readonly nowMs: number
  readonly deleteRetentionMs: number
  readonly indexIntervalBytes: number
  readonly segmentIndexBytes: number
}

export interface FillMapResult {
  readonly keys: number
  /** What lies below takes part in the pass; the next one is dirty from here on. */
  readonly endOffset: number
}

export interface CompactGroupResult {
  readonly size: number
  readonly hasTransactionIndex: boolean
  readonly droppedRecords: number
}

export type Pace = (bytes: number) => void

/** Its methods throw DiskError, CorruptLog, CorruptPayload, and what `pace` does. */
export class CompactPass {
  private readonly disk: Disk
  private readonly input: CompactInput
  private readonly map: CompactOffsetMap
  private readonly pace: Pace
  private readonly transactions = new CompactTransactions()

  /** The map is empty and begins at firstDirtyOffset. */
  constructor(disk: Disk, input: CompactInput, map: CompactOffsetMap, pace: Pace) {
    this.disk = disk
    this.input = input
    this.map = map
    this.pace = pace
  }

  async fillMap(): Promise<FillMapResult> {
    const { disk, input, map } = this
    const { sources, firstDirtyOffset } = input
    const transactions = new CompactTransactions()
    const cursor = new RecordCursor()
    const dirty = sources.filter(({ endOffset }) => endOffset > firstDirtyOffset)
    transactions.expect(await abortedIn(disk, input, dirty))
    for (const source of dirty) {
      const isFull = await walk(disk, input.dir, source, this.pace, (buffer, at) => {
        const lastOffset = batchLastOffset(buffer, at)
        if (isControl(batchAttributes(buffer, at))) transactions.onMarker(buffer, at)
        else if (!transactions.onData(buffer, at) && lastOffset >= firstDirtyOffset)
          if (!takeKeys(map, cursor, buffer, at, firstDirtyOffset)) return STOP
        if (lastOffset >= firstDirtyOffset) map.latestOffset = lastOffset
        return null
      })
      if (isFull)
        return { keys: map.keys, endOffset: Math.max(map.latestOffset + 1, firstDirtyOffset) }
    }
    return { keys: map.keys, endOffset: sources.at(-1)?.endOffset ?? firstDirtyOffset }
  }

  /** Leaves the result's files synced and closed. */
  async compact(group: readonly CompactSource[]): Promise<CompactGroupResult> {
    const { disk, input, map, transactions, pace } = this
    const { dir } = input
    const { baseOffset } = group[0]!
    await removeCleaned(disk, dir, baseOffset)
    transactions.expect(await abortedIn(disk, input, group))
    const target = Segment.createSync({
      disk,
      dir,
      baseOffset,
      indexIntervalBytes: input.indexIntervalBytes,
      indexBytesMax: input.segmentIndexBytes,
      createdMs: input.nowMs,
      mark: CLEANED_SUFFIX,
    })
    try {
      const rewrite = new GroupRewrite({ input, map, transactions, pace }, target)
      for (const source of group) await rewrite.take(disk, source)
      await rewrite.finish()
      return {
        size: target.size,
        hasTransactionIndex: target.hasTransactionIndex,
        droppedRecords: rewrite.droppedRecords,
      }
    } finally {
      await target.close(false)
    }
  }
}

/** The batch's keys go into the map; false when it is full. */
function takeKeys(
  map: CompactOffsetMap,
  cursor: RecordCursor,
  buffer: Buffer,
  at: number,
  firstOffset: number,
): boolean {
  openBatch(cursor, buffer, at, limits.inflateBytesMax)
  const baseOffset = batchBaseOffset(buffer, at)
  while (cursor.next()) {
    const offset = baseOffset + cursor.offsetDelta
    if (cursor.keyBytes < 0 || offset < firstOffset) continue
    if (!map.put(cursor.buffer, cursor.keyStart, cursor.keyBytes, offset)) return false
  }
  if (cursor.problem !== null) throw new CorruptPayload(cursor.problem)
  return true
}

/** What a pass that was given up left of a group's result. */
export async function removeCleaned(disk: Disk, dir: string, baseOffset: number): Promise<void> {
  for (const suffix of SEGMENT_SUFFIXES) {
    const path = `${dir}/${segmentFileName(baseOffset, suffix)}${CLEANED_SUFFIX}`
    if ((await disk.stat(path)) !== null) await disk.unlink(path)
  }
}

interface RewriteParts {
  readonly input: CompactInput
  readonly map: CompactOffsetMap
  readonly transactions: CompactTransactions
  readonly pace: Pace
}

class GroupRewrite {
  private readonly parts: RewriteParts
  private readonly target: Segment
  private readonly endOffset: number
  private readonly compactor: BatchCompactor
  private readonly lastOffsets: ReadonlyMap<number, { epoch: number; lastOffset: number }>
  /** Bytes that wait to be written, and how many. */
  private readonly pending = Buffer.allocUnsafeSlow(limits.compactPieceBytes)
  private waiting = 0
  private written = 0
  private unsynced = 0

  constructor(parts: RewriteParts, target: Segment) {
    this.parts = parts
    this.target = target
    const { map, input } = parts
    const { nowMs, deleteRetentionMs, producers } = input
    this.endOffset = input.sources.at(-1)?.endOffset ?? 0
    this.compactor = new BatchCompactor({ map, nowMs, deleteRetentionMs })
    this.lastOffsets = new Map(producers.map((each) => [each.id, each]))
  }

  get droppedRecords(): number {
    return this.compactor.droppedRecords
  }

  async take(disk: Disk, source: CompactSource): Promise<void> {
    await walk(
      disk,
      this.parts.input.dir,
      source,
      this.parts.pace,
      (buffer, at) => {
        this.takeBatch(buffer, at)
        return null
      },
      () => this.syncIfMuch(),
    )
  }

  async finish(): Promise<void> {
    const { target } = this
    this.write()
    target.finishTimeIndex()
    await target.opened().log.sync()
    await target.flushIndexes()
  }

  private takeBatch(buffer: Buffer, at: number): void {
    let dropAll = false
    let emptyMarker = false
    let aborted: AbortedTransaction | null = null
    if (isControl(batchAttributes(buffer, at))) {
      const met = this.parts.transactions.onMarker(buffer, at)
      emptyMarker = met.empty
      aborted = met.aborted
    } else dropAll = this.parts.transactions.onData(buffer, at)
    const isEnd = batchLastOffset(buffer, at) + 1 === this.endOffset
    const keepEmpty = isEnd || this.isLastOfProducer(buffer, at)
    const kept = this.compactor.compact(buffer, at, { dropAll, emptyMarker, keepEmpty })
    if (kept === null) return
    this.target.add(batchLastOffset(kept, 0), batchMaxTimestamp(kept, 0), kept.length)
    if (aborted !== null) this.target.opened().transactionIndex.append(aborted)
    if (this.waiting + kept.length > this.pending.length) this.write()
    if (kept.length > this.pending.length) {
      this.put(kept)
      return
    }
    this.waiting += kept.copy(this.pending, this.waiting)
  }

  /** Its sequence, or its epoch when it left markers only, is needed while the producer is known. */
  private isLastOfProducer(buffer: Buffer, at: number): boolean {
    const known = this.lastOffsets.get(batchProducerId(buffer, at))
    if (known === undefined) return false
    if (known.lastOffset >= 0) return known.lastOffset === batchLastOffset(buffer, at)
    return isControl(batchAttributes(buffer, at)) && batchProducerEpoch(buffer, at) === known.epoch
  }

  private write(): void {
    if (this.waiting === 0) return
    const bytes = this.pending.subarray(0, this.waiting)
    this.waiting = 0
    this.put(bytes)
  }

  private put(bytes: Buffer): void {
    writeFullySync(this.target.opened().log, [bytes], this.written)
    this.target.writeIndexTails()
    this.written += bytes.length
    this.unsynced += bytes.length
    this.target.size = this.written
    this.parts.pace(bytes.length)
  }

  /** In parts: one sync of gigabytes would hold up those of the producers. */
  private async syncIfMuch(): Promise<void> {
    if (this.unsynced < limits.compactSyncBytes) return
    this.unsynced = 0
    await this.target.opened().log.sync()
  }
}

/** Aborted transactions with data in the range, wherever their markers are. */
async function abortedIn(
  disk: Disk,
  input: CompactInput,
  range: readonly CompactSource[],
): Promise<AbortedTransaction[]> {
  const first = range[0]
  const last = range.at(-1)
  const found: AbortedTransaction[] = []
  if (first === undefined || last === undefined) return found
  for (const source of input.sources) {
    if (source.baseOffset < first.baseOffset || !source.hasTransactionIndex) continue
    const path = `${input.dir}/${segmentFileName(source.baseOffset, SegmentSuffix.transactionIndex)}`
    const index = await TransactionIndex.open(disk, path, source.baseOffset)
    const isDone = index.collectAborted(first.baseOffset, last.endOffset, found)
    await index.abandon()
    if (isDone) return found
  }
  for (const aborted of input.abortedBehind)
    if (aborted.firstOffset < last.endOffset) found.push(aborted)
  return found
}

type Visit = (buffer: Buffer, at: number, position: number) => typeof STOP | null

/** Walks the batches of a source in pieces; true when `visit` stopped it. */
async function walk(
  disk: Disk,
  dir: string,
  source: CompactSource,
  pace: Pace,
  visit: Visit,
  between: () => Promise<void> = async () => {},
): Promise<boolean> {
  const path = `${dir}/${segmentFileName(source.baseOffset, SegmentSuffix.log)}`
  const file = await disk.open(path, 'read')
  try {
    return await walkFile(file, source, pace, visit, between)
  } finally {
    await file.close()
  }
}

async function walkFile(
  file: DiskFile,
  source: CompactSource,
  pace: Pace,
  visit: Visit,
  between: () => Promise<void>,
): Promise<boolean> {
  // What is read here takes the place of the original, and gaps are everywhere.
  const scan = new BatchScan(file, 0, source.size, 'all')
  let from = 0
  while (from < source.size) {
    const start = from
    const { end, problem } = scan.runSync((buffer, at, position) =>
      position - start >= limits.compactPieceBytes ? PAUSE : visit(buffer, at, position),
    )
    pace(end - start)
    await between()
    if (problem === STOP) return true
    if (problem !== null && problem !== PAUSE) throw new CorruptLog(file.path, end, problem)
    from = end
  }
  return false
}

/** Why a walk stopped before its end. */
const STOP = 'the map is full'
const PAUSE = 'a piece is read'

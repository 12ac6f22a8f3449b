/**
 * Checks a partition folder as it lies on the disk: every batch with its full sum, and everything that
 * is derived from the batches against a derivation of its own. Costly; run by tests after every case
 * and by `sluice check` on a stopped broker. Changes nothing.
 *
 *   log          batches intact, offsets rise, segments join (gaps only when allowed), epochs never fall
 *   .index       entries are batch starts with that last offset; `exact`: all that the rule demands
 *   .timeindex   entries are batches that brought a new maximum; a left segment ends with its maximum
 *   .txnindex    exactly the aborted transactions whose markers the segment holds
 *   .snapshot    readable, and the state that a replay up to there gives
 *   epochs       as the batches say
 */

import { readInt64 } from '../base/big-endian.ts'
import {
  batchBaseOffset,
  batchLastOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchSizeInBytes,
} from '../record/batch.ts'
import { CorruptFile } from './corrupt-file.ts'
import type { Disk, DiskFile } from './disk.ts'
import { LEADER_EPOCH_FILE, LeaderEpochs } from './leader-epochs.ts'
import { OFFSET_INDEX_ENTRY_BYTES } from './offset-index.ts'
import { logBases } from './partition-folder.ts'
import type { ProducerSnapshotEntry } from './producer-snapshot.ts'
import { decodeProducerSnapshot, snapshotFileName, snapshotOffsetOf } from './producer-snapshot.ts'
import { ProducerStateManager } from './producer-state.ts'
import { SegmentSuffix, segmentFileName } from './segment-files.ts'
import { scanBatches } from './segment-scan.ts'
import { TIME_INDEX_ENTRY_BYTES } from './time-index.ts'
import { TRANSACTION_INDEX_ENTRY_BYTES } from './transaction-index.ts'

export interface CheckOptions {
  readonly indexIntervalBytes: number
  /** Offsets may leave gaps (compacted logs). Default: no. */
  readonly gapsAllowed?: boolean
  /** The offset index must hold every entry of the rule, not only right ones. Default: yes. */
  readonly exactIndex?: boolean
  /** Snapshots must equal a replay; not so in compacted logs. Default: yes. */
  readonly producers?: boolean
}

/** What the walk over one segment's log found. */
export interface SegmentReport {
  readonly baseOffset: number
  /** Of the log file. */
  readonly bytes: number
  /** Where the intact batches end; less than `bytes` when something is wrong there. */
  readonly goodBytes: number
  readonly batches: number
  /** Exclusive; the base offset when there are no batches. */
  readonly endOffset: number
  /** Offsets that no batch covers, the one in front of the segment included. */
  readonly missingOffsets: number
  /** Why the walk ended early. */
  readonly problem: string | null
}

export interface CheckReport {
  /** One line each; none when all is well. */
  readonly problems: readonly string[]
  /** The same with the file's name apart. */
  readonly findings: readonly { readonly file: string; readonly problem: string }[]
  readonly segmentReports: readonly SegmentReport[]
  readonly segments: number
  readonly batches: number
  readonly bytes: number
  readonly firstOffset: number
  readonly logEndOffset: number
}

export async function checkLog(
  disk: Disk,
  dir: string,
  options: CheckOptions,
): Promise<CheckReport> {
  const check = new FolderCheck(disk, dir, options)
  await check.run()
  return {
    problems: check.findings.map(({ file, problem }) => `${dir}/${file}: ${problem}`),
    findings: check.findings,
    segmentReports: check.reports,
    segments: check.segments,
    batches: check.batches,
    bytes: check.bytes,
    firstOffset: check.firstOffset,
    logEndOffset: Math.max(check.expected, 0),
  }
}

/** What the walk over one segment's log found. */
interface Batch {
  readonly position: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  /** Nothing before it in the segment was as new. */
  readonly isNewest: boolean
}

class FolderCheck {
  readonly findings: { file: string; problem: string }[] = []
  readonly reports: SegmentReport[] = []
  segments = 0
  batches = 0
  bytes = 0
  firstOffset = 0
  expected = -1
  private readonly disk: Disk
  private readonly dir: string
  private readonly options: CheckOptions
  private readonly producers = new ProducerStateManager(Number.MAX_SAFE_INTEGER)
  private readonly epochs = new LeaderEpochs()
  private names = new Set<string>()
  private gapBefore = 0

  constructor(disk: Disk, dir: string, options: CheckOptions) {
    this.disk = disk
    this.dir = dir
    this.options = options
  }

  async run(): Promise<void> {
    this.names = new Set(await this.disk.list(this.dir))
    const bases = logBases(this.names)
    this.segments = bases.length
    this.firstOffset = bases[0] ?? 0
    this.producers.onHighWatermark(Number.POSITIVE_INFINITY)
    const first = await this.readSnapshot(this.firstOffset)
    if (first !== null) this.producers.load(first, 0)
    for (let i = 0; i < bases.length; i++)
      await this.checkSegment(bases[i]!, i === bases.length - 1)
    for (const name of this.names) {
      const offset = snapshotOffsetOf(name)
      if (offset !== null && offset > this.expected)
        this.say(name, `lies above the log's end ${this.expected}`)
    }
    await this.checkEpochs()
  }

  private say(name: string, problem: string): void {
    this.findings.push({ file: name, problem })
  }

  private async checkSegment(baseOffset: number, isLast: boolean): Promise<void> {
    const name = segmentFileName(baseOffset, SegmentSuffix.log)
    const isJoined = this.options.gapsAllowed
      ? baseOffset >= this.expected
      : this.expected === -1 || baseOffset === this.expected
    if (!isJoined) this.say(name, `follows offset ${this.expected}`)
    // A gap in front of a segment counts as the segment's: here is where it can be told.
    this.gapBefore = this.expected === -1 ? 0 : Math.max(0, baseOffset - this.expected)
    this.expected = Math.max(this.expected, baseOffset)
    if (this.names.has(snapshotFileName(baseOffset))) await this.checkSnapshot(baseOffset)
    const file = await this.disk.open(`${this.dir}/${name}`, 'read')
    const found: Batch[] = []
    const aborted: Buffer[] = []
    try {
      await this.walk(file, name, baseOffset, found, aborted)
    } finally {
      await file.close()
    }
    await this.checkOffsetIndex(baseOffset, found)
    await this.checkTimeIndex(baseOffset, found, isLast)
    await this.checkTransactionIndex(baseOffset, aborted)
    if (isLast && this.names.has(snapshotFileName(this.expected)))
      await this.checkSnapshot(this.expected)
  }

  private async walk(
    file: DiskFile,
    name: string,
    baseOffset: number,
    found: Batch[],
    aborted: Buffer[],
  ): Promise<void> {
    let maxTimestamp = -1
    let missingOffsets = this.gapBefore
    let endOffset = baseOffset
    const size = file.sizeSync()
    const result = await scanBatches(file, 0, size, (buffer, at, position) => {
      const first = batchBaseOffset(buffer, at)
      const lastOffset = batchLastOffset(buffer, at)
      const isNext = this.options.gapsAllowed ? first >= this.expected : first === this.expected
      if (!isNext || lastOffset < first || first < baseOffset)
        this.say(name, `offsets ${first}..${lastOffset} at ${position} follow ${this.expected}`)
      missingOffsets += Math.max(0, first - this.expected)
      this.expected = lastOffset + 1
      endOffset = this.expected
      const epoch = batchLeaderEpoch(buffer, at)
      if (epoch < this.epochs.latestEpoch())
        this.say(name, `epoch ${epoch} at ${position} follows ${this.epochs.latestEpoch()}`)
      else if (epoch > this.epochs.latestEpoch()) this.epochs.assign(epoch, first)
      const timestamp = batchMaxTimestamp(buffer, at)
      found.push({
        position,
        lastOffset,
        maxTimestamp: timestamp,
        isNewest: timestamp > maxTimestamp,
      })
      maxTimestamp = Math.max(maxTimestamp, timestamp)
      const ended = this.producers.replay(buffer, at)
      if (ended?.isAborted === true) aborted.push(encodeAborted(ended))
      this.bytes += batchSizeInBytes(buffer, at)
      return null
    })
    this.batches += found.length
    const { end: goodBytes, problem } = result
    const batches = found.length
    const counts = { goodBytes, batches, endOffset, missingOffsets }
    this.reports.push({ baseOffset, bytes: size, ...counts, problem })
    if (result.problem !== null) this.say(name, `${result.problem} at ${result.end} of ${size}`)
  }

  private async checkOffsetIndex(baseOffset: number, found: readonly Batch[]): Promise<void> {
    const name = segmentFileName(baseOffset, SegmentSuffix.offsetIndex)
    const content = await this.read(name)
    if (content === null) return this.say(name, 'is missing')
    const byPosition = new Map(found.map((batch) => [batch.position, batch.lastOffset]))
    let previous = -1
    const entries: string[] = []
    for (let at = 0; at + OFFSET_INDEX_ENTRY_BYTES <= content.length; at += 8) {
      const offset = baseOffset + content.readInt32BE(at)
      const position = content.readInt32BE(at + 4)
      if (byPosition.get(position) !== offset)
        this.say(name, `no batch at ${position} ends with ${offset}`)
      if (offset <= previous) this.say(name, `${offset} follows ${previous}`)
      previous = offset
      entries.push(`${offset}@${position}`)
    }
    if (content.length % OFFSET_INDEX_ENTRY_BYTES !== 0) this.say(name, 'has half an entry')
    if (this.options.exactIndex === false) return
    const wanted: string[] = []
    let indexed = 0
    for (const { position, lastOffset } of found) {
      if (position - indexed <= this.options.indexIntervalBytes) continue
      indexed = position
      wanted.push(`${lastOffset}@${position}`)
    }
    if (wanted.join() !== entries.join())
      this.say(name, `holds [${entries.join()}] where [${wanted.join()}] are due`)
  }

  private async checkTimeIndex(
    baseOffset: number,
    found: readonly Batch[],
    isLast: boolean,
  ): Promise<void> {
    const name = segmentFileName(baseOffset, SegmentSuffix.timeIndex)
    const content = await this.read(name)
    if (content === null) return this.say(name, 'is missing')
    const newest = new Map(
      found.filter(({ isNewest }) => isNewest).map((batch) => [batch.lastOffset, batch]),
    )
    let last = -1
    for (let at = 0; at + TIME_INDEX_ENTRY_BYTES <= content.length; at += 12) {
      const timestamp = readInt64(content, at)
      const offset = baseOffset + content.readInt32BE(at + 8)
      if (newest.get(offset)?.maxTimestamp !== timestamp)
        this.say(name, `${timestamp} at ${offset} is no new maximum there`)
      if (timestamp <= last) this.say(name, `${timestamp} follows ${last}`)
      last = timestamp
    }
    if (content.length % TIME_INDEX_ENTRY_BYTES !== 0) this.say(name, 'has half an entry')
    const maximum = found.reduce((max, batch) => Math.max(max, batch.maxTimestamp), -1)
    if (!isLast && last !== maximum) this.say(name, `ends with ${last}, its maximum is ${maximum}`)
  }

  private async checkTransactionIndex(baseOffset: number, aborted: Buffer[]): Promise<void> {
    const name = segmentFileName(baseOffset, SegmentSuffix.transactionIndex)
    const content = (await this.read(name)) ?? Buffer.alloc(0)
    if (this.options.producers === false) {
      if (content.length % TRANSACTION_INDEX_ENTRY_BYTES !== 0) this.say(name, 'has half an entry')
      return
    }
    if (!content.equals(Buffer.concat(aborted)))
      this.say(name, `${content.toString('hex')} where ${Buffer.concat(aborted).toString('hex')}`)
  }

  private async checkSnapshot(offset: number): Promise<void> {
    const stored = await this.readSnapshot(offset)
    if (stored === null || this.options.producers === false) return
    const stand = describe(this.producers.snapshot())
    if (describe(stored) !== stand)
      this.say(snapshotFileName(offset), `holds ${describe(stored)}, a replay gives ${stand}`)
  }

  private async readSnapshot(offset: number): Promise<ProducerSnapshotEntry[] | null> {
    const name = snapshotFileName(offset)
    const content = await this.read(name)
    if (content === null) return null
    try {
      return decodeProducerSnapshot(content, name)
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error
      this.say(name, error.reason)
      return null
    }
  }

  private async checkEpochs(): Promise<void> {
    let stored: LeaderEpochs
    try {
      stored = await LeaderEpochs.load(this.disk, this.dir)
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error
      this.say(LEADER_EPOCH_FILE, error.reason)
      return
    }
    // The file begins at the log start, which may lie inside the first segment.
    const start = Math.max(stored.all()[0]?.startOffset ?? 0, this.firstOffset)
    for (const { startOffset } of this.epochs.all()) {
      const offset = Math.max(start, startOffset)
      if (offset >= this.expected || stored.epochAt(offset) === this.epochs.epochAt(offset))
        continue
      this.say(
        LEADER_EPOCH_FILE,
        `the batch at ${offset} has epoch ${this.epochs.epochAt(offset)}, the file says ` +
          `${stored.epochAt(offset)}`,
      )
    }
  }

  private async read(name: string): Promise<Buffer | null> {
    return this.names.has(name) ? await this.disk.readFile(`${this.dir}/${name}`) : null
  }
}

function encodeAborted(aborted: {
  producerId: number
  firstOffset: number
  lastOffset: number
  lastStableOffset: number
}): Buffer {
  const entry = Buffer.alloc(TRANSACTION_INDEX_ENTRY_BYTES)
  const { producerId, firstOffset, lastOffset, lastStableOffset } = aborted
  ;[producerId, firstOffset, lastOffset, lastStableOffset].forEach((value, i) => {
    entry.writeBigInt64BE(BigInt(value), 2 + i * 8)
  })
  return entry
}

/** Independent of the order in which ids became known. */
function describe(entries: readonly ProducerSnapshotEntry[]): string {
  return JSON.stringify([...entries].sort((a, b) => a.producerId - b.producerId))
}

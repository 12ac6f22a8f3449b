/**
 * Saves all that is intact of a damaged log, in place or into a new folder. Offsets stay what they were:
 * what is lost leaves a gap, as compaction does, and no offset is given twice, since the log ends at or
 * behind where it is known to have ended. Run on a stopped broker's folder.
 *
 * In place a damaged N.log is kept as N.log.damaged. The salvaged log is written beside it and synced
 * before the two change names; a run that was cut short in between is finished by the next one.
 */
import type { Logger } from '../base/logger.ts'
import { type Disk, type DiskFile, readFully, writeFully } from './disk.ts'
import { LEADER_EPOCH_FILE } from './leader-epochs.ts'
import { logBases } from './partition-folder.ts'
import { PARTITION_METADATA_FILE } from './partition-metadata.ts'
import { decodeProducerSnapshot, snapshotFileName, snapshotOffsetOf } from './producer-snapshot.ts'
import { recoverLog } from './recovery.ts'
import { type LostExtent, type SalvageScan, scanForSalvage } from './salvage-scan.ts'
import { SEGMENT_SUFFIXES, SegmentSuffix, segmentFileName } from './segment-files.ts'

export const DAMAGED_SUFFIX = '.damaged'
const SALVAGED_SUFFIX = '.salvaged'
const COPY_BYTES = 1024 * 1024

export interface SalvageOptions {
  readonly logStartOffset: number
  /** The log is known to have ended here or later: recovery point, high watermark. */
  readonly endOffsetKnown: number
  readonly indexIntervalBytes: number
  readonly segmentIndexBytes: number
  readonly nowMs: number
  readonly logger: Logger
}

export interface SalvagedSegment {
  readonly baseOffset: number
  readonly batches: number
  readonly keptBytes: number
  readonly lost: readonly LostExtent[]
  /** Where the damaged original is now; null when the segment was whole or lies untouched. */
  readonly original: string | null
}

export interface SalvageReport {
  readonly segments: readonly SalvagedSegment[]
  readonly logEndOffset: number
  /** Producers whose transaction has no end in what is left: they hold back read-committed readers. */
  readonly openTransactions: readonly number[]
}

/** Throws DiskError; a folder without damage comes out as it was, its derived files made anew. */
export async function salvageLog(
  disk: Disk,
  dir: string,
  options: SalvageOptions,
): Promise<SalvageReport> {
  await finishEarlierRun(disk, dir)
  const names = new Set(await disk.list(dir))
  const segments: SalvagedSegment[] = []
  for (const { baseOffset, range } of segmentRanges(names)) {
    const path = `${dir}/${segmentFileName(baseOffset, SegmentSuffix.log)}`
    const scan = await scanAndCopy(disk, path, `${path}${SALVAGED_SUFFIX}`, range, 'damaged')
    let original: string | null = null
    if (scan.lost.length > 0) {
      original = freeName(names, segmentFileName(baseOffset, SegmentSuffix.log))
      await disk.syncDir(dir)
      await disk.rename(path, `${dir}/${original}`)
      if (scan.batches > 0) await disk.rename(`${path}${SALVAGED_SUFFIX}`, path)
      await disk.syncDir(dir)
    }
    segments.push(summary(baseOffset, scan, original))
  }
  return await finish(disk, dir, segments, options)
}

/** As salvageLog, leaving `dir` as it is; `target` must not exist. */
export async function salvageInto(
  disk: Disk,
  dir: string,
  target: string,
  options: SalvageOptions,
): Promise<SalvageReport> {
  await disk.makeDir(target)
  const names = new Set(await disk.list(dir))
  const segments: SalvagedSegment[] = []
  for (const { baseOffset, range } of segmentRanges(names)) {
    const name = segmentFileName(baseOffset, SegmentSuffix.log)
    const scan = await scanAndCopy(disk, `${dir}/${name}`, `${target}/${name}`, range, 'always')
    segments.push(summary(baseOffset, scan, null))
  }
  for (const name of [PARTITION_METADATA_FILE, LEADER_EPOCH_FILE]) {
    const content = await disk.readFile(`${dir}/${name}`)
    if (content !== null) await disk.writeFileAtomic(`${target}/${name}`, content)
  }
  return await finish(disk, target, segments, options)
}

interface SegmentRange {
  readonly baseOffset: number
  readonly range: { readonly baseOffset: number; readonly endOffsetMax: number }
}

function segmentRanges(names: ReadonlySet<string>): SegmentRange[] {
  const bases = logBases(names)
  return bases.map((baseOffset, i) => {
    const endOffsetMax = bases[i + 1] ?? Number.MAX_SAFE_INTEGER
    return { baseOffset, range: { baseOffset, endOffsetMax } }
  })
}

function summary(
  baseOffset: number,
  { batches, kept, lost }: SalvageScan,
  original: string | null,
): SalvagedSegment {
  const keptBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0)
  return { baseOffset, batches, keptBytes, lost, original }
}

/** Scans a log and writes its intact batches, synced, to `target`: when there is damage, or always. */
async function scanAndCopy(
  disk: Disk,
  path: string,
  target: string,
  range: SegmentRange['range'],
  when: 'damaged' | 'always',
): Promise<SalvageScan> {
  const file = await disk.open(path, 'read')
  try {
    const scan = await scanForSalvage(file, range)
    const isWanted = scan.batches > 0 && (when === 'always' || scan.lost.length > 0)
    if (isWanted) await copyKept(disk, file, scan, target)
    return scan
  } finally {
    await file.close()
  }
}

async function copyKept(
  disk: Disk,
  from: DiskFile,
  { kept }: SalvageScan,
  target: string,
): Promise<void> {
  const to = await disk.open(target, 'create-new')
  try {
    let written = 0
    for (const { position, bytes } of kept)
      for (let done = 0; done < bytes; done += COPY_BYTES) {
        const piece = Buffer.allocUnsafe(Math.min(COPY_BYTES, bytes - done))
        await readFully(from, piece, position + done)
        await writeFully(to, piece, written)
        written += piece.length
      }
    await to.sync()
  } finally {
    await to.close()
  }
}

function freeName(names: ReadonlySet<string>, name: string): string {
  let free = `${name}${DAMAGED_SUFFIX}`
  for (let number = 2; names.has(free); number++) free = `${name}${DAMAGED_SUFFIX}.${number}`
  return free
}

/** A salvaged log whose original has its new name already takes its place; any other is half written. */
async function finishEarlierRun(disk: Disk, dir: string): Promise<void> {
  const names = new Set(await disk.list(dir))
  for (const name of names) {
    if (!name.endsWith(SALVAGED_SUFFIX)) continue
    const log = name.slice(0, -SALVAGED_SUFFIX.length)
    if (names.has(log)) await disk.unlink(`${dir}/${name}`)
    else await disk.rename(`${dir}/${name}`, `${dir}/${log}`)
  }
  await disk.syncDir(dir)
}

/** Derived files from the batches that are left, and an end that was not given out before. */
async function finish(
  disk: Disk,
  dir: string,
  segments: readonly SalvagedSegment[],
  options: SalvageOptions,
): Promise<SalvageReport> {
  const { endOffsetKnown, logger } = options
  await removeDerived(disk, dir)
  const recoveryOptions = {
    recoveryPoint: 0,
    logStartOffset: options.logStartOffset,
    indexIntervalBytes: options.indexIntervalBytes,
    segmentIndexBytes: options.segmentIndexBytes,
    producerIdExpirationMs: Number.MAX_SAFE_INTEGER,
    nowMs: options.nowMs,
    logger,
    salvaged: true,
  }
  let { logEndOffset } = await recoverLog(disk, dir, recoveryOptions)
  if (logEndOffset < endOffsetKnown) {
    const path = `${dir}/${segmentFileName(endOffsetKnown, SegmentSuffix.log)}`
    const empty = await disk.open(path, 'create-new')
    await empty.sync()
    await empty.close()
    await disk.syncDir(dir)
    logEndOffset = (await recoverLog(disk, dir, recoveryOptions)).logEndOffset
  }
  const openTransactions = await readOpenTransactions(disk, dir, logEndOffset)
  return { segments, logEndOffset, openTransactions }
}

/**
 * Indexes and snapshots say what was. The snapshot at the log's first base stays: it is all that is known
 * of batches that retention has removed.
 */
async function removeDerived(disk: Disk, dir: string): Promise<void> {
  const names = new Set(await disk.list(dir))
  const first = snapshotFileName(logBases(names)[0] ?? 0)
  const derived = SEGMENT_SUFFIXES.filter((suffix) => suffix !== SegmentSuffix.log)
  for (const name of names) {
    const isSnapshot = snapshotOffsetOf(name) !== null && name !== first
    if (isSnapshot || derived.some((suffix) => name.endsWith(suffix)))
      await disk.unlink(`${dir}/${name}`)
  }
  await disk.syncDir(dir)
}

async function readOpenTransactions(disk: Disk, dir: string, offset: number): Promise<number[]> {
  const name = snapshotFileName(offset)
  const content = await disk.readFile(`${dir}/${name}`)
  if (content === null) return []
  return decodeProducerSnapshot(content, name)
    .filter(({ transactionFirstOffset }) => transactionFirstOffset >= 0)
    .map(({ producerId }) => producerId)
}

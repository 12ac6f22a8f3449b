/**
 * The content of a partition folder at start, after finishing what a crash left half done
 * (org.apache.kafka.storage.internals.log.LogLoader):
 *
 *   *.deleted, *.tmp          removed
 *   *.cleaned                 removed: compaction had not finished writing
 *   *.swap                    at or above the smallest *.cleaned: removed; the others replace every
 *                             segment inside their offset range, then take their final names
 *   indexes without a log     removed
 *
 * Each step is durable before the next one starts, so that a crash in between has one reading (S10).
 */
import type { Logger } from '../base/logger.ts'
import { batchLastOffset } from '../record/batch.ts'
import type { Disk } from './disk.ts'
import { snapshotOffsetOf } from './producer-snapshot.ts'
import { Segment, type SegmentOptions } from './segment.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  parseSegmentFileName,
  SEGMENT_SUFFIXES,
  SegmentSuffix,
  SWAP_SUFFIX,
  segmentFileName,
  TEMPORARY_SUFFIX,
} from './segment-files.ts'
import { scanBatches } from './segment-scan.ts'

/** Tidies the folder, of which `listed` may be known; returns the names that are left. */
export async function tidyPartitionFolder(
  disk: Disk,
  dir: string,
  logger: Logger,
  listed?: readonly string[],
): Promise<Set<string>> {
  const names = new Set(listed ?? (await disk.list(dir)))
  const before = names.size
  await removeLeftovers(disk, dir, names)
  await completeSwaps(disk, dir, names, logger)
  const bases = new Set(logBases(names))
  for (const name of names) {
    const parsed = parseSegmentFileName(name)
    if (parsed === null || parsed.mark !== '' || snapshotOffsetOf(name) !== null) continue
    if (!bases.has(parsed.offset)) await remove(disk, dir, names, name)
  }
  if (names.size !== before) await disk.syncDir(dir)
  return names
}

/** Base offsets of the segments, ascending. */
export function logBases(names: ReadonlySet<string>): number[] {
  const bases: number[] = []
  for (const name of names) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.suffix === SegmentSuffix.log && parsed.mark === '') bases.push(parsed.offset)
  }
  return bases.sort((a, b) => a - b)
}

/** Segments for the logs in the folder, not opened. */
export async function loadSegments(
  names: ReadonlySet<string>,
  optionsFor: (baseOffset: number) => SegmentOptions,
): Promise<Segment[]> {
  const segments: Segment[] = []
  for (const baseOffset of logBases(names)) {
    const options = optionsFor(baseOffset)
    const path = `${options.dir}/${segmentFileName(baseOffset, SegmentSuffix.log)}`
    const stat = await options.disk.stat(path)
    const modifiedMs = stat?.modifiedMs ?? options.createdMs
    const segment = new Segment({ ...options, createdMs: modifiedMs }, stat?.size ?? 0, modifiedMs)
    segment.hasTransactionIndex = names.has(
      segmentFileName(baseOffset, SegmentSuffix.transactionIndex),
    )
    segment.transactionIndexAbsent = !segment.hasTransactionIndex
    segments.push(segment)
  }
  return segments
}

/** Removes all files of the segment at `baseOffset` by name. */
export async function removeSegmentFiles(
  disk: Disk,
  dir: string,
  names: Set<string>,
  baseOffset: number,
): Promise<void> {
  for (const suffix of SEGMENT_SUFFIXES)
    await remove(disk, dir, names, segmentFileName(baseOffset, suffix))
}

async function remove(disk: Disk, dir: string, names: Set<string>, name: string): Promise<void> {
  if (!names.delete(name)) return
  await disk.unlink(`${dir}/${name}`)
}

async function removeLeftovers(disk: Disk, dir: string, names: Set<string>): Promise<void> {
  let smallestCleaned = Number.POSITIVE_INFINITY
  for (const name of names) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.mark === CLEANED_SUFFIX) smallestCleaned = Math.min(smallestCleaned, parsed.offset)
  }
  // The swaps go first and durably: without the .cleaned files they would look complete.
  let removedSwaps = false
  for (const name of [...names]) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.mark !== SWAP_SUFFIX || parsed.offset < smallestCleaned) continue
    await remove(disk, dir, names, name)
    removedSwaps = true
  }
  if (removedSwaps) await disk.syncDir(dir)
  for (const name of [...names])
    if (
      name.endsWith(DELETED_SUFFIX) ||
      name.endsWith(TEMPORARY_SUFFIX) ||
      name.endsWith(CLEANED_SUFFIX)
    )
      await remove(disk, dir, names, name)
}

async function completeSwaps(
  disk: Disk,
  dir: string,
  names: Set<string>,
  logger: Logger,
): Promise<void> {
  const swaps = [...names].filter((name) => parseSegmentFileName(name)?.mark === SWAP_SUFFIX)
  if (swaps.length === 0) return
  logger.info(`${dir}: completing a compaction that was cut short`)
  let start = Number.POSITIVE_INFINITY
  let end = -1
  for (const name of swaps) {
    const parsed = parseSegmentFileName(name)!
    if (parsed.suffix !== SegmentSuffix.log) continue
    start = Math.min(start, parsed.offset)
    // At least the one of its own name, were there nothing left in it.
    const swapEnd = await endOffsetOf(disk, `${dir}/${name}`, parsed.offset)
    end = Math.max(end, swapEnd, parsed.offset + 1)
  }
  for (const baseOffset of logBases(names))
    if (baseOffset >= start && baseOffset < end)
      await removeSegmentFiles(disk, dir, names, baseOffset)
  await disk.syncDir(dir)
  for (const name of swaps) {
    const final = name.slice(0, -SWAP_SUFFIX.length)
    await disk.rename(`${dir}/${name}`, `${dir}/${final}`)
    names.delete(name)
    names.add(final)
  }
  await disk.syncDir(dir)
}

/** Exclusive end of the offsets in a log file of whole batches. */
async function endOffsetOf(disk: Disk, path: string, baseOffset: number): Promise<number> {
  const file = await disk.open(path, 'read')
  let endOffset = baseOffset
  try {
    await scanBatches(file, 0, file.sizeSync(), (buffer, at) => {
      endOffset = batchLastOffset(buffer, at) + 1
      return null
    })
  } finally {
    await file.close()
  }
  return endOffset
}

/**
 * Producer state in a file (M.snapshot, state up to offset M exclusive;
 * org.apache.kafka.storage.internals.log.ProducerStateManager):
 *
 *    0  version  int16    1
 *    2  crc      uint32   CRC-32C of bytes 6..end
 *    6  count    int32
 *   10  count entries of 46 bytes:
 *        0  producerId        int64
 *        8  producerEpoch     int16
 *       10  lastSequence      int32   -1 no batch (after a marker of a newer epoch), or unsequenced
 *       14  lastOffset        int64   -1 no batch
 *       22  offsetDelta       int32
 *       26  timestamp         int64   last timestamp of the producer
 *       34  coordinatorEpoch  int32   -1 none
 *       38  txnFirstOffset    int64   -1 no open transaction
 *
 * Only the newest batch of a producer is kept: after a restart a duplicate is recognised one batch
 * back until the log's tail, replayed on top, adds more. A snapshot is a cache of the log.
 */

import { readInt64, writeInt64 } from '../base/big-endian.ts'
import { crc32c } from '../base/crc32c.ts'
import type { Logger } from '../base/logger.ts'
import { CorruptFile } from './corrupt-file.ts'
import type { Disk } from './disk.ts'

const VERSION = 1
const HEADER_BYTES = 10
const CRC_START = 6
const ENTRY_BYTES = 46
const SUFFIX = '.snapshot'

export interface ProducerSnapshotEntry {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
  readonly coordinatorEpoch: number
  /** -1 when no transaction is open. */
  readonly transactionFirstOffset: number
}

export interface ProducerSnapshot {
  /** The state covers all batches below. */
  readonly offset: number
  readonly entries: readonly ProducerSnapshotEntry[]
}

/** In the given order. */
export function encodeProducerSnapshot(entries: readonly ProducerSnapshotEntry[]): Buffer {
  const content = Buffer.alloc(HEADER_BYTES + entries.length * ENTRY_BYTES)
  content.writeInt16BE(VERSION, 0)
  content.writeInt32BE(entries.length, 6)
  let at = HEADER_BYTES
  for (const entry of entries) {
    writeInt64(content, at, entry.producerId)
    content.writeInt16BE(entry.producerEpoch, at + 8)
    content.writeInt32BE(entry.lastSequence, at + 10)
    writeInt64(content, at + 14, entry.lastOffset)
    content.writeInt32BE(entry.offsetDelta, at + 22)
    writeInt64(content, at + 26, entry.timestamp)
    content.writeInt32BE(entry.coordinatorEpoch, at + 34)
    writeInt64(content, at + 38, entry.transactionFirstOffset)
    at += ENTRY_BYTES
  }
  content.writeUInt32BE(crc32c(content, CRC_START), 2)
  return content
}

/** Throws CorruptFile. */
export function decodeProducerSnapshot(content: Buffer, path: string): ProducerSnapshotEntry[] {
  if (content.length < HEADER_BYTES) throw new CorruptFile(path, `${content.length} bytes only`)
  const version = content.readInt16BE(0)
  if (version !== VERSION) throw new CorruptFile(path, `version ${version} is not ${VERSION}`)
  const crc = crc32c(content, CRC_START)
  if (crc !== content.readUInt32BE(2))
    throw new CorruptFile(path, `crc ${crc} is not the stored ${content.readUInt32BE(2)}`)
  const count = content.readInt32BE(6)
  if (count < 0 || content.length !== HEADER_BYTES + count * ENTRY_BYTES)
    throw new CorruptFile(path, `${count} entries do not fill ${content.length} bytes`)
  const entries: ProducerSnapshotEntry[] = []
  for (let at = HEADER_BYTES; at < content.length; at += ENTRY_BYTES)
    entries.push({
      producerId: readInt64(content, at),
      producerEpoch: content.readInt16BE(at + 8),
      lastSequence: content.readInt32BE(at + 10),
      lastOffset: readInt64(content, at + 14),
      offsetDelta: content.readInt32BE(at + 22),
      timestamp: readInt64(content, at + 26),
      coordinatorEpoch: content.readInt32BE(at + 34),
      transactionFirstOffset: readInt64(content, at + 38),
    })
  return entries
}

export function snapshotFileName(offset: number): string {
  return String(offset).padStart(20, '0') + SUFFIX
}

/** null when the name is not a snapshot's. */
export function snapshotOffsetOf(name: string): number | null {
  if (!name.endsWith(SUFFIX)) return null
  const match = /^(\d{20})\.snapshot$/.exec(name)
  const offset = Number(match?.[1])
  return match !== null && Number.isSafeInteger(offset) ? offset : null
}

/** Offsets of the snapshots in a partition folder, ascending. */
export async function listProducerSnapshots(
  disk: Disk,
  partitionFolder: string,
): Promise<number[]> {
  return snapshotsAmong(await disk.list(partitionFolder))
}

function snapshotsAmong(names: Iterable<string>): number[] {
  const offsets: number[] = []
  for (const name of names) {
    const offset = snapshotOffsetOf(name)
    if (offset !== null) offsets.push(offset)
  }
  return offsets.sort((a, b) => a - b)
}

/**
 * The entries of a snapshot file; null when there is none. Its sum tells a wrong read: nothing is thrown
 * before a second one. Throws CorruptFile.
 */
export async function readProducerSnapshot(
  disk: Disk,
  path: string,
): Promise<ProducerSnapshotEntry[] | null> {
  const content = await disk.readFile(path)
  if (content === null) return null
  try {
    return decodeProducerSnapshot(content, path)
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
    return decodeProducerSnapshot((await disk.readFile(path)) ?? content, path)
  }
}

/**
 * The newest readable snapshot at or below `upToOffset`, null when there is none. Unreadable ones
 * are deleted on the way. `listed` is what the folder holds, where that is known.
 */
export async function loadProducerSnapshot(
  disk: Disk,
  partitionFolder: string,
  upToOffset: number,
  logger: Logger,
  listed?: Iterable<string>,
): Promise<ProducerSnapshot | null> {
  const offsets = snapshotsAmong(listed ?? (await disk.list(partitionFolder)))
  for (const offset of offsets.reverse()) {
    if (offset > upToOffset) continue
    const path = `${partitionFolder}/${snapshotFileName(offset)}`
    try {
      const entries = await readProducerSnapshot(disk, path)
      if (entries !== null) return { offset, entries }
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error
      logger.warn(`${error.message}; removing this snapshot and trying an older one`)
      await disk.unlink(path)
    }
  }
  return null
}

/** Durable when the promise resolves. */
export function storeProducerSnapshot(
  disk: Disk,
  partitionFolder: string,
  snapshot: ProducerSnapshot,
): Promise<void> {
  return disk.writeFileAtomic(
    `${partitionFolder}/${snapshotFileName(snapshot.offset)}`,
    encodeProducerSnapshot(snapshot.entries),
  )
}

/**
 * Which snapshots nothing needs: all but those at the base of a segment, and the newest of the
 * others when it lies above every segment base (it was taken at a clean stop).
 */
export function unneededSnapshots(
  snapshotOffsets: readonly number[],
  segmentBaseOffsets: readonly number[],
): number[] {
  const bases = new Set(segmentBaseOffsets)
  const newestBase = segmentBaseOffsets.reduce((a, b) => Math.max(a, b), -1)
  const strays = snapshotOffsets.filter((offset) => !bases.has(offset))
  const newestStray = strays.reduce((a, b) => Math.max(a, b), -1)
  return strays.filter((offset) => offset !== newestStray || offset <= newestBase)
}

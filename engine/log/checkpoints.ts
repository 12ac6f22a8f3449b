/**
 * The offset checkpoints of a data folder (org.apache.kafka.storage.internals.checkpoint
 * .OffsetCheckpointFile): a map from partition to offset, entries `topic partition offset` in the
 * form of checkpoint-text.ts. Four files, each safe to miss (S7, S8):
 *
 *   recovery-point-offset-checkpoint   all below is synced; missing: scan every segment
 *   log-start-offset-checkpoint        only logs that start inside a segment; missing: its base
 *   replication-offset-checkpoint      high watermark, a hint
 *   cleaner-offset-checkpoint          first offset not yet compacted; missing: compact again
 */
import type { Logger } from '../base/logger.ts'
import { readFileAgreed } from './agreed-read.ts'
import { formatCheckpointText, parseCheckpointText, parseCount } from './checkpoint-text.ts'
import { CorruptFile } from './corrupt-file.ts'
import type { Disk } from './disk.ts'

export const CheckpointFile = {
  recoveryPoint: 'recovery-point-offset-checkpoint',
  logStartOffset: 'log-start-offset-checkpoint',
  highWatermark: 'replication-offset-checkpoint',
  cleaner: 'cleaner-offset-checkpoint',
} as const
export type CheckpointFile = (typeof CheckpointFile)[keyof typeof CheckpointFile]

/** Offset by partition, the key as in folder names: `topic-partition`. */
export type OffsetCheckpoint = Map<string, number>

/** Keeps the order of the file. Throws CorruptFile. */
export function parseOffsetCheckpoint(content: Buffer, path: string): OffsetCheckpoint {
  const offsets: OffsetCheckpoint = new Map()
  for (const fields of parseCheckpointText(content, path)) {
    const [topic, partition, offset] = fields
    if (fields.length !== 3) throw new CorruptFile(path, `an entry has ${fields.length} fields`)
    offsets.set(`${topic}-${parseCount(partition, path)}`, parseCount(offset, path))
  }
  return offsets
}

/** In the map's order. */
export function formatOffsetCheckpoint(offsets: ReadonlyMap<string, number>): string {
  const lines: string[] = []
  for (const [key, offset] of offsets) {
    const dash = key.lastIndexOf('-')
    lines.push(`${key.slice(0, dash)} ${key.slice(dash + 1)} ${offset}`)
  }
  return formatCheckpointText(lines)
}

/** An absent file is an empty checkpoint, an unreadable one too, with a line in the log. */
export async function readOffsetCheckpoint(
  disk: Disk,
  dataFolder: string,
  file: CheckpointFile,
  logger: Logger,
): Promise<OffsetCheckpoint> {
  const path = `${dataFolder}/${file}`
  const content = await readFileAgreed(disk, path)
  if (content === null) return new Map()
  try {
    return parseOffsetCheckpoint(content, path)
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
    logger.warn(`${error.message}; going on as if the file were absent`)
    return new Map()
  }
}

/** Replaces the file atomically. */
export function writeOffsetCheckpoint(
  disk: Disk,
  dataFolder: string,
  file: CheckpointFile,
  offsets: ReadonlyMap<string, number>,
): Promise<void> {
  return disk.writeFileAtomic(`${dataFolder}/${file}`, formatOffsetCheckpoint(offsets))
}

/** Makes every segment's indexes, and an epoch file that cannot be used, again from the log (S9). */
import type { Logger } from '../base/logger.ts'
import { CorruptFile } from './corrupt-file.ts'
import type { Disk } from './disk.ts'
import { LEADER_EPOCH_FILE, LeaderEpochs } from './leader-epochs.ts'
import { loadSegments, tidyPartitionFolder } from './partition-folder.ts'
import { readEpochs } from './segment-rebuild.ts'
import { repairSegment } from './segment-repair.ts'

export interface RebuildOptions {
  readonly indexIntervalBytes: number
  readonly segmentIndexBytes: number
  readonly nowMs: number
  readonly logger: Logger
}

export interface RebuiltIndexes {
  readonly segments: number
  readonly bytes: number
  /** The epoch file was missing or not readable, and is made anew. */
  readonly epochs: boolean
}

/** Throws CorruptLog at the first log that is not intact: its index would end there. */
export async function rebuildIndexes(
  disk: Disk,
  dir: string,
  options: RebuildOptions,
): Promise<RebuiltIndexes> {
  const { indexIntervalBytes, segmentIndexBytes, nowMs, logger } = options
  const names = await tidyPartitionFolder(disk, dir, logger)
  const segments = await loadSegments(names, (baseOffset) => ({
    disk,
    dir,
    baseOffset,
    indexIntervalBytes,
    indexBytesMax: segmentIndexBytes,
    createdMs: nowMs,
  }))
  let bytes = 0
  for (const [i, segment] of segments.entries()) {
    const source = { disk, dir, segments: segments.slice(0, i), logger, nowMs }
    const repair = { producerIdExpirationMs: Number.MAX_SAFE_INTEGER, logger }
    try {
      await repairSegment(segment, source, repair)
    } finally {
      await segment.close(false)
    }
    bytes += segment.size
  }
  await disk.syncDir(dir)
  return { segments: segments.length, bytes, epochs: await rebuildEpochs(disk, dir, segments) }
}

async function rebuildEpochs(
  disk: Disk,
  dir: string,
  segments: Awaited<ReturnType<typeof loadSegments>>,
): Promise<boolean> {
  try {
    const stored = await LeaderEpochs.load(disk, dir)
    if (stored.all().length > 0) return false
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
  }
  const epochs = new LeaderEpochs()
  for (const segment of segments) {
    const { log } = await segment.open()
    await readEpochs(log, segment.size, epochs)
    await segment.close(false)
  }
  if (epochs.all().length === 0) return false
  await disk.writeFileAtomic(`${dir}/${LEADER_EPOCH_FILE}`, epochs.format())
  return true
}

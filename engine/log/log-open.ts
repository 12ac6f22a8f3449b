/**
 * Opening a partition folder that may be trusted: left by a clean stop, or made whole by recoverLog
 * (kafka-map §3.4 steps 1–3, 6). What a crash left half done by name is finished here too, and missing
 * or ill-formed indexes are made again. The log's end is found by walking from the last index entry.
 */
import { assert } from '../base/assert.ts'
import { Lanes } from '../base/lanes.ts'
import { limits } from '../base/limits.ts'
import type { Logger } from '../base/logger.ts'
import { BATCH_HEADER_BYTES, batchLastOffset } from '../record/batch.ts'
import { agree } from './agreed-read.ts'
import { CorruptFile } from './corrupt-file.ts'
import { type Disk, DiskError, isOutOfRoom, readFully } from './disk.ts'
import { LEADER_EPOCH_FILE, LeaderEpochs } from './leader-epochs.ts'
import type { LogOptions } from './log-options.ts'
import { type LogPorts, LogState } from './log-state.ts'
import { correctedNewest, isBatchOf } from './newest-timestamp.ts'
import { loadSegments, removeSegmentFiles, tidyPartitionFolder } from './partition-folder.ts'
import {
  createPartitionMetadata,
  readPartitionMetadata,
  syncPartitionMetadata,
  writePartitionMetadata,
} from './partition-metadata.ts'
import { ProducerStateManager } from './producer-state.ts'
import { Segment } from './segment.ts'
import { SegmentList } from './segment-list.ts'
import { CorruptLog, loadProducers, type ProducerSource, readEpochs } from './segment-rebuild.ts'
import {
  brokenIndex,
  brokenIndexContent,
  indexInMemory,
  missingIndex,
  repairSegment,
} from './segment-repair.ts'
import { scanBatches } from './segment-scan.ts'

export interface LogPlace {
  readonly dir: string
  /** Folder name, `topic-partition`. */
  readonly topicPartition: string
  readonly topicId: string
  /** From its checkpoint; 0 when it has none. */
  readonly logStartOffset: number
}

/** The folder holds another topic's data, of a topic deleted while this broker was away. */
export class WrongTopicId extends Error {
  override name = 'WrongTopicId'
  readonly storedTopicId: string
  constructor(place: LogPlace, storedTopicId: string) {
    super(
      `${place.dir} belongs to topic id ${storedTopicId}, but ${place.topicPartition} has ` +
        `${place.topicId}: move the folder away`,
    )
    this.storedTopicId = storedTopicId
  }
}

/** A log without a folder yet. */
export function unmadeLog(ports: LogPorts, place: LogPlace, options: LogOptions): LogState {
  const start = place.logStartOffset
  return new LogState(ports, place.topicPartition, place.dir, options, {
    segments: new SegmentList(),
    producers: new ProducerStateManager(options.producerIdExpirationMs),
    epochs: new LeaderEpochs(),
    logStartOffset: start,
    logEndOffset: start,
  })
}

/**
 * Makes folder, identity and first segment, none of it durably: a crash may leave any part, and the
 * next start makes the rest. `createFolder` is due before the first append.
 */
export async function makeFolder(state: LogState, place: LogPlace): Promise<void> {
  const { disk } = state.ports
  assert(state.segments.count === 0, `${state.name} has no segment yet`)
  requireNewFolder(state.ports, place.dir)
  await disk.makeDir(place.dir)
  await createPartitionMetadata(disk, place.dir, place.topicId)
  const segment = Segment.createSync(state.segmentOptions(state.offsets.logEndOffset))
  segment.pinned = true
  state.folderUnsynced = true
  state.segments.push(segment)
}

/** Throws DiskError while no folder for a partition may be made beside `dir`, see LogPorts.isFolderHeld. */
export function requireNewFolder(ports: Pick<LogPorts, 'isFolderHeld'>, dir: string): void {
  if (ports.isFolderHeld(parentOf(dir)))
    throw new DiskError('ENOSPC', dir, 'write checkpoints, which comes before a new folder,')
}

/** For the logs of a shard. */
export function folderLanesOf(): Lanes {
  return new Lanes(limits.foldersMadeMax)
}

/** Makes the folder, unless it is there, and makes it durable: what is appended from now on has an owner. */
export async function createFolder(state: LogState, place: LogPlace): Promise<void> {
  const { disk } = state.ports
  // An earlier try may have failed, or the data folder meanwhile: nothing is synced again (S5).
  state.throwIfFailed()
  if (state.segments.count === 0) await makeFolder(state, place)
  state.throwIfFailed()
  await syncPartitionMetadata(disk, state.dir)
  await disk.syncDir(state.dir)
  await disk.syncDir(parentOf(state.dir))
  state.folderUnsynced = false
}

/** No room for a new folder: it is made with the first record instead. Throws any other error. */
export function waitForRoom({ topicPartition }: LogPlace, logger: Logger, error: unknown): void {
  if (!isOutOfRoom(error)) throw error
  logger.warn(`no room for the folder of ${topicPartition}: it is made with its first record`)
}

/** null when there is no folder or it holds no segment. Throws CorruptLog, WrongTopicId, DiskError. */
export async function openFolder(
  ports: LogPorts,
  place: LogPlace,
  options: LogOptions,
): Promise<LogState | null> {
  const { disk } = ports
  const listed = await listIfThere(disk, place.dir)
  if (listed === null) return null
  // Writing the identity takes the place of what an earlier attempt left, so the list is another then.
  const isAsListed = await checkTopicId(disk, place)
  const known = isAsListed ? listed : undefined
  const names = await tidyPartitionFolder(disk, place.dir, ports.logger, known)
  const found = await loadSegments(names, (baseOffset) => ({
    disk,
    dir: place.dir,
    baseOffset,
    indexIntervalBytes: options.indexIntervalBytes,
    indexBytesMax: options.segmentIndexBytes,
    createdMs: ports.clock.wallMs(),
  }))
  if (found.length === 0) return null
  const { producers, epochs, logEndOffset } = await loadContent(ports, place, options, found, names)
  const segments = new SegmentList()
  if (logEndOffset < place.logStartOffset) {
    await emptyFolder(ports, place, found, names)
    producers.clear()
    epochs.clear()
    return null
  }
  for (const segment of found) segments.push(segment)
  const logStartOffset = Math.max(place.logStartOffset, segments.first.baseOffset)
  epochs.truncateFromStart(logStartOffset)
  // An epoch may begin at the very end: its leader wrote nothing yet, or all it wrote was deleted.
  epochs.truncateFromEnd(logEndOffset + 1)
  segments.active.pinned = true
  const content = { segments, producers, epochs, logStartOffset, logEndOffset }
  const state = new LogState(ports, place.topicPartition, place.dir, options, content)
  // Without a record it may have been made by a process that died before the first append: it is there, and
  // a power cut could still take it. With one it was durable before that.
  state.folderUnsynced = segments.count === 1 && segments.active.size === 0
  return state
}

async function loadContent(
  ports: LogPorts,
  place: LogPlace,
  options: LogOptions,
  segments: Segment[],
  names: Set<string>,
): Promise<{ producers: ProducerStateManager; epochs: LeaderEpochs; logEndOffset: number }> {
  const { disk, logger, clock } = ports
  const source = (before: number): ProducerSource => ({
    disk,
    dir: place.dir,
    segments: segments.slice(0, before),
    logger,
    nowMs: clock.wallMs(),
    listed: names,
  })
  const active = segments.length - 1
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!
    const reason = i === active ? missingIndex(segment, names) : await brokenIndex(segment, names)
    if (reason === null) continue
    logger.warn(`${reason}; making the indexes again`)
    await repairSegment(segment, source(i), { ...options, logger })
  }
  const logEndOffset = await openActive(segments[active]!, source(active), options, logger)
  const producers = new ProducerStateManager(options.producerIdExpirationMs)
  await loadProducers(source(segments.length), producers, logEndOffset)
  producers.onHighWatermark(logEndOffset)
  // Most folders have no such file; to ask for it costs more than to look at their list.
  const epochs = names.has(LEADER_EPOCH_FILE)
    ? await loadEpochs(disk, place, segments, logger)
    : new LeaderEpochs()
  return { producers, epochs, logEndOffset }
}

/** Opens the last segment and returns the log's end. */
async function openActive(
  segment: Segment,
  source: ProducerSource,
  options: LogOptions,
  logger: Logger,
): Promise<number> {
  await segment.open()
  if (segment.hasLostIndexes) await indexInMemory(segment, source, { ...options, logger })
  let end = await walkToEnd(segment)
  const reason = brokenIndexContent(segment, end.offset)
  if (reason !== null) {
    logger.warn(`${reason}; making the indexes again`)
    await segment.close(false)
    await repairSegment(segment, source, { ...options, logger })
    await segment.open()
    end = await walkToEnd(segment)
  }
  const header = Buffer.alloc(Math.min(BATCH_HEADER_BYTES, segment.size))
  await readFully(segment.opened().log, header, 0)
  agree(segment.opened().log, header, 0)
  const corrected = end.hasNewest ? null : await correctedNewest(segment, logger)
  segment.load(header)
  if (corrected !== null) segment.correctNewest(corrected)
  return end.offset
}

interface LogEnd {
  readonly offset: number
  /** The walk met the batch that the last entry of the time index tells of. */
  readonly hasNewest: boolean
}

/** From the last index entry on; then the whole segment, unless all was read well. */
async function walkToEnd(segment: Segment): Promise<LogEnd> {
  const { log, offsetIndex, timeIndex } = segment.opened()
  const start = offsetIndex.lookup(Number.POSITIVE_INFINITY, segment.size).position
  const newest = { timestamp: timeIndex.lastTimestamp, offset: timeIndex.lastOffset }
  let offset = segment.baseOffset
  let hasNewest = false
  const visit = (buffer: Buffer, at: number): null => {
    offset = batchLastOffset(buffer, at) + 1
    hasNewest ||= isBatchOf(newest, buffer, at)
    return null
  }
  let result = await scanBatches(log, start, segment.size, visit)
  if (result.problem !== null) result = await scanBatches(log, 0, segment.size, visit)
  if (result.problem !== null) throw new CorruptLog(segment, result.end, result.problem)
  return { offset, hasNewest }
}

async function loadEpochs(
  disk: Disk,
  place: LogPlace,
  segments: readonly Segment[],
  logger: Logger,
): Promise<LeaderEpochs> {
  try {
    return await LeaderEpochs.load(disk, place.dir)
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
    logger.warn(`${error.message}; making it again from the log`)
  }
  const epochs = new LeaderEpochs()
  for (const segment of segments) {
    const wasOpen = segment.files !== null
    const files = await segment.open()
    await readEpochs(files.log, segment.size, epochs)
    if (!wasOpen) await segment.close(false)
  }
  return epochs
}

async function listIfThere(disk: Disk, dir: string): Promise<string[] | null> {
  try {
    return await disk.list(dir)
  } catch (error) {
    if (error instanceof DiskError && error.code === 'ENOENT') return null
    throw error
  }
}

/** Throws WrongTopicId. False: there was no identity, and now there is. */
async function checkTopicId(disk: Disk, place: LogPlace): Promise<boolean> {
  const stored = await readPartitionMetadata(disk, place.dir)
  if (stored === null) await writePartitionMetadata(disk, place.dir, place.topicId)
  else if (stored !== place.topicId) throw new WrongTopicId(place, stored)
  return stored !== null
}

/** Removes all segments: they end below the log's start, so nothing in them is wanted. */
async function emptyFolder(
  ports: LogPorts,
  place: LogPlace,
  segments: readonly Segment[],
  names: Set<string>,
): Promise<void> {
  ports.logger.warn(`${place.dir}: ends below its start ${place.logStartOffset}; emptying it`)
  for (const segment of [...segments].reverse()) {
    await segment.close(false)
    await removeSegmentFiles(ports.disk, place.dir, names, segment.baseOffset)
  }
  await ports.disk.syncDir(place.dir)
}

export function parentOf(dir: string): string {
  return dir.slice(0, Math.max(1, dir.lastIndexOf('/')))
}

/**
 * What happens to the data folders before anything is served, in this order: each is locked, its
 * meta.properties checked against the broker's identity, its clean-stop marker taken; then, with the
 * topics known, every partition folder is placed, finished off if its topic was deleted, or moved aside
 * if nobody knows its topic (R17: nothing is deleted without a committed deletion); then the folders that
 * were not closed cleanly are recovered by the job pool, largest first.
 */

import type { Clock } from '../engine/base/clock.ts'
import type { BrokerConfig } from '../engine/base/config.ts'
import type { Logger } from '../engine/base/logger.ts'
import type { Random } from '../engine/base/random.ts'
import { CheckpointFile, readOffsetCheckpoint } from '../engine/log/checkpoints.ts'
import { takeCleanShutdown } from '../engine/log/clean-shutdown.ts'
import { listDataFolder, markedFolderName } from '../engine/log/data-folder.ts'
import type { Disk } from '../engine/log/disk.ts'
import {
  META_PROPERTIES_FILE,
  metaPropertiesProblem,
  readMetaProperties,
  writeMetaProperties,
} from '../engine/log/meta-properties.ts'
import { readPartitionMetadata } from '../engine/log/partition-metadata.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import type { DataFolders } from '../engine/shard-partitions.ts'
import { topicSettings } from '../engine/topic-settings.ts'
import type { Jobs } from '../workers/jobs.ts'
import { type FolderLock, lockFolder } from './folder-lock.ts'

/** A start that cannot go on; the message says what, why and what to do. */
export class StartRefused extends Error {
  override name = 'StartRefused'
}

export interface FolderPorts {
  readonly disk: Disk
  readonly config: BrokerConfig
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Locked folders of a known cluster. */
export interface OpenFolders {
  readonly locks: readonly FolderLock[]
  readonly clusterId: string
  /** By data folder: it was closed by an orderly stop. */
  readonly clean: ReadonlyMap<string, boolean>
}

/** Locks and identifies every data folder; throws StartRefused, FolderLocked, DiskError. */
export async function openFolders(ports: FolderPorts): Promise<OpenFolders> {
  const { disk, config } = ports
  const locks: FolderLock[] = []
  try {
    for (const folder of config.dataFolders) {
      await disk.makeDir(folder)
      locks.push(lockFolder(folder))
    }
    const clusterId = await identify(ports)
    const clean = new Map<string, boolean>()
    for (const folder of config.dataFolders)
      clean.set(folder, (await takeCleanShutdown(disk, folder)) !== null)
    return { locks, clusterId, clean }
  } catch (error) {
    for (const lock of locks) lock.release()
    throw error
  }
}

/** The cluster id the folders agree on; new folders are marked with it. */
async function identify(ports: FolderPorts): Promise<string> {
  const { disk, config, clock, random } = ports
  let clusterId = config.sluiceClusterId
  const fresh: string[] = []
  for (const folder of config.dataFolders) {
    const found = await readMetaProperties(disk, folder)
    if (found === null) {
      fresh.push(folder)
      continue
    }
    const path = `${folder}/${META_PROPERTIES_FILE}`
    const problem = metaPropertiesProblem(found, { clusterId, nodeId: config.nodeId }, path)
    if (problem !== null) throw new StartRefused(problem)
    clusterId = found.clusterId
  }
  const id = clusterId ?? random.uuid()
  for (const folder of fresh)
    await writeMetaProperties(
      disk,
      folder,
      { version: 1, clusterId: id, nodeId: config.nodeId, directoryId: random.uuid() },
      clock.wallMs(),
    )
  return id
}

export interface PlacedFolders {
  readonly dataFolders: DataFolders
  /** Topic ids whose decided deletion is now complete on disk. */
  readonly finishedDeletions: readonly string[]
}

/** Places and recovers the partition folders; a damaged log does not stop the start. */
export async function placeFolders(
  ports: FolderPorts,
  open: OpenFolders,
  image: MetadataImage,
  unfinishedDeletions: ReadonlyMap<string, string>,
  jobs: Jobs,
): Promise<PlacedFolders> {
  const { disk, config, logger } = ports
  const placed = new Map<string, string>()
  const logStartOffsets = new Map<string, number>()
  const unclean: UncleanLog[] = []
  for (const folder of config.dataFolders) {
    const starts = await readOffsetCheckpoint(disk, folder, CheckpointFile.logStartOffset, logger)
    for (const [name, offset] of starts) logStartOffsets.set(name, offset)
    const points = await readOffsetCheckpoint(disk, folder, CheckpointFile.recoveryPoint, logger)
    for (const name of await knownPartitions(ports, folder, image, unfinishedDeletions)) {
      placed.set(name, folder)
      if (open.clean.get(folder) !== true)
        unclean.push({
          name,
          dir: `${folder}/${name}`,
          recoveryPoint: points.get(name) ?? 0,
          logStartOffset: starts.get(name) ?? 0,
        })
    }
  }
  const damaged = await recoverAll(ports, unclean, image, jobs)
  return {
    dataFolders: { folders: config.dataFolders, placed, logStartOffsets, damaged },
    finishedDeletions: [...unfinishedDeletions.keys()],
  }
}

/** Names of the folder's partitions that the image knows; everything else is put in order. */
async function knownPartitions(
  ports: FolderPorts,
  dataFolder: string,
  image: MetadataImage,
  unfinishedDeletions: ReadonlyMap<string, string>,
): Promise<string[]> {
  const { disk, random, logger } = ports
  const known: string[] = []
  const { folders, unknown } = await listDataFolder(disk, dataFolder)
  for (const name of unknown)
    logger.warn(`${dataFolder}/${name} is no partition's folder; it is left alone`)
  for (const { kind, name, topic, partition } of folders) {
    const path = `${dataFolder}/${name}`
    if (kind === 'delete') await disk.removeDir(path)
    if (kind !== 'partition') continue
    const topicId = await readPartitionMetadata(disk, path)
    const found = image.topics.get(topic)
    const isEmpty = topicId === null && (await disk.list(path)).length === 0
    if (found !== undefined && (isEmpty || topicId === found.topicId)) known.push(name)
    else if (isEmpty || (topicId !== null && unfinishedDeletions.has(topicId)))
      await disk.removeDir(path)
    else {
      const aside = markedFolderName(topic, partition, random.uuid(), 'stray')
      await disk.rename(path, `${dataFolder}/${aside}`)
      logger.warn(
        `${path} belongs to topic id ${topicId ?? 'unknown'}, which this broker does not have; it is ` +
          `kept as ${aside}. Remove it when it is not needed.`,
      )
    }
  }
  await disk.syncDir(dataFolder)
  return known
}

interface UncleanLog {
  readonly name: string
  readonly dir: string
  readonly recoveryPoint: number
  readonly logStartOffset: number
}

const PROGRESS_MS = 5_000

/** Recovers in parallel; returns what could not be, with the reason. */
async function recoverAll(
  ports: FolderPorts,
  unclean: readonly UncleanLog[],
  image: MetadataImage,
  jobs: Jobs,
): Promise<Map<string, string>> {
  const damaged = new Map<string, string>()
  if (unclean.length === 0) return damaged
  const { clock, logger } = ports
  const startedMs = clock.monotonicMs()
  let done = 0
  let bytes = 0
  const progress = setInterval(
    () => logger.info(`recovering logs: ${done} of ${unclean.length} done`),
    PROGRESS_MS,
  )
  try {
    await Promise.all(
      (await largestFirst(ports.disk, unclean)).map(async (log) => {
        const problem = await recoverOne(ports, log, image, jobs, (scanned) => {
          bytes += scanned
        })
        if (problem !== null) damaged.set(log.name, problem)
        done++
      }),
    )
  } finally {
    clearInterval(progress)
  }
  const seconds = ((clock.monotonicMs() - startedMs) / 1000).toFixed(2)
  logger.info(
    `recovered ${unclean.length - damaged.size} of ${unclean.length} logs after an unclean stop: ` +
      `${bytes} bytes checked in ${seconds} s`,
  )
  return damaged
}

async function recoverOne(
  ports: FolderPorts,
  unclean: UncleanLog,
  image: MetadataImage,
  jobs: Jobs,
  onScanned: (bytes: number) => void,
): Promise<string | null> {
  const { config, clock, logger } = ports
  const topic = image.topics.get(unclean.name.slice(0, unclean.name.lastIndexOf('-')))
  if (topic === undefined) return 'its topic is unknown'
  const { log } = topicSettings(config, image, topic)
  const outcome = await jobs.recoverLog({
    dir: unclean.dir,
    options: {
      recoveryPoint: unclean.recoveryPoint,
      logStartOffset: unclean.logStartOffset,
      indexIntervalBytes: log.indexIntervalBytes,
      segmentIndexBytes: log.segmentIndexBytes,
      producerIdExpirationMs: log.producerIdExpirationMs,
      gapsAllowed: log.cleanupPolicy.compact,
      nowMs: clock.wallMs(),
    },
  })
  for (const { level, message } of outcome.lines) logger[level](message)
  if (outcome.kind === 'recovered') {
    onScanned(outcome.summary.scannedBytes)
    return null
  }
  logger.error(`${unclean.name} stays offline: ${outcome.message}`)
  return outcome.message
}

/** The longest job starts first, so that it does not run alone at the end. */
async function largestFirst(disk: Disk, logs: readonly UncleanLog[]): Promise<UncleanLog[]> {
  const sized = await Promise.all(
    logs.map(async (log) => {
      let size = 0
      for (const name of await disk.list(log.dir))
        if (name.endsWith('.log')) size += (await disk.stat(`${log.dir}/${name}`))?.size ?? 0
      return { log, size }
    }),
  )
  return sized.sort((a, b) => b.size - a.size).map(({ log }) => log)
}

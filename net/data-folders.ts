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
import { takeCleanShutdown } from '../engine/log/clean-shutdown.ts'
import { CorruptFile } from '../engine/log/corrupt-file.ts'
import { listDataFolder, markedFolderName, topicPartitionName } from '../engine/log/data-folder.ts'
import { type Disk, DiskError } from '../engine/log/disk.ts'
import {
  META_PROPERTIES_FILE,
  metaPropertiesProblem,
  readMetaProperties,
  writeMetaProperties,
} from '../engine/log/meta-properties.ts'
import { PARTITION_METADATA_FILE, readPartitionMetadata } from '../engine/log/partition-metadata.ts'
import { parseSegmentFileName, SegmentSuffix } from '../engine/log/segment-files.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import type { DataFolders } from '../engine/shard-folders.ts'
import { topicSettings } from '../engine/topic-settings.ts'
import type { Jobs } from '../workers/jobs.ts'
import { chooseOne, type LeftFolder, putAside } from './duplicate-folders.ts'
import {
  type FolderCheckpoints,
  handOver,
  latestOffsets,
  takeCheckpoints,
} from './folder-checkpoints.ts'
import type { FolderLock } from './folder-lock.ts'
import { unadoptedProblem } from './unadopted-folder.ts'

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

/** Takes a data folder for this process. Throws FolderLocked and what the system says. */
export type LockFolder = (folder: string) => FolderLock

/** Locked folders of a known cluster. */
export interface OpenFolders {
  readonly locks: readonly FolderLock[]
  readonly clusterId: string
  /** By data folder: it was closed by an orderly stop. */
  readonly clean: ReadonlyMap<string, boolean>
  /** Folders that cannot be used, and why. */
  readonly failed: ReadonlyMap<string, string>
}

/**
 * Locks and identifies every data folder. One that cannot be used is noted and the others go on; but not
 * the first, which holds the metadata. Throws StartRefused, FolderLocked, DiskError.
 */
export async function openFolders(ports: FolderPorts, lock: LockFolder): Promise<OpenFolders> {
  const { disk, config } = ports
  const locks: FolderLock[] = []
  const failed = new Map<string, string>()
  try {
    await eachFolder(ports, failed, async (folder) => {
      await disk.makeDir(folder)
      locks.push(lock(folder))
    })
    const working = config.dataFolders.filter((folder) => !failed.has(folder))
    const unadopted = await unadoptedProblem(disk, working)
    if (unadopted !== null) throw new StartRefused(unadopted)
    const clusterId = await identify(ports, failed)
    const clean = new Map<string, boolean>()
    await eachFolder(ports, failed, async (folder) => {
      clean.set(folder, (await takeCleanShutdown(disk, folder)) !== null)
    })
    return { locks, clusterId, clean, failed }
  } catch (error) {
    for (const lock of locks) lock.release()
    throw error
  }
}

/** Runs a step for every working folder; what the system refuses condemns that folder. */
async function eachFolder(
  { config, logger }: FolderPorts,
  failed: Map<string, string>,
  step: (folder: string) => Promise<void>,
): Promise<void> {
  for (const [at, folder] of config.dataFolders.entries()) {
    if (failed.has(folder)) continue
    try {
      await step(folder)
    } catch (error) {
      if (at === 0 || !isSystemError(error)) throw error
      failed.set(folder, error.message)
      logger.error(
        `the data folder ${folder} cannot be used: ${error.message}. Its partitions are offline, the ` +
          'other folders are served. Mend or replace the disk, then restart.',
      )
    }
  }
}

/** The disk's or the system's answer, as opposed to a refusal or a bug of ours. */
export function isSystemError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return error instanceof DiskError || ('syscall' in error && 'errno' in error)
}

/** The cluster id the folders agree on; new folders are marked with it. */
async function identify(ports: FolderPorts, failed: Map<string, string>): Promise<string> {
  const { disk, config, clock, random } = ports
  let clusterId = config.sluiceClusterId
  const fresh = new Set<string>()
  await eachFolder(ports, failed, async (folder) => {
    const found = await readMetaProperties(disk, folder)
    if (found === null) {
      fresh.add(folder)
      return
    }
    const path = `${folder}/${META_PROPERTIES_FILE}`
    const problem = metaPropertiesProblem(found, { clusterId, nodeId: config.nodeId }, path)
    if (problem !== null) throw new StartRefused(problem)
    clusterId = found.clusterId
  })
  const id = clusterId ?? random.uuid()
  await eachFolder(ports, failed, async (folder) => {
    if (!fresh.has(folder)) return
    const identity = { clusterId: id, nodeId: config.nodeId, directoryId: random.uuid() }
    await writeMetaProperties(disk, folder, { version: 1, ...identity }, clock.wallMs())
  })
  return id
}

/** A move between folders that the last stop or crash cut short. */
export interface UnfinishedMove {
  /** `topic-partition` */
  readonly partition: string
  /** Where it was to go. */
  readonly folder: string
}

type RecoveryJobs = Pick<Jobs, 'recoverLog'>

export interface PlacedFolders {
  readonly dataFolders: DataFolders
  readonly unfinishedMoves: readonly UnfinishedMove[]
  /** Topic ids whose decided deletion is now complete on disk. */
  readonly finishedDeletions: readonly string[]
  /** Data folders whose checkpoints on the disk tell of deleted topics, see folder-checkpoints.ts. */
  readonly laggingCheckpoints: readonly string[]
}

/** Places and recovers the partition folders; a damaged log does not stop the start. */
export async function placeFolders(
  ports: FolderPorts,
  open: OpenFolders,
  image: MetadataImage,
  unfinishedDeletions: ReadonlyMap<string, string>,
  jobs: RecoveryJobs,
): Promise<PlacedFolders> {
  const { config } = ports
  const placed = new Map<string, string>()
  const taken = new Map<string, FolderCheckpoints>()
  const doomed = new Map<string, readonly string[]>()
  const leftFolders: LeftFolder[] = []
  const futures: FutureFolder[] = []
  const unmade = new Set<string>()
  const damaged = new Map<string, string>()
  const failed = new Map(open.failed)
  await eachFolder(ports, failed, async (folder) => {
    const found = await knownPartitions(ports, folder, image, unfinishedDeletions)
    taken.set(folder, await takeCheckpoints(ports, folder, found.owned))
    doomed.set(folder, found.doomed)
    futures.push(...found.futures)
    for (const name of found.unmade) unmade.add(`${folder}/${name}`)
    for (const [name, problem] of found.damaged) damaged.set(name, problem)
    for (const name of found.known) {
      const other = placed.get(name)
      placed.set(name, await settle(ports, name, other, folder, unmade, leftFolders))
    }
  })
  const latest = latestOffsets(taken.values())
  await eachFolder(ports, failed, (folder) => handOver(ports, folder, placed, taken, latest))
  // Only now: by what is left of a partition that was moved its checkpoints there are known to count.
  await eachFolder(ports, failed, async (folder) => {
    for (const each of leftFolders) if (each.left === folder) await putAside(ports, each)
    for (const path of doomed.get(folder) ?? []) await ports.disk.removeDir(path)
  })
  for (const [name, folder] of placed) if (failed.has(folder)) placed.delete(name)
  const unfinishedMoves = await dropFutures(ports, futures, placed, failed)
  const unclean: UncleanLog[] = []
  for (const [name, folder] of placed)
    if (open.clean.get(folder) !== true && !unmade.has(`${folder}/${name}`) && !damaged.has(name))
      unclean.push({
        name,
        dir: `${folder}/${name}`,
        recoveryPoint: taken.get(folder)?.points.get(name) ?? 0,
        logStartOffset: latest.starts.get(name) ?? 0,
        isCompacted: latest.cleaned.has(name),
      })
  for (const [name, problem] of await recoverAll(ports, unclean, image, jobs))
    damaged.set(name, problem)
  return {
    dataFolders: {
      folders: config.dataFolders,
      failed,
      placed,
      logStartOffsets: latest.starts,
      cleanedOffsets: latest.cleaned,
      damaged,
    },
    unfinishedMoves,
    // What lies in a folder that cannot be seen is still to be deleted.
    laggingCheckpoints: [...taken].flatMap(([folder, { isLagging }]) =>
      isLagging ? [folder] : [],
    ),
    finishedDeletions: failed.size > 0 ? [] : [...unfinishedDeletions.keys()],
  }
}

/** The copy of a move that a stop cut short. */
interface FutureFolder {
  readonly folder: string
  readonly name: string
  readonly partition: string
}

/**
 * Removes unfinished copies of what is there, and tells which moves they were of; a copy of something
 * missing is left alone.
 */
async function dropFutures(
  ports: FolderPorts,
  futures: readonly FutureFolder[],
  placed: ReadonlyMap<string, string>,
  failed: Map<string, string>,
): Promise<UnfinishedMove[]> {
  const { disk, logger } = ports
  const unfinished: UnfinishedMove[] = []
  await eachFolder(ports, failed, async (folder) => {
    for (const future of futures) {
      if (future.folder !== folder) continue
      const path = `${folder}/${future.name}`
      const home = placed.get(future.partition)
      if (home === undefined) {
        logger.warn(
          `${path} is a copy of ${future.partition}, which is in no other folder; it is left alone`,
        )
        continue
      }
      await disk.removeDir(path)
      if (home === folder) continue
      logger.info(`the move of ${future.partition} from ${home} to ${folder} begins anew`)
      unfinished.push({ partition: future.partition, folder })
    }
  })
  return unfinished
}

/** Which data folder keeps the partition: of two, one in which nothing was made yet is removed here. */
async function settle(
  ports: FolderPorts,
  name: string,
  other: string | undefined,
  folder: string,
  unmade: ReadonlySet<string>,
  leftFolders: LeftFolder[],
): Promise<string> {
  if (other === undefined) return folder
  for (const [empty, kept] of [
    [folder, other],
    [other, folder],
  ] as const) {
    if (!unmade.has(`${empty}/${name}`)) continue
    await ports.disk.removeDir(`${empty}/${name}`)
    return kept
  }
  const chosen = await chooseOne(ports.disk, name, other, folder)
  leftFolders.push(chosen)
  return chosen.kept
}

interface FoundFolders {
  /** Names of the partitions that the image knows. */
  readonly known: readonly string[]
  /** Of them: those with nothing in them. */
  readonly unmade: readonly string[]
  /** Partitions of known topics, by their ids, that are or were here: what checkpoints may speak of. */
  readonly owned: ReadonlySet<string>
  /** Of them: those whose identity cannot be read, and why. */
  readonly damaged: ReadonlyMap<string, string>
  readonly futures: readonly FutureFolder[]
  /** Paths to remove. */
  readonly doomed: readonly string[]
}

/** The folder's partitions that the image knows; everything else is put in order. */
async function knownPartitions(
  ports: FolderPorts,
  dataFolder: string,
  image: MetadataImage,
  unfinishedDeletions: ReadonlyMap<string, string>,
): Promise<FoundFolders> {
  const { disk, random, logger } = ports
  const damaged = new Map<string, string>()
  const known: string[] = []
  const unmade: string[] = []
  const owned = new Set<string>()
  const doomed: string[] = []
  const futures: FutureFolder[] = []
  const { folders, unknown } = await listDataFolder(disk, dataFolder)
  for (const name of unknown)
    logger.warn(`${dataFolder}/${name} is no partition's folder; it is left alone`)
  for (const { kind, name, topic, partition } of folders) {
    const path = `${dataFolder}/${name}`
    if (kind === 'future')
      futures.push({ folder: dataFolder, name, partition: topicPartitionName(topic, partition) })
    if (kind !== 'partition' && kind !== 'delete') continue
    const found = image.topics.get(topic)
    const { topicId, problem } = await readIdentity(disk, path, found?.topicId)
    // By id: a marked name may be cut short.
    const owner = problem === null ? image.topicsById.get(topicId ?? '') : found
    if (owner?.name.startsWith(topic)) owned.add(topicPartitionName(owner.name, partition))
    if (kind === 'delete') {
      doomed.push(path)
      continue
    }
    if (problem !== null && found !== undefined) {
      logger.error(`${path} stays offline: ${problem}`)
      damaged.set(name, problem)
      known.push(name)
      continue
    }
    const isEmpty = topicId === null && (await holdsNoRecord(disk, path))
    // Nothing to recover.
    if (isEmpty) unmade.push(name)
    // The topic may be another one of that name, with fewer partitions.
    const isWanted = isEmpty
      ? partition < (found?.partitions.length ?? 0)
      : topicId === found?.topicId
    if (found !== undefined && isWanted) known.push(name)
    else if (isEmpty) await disk.removeDir(path)
    else if (topicId !== null && unfinishedDeletions.has(topicId)) {
      const marked = markedFolderName(topic, partition, random.uuid(), 'delete')
      await disk.rename(path, `${dataFolder}/${marked}`)
      doomed.push(`${dataFolder}/${marked}`)
    } else {
      const aside = markedFolderName(topic, partition, random.uuid(), 'stray')
      await disk.rename(path, `${dataFolder}/${aside}`)
      logger.warn(
        `${path} belongs to topic id ${topicId ?? 'unknown'}, which this broker does not have; it is ` +
          `kept as ${aside}. Remove it when it is not needed.`,
      )
    }
  }
  // What a crash leaves of a doomed one must be known by its name: its identity may be gone (S10).
  if (doomed.length > 0) await disk.syncDir(dataFolder)
  return { known, owned, unmade, damaged, futures, doomed }
}

/**
 * The topic id of a partition folder, null without one. `problem`: the file does not say it, or says
 * something else each time it is read; then it is no reason to take the folder for a stranger's.
 */
async function readIdentity(
  disk: Disk,
  path: string,
  expected: string | undefined,
): Promise<{ readonly topicId: string | null; readonly problem: string | null }> {
  try {
    const topicId = await readPartitionMetadata(disk, path)
    if (topicId === expected || topicId === (await readPartitionMetadata(disk, path)))
      return { topicId, problem: null }
    return { topicId: null, problem: `two reads differ of ${path}/${PARTITION_METADATA_FILE}` }
  } catch (error) {
    if (!(error instanceof CorruptFile)) throw error
    return { topicId: null, problem: error.message }
  }
}

/** A creation that a crash cut short left it: its identity is durable before the first record. */
async function holdsNoRecord(disk: Disk, path: string): Promise<boolean> {
  for (const name of await disk.list(path)) {
    if (parseSegmentFileName(name)?.suffix !== SegmentSuffix.log) continue
    if ((await disk.stat(`${path}/${name}`))?.size !== 0) return false
  }
  return true
}

interface UncleanLog {
  readonly name: string
  readonly dir: string
  readonly recoveryPoint: number
  readonly logStartOffset: number
  /** Whatever its policy says now: its offsets may leave gaps. */
  readonly isCompacted: boolean
}

const PROGRESS_MS = 5_000

/** Recovers in parallel; returns what could not be, with the reason. */
async function recoverAll(
  ports: FolderPorts,
  unclean: readonly UncleanLog[],
  image: MetadataImage,
  jobs: RecoveryJobs,
): Promise<Map<string, string>> {
  const damaged = new Map<string, string>()
  if (unclean.length === 0) return damaged
  const { clock, logger } = ports
  logger.info(`the last stop was not a clean one: checking the ends of ${unclean.length} logs`)
  const startedMs = clock.monotonicMs()
  let done = 0
  let bytes = 0
  const progress = setInterval(
    () =>
      logger.info(
        `recovering logs: ${done} of ${unclean.length} done, ${bytes} bytes checked, ` +
          `${Math.round((clock.monotonicMs() - startedMs) / 1000)} s so far`,
      ),
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
  jobs: RecoveryJobs,
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
      gapsAllowed: log.cleanupPolicy.compact || unclean.isCompacted,
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

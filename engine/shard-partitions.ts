/**
 * Keeps a shard's partitions in step with the metadata image: opens the logs of what it owns, takes
 * over new options and epochs, deletes what was deleted. Changes are applied one image after another.
 *
 * A log that does not open takes only its own partition offline: it is answered KAFKA_STORAGE_ERROR,
 * with one log line that says why and what to do.
 */
import type { BrokerConfig } from './base/config.ts'
import { inParallel } from './base/in-parallel.ts'
import { limits } from './base/limits.ts'
import type { Random } from './base/random.ts'
import type { GroupCoordinator } from './coordinator/group/handle.ts'
import { CorruptFile } from './log/corrupt-file.ts'
import { type Disk, DiskError } from './log/disk.ts'
import { Log } from './log/log.ts'
import { putFolderAside } from './log/log-delete.ts'
import { folderLanesOf } from './log/log-open.ts'
import { OpenSegments } from './log/open-segments.ts'
import { PageWindow } from './log/page-window.ts'
import { readPartitionMetadata } from './log/partition-metadata.ts'
import { WallClockGuard } from './log/wall-clock-guard.ts'
import {
  type MetadataImage,
  type PartitionImage,
  partitionKey,
  sameDynamicConfigs,
  type TopicImage,
  topicChanges,
} from './metadata/image.ts'
import { Partition } from './partition/partition.ts'
import type { Shard } from './shard.ts'
import type { ShardCompaction } from './shard-compaction.ts'
import { OFFSETS_TOPIC } from './shard-coordinators.ts'
import {
  type DataFolders,
  type FolderReport,
  failsFolder,
  type ShardFolders,
} from './shard-folders.ts'
import type { ShardMoves } from './shard-moves.ts'
import type { ShardUpkeep } from './shard-upkeep.ts'
import { type TopicSettings, topicSettings } from './topic-settings.ts'

export interface PartitionsParts {
  readonly shard: Shard
  readonly config: BrokerConfig
  readonly disk: Disk
  readonly random: Random
  readonly dataFolders: DataFolders
  /** Does this shard own the partition? */
  owns(key: number): boolean
  readonly groups: GroupCoordinator
  readonly upkeep: ShardUpkeep
  readonly folders: ShardFolders
  readonly moves: ShardMoves
  readonly compaction: ShardCompaction
  /** What this shard's logs may fill of the page cache; null: what the system lets them. */
  readonly pageCacheBytes: number | null
  /** No folder for a new partition may be made in it now; default: never so. */
  readonly isFolderHeld?: (dataFolder: string) => boolean
  /** Tells shard 0 of a failed folder, or of partitions that went offline. */
  report(report: FolderReport): void
}

export class ShardPartitions {
  private readonly parts: PartitionsParts
  private readonly openSegments = new OpenSegments()
  private readonly folderLanes = folderLanesOf()
  private readonly pageWindow: PageWindow | null
  private readonly wallClockGuard: WallClockGuard
  private last: Promise<void> = Promise.resolve()
  /** Opened partitions of the offsets topic: loaded once the image that has them is in force. */
  private readonly coordinatorsToLoad: number[] = []
  /** Partitions that could not be opened by their data folder, not yet told. */
  private readonly unopened = new Map<string, number[]>()
  private failing = false

  constructor(parts: PartitionsParts) {
    this.parts = parts
    const { shard, pageCacheBytes } = parts
    this.pageWindow = pageCacheBytes === null ? null : new PageWindow(shard.clock, pageCacheBytes)
    this.wallClockGuard = new WallClockGuard(parts.shard.clock, parts.shard.logger)
  }

  /** Resolves when the shard serves what the image says; failures of single logs do not reject. */
  apply(image: MetadataImage): Promise<void> {
    this.last = this.last.then(() => this.applyNext(image))
    return this.last
  }

  private async applyNext(image: MetadataImage): Promise<void> {
    const { shard, groups } = this.parts
    const changes = topicChanges(shard.image, image)
    for (const topic of changes.removed) await this.removeTopic(topic)
    for (const { before, after } of changes.changed) await this.changeTopic(image, before, after)
    if (!sameDynamicConfigs(shard.image.dynamicConfigs, image.dynamicConfigs))
      for (const topic of image.topics.values())
        if (this.serves(topic))
          this.applySettings(topic, topicSettings(this.parts.config, image, topic))
    await this.openTopics(image, changes.added)
    shard.image = image
    this.loadCoordinators()
    if (changes.removed.length > 0) groups.onTopicsDeleted(changes.removed.map(({ name }) => name))
  }

  private async openTopics(image: MetadataImage, topics: readonly TopicImage[]): Promise<void> {
    const openings: (() => Promise<void>)[] = []
    for (const topic of topics) {
      const settings = topicSettings(this.parts.config, image, topic)
      openings.push(...this.openings(topic, topic.partitions, settings))
    }
    await inParallel(openings, limits.partitionsOpenedAtOnce)
    this.reportUnopened()
  }

  /** Places partitions, and returns the work of opening those that this shard owns. */
  private openings(
    topic: TopicImage,
    partitions: readonly PartitionImage[],
    settings: TopicSettings,
  ): (() => Promise<void>)[] {
    const { folders, owns, shard } = this.parts
    // Nothing is applied yet: what the first image holds was there before this start.
    const isNew = shard.image.version > 0
    const openings: (() => Promise<void>)[] = []
    for (const { index } of partitions) {
      const folder = folders.place(`${topic.name}-${index}`, isNew)
      if (owns(partitionKey(topic.ordinal, index)))
        openings.push(() => this.open(topic, index, settings, folder))
    }
    return openings
  }

  private async open(
    topic: TopicImage,
    index: number,
    settings: TopicSettings,
    folder: string | null,
  ): Promise<void> {
    const { shard, folders, dataFolders } = this.parts
    const name = `${topic.name}-${index}`
    const key = partitionKey(topic.ordinal, index)
    const isNew = shard.image.version > 0
    const damage = isNew ? undefined : dataFolders.damaged.get(name)
    if (damage !== undefined || folder === null) {
      const missing = `${name} may be in a data folder that failed: ${folders.failureText()}`
      this.setOffline(key, folder ?? '', damage ?? missing)
      return
    }
    try {
      if (folders.hasFailed(folder)) throw new DiskError('EIO', folder, 'use after the failure of')
      await this.openIn(topic, index, settings, folder)
    } catch (error) {
      if (!(error instanceof Error) || error.name === 'InvariantError') throw error
      if (isNew && error instanceof DiskError && failsFolder(error)) {
        this.failFolder(folder, error)
        const next = folders.placeAgain(name)
        if (next !== null) return await this.open(topic, index, settings, next)
      }
      this.setOffline(key, folder, `${name} could not be opened: ${error.message}`)
      shard.logger.error(
        `${name} is offline: ${error.message}. Its other partitions are served; ` +
          `${wayOut(error)}, then restart.`,
      )
    }
  }

  private setOffline(key: number, folder: string, reason: string): void {
    this.parts.shard.offline.set(key, reason)
    const keys = this.unopened.get(folder)
    if (keys === undefined) this.unopened.set(folder, [key])
    else keys.push(key)
  }

  private reportUnopened(): void {
    for (const [folder, offlineKeys] of this.unopened)
      this.parts.report({ folder, failed: false, reason: '', offlineKeys, moved: false })
    this.unopened.clear()
  }

  /**
   * A data folder failed: everything this shard has there goes offline, in this turn. Returns the
   * partitions; none when it was known.
   */
  takeFolderOffline(folder: string, reason: string, error: DiskError): number[] {
    const { shard, disk, folders, moves } = this.parts
    if (!folders.fail(folder, reason)) return []
    disk.refuseChanges(folder)
    const keys: number[] = []
    this.failing = true
    for (const partition of shard.partitions.values()) {
      if (partition.log.dataFolder !== folder || partition.offline !== null) continue
      partition.takeOffline(`its data folder ${folder} failed: ${reason}`, error)
      keys.push(partition.identity.key)
    }
    this.failing = false
    moves.cancelInto(folder)
    return keys
  }

  /** As takeFolderOffline, noticed here: shard 0 tells the others and the operator. */
  failFolder(folder: string, error: DiskError): void {
    if (this.parts.folders.hasFailed(folder)) return
    const offlineKeys = this.takeFolderOffline(folder, error.message, error)
    this.parts.report({ folder, failed: true, reason: error.message, offlineKeys, moved: false })
  }

  private onDiskError(partition: Partition, error: DiskError): boolean {
    const folder = partition.log.dataFolder
    if (!failsFolder(error)) return false
    this.failFolder(folder, error)
    return partition.offline !== null
  }

  private onOffline(partition: Partition): void {
    // Those of a failed folder are told together.
    if (this.failing) return
    this.parts.report({
      folder: partition.log.dataFolder,
      failed: false,
      reason: partition.offline ?? '',
      offlineKeys: [partition.identity.key],
      moved: false,
    })
  }

  private async openIn(
    topic: TopicImage,
    index: number,
    settings: TopicSettings,
    folder: string,
  ): Promise<void> {
    const { shard, disk, random, upkeep, compaction, isFolderHeld } = this.parts
    const name = `${topic.name}-${index}`
    const key = partitionKey(topic.ordinal, index)
    const leaderEpoch = topic.partitions[index]?.leaderEpoch ?? 0
    const { logStartOffset, cleanedOffset } = this.foundOffsets(name)
    let partition: Partition | null = null
    const log = await Log.open({
      disk,
      clock: shard.clock,
      random,
      logger: shard.logger,
      options: settings.log,
      dir: `${folder}/${name}`,
      topicPartition: name,
      topicId: topic.topicId,
      logStartOffset,
      newFolder: this.newFolderOf(topic),
      openSegments: this.openSegments,
      folderLanes: this.folderLanes,
      ...(isFolderHeld === undefined ? null : { isFolderHeld }),
      pageWindow: this.pageWindow,
      wallClockGuard: this.wallClockGuard,
      onFailed: (error) => partition?.fail(error),
    })
    log.assignLeaderEpoch(leaderEpoch)
    log.compaction.cleanedEndOffset = cleanedOffset
    const { topicId, internal } = topic
    const identity = { key, topic: topic.name, index, topicId, internal }
    partition = new Partition(identity, log, leaderEpoch, settings.rulesFor(index), {
      logger: shard.logger,
      wallMs: () => shard.clock.wallMs(),
      onVisible: shard.onVisible,
      onWritten: (written) => upkeep.onWritten(written),
      onDiskError: (failing, error) => this.onDiskError(failing, error),
      onOffline: (failing) => this.onOffline(failing),
    })
    shard.partitions.set(key, partition)
    if (this.parts.folders.hasFailed(folder))
      partition.fail(new DiskError('EIO', folder, 'use after the failure of'))
    if (topic.name === OFFSETS_TOPIC) this.coordinatorsToLoad.push(index)
    compaction.consider(partition)
  }

  private foundOffsets(name: string): { logStartOffset: number; cleanedOffset: number | null } {
    const { shard, dataFolders } = this.parts
    if (shard.image.version > 0) return { logStartOffset: 0, cleanedOffset: null }
    return {
      logStartOffset: dataFolders.logStartOffsets.get(name) ?? 0,
      cleanedOffset: dataFolders.cleanedOffsets.get(name) ?? null,
    }
  }

  /**
   * With its first record: a topic of a thousand partitions is made in the time of its metadata, and what
   * is never written to costs neither files nor descriptors. Among several data folders a partition shows
   * at once where it lives, since one that is found nowhere may be in a folder that failed.
   */
  private newFolderOf({ internal }: TopicImage): 'later' | 'made' {
    return internal || this.parts.folders.folders.length === 1 ? 'later' : 'made'
  }

  /** Loading goes on behind the start; requests meanwhile are answered with "load in progress". */
  private loadCoordinators(): void {
    const { groups, shard } = this.parts
    for (const index of this.coordinatorsToLoad.splice(0))
      groups.loadPartition(index).catch((error: unknown) => {
        if (!(error instanceof Error) || error.name === 'InvariantError') throw error
        const name = `${OFFSETS_TOPIC}-${index}`
        shard.logger.error(`the groups of ${name} cannot be served: ${error.message}`)
      })
  }

  private async changeTopic(
    image: MetadataImage,
    before: TopicImage,
    after: TopicImage,
  ): Promise<void> {
    const settings = topicSettings(this.parts.config, image, after)
    this.applySettings(after, settings)
    const added = after.partitions.slice(before.partitions.length)
    await inParallel(this.openings(after, added, settings), limits.partitionsOpenedAtOnce)
    this.reportUnopened()
  }

  private serves({ ordinal, partitions }: TopicImage): boolean {
    return partitions.some(({ index }) =>
      this.parts.shard.partitions.has(partitionKey(ordinal, index)),
    )
  }

  /** Puts options in force for the topic's partitions that this shard serves. */
  private applySettings(topic: TopicImage, settings: TopicSettings): void {
    const { shard, upkeep } = this.parts
    for (const { index, leaderEpoch } of topic.partitions) {
      const partition = shard.partitions.get(partitionKey(topic.ordinal, index))
      if (partition === undefined) continue
      partition.log.setOptions(settings.log)
      partition.rules = settings.rulesFor(index)
      partition.leaderEpoch = leaderEpoch
      upkeep.onOptionsChanged(partition)
    }
  }

  private async removeTopic(topic: TopicImage): Promise<void> {
    const { shard, groups, upkeep, folders, moves, compaction } = this.parts
    for (const { index } of topic.partitions) {
      const name = `${topic.name}-${index}`
      const home = folders.homeOf(name)
      folders.forget(name)
      const key = partitionKey(topic.ordinal, index)
      const partition = shard.partitions.get(key)
      const wasOffline = shard.offline.delete(key)
      if (partition === undefined) {
        if (wasOffline && home !== undefined) await this.removeUnopened(topic, name, home)
        continue
      }
      const { dataFolder } = partition.log
      shard.remove(partition)
      if (topic.name === OFFSETS_TOPIC) groups.unloadPartition(index)
      await moves.cancel(key)
      await compaction.hold(partition)
      const folder = await partition.log
        .delete()
        .catch((error: unknown) => this.notRemoved(name, dataFolder, error))
      if (folder !== null) upkeep.removeFolderLater(folder, partition.log.options.fileDeleteDelayMs)
    }
  }

  /** The folder of a partition whose log could not be opened: else one of that name could not be made. */
  private async removeUnopened(topic: TopicImage, name: string, home: string): Promise<void> {
    const { shard, config, disk, random, folders, upkeep } = this.parts
    const dir = `${home}/${name}`
    if (folders.hasFailed(home)) return
    const stored = await readPartitionMetadata(disk, dir).catch((error: unknown) => {
      if (!(error instanceof DiskError || error instanceof CorruptFile)) throw error
      return null
    })
    // Another topic's, or whose, nobody can say: not ours to delete (R17).
    if (stored !== topic.topicId) return
    try {
      const { fileDeleteDelayMs } = topicSettings(config, shard.image, topic).log
      upkeep.removeFolderLater(await putFolderAside({ disk, random }, dir, name), fileDeleteDelayMs)
    } catch (error) {
      this.notRemoved(name, home, error)
    }
  }

  /** The next start that sees the folder puts it aside, as one of a topic nobody knows. */
  private notRemoved(name: string, dataFolder: string, error: unknown): null {
    if (!(error instanceof DiskError)) throw error
    if (failsFolder(error)) this.failFolder(dataFolder, error)
    this.parts.shard.logger.warn(`${name} is deleted, its folder is not: ${error.message}`)
    return null
  }
}

/** What an operator does about a log that could not be opened. */
function wayOut(error: Error): string {
  const isShort = error instanceof DiskError && /^E[MN]FILE$/.test(error.code)
  return isShort
    ? 'raise the limit of open files (ulimit -n, LimitNOFILE=)'
    : 'mend the folder or restore it from a copy'
}

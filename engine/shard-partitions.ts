/**
 * Keeps a shard's partitions in step with the metadata image: opens the logs of what it owns, takes
 * over new options and epochs, deletes what was deleted. Changes are applied one image after another.
 *
 * A log that does not open takes only its own partition offline: it is answered KAFKA_STORAGE_ERROR,
 * with one log line that says why and what to do.
 */
import { assert } from './base/assert.ts'
import type { BrokerConfig } from './base/config.ts'
import { limits } from './base/limits.ts'
import type { Random } from './base/random.ts'
import type { GroupCoordinator } from './coordinator/group/handle.ts'
import type { Disk } from './log/disk.ts'
import { Log } from './log/log.ts'
import { OpenSegments } from './log/open-segments.ts'
import { WallClockGuard } from './log/wall-clock-guard.ts'
import {
  type MetadataImage,
  partitionKey,
  type TopicImage,
  topicChanges,
} from './metadata/image.ts'
import { Partition } from './partition/partition.ts'
import type { Shard } from './shard.ts'
import { OFFSETS_TOPIC } from './shard-coordinators.ts'
import type { ShardUpkeep } from './shard-upkeep.ts'
import { type TopicSettings, topicSettings } from './topic-settings.ts'

/** What the data folders held at the start, found once by whoever starts the broker. */
export interface DataFolders {
  /** log.dirs that work, in order; new partitions are spread over them. */
  readonly folders: readonly string[]
  /** `topic-partition` → the data folder that has it. */
  readonly placed: ReadonlyMap<string, string>
  /** From the log start checkpoints; absent = 0. */
  readonly logStartOffsets: ReadonlyMap<string, number>
  /** `topic-partition` → why recovery failed; these stay offline. */
  readonly damaged: ReadonlyMap<string, string>
}

/** The data folder of a partition: where it was found, else by its key. */
export function folderOfPartition(
  { folders, placed }: DataFolders,
  name: string,
  key: number,
): string {
  const folder = placed.get(name) ?? folders[key % folders.length]
  assert(folder !== undefined, 'a broker has a data folder')
  return folder
}

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
}

export class ShardPartitions {
  private readonly parts: PartitionsParts
  private readonly openSegments = new OpenSegments()
  private readonly wallClockGuard: WallClockGuard
  private last: Promise<void> = Promise.resolve()
  /** Opened partitions of the offsets topic: loaded once the image that has them is in force. */
  private readonly coordinatorsToLoad: number[] = []

  constructor(parts: PartitionsParts) {
    this.parts = parts
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
    await this.openTopics(image, changes.added)
    shard.image = image
    this.loadCoordinators()
    if (changes.removed.length > 0) groups.onTopicsDeleted(changes.removed.map(({ name }) => name))
  }

  private async openTopics(image: MetadataImage, topics: readonly TopicImage[]): Promise<void> {
    const openings: (() => Promise<void>)[] = []
    for (const topic of topics) {
      const settings = topicSettings(this.parts.config, image, topic)
      for (const { index } of topic.partitions)
        if (this.parts.owns(partitionKey(topic.ordinal, index)))
          openings.push(() => this.open(topic, index, settings))
    }
    await inParallel(openings, limits.partitionsOpenedAtOnce)
  }

  private async open(topic: TopicImage, index: number, settings: TopicSettings): Promise<void> {
    const { shard, disk, random, upkeep } = this.parts
    const name = `${topic.name}-${index}`
    const key = partitionKey(topic.ordinal, index)
    const leaderEpoch = topic.partitions[index]?.leaderEpoch ?? 0
    const damage = this.parts.dataFolders.damaged.get(name)
    if (damage !== undefined) {
      shard.offline.set(key, damage)
      return
    }
    try {
      const log = await Log.open({
        disk,
        clock: shard.clock,
        random,
        logger: shard.logger,
        options: settings.log,
        dir: `${folderOfPartition(this.parts.dataFolders, name, key)}/${name}`,
        topicPartition: name,
        topicId: topic.topicId,
        logStartOffset: this.parts.dataFolders.logStartOffsets.get(name) ?? 0,
        lazy: topic.internal,
        openSegments: this.openSegments,
        wallClockGuard: this.wallClockGuard,
      })
      log.assignLeaderEpoch(leaderEpoch)
      const identity = {
        key,
        topic: topic.name,
        index,
        topicId: topic.topicId,
        internal: topic.internal,
      }
      const partition = new Partition(identity, log, leaderEpoch, settings.rulesFor(index), {
        logger: shard.logger,
        wallMs: () => shard.clock.wallMs(),
        onVisible: shard.onVisible,
        onWritten: (written) => upkeep.onWritten(written),
      })
      shard.partitions.set(key, partition)
    } catch (error) {
      if (!(error instanceof Error) || error.name === 'InvariantError') throw error
      shard.offline.set(key, `${name} could not be opened: ${error.message}`)
      shard.logger.error(
        `${name} is offline: ${error.message}. Its other partitions are served; mend the folder ` +
          'or restore it from a copy, then restart.',
      )
      return
    }
    if (topic.name === OFFSETS_TOPIC) this.coordinatorsToLoad.push(index)
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
    for (const { index, leaderEpoch } of after.partitions) {
      const partition = this.parts.shard.partitions.get(partitionKey(after.ordinal, index))
      if (partition === undefined) continue
      partition.log.setOptions(settings.log)
      partition.rules = settings.rulesFor(index)
      partition.leaderEpoch = leaderEpoch
    }
    const added = { ...after, partitions: after.partitions.slice(before.partitions.length) }
    await inParallel(
      added.partitions
        .filter(({ index }) => this.parts.owns(partitionKey(after.ordinal, index)))
        .map(
          ({ index }) =>
            () =>
              this.open(after, index, settings),
        ),
      limits.partitionsOpenedAtOnce,
    )
  }

  private async removeTopic(topic: TopicImage): Promise<void> {
    const { shard, groups, upkeep } = this.parts
    for (const { index } of topic.partitions) {
      const key = partitionKey(topic.ordinal, index)
      const partition = shard.partitions.get(key)
      shard.offline.delete(key)
      if (partition === undefined) continue
      shard.remove(partition)
      if (topic.name === OFFSETS_TOPIC) groups.unloadPartition(index)
      const folder = await partition.log.delete()
      if (folder !== null) upkeep.removeFolderLater(folder, partition.log.options.fileDeleteDelayMs)
    }
  }
}

/** Runs all, at most `width` at once; rejects with the first rejection once all have ended. */
async function inParallel(runs: readonly (() => Promise<void>)[], width: number): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < runs.length) await runs[next++]?.()
  }
  await Promise.all(Array.from({ length: Math.min(width, runs.length) }, lane))
}

/** Puts one shard together from its ports: partitions, coordinators, upkeep, cold calls. */

import type { Clock } from './base/clock.ts'
import type { BrokerConfig } from './base/config.ts'
import { inParallel } from './base/in-parallel.ts'
import { limits } from './base/limits.ts'
import type { Logger } from './base/logger.ts'
import type { Random } from './base/random.ts'
import { defaultGroupConfig, type GroupConfig } from './coordinator/group/config.ts'
import { migrationPolicyOf } from './coordinator/group/consumer-options.ts'
import { GroupCoordinator } from './coordinator/group/handle.ts'
import type { CompactPool } from './log/compact-steps.ts'
import { type Disk, DiskError } from './log/disk.ts'
import { type MetadataImage, partitionKey } from './metadata/image.ts'
import type { Partition } from './partition/partition.ts'
import { Shard } from './shard.ts'
import { type ControlPort, shardCalls } from './shard-calls.ts'
import { ShardCompaction } from './shard-compaction.ts'
import { coordinatorHost, OFFSETS_TOPIC } from './shard-coordinators.ts'
import { type DataFolders, type FolderReport, ShardFolders } from './shard-folders.ts'
import { ShardMoves } from './shard-moves.ts'
import { ShardPartitions } from './shard-partitions.ts'
import { ShardUpkeep } from './shard-upkeep.ts'

const MINUTE_MS = 60_000

export interface ShardParts {
  readonly config: BrokerConfig
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly dataFolders: DataFolders
  readonly compactors: CompactPool
  /** Bytes of the page cache for this shard's logs (page-window.ts); null or none: what the system lets them. */
  readonly pageCacheBytes?: number | null
  /** No folder for a new partition may be made in it now; default: never so. */
  readonly isFolderHeld?: (dataFolder: string) => boolean
  /** Does this shard own the partition with this key? */
  owns(key: number): boolean
  /** On shard 0. */
  readonly control: ControlPort | null
  /** Tells shard 0, by its reportFolder call, of folders and partitions that failed or moved. */
  report(report: FolderReport): void
  /** Before the first image is applied. */
  readonly emptyImage: MetadataImage
}

export interface AssembledShard {
  readonly shard: Shard
  /** Resolves when the shard serves what the image says. */
  applyImage(image: MetadataImage): Promise<void>
  /** Answers everyone who waits; afterwards nothing new may be asked. */
  answerAll(): void
  /** Makes everything durable and closes every log, so that the next start trusts the folders. */
  closeClean(): Promise<void>
}

export function assembleShard(parts: ShardParts): AssembledShard {
  const { config, disk, clock, random, logger } = parts
  const shard = new Shard(clock, logger, parts.emptyImage)
  const upkeep = new ShardUpkeep(shard, disk, config)
  const host = coordinatorHost(shard, random, (index) => {
    const topic = shard.image.topics.get(OFFSETS_TOPIC)
    return topic === undefined ? undefined : shard.partition(partitionKey(topic.ordinal, index))
  })
  const groups = new GroupCoordinator(host, groupConfig(config))
  const folders = new ShardFolders(parts.dataFolders)
  const { compactors } = parts
  const compaction = new ShardCompaction({ shard, config, random, upkeep, pool: compactors })
  upkeep.onChanged = (partition) => compaction.consider(partition)
  const moves = new ShardMoves({
    shard,
    compaction,
    disk,
    folders,
    upkeep,
    failFolder: (folder, error) => partitions.failFolder(folder, error),
    onMoved: (_, folder) =>
      parts.report({ folder, failed: false, reason: '', offlineKeys: [], moved: true }),
  })
  const partitions = new ShardPartitions({
    ...parts,
    pageCacheBytes: parts.pageCacheBytes ?? null,
    shard,
    upkeep,
    groups,
    folders,
    moves,
    compaction,
  })
  shard.calls = shardCalls(shard, groups, parts.control, {
    shard,
    disk,
    folders,
    moves,
    partitions,
  })
  shard.onRemoved = (partition) => upkeep.forget(partition)
  return {
    shard,
    applyImage: (image) => partitions.apply(image),
    answerAll: () => {
      groups.unloadAll()
      shard.answerParked()
      shard.flush()
    },
    closeClean: async () => {
      await compaction.stop()
      await moves.stop()
      await upkeep.stop()
      const closes = [...shard.partitions.values()].map((partition) => () => closeLog(partition))
      await inParallel(closes, limits.partitionsOpenedAtOnce)
    },
  }
}

/** Of a failed log nothing is written any more, and what closing it says is known. */
async function closeLog(partition: Partition): Promise<void> {
  await partition.folderSettled()
  await partition.log.close('clean').catch((error: unknown) => {
    if (partition.offline === null || !(error instanceof DiskError)) throw error
  })
}

function groupConfig(config: BrokerConfig): GroupConfig {
  return {
    minSessionTimeoutMs: config.groupMinSessionTimeoutMs,
    maxSessionTimeoutMs: config.groupMaxSessionTimeoutMs,
    initialRebalanceDelayMs: config.groupInitialRebalanceDelayMs,
    maxSize: config.groupMaxSize,
    newMemberJoinTimeoutMs: defaultGroupConfig.newMemberJoinTimeoutMs,
    offsetMetadataMaxBytes: config.offsetMetadataMaxBytes,
    offsetsRetentionMs: config.offsetsRetentionMinutes * MINUTE_MS,
    offsetsRetentionCheckIntervalMs: config.offsetsRetentionCheckIntervalMs,
    consumer: {
      isServed: config.groupCoordinatorRebalanceProtocols.includes('consumer'),
      sessionTimeoutMs: config.groupConsumerSessionTimeoutMs,
      minSessionTimeoutMs: config.groupConsumerMinSessionTimeoutMs,
      maxSessionTimeoutMs: config.groupConsumerMaxSessionTimeoutMs,
      heartbeatIntervalMs: config.groupConsumerHeartbeatIntervalMs,
      minHeartbeatIntervalMs: config.groupConsumerMinHeartbeatIntervalMs,
      maxHeartbeatIntervalMs: config.groupConsumerMaxHeartbeatIntervalMs,
      maxSize: config.groupConsumerMaxSize,
      assignors: config.groupConsumerAssignors,
      migrationPolicy: migrationPolicyOf(config.groupConsumerMigrationPolicy),
      regexRefreshIntervalMs: config.groupConsumerRegexRefreshIntervalMs,
    },
  }
}

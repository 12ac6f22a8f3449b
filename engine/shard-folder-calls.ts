/**
 * The cold calls of a shard about its data folders and what its partitions know of producers: the owners'
 * part of DescribeLogDirs, AlterReplicaLogDirs, DescribeProducers, and of failed folders.
 */
import { ErrorCode } from './base/errors.ts'
import { type Disk, DiskError } from './log/disk.ts'
import type { Partition } from './partition/partition.ts'
import type { Shard } from './shard.ts'
import type { ShardFolders } from './shard-folders.ts'
import type { ShardMoves } from './shard-moves.ts'
import type { ShardPartitions } from './shard-partitions.ts'
import type { ShardCalls } from './shard-port.ts'

type FolderCalls = Pick<
  ShardCalls,
  'describeFolders' | 'describeVolumes' | 'moveReplicas' | 'describeProducers' | 'failFolder'
>
type DescribedReplica = Awaited<ReturnType<ShardCalls['describeFolders']>>['replicas'][number]
type DescribedProducers = Awaited<ReturnType<ShardCalls['describeProducers']>>['partitions'][number]

export interface FolderCallParts {
  readonly disk: Disk
  readonly shard: Shard
  readonly folders: ShardFolders
  readonly moves: ShardMoves
  readonly partitions: ShardPartitions
}

export function folderCalls(parts: FolderCallParts): FolderCalls {
  const { shard, folders, moves, partitions } = parts
  return {
    describeFolders: async () => ({
      replicas: [...shard.partitions.values()].flatMap((partition) =>
        replicasOf(partition, folders, moves),
      ),
    }),
    describeVolumes: async () => ({
      volumes: await Promise.all(folders.folders.map((folder) => volumeOf(parts, folder))),
    }),
    moveReplicas: async (request) => {
      const answers: { errorCode: number }[] = []
      for (const { key, folder } of request.partitions)
        answers.push({ errorCode: await moveReplica(parts, key, folder) })
      return { partitions: answers }
    },
    describeProducers: async (request) => ({
      partitions: request.partitions.map(({ key }) => {
        const partition = shard.partition(key)
        return partition === undefined
          ? { errorCode: shard.absence(key), producers: [] }
          : producersOf(partition)
      }),
    }),
    failFolder: async ({ folder, reason }) => {
      const error = new DiskError('EIO', folder, 'use after its failure of')
      return { offlineKeys: partitions.takeFolderOffline(folder, reason, error) }
    },
  }
}

type Volume = Awaited<ReturnType<ShardCalls['describeVolumes']>>['volumes'][number]

async function volumeOf({ disk, folders }: FolderCallParts, folder: string): Promise<Volume> {
  const failed = { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, totalBytes: -1, usableBytes: -1 }
  if (folders.hasFailed(folder)) return failed
  try {
    const [totalBytes, usableBytes] = [await disk.totalBytes(folder), await disk.freeBytes(folder)]
    return { errorCode: ErrorCode.NONE, totalBytes, usableBytes }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    return failed
  }
}

/** The replica, and the one it becomes while it is on its way to another folder. */
function replicasOf(
  { identity, log }: Partition,
  { folders: all }: ShardFolders,
  moves: ShardMoves,
): DescribedReplica[] {
  const { key } = identity
  const replicas: DescribedReplica[] = [
    {
      key,
      folder: all.indexOf(log.dataFolder),
      sizeBytes: log.sizeBytes,
      offsetLag: 0,
      isFuture: false,
    },
  ]
  const move = moves.of(key)
  if (move !== null)
    replicas.push({
      key,
      folder: all.indexOf(move.target),
      sizeBytes: move.sizeBytes,
      offsetLag: Math.max(0, log.logEndOffset - move.endOffset),
      isFuture: true,
    })
  return replicas
}

async function moveReplica(
  { shard, folders, moves }: FolderCallParts,
  key: number,
  index: number,
): Promise<ErrorCode> {
  const folder = folders.folders[index]
  if (folder === undefined) return ErrorCode.LOG_DIR_NOT_FOUND
  const partition = shard.partition(key)
  return partition === undefined ? shard.absence(key) : await moves.request(partition, folder)
}

function producersOf(partition: Partition): DescribedProducers {
  if (partition.offline !== null) return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, producers: [] }
  const producers = partition.log.producers.snapshot().map((entry) => ({
    producerId: entry.producerId,
    producerEpoch: entry.producerEpoch,
    lastSequence: entry.lastSequence,
    lastTimestamp: entry.timestamp,
    coordinatorEpoch: entry.coordinatorEpoch,
    transactionFirstOffset: entry.transactionFirstOffset,
  }))
  return { errorCode: ErrorCode.NONE, producers }
}

/**
 * DescribeLogDirs, v1–v4 (KIP-113). v2 flexible, v3 a top-level error, v4 the size of the volume (KIP-827).
 * All folders of log.dirs, in order; for each what lies there of the partitions asked for, null = all. A
 * failed folder is answered KAFKA_STORAGE_ERROR and nothing else. A partition on its way to another folder
 * shows up in both, in the new one as future.
 *
 * differs from Kafka: the lag of a future replica counts from the start of the segment being copied.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { type MetadataImage, ordinalOfKey, partitionOfKey } from '../../engine/metadata/image.ts'
import {
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
} from '../../engine/protocol/35-describe-log-dirs.ts'
import type { ShardCalls } from '../../engine/shard-port.ts'
import { calls } from '../../workers/messages.ts'
import type { Router } from '../../workers/router.ts'
import type { Handler } from '../handler.ts'

type FolderAnswer = DescribeLogDirsResponse['results'][number]
type TopicAnswer = FolderAnswer['topics'][number]
type Described = Awaited<ReturnType<ShardCalls['describeFolders']>>
type Volumes = Awaited<ReturnType<ShardCalls['describeVolumes']>>['volumes']

const CONTROL_SHARD = 0

export const describeLogDirsHandler: Handler<DescribeLogDirsRequest, DescribeLogDirsResponse> = {
  apiKey: 35,
  versions: [1, 4],
  pipelined: false,
  request: DescribeLogDirsRequest,
  response: DescribeLogDirsResponse,

  async handle({ router, config }, request) {
    const { volumes } = await router.call(CONTROL_SHARD, calls.describeVolumes, {})
    const described = await allReplicas(router)
    const topics = topicsByFolder(described, router.image(), filterOf(request))
    return {
      errorCode: ErrorCode.NONE,
      results: config.dataFolders.map((logDir, at) =>
        folderAnswer(logDir, volumes[at], topics.get(at)),
      ),
    }
  },
}

async function allReplicas(router: Router): Promise<Described['replicas'][number][]> {
  const shards = Array.from({ length: router.shards }, (_, shard) =>
    router.call(shard, calls.describeFolders, {}),
  )
  return (await Promise.all(shards)).flatMap(({ replicas }) => replicas)
}

/** What was asked for: null = everything, else partitions by topic. */
function filterOf({
  topics,
}: DescribeLogDirsRequest): ReadonlyMap<string, ReadonlySet<number>> | null {
  if (topics === null) return null
  const wanted = new Map<string, Set<number>>()
  for (const { topic, partitions } of topics) {
    const set = wanted.get(topic) ?? new Set()
    wanted.set(topic, set)
    for (const partition of partitions) set.add(partition)
  }
  return wanted
}

/** By index in log.dirs. */
function topicsByFolder(
  replicas: Described['replicas'],
  image: MetadataImage,
  wanted: ReadonlyMap<string, ReadonlySet<number>> | null,
): Map<number, TopicAnswer[]> {
  const names = new Map([...image.topics.values()].map(({ ordinal, name }) => [ordinal, name]))
  const folders = new Map<number, Map<string, TopicAnswer['partitions']>>()
  for (const { key, folder, sizeBytes, offsetLag, isFuture } of replicas) {
    const name = names.get(ordinalOfKey(key))
    const partitionIndex = partitionOfKey(key)
    // Deleted meanwhile.
    if (name === undefined) continue
    if (wanted !== null && wanted.get(name)?.has(partitionIndex) !== true) continue
    const topics = folders.get(folder) ?? new Map<string, TopicAnswer['partitions']>()
    folders.set(folder, topics)
    const partitions = topics.get(name) ?? []
    topics.set(name, partitions)
    partitions.push({ partitionIndex, partitionSize: sizeBytes, offsetLag, isFutureKey: isFuture })
  }
  return new Map(
    [...folders].map(([folder, topics]) => [
      folder,
      [...topics].map(([name, partitions]) => ({ name, partitions })),
    ]),
  )
}

function folderAnswer(
  logDir: string,
  volume: Volumes[number] | undefined,
  topics: TopicAnswer[] | undefined,
): FolderAnswer {
  const errorCode = volume?.errorCode ?? ErrorCode.KAFKA_STORAGE_ERROR
  const failed = errorCode !== ErrorCode.NONE
  return {
    errorCode,
    logDir,
    topics: failed ? [] : (topics ?? []),
    totalBytes: failed ? -1 : (volume?.totalBytes ?? -1),
    usableBytes: failed ? -1 : (volume?.usableBytes ?? -1),
  }
}

/**
 * A stopped Kafka's data folders examined: whose they are, what its metadata log says, where each
 * partition lies, and every reason not to take them over. Reads only.
 */
import { join } from 'node:path'
import { topicConfigProblem } from '../../engine/base/topic-config.ts'
import { CLEAN_SHUTDOWN_FILE } from '../../engine/log/clean-shutdown.ts'
import {
  CLUSTER_METADATA_FOLDER,
  listDataFolder,
  topicPartitionName,
} from '../../engine/log/data-folder.ts'
import type { Disk } from '../../engine/log/disk.ts'
import { META_PROPERTIES_FILE, readMetaProperties } from '../../engine/log/meta-properties.ts'
import { readPartitionMetadata } from '../../engine/log/partition-metadata.ts'
import { isInternalTopic } from '../../engine/metadata/topic-name.ts'
import { ConfigResource, KafkaCluster, type KafkaTopic } from './kafka-cluster.ts'
import { type MetadataEnd, readMetadataLog } from './metadata-log.ts'

/** One of log.dirs. */
export interface KafkaFolder {
  readonly path: string
  readonly directoryId: string
  readonly cleanlyStopped: boolean
}

export interface KafkaFolders {
  readonly folders: readonly KafkaFolder[]
  readonly clusterId: string
  readonly nodeId: number
  readonly cluster: KafkaCluster
  readonly metadataEnd: MetadataEnd
  /** `topic-partition` → where it lies. */
  readonly placed: ReadonlyMap<string, PlacedPartition>
  /** What is wrong with the folders whoever serves them, each a sentence. */
  readonly folderProblems: readonly string[]
}

export interface PlacedPartition {
  readonly folder: KafkaFolder
  readonly topicId: string | null
}

export interface FolderNames {
  /** log.dirs, in their order. */
  readonly folders: readonly string[]
  /** metadata.log.dir; null: the first of `folders`. */
  readonly metadataFolder: string | null
}

export interface AdoptionTerms {
  /** Take folders that were not closed cleanly: the next start recovers them. */
  readonly recover: boolean
  /** Go on although access rules, users or tokens are not enforced here. */
  readonly withoutSecurity: boolean
}

/** A reason that has to do with the folders as such. */
export class NotAdoptable extends Error {
  override name = 'NotAdoptable'
}

/** Throws NotAdoptable, MetadataUnreadable, CorruptFile, DiskError. */
export async function readKafkaFolders(disk: Disk, names: FolderNames): Promise<KafkaFolders> {
  const identities = await Promise.all(names.folders.map((path) => identify(disk, path)))
  const [first] = identities
  if (first === undefined) throw new NotAdoptable('no data folder is named')
  const { path, clusterId, nodeId } = first
  for (const other of identities)
    if (other.clusterId !== clusterId || other.nodeId !== nodeId)
      throw new NotAdoptable(
        `${other.path} belongs to node ${other.nodeId} of cluster ${other.clusterId}, but ${path} ` +
          `to node ${nodeId} of cluster ${clusterId}`,
      )
  const cluster = new KafkaCluster()
  const metadataPath = join(names.metadataFolder ?? path, CLUSTER_METADATA_FOLDER)
  const metadataEnd = readMetadataLog(metadataPath, (record) => cluster.apply(record))
  const { placed, problems } = await placePartitions(disk, identities)
  return {
    folders: identities,
    clusterId,
    nodeId,
    cluster,
    metadataEnd,
    placed,
    folderProblems: problems,
  }
}

/** Why the folders cannot be taken over, each a sentence; empty: they can. */
export function adoptionProblems(found: KafkaFolders, terms: AdoptionTerms): string[] {
  const { cluster, nodeId } = found
  return [
    ...found.folders.flatMap((folder) => stopProblem(folder, terms.recover)),
    ...clusterProblems(cluster, nodeId, terms.withoutSecurity),
    ...found.folderProblems,
    ...[...cluster.topics.values()].flatMap((topic) => [
      ...topicProblems(found, topic),
      ...placementProblems(found, topic),
    ]),
  ]
}

type Identity = KafkaFolder & { readonly clusterId: string; readonly nodeId: number }

async function identify(disk: Disk, path: string): Promise<Identity> {
  const found = await readMetaProperties(disk, path)
  if (found === null)
    throw new NotAdoptable(
      `${path} has no ${META_PROPERTIES_FILE}: it is no data folder of a Kafka`,
    )
  const { clusterId, nodeId, directoryId } = found
  if (directoryId === null)
    throw new NotAdoptable(
      `${join(path, META_PROPERTIES_FILE)} is of a broker that used ZooKeeper; only Kafka 4 can be ` +
        'adopted: migrate it to KRaft first',
    )
  const cleanlyStopped = (await disk.stat(join(path, CLEAN_SHUTDOWN_FILE))) !== null
  return { path, clusterId, nodeId, directoryId, cleanlyStopped }
}

function stopProblem({ path, cleanlyStopped }: KafkaFolder, recover: boolean): string[] {
  if (cleanlyStopped || recover) return []
  return [
    `${path} was not closed cleanly: start and stop Kafka once more, or adopt with --recover to have ` +
      'the ends of its logs checked at the next start',
  ]
}

function clusterProblems(
  cluster: KafkaCluster,
  nodeId: number,
  withoutSecurity: boolean,
): string[] {
  const problems: string[] = []
  const others = [...cluster.brokers].filter((broker) => broker !== nodeId)
  if (others.length > 0)
    problems.push(
      `brokers ${others.join(', ')} belong to the cluster too: only a single node can be adopted. ` +
        'Move everything to one and unregister the others first',
    )
  const secured = [
    [cluster.acls.size, 'access rules'],
    [cluster.scramUsers.size, 'SCRAM users'],
    [cluster.delegationTokens.size, 'delegation tokens'],
  ] as const
  const had = secured.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  if (had.length > 0 && !withoutSecurity)
    problems.push(
      `the cluster has ${had.join(', ')}, which are not enforced here yet: adopt with ` +
        '--without-security to serve everybody (they stay in the metadata of Kafka)',
    )
  return problems
}

async function placePartitions(
  disk: Disk,
  folders: readonly KafkaFolder[],
): Promise<{ readonly placed: Map<string, PlacedPartition>; readonly problems: string[] }> {
  const placed = new Map<string, PlacedPartition>()
  const problems: string[] = []
  for (const folder of folders)
    for (const { kind, name } of (await listDataFolder(disk, folder.path)).folders) {
      const path = join(folder.path, name)
      if (kind === 'future')
        problems.push(`${path} is a move between folders under way: let it be finished first`)
      if (kind !== 'partition') continue
      const before = placed.get(name)
      if (before !== undefined)
        problems.push(`${name} is in both ${before.folder.path} and ${folder.path}`)
      placed.set(name, { folder, topicId: await readPartitionMetadata(disk, path) })
    }
  return { placed, problems }
}

function topicProblems(found: KafkaFolders, { name, partitions }: KafkaTopic): string[] {
  const problems: string[] = []
  const refusal = topicConfigProblem(found.cluster.configsOf(ConfigResource.topic, name))
  if (refusal !== null) problems.push(`topic ${name}: ${refusal}`)
  for (let index = 0; index < partitions.size; index++)
    if (!partitions.has(index))
      problems.push(`topic ${name} has ${partitions.size} partitions, but no number ${index}`)
  for (const [index, { replicas }] of partitions)
    if (replicas.length !== 1 || replicas[0] !== found.nodeId)
      problems.push(
        `${topicPartitionName(name, index)} has replicas ${replicas.join(', ')}, and not only ` +
          `${found.nodeId}`,
      )
  return problems
}

/** Folders of the topic's partitions, compared with what the metadata says. */
function placementProblems(found: KafkaFolders, topic: KafkaTopic): string[] {
  const problems: string[] = []
  for (const [index] of topic.partitions) {
    const name = topicPartitionName(topic.name, index)
    const place = found.placed.get(name)
    // The broker's own topics may have partitions that were never written to.
    if (place === undefined && !isInternalTopic(topic.name))
      problems.push(`${name} is in none of the named folders: name all of log.dirs, in their order`)
    else if (place !== undefined && place.topicId !== topic.topicId)
      problems.push(
        `${place.folder.path}/${name} is of topic id ${place.topicId ?? 'unknown'}, but the topic ` +
          `has ${topic.topicId}`,
      )
  }
  return problems
}

/**
 * The folder names of a data folder (log.dir; org.apache.kafka.storage.internals.log.LocalLog):
 *
 *   <topic>-<partition>                       split at the last dash
 *   <topic>-<partition>.<32 hex>-delete       deleted, waits for its removal
 *   <topic>-<partition>.<32 hex>-future       copy on its way from another data folder
 *   <topic>-<partition>.<32 hex>-stray        of a topic the broker does not know
 *
 * Names keep to 255 bytes: for deleted and stray folders the topic is cut. Plain files beside them:
 * meta.properties, .lock, .kafka_cleanshutdown and the checkpoints.
 */
import type { Disk } from './disk.ts'

/** Kafka's own metadata log lies beside the partitions and is none of ours. */
export const CLUSTER_METADATA_FOLDER = '__cluster_metadata-0'
const FOLDER_NAME_BYTES_MAX = 255

export type FolderKind = 'partition' | 'delete' | 'future' | 'stray'

export interface PartitionFolder {
  readonly kind: FolderKind
  /** Folder name inside the data folder. */
  readonly name: string
  /** May be cut short when kind is delete or stray. */
  readonly topic: string
  readonly partition: number
}

export interface DataFolderListing {
  readonly folders: readonly PartitionFolder[]
  /** Directories that are no partition's, for a line in the log. */
  readonly unknown: readonly string[]
}

export function topicPartitionName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** null when the name is not a partition folder's. */
export function parsePartitionFolder(name: string): PartitionFolder | null {
  const marked = /^(.+)\.[0-9a-f]{32}-(delete|future|stray)$/.exec(name)
  const kind = (marked?.[2] ?? 'partition') as FolderKind
  const match = /^(.+)-(0|[1-9]\d{0,9})$/.exec(marked?.[1] ?? name)
  if (match === null || name === CLUSTER_METADATA_FOLDER) return null
  const partition = Number(match[2])
  return partition > 0x7fffffff ? null : { kind, name, topic: match[1]!, partition }
}

/** The name a partition folder is renamed to; `uuid` is a fresh 22-character one. */
export function markedFolderName(
  topic: string,
  partition: number,
  uuid: string,
  kind: 'delete' | 'future' | 'stray',
): string {
  const suffix = `-${partition}.${Buffer.from(uuid, 'base64url').toString('hex')}-${kind}`
  // Topic names are ASCII, so characters are bytes.
  return topic.slice(0, FOLDER_NAME_BYTES_MAX - suffix.length) + suffix
}

/** All partition folders, sorted by name. */
export async function listDataFolder(disk: Disk, dataFolder: string): Promise<DataFolderListing> {
  const folders: PartitionFolder[] = []
  const unknown: string[] = []
  for (const name of (await disk.list(dataFolder)).sort()) {
    const folder = parsePartitionFolder(name)
    if (folder === null && name.startsWith('.')) continue
    const stat = await disk.stat(`${dataFolder}/${name}`)
    if (stat === null || !stat.isDirectory) continue
    if (folder !== null) folders.push(folder)
    else if (name !== CLUSTER_METADATA_FOLDER) unknown.push(name)
  }
  return { folders, unknown }
}

/**
 * The identity of a partition folder (partition.metadata;
 * org.apache.kafka.storage.internals.checkpoint.PartitionMetadataFile), written before any data:
 *
 *   version: 0
 *   topic_id: <22 characters of base64url>      no newline at the end
 *
 * A folder whose topic id is not the topic's belongs to a deleted topic of the same name.
 */
import { CorruptFile } from './corrupt-file.ts'
import type { Disk } from './disk.ts'

export const PARTITION_METADATA_FILE = 'partition.metadata'

export function formatPartitionMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}`
}

/** The topic id. Throws CorruptFile. */
export function parsePartitionMetadata(content: Buffer, path: string): string {
  const fields = new Map<string, string>()
  for (const line of content.toString('utf8').split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim())
  }
  const version = fields.get('version')
  if (version !== '0') throw new CorruptFile(path, `version ${JSON.stringify(version)} is not 0`)
  const topicId = fields.get('topic_id') ?? ''
  if (!/^[A-Za-z0-9_-]{22}$/.test(topicId))
    throw new CorruptFile(path, `${JSON.stringify(topicId)} is no topic id`)
  return topicId
}

/** The topic id of a partition folder, null when it has none yet. Throws CorruptFile. */
export async function readPartitionMetadata(
  disk: Disk,
  partitionFolder: string,
): Promise<string | null> {
  const path = `${partitionFolder}/${PARTITION_METADATA_FILE}`
  const content = await disk.readFile(path)
  return content === null ? null : parsePartitionMetadata(content, path)
}

export function writePartitionMetadata(
  disk: Disk,
  partitionFolder: string,
  topicId: string,
): Promise<void> {
  const path = `${partitionFolder}/${PARTITION_METADATA_FILE}`
  return disk.writeFileAtomic(path, formatPartitionMetadata(topicId))
}

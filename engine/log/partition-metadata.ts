/**
 * The identity of a partition folder (partition.metadata;
 * org.apache.kafka.storage.internals.checkpoint.PartitionMetadataFile), written before any data:
 *
 *   version: 0
 *   topic_id: <22 characters of base64url>      no newline at the end
 *
 * A folder whose topic id is not the topic's belongs to a deleted topic of the same name. A new folder's
 * file is synced before the first append and not when it is made (log-open.ts): a power loss until then
 * may leave a beginning of it, or zeros, which is as if it were missing.
 */
import { CorruptFile } from './corrupt-file.ts'
import { type Disk, DiskError, writeFullySync } from './disk.ts'

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

/** A proper beginning of such a file, then zeros at most. */
function isTorn(content: Buffer): boolean {
  const text = content.toString('latin1').replace(/\0+$/, '')
  const head = formatPartitionMetadata('')
  return (
    head.startsWith(text) ||
    (text.startsWith(head) && /^[\w-]{0,21}$/.test(text.slice(head.length)))
  )
}

/** The topic id of a partition folder, null when it has none yet. Throws CorruptFile. */
export async function readPartitionMetadata(
  disk: Disk,
  partitionFolder: string,
): Promise<string | null> {
  const path = `${partitionFolder}/${PARTITION_METADATA_FILE}`
  const content = await disk.readFile(path)
  return content === null || isTorn(content) ? null : parsePartitionMetadata(content, path)
}

export function writePartitionMetadata(
  disk: Disk,
  partitionFolder: string,
  topicId: string,
): Promise<void> {
  const path = `${partitionFolder}/${PARTITION_METADATA_FILE}`
  return disk.writeFileAtomic(path, formatPartitionMetadata(topicId))
}

/** For a folder just made: durable with `syncPartitionMetadata`. One that says an id stays as it is. */
export async function createPartitionMetadata(
  disk: Disk,
  partitionFolder: string,
  topicId: string,
): Promise<void> {
  const path = `${partitionFolder}/${PARTITION_METADATA_FILE}`
  try {
    const file = await disk.open(path, 'create-new')
    try {
      writeFullySync(file, [Buffer.from(formatPartitionMetadata(topicId))], 0)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (!(error instanceof DiskError) || error.code !== 'EEXIST') throw error
    // An earlier try may have found room for the name alone.
    if ((await readPartitionMetadata(disk, partitionFolder)) === null)
      await writePartitionMetadata(disk, partitionFolder, topicId)
  }
}

export async function syncPartitionMetadata(disk: Disk, partitionFolder: string): Promise<void> {
  const file = await disk.open(`${partitionFolder}/${PARTITION_METADATA_FILE}`, 'read-write')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Gives adopted folders back to Kafka: what changed since is appended to its metadata log as the
 * records its own controller would have written (release-records.ts), then our store is removed.
 *
 * A release that was cut off is simply run again: the difference is computed from the log as it is, and
 * our store goes last, by a rename that decides. The single voter counts all that is whole in its log
 * as committed. Source: KIP-500, KIP-595.
 */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import type { Clock } from '../../engine/base/clock.ts'
import type { Logger } from '../../engine/base/logger.ts'
import {
  CLUSTER_KEY,
  type ClusterRecord,
  CONFIG_PREFIX,
  parseRecord,
  TOPIC_PREFIX,
  type TopicRecord,
} from '../../engine/coordinator/controller/cluster-state.ts'
import { QUOTA_PREFIX, storedQuotas } from '../../engine/coordinator/controller/quota-changes.ts'
import type { Disk } from '../../engine/log/disk.ts'
import {
  EmbeddedMetaStore,
  META_LOG_FILE,
  META_SNAPSHOT_FILE,
} from '../../engine/metastore/embedded-store.ts'
import { buildBatch } from '../../engine/record/build.ts'
import { encoderFor } from '../../engine/schema/codec.ts'
import { Writer } from '../../engine/schema/writer.ts'
import { metadataRecords } from '../cli/dump/metadata-schemas.ts'
import { type KafkaFolders, NotAdoptable } from './kafka-folders.ts'
import { FRAME_VERSION, type MetadataEnd, type MetadataRecord } from './metadata-log.ts'
import { type OurState, releaseRecords } from './release-records.ts'

/** Our log under this name: the folders are Kafka's again, only tidying is left. */
const RELEASED_FILE = `${META_LOG_FILE}.released`
/** Kafka's controller writes batches of this order. */
const RECORDS_PER_BATCH_MAX = 1_000

/** Ends a release that was cut off after its deciding step. */
export async function finishRelease(disk: Disk, folder: string): Promise<void> {
  if ((await disk.stat(`${folder}/${RELEASED_FILE}`)) === null) return
  if ((await disk.stat(`${folder}/${META_SNAPSHOT_FILE}`)) !== null)
    await disk.unlink(`${folder}/${META_SNAPSHOT_FILE}`)
  await disk.unlink(`${folder}/${RELEASED_FILE}`)
  await disk.syncDir(folder)
}

/** Our store's content; throws NotAdoptable when the folder is not ours. */
export async function readOurState(disk: Disk, folder: string, logger: Logger): Promise<OurState> {
  if ((await disk.stat(`${folder}/${META_LOG_FILE}`)) === null)
    throw new NotAdoptable(`${folder} has no ${META_LOG_FILE}: it is not sluice's`)
  const store = await EmbeddedMetaStore.open(disk, folder, logger)
  try {
    const cluster = await store.get(CLUSTER_KEY)
    if (cluster === null) throw new NotAdoptable(`${folder}/${META_LOG_FILE} is empty`)
    const topics = await store.range(TOPIC_PREFIX)
    const configs = await store.range(CONFIG_PREFIX)
    return {
      cluster: parseRecord<ClusterRecord>(cluster),
      topics: new Map(
        topics.map((entry) => [
          entry.key.slice(TOPIC_PREFIX.length),
          parseRecord<TopicRecord>(entry),
        ]),
      ),
      configs: new Map(
        configs.map((entry) => [entry.key, parseRecord<Record<string, string>>(entry)]),
      ),
      quotas: storedQuotas(await store.range(QUOTA_PREFIX)),
    }
  } finally {
    await store.close()
  }
}

/** Appends the difference, durably, then gives up our store. Returns how many records it took. */
export async function writeRelease(
  disk: Disk,
  found: KafkaFolders,
  ours: OurState,
  clock: Clock,
): Promise<number> {
  const records = releaseRecords(found, ours)
  appendRecords(found.metadataEnd, records, clock.wallMs())
  const folder = found.folders[0]!.path
  await disk.rename(`${folder}/${META_LOG_FILE}`, `${folder}/${RELEASED_FILE}`)
  await disk.syncDir(folder)
  await finishRelease(disk, folder)
  return records.length
}

/** Behind the last whole batch, durable on return. */
export function appendRecords(
  end: MetadataEnd,
  records: readonly MetadataRecord[],
  wallMs: number,
): void {
  const batches: Buffer[] = []
  for (let at = 0; at < records.length; at += RECORDS_PER_BATCH_MAX) {
    const some = records.slice(at, at + RECORDS_PER_BATCH_MAX)
    batches.push(
      buildBatch({
        baseOffset: end.endOffset + at,
        leaderEpoch: end.epoch,
        records: some.map((record) => ({
          key: null,
          value: encodeRecord(record),
          timestamp: wallMs,
        })),
      }),
    )
  }
  const bytes = Buffer.concat(batches)
  if (bytes.length === 0) return
  const fd = openSync(end.segmentPath, 'r+')
  try {
    if (end.tornBytes > 0) ftruncateSync(fd, end.segmentBytes)
    let written = 0
    while (written < bytes.length)
      written += writeSync(fd, bytes, written, bytes.length - written, end.segmentBytes + written)
    fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function encodeRecord({ type, version, fields }: MetadataRecord): Buffer {
  const schema = metadataRecords.get(type)![1]
  const writer = new Writer()
  writer.unsignedVarint(FRAME_VERSION)
  writer.unsignedVarint(type)
  writer.unsignedVarint(version)
  encoderFor(schema, version)(writer, fields as never)
  return writer.take()
}

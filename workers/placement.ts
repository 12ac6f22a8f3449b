/**
 * Which shard owns a partition. A pure function of the topic's ordinal (unique, persisted, never
 * reused while data lives), the partition and the number of shards: the same after every start, for
 * every shard, without asking anyone. Nothing on disk depends on it, so the number of shards may
 * change between starts.
 *
 * Partitions of a topic go round the shards, so owners of one topic differ by at most one
 * partition; topics begin at successive shards, so that topics of a single partition spread too.
 */
import { broken } from '../engine/base/assert.ts'
import { ordinalOfKey, partitionOfKey } from '../engine/metadata/image.ts'

/** The owner, 0 <= owner < shards, of partitionKey(ordinal, partition). */
export function ownerOfKey(key: number, shards: number): number {
  if (!Number.isSafeInteger(key) || key < 0) broken(`partition key ${key}`)
  if (shards === 1) return 0
  return (ordinalOfKey(key) + partitionOfKey(key)) % shards
}

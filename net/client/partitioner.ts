/**
 * Which partition a key goes to: murmur2 as Kafka's producers compute it
 * (org.apache.kafka.common.utils.Utils.murmur2), so that keys meet whatever client writes them.
 */

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const ROTATION = 24

/** 32-bit murmur2 of the bytes, as a signed integer. */
export function murmur2(data: Uint8Array): number {
  const { length } = data
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24) | 0
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> ROTATION
    word = Math.imul(word, MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  const left = length - at
  if (left >= 3) hash ^= data[at + 2]! << 16
  if (left >= 2) hash ^= data[at + 1]! << 8
  if (left >= 1) {
    hash ^= data[at]!
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** Partition of a non-null key. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

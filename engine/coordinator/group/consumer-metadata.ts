/**
 * What a consumer group subscribes to, as topics that exist, and the hash by which a change of these
 * topics is noticed (KIP-1101). Source: Kafka's Utils.computeGroupHash and computeTopicHash.
 *
 *   group hash  XXH3 of the topic hashes (int64 each), in the order of names; 0 without topics
 *   topic hash  XXH3 of int8 0 | topic id, two int64 | name | int32 partitions | int32 of each index
 *   name        its UTF-16 units | int32 their number; all of it little-endian
 *
 * differs from Kafka: racks, which it puts behind each index where brokers have one, are left out.
 */
import { xxh3 } from '../../base/xxh3.ts'
import type { KnownTopic, TopicDirectory } from '../state-machine.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import type { ResolvedRegex } from './consumer-records.ts'

/** Names a member subscribes to, its pattern's matches among them; each once. */
export function subscribedNames(
  member: ConsumerMember,
  regexes: ReadonlyMap<string, ResolvedRegex>,
): Iterable<string> {
  const matched = member.topicRegex === '' ? undefined : regexes.get(member.topicRegex)?.topics
  if (matched === undefined || matched.size === 0) return member.topicNames
  return new Set([...member.topicNames, ...matched])
}

/** Ids of the topics a member subscribes to, as far as they exist. */
export function subscribedTopicIds(
  member: ConsumerMember,
  regexes: ReadonlyMap<string, ResolvedRegex>,
  image: TopicDirectory,
): string[] {
  const ids: string[] = []
  for (const name of subscribedNames(member, regexes)) {
    const topic = image.topics.get(name)
    if (topic !== undefined) ids.push(topic.topicId)
  }
  return ids
}

/** The hash over all that these members subscribe to. */
export function metadataHash(
  members: Iterable<ConsumerMember>,
  regexes: ReadonlyMap<string, ResolvedRegex>,
  image: TopicDirectory,
): bigint {
  const names = new Set<string>()
  for (const member of members) for (const name of subscribedNames(member, regexes)) names.add(name)
  const existing = [...names].filter((name) => image.topics.has(name)).sort()
  if (existing.length === 0) return 0n
  const hashes = Buffer.alloc(8 * existing.length)
  for (const [at, name] of existing.entries())
    hashes.writeBigInt64LE(topicHash(image.topics.get(name)!), 8 * at)
  return xxh3(hashes)
}

/** Topics are published anew when they change, so that a hash belongs to its object. */
const topicHashes = new WeakMap<KnownTopic, bigint>()

function topicHash(topic: KnownTopic): bigint {
  let hash = topicHashes.get(topic)
  if (hash === undefined) {
    hash = xxh3(topicBytes(topic))
    topicHashes.set(topic, hash)
  }
  return hash
}

function topicBytes({ topicId, name, partitions }: KnownTopic): Buffer {
  const id = Buffer.from(topicId, 'base64url')
  const units = Buffer.from(name, 'utf16le')
  const bytes = Buffer.alloc(1 + 16 + units.length + 4 + 4 + 4 * partitions.length)
  bytes.writeBigInt64LE(id.readBigInt64BE(0), 1)
  bytes.writeBigInt64LE(id.readBigInt64BE(8), 9)
  units.copy(bytes, 17)
  let at = 17 + units.length
  at = bytes.writeInt32LE(name.length, at)
  at = bytes.writeInt32LE(partitions.length, at)
  for (const { index } of partitions) at = bytes.writeInt32LE(index, at)
  return bytes
}

/** The group's members as they are once this one is as `updated` says. */
export function membersWith(group: ConsumerGroup, updated: ConsumerMember): ConsumerMember[] {
  return [...new Map(group.members).set(updated.memberId, updated).values()]
}

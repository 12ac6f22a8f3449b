/**
 * The metadata image: an immutable picture of topics, partitions and dynamic options. Shard 0 makes
 * a new one for each change (engine/coordinator/controller) and publishes it; every shard reads its
 * own copy. Replaced, never edited. Source: Kafka's MetadataImage.
 *
 * Plain data only (maps, arrays, strings, numbers), so that a structured clone carries it between
 * threads. `topics` and `topicsById` hold the same objects under two keys.
 *
 * On one node this broker leads every partition and is its only replica, hence no replica lists
 * here.
 */
import { assert } from '../base/assert.ts'
import { type ClientQuotas, NO_CLIENT_QUOTAS } from './client-quotas.ts'

export interface PartitionImage {
  readonly index: number
  /** Rises at each change of leader; a start of the broker counts as one. */
  readonly leaderEpoch: number
}

export interface TopicImage {
  readonly name: string
  /** Kafka's text form, 22 characters. */
  readonly topicId: string
  /** Small, unique in the cluster, never given out twice; the topic part of partition keys. */
  readonly ordinal: number
  readonly internal: boolean
  /** partitions[i].index === i. */
  readonly partitions: readonly PartitionImage[]
  /** Only what was set for this topic, as text. */
  readonly configs: ReadonlyMap<string, string>
}

/** Options changed at run time, as text; the broker's own win over the cluster's. */
export interface DynamicConfigs {
  readonly cluster: ReadonlyMap<string, string>
  readonly broker: ReadonlyMap<string, string>
  /** The configuration file's own settings once it was read again: in place of the static ones. */
  readonly file?: ReadonlyMap<string, string>
}

/** Settings of resources by their name, as text. */
export type NamedConfigs = ReadonlyMap<string, ReadonlyMap<string, string>>

export interface MetadataImage {
  /** Rises by one with each published change, also over restarts. */
  readonly version: number
  /** Kafka's text form, 22 characters. */
  readonly clusterId: string
  readonly brokerId: number
  /** How often this broker was started on its data, 1 for the first time: Kafka's broker epoch. */
  readonly incarnation: number
  readonly topics: ReadonlyMap<string, TopicImage>
  readonly topicsById: ReadonlyMap<string, TopicImage>
  readonly dynamicConfigs: DynamicConfigs
  /** Options of single groups; only groups that have some. */
  readonly groupConfigs: NamedConfigs
  /** Client metrics subscriptions and their options. */
  readonly clientMetrics: NamedConfigs
  readonly clientQuotas: ClientQuotas
  /** Finalized features and their level, as transaction.version 2. */
  readonly features: ReadonlyMap<string, number>
  /** Keys of partitions whose log cannot be served, since its disk or folder failed. */
  readonly offlinePartitions: ReadonlySet<number>
}

/** The next image with these partitions offline too; the same one when it says so already. */
export function withOffline(image: MetadataImage, keys: readonly number[]): MetadataImage {
  if (keys.every((key) => image.offlinePartitions.has(key))) return image
  const offlinePartitions = new Set([...image.offlinePartitions, ...keys])
  return { ...image, version: image.version + 1, offlinePartitions }
}

/** Partitions of one topic are numbered below this in a partition key. */
export const PARTITION_KEY_SPAN = 2 ** 20

/** Ordinals stay below this, so that keys are safe integers. */
export const TOPIC_ORDINAL_END = 2 ** 32

/** One number for a partition of the cluster: ordinal · 2^20 + partition index. */
export function partitionKey(ordinal: number, partition: number): number {
  return ordinal * PARTITION_KEY_SPAN + partition
}

export function ordinalOfKey(key: number): number {
  return Math.floor(key / PARTITION_KEY_SPAN)
}

export function partitionOfKey(key: number): number {
  return key % PARTITION_KEY_SPAN
}

export const NO_DYNAMIC_CONFIGS: DynamicConfigs = { cluster: new Map(), broker: new Map() }

/** An image without topics: what a shard holds before the first one is published. */
export function emptyImage(clusterId: string, brokerId: number): MetadataImage {
  return {
    version: 0,
    clusterId,
    brokerId,
    incarnation: 0,
    topics: new Map(),
    topicsById: new Map(),
    dynamicConfigs: NO_DYNAMIC_CONFIGS,
    groupConfigs: new Map(),
    clientMetrics: new Map(),
    clientQuotas: NO_CLIENT_QUOTAS,
    features: new Map(),
    offlinePartitions: new Set(),
  }
}

/** The next image with these topics added or replaced, and those names gone. */
export function withTopics(
  image: MetadataImage,
  changed: readonly TopicImage[],
  removed: readonly string[] = [],
): MetadataImage {
  const topics = new Map(image.topics)
  const topicsById = new Map(image.topicsById)
  for (const name of removed) {
    const topic = topics.get(name)
    assert(topic !== undefined, `topic ${name} to remove is not in image ${image.version}`)
    topics.delete(name)
    topicsById.delete(topic.topicId)
  }
  for (const topic of changed) {
    const before = topics.get(topic.name)
    assert(
      before === undefined || before.topicId === topic.topicId,
      `topic ${topic.name} changes its id from ${before?.topicId} to ${topic.topicId}`,
    )
    topics.set(topic.name, topic)
    topicsById.set(topic.topicId, topic)
  }
  return { ...image, version: image.version + 1, topics, topicsById }
}

/** Whose options: of topics they are part of the topic. */
export type ConfigOwner =
  | { readonly kind: 'cluster' | 'broker' }
  | { readonly kind: 'group' | 'client-metrics'; readonly name: string }

/** The same image, not yet the next one, with these options of one owner. */
export function withConfigs(
  image: MetadataImage,
  owner: ConfigOwner,
  settings: ReadonlyMap<string, string>,
): MetadataImage {
  switch (owner.kind) {
    case 'cluster':
    case 'broker':
      return { ...image, dynamicConfigs: { ...image.dynamicConfigs, [owner.kind]: settings } }
    case 'group':
      return { ...image, groupConfigs: withNamed(image.groupConfigs, owner.name, settings) }
    case 'client-metrics':
      return { ...image, clientMetrics: withNamed(image.clientMetrics, owner.name, settings) }
  }
}

function withNamed(
  all: NamedConfigs,
  name: string,
  settings: ReadonlyMap<string, string>,
): NamedConfigs {
  const next = new Map(all)
  if (settings.size === 0) next.delete(name)
  else next.set(name, settings)
  return next
}

/**
 * What differs between two images, by topic id: a name deleted and created anew shows up in both
 * lists.
 */
export interface TopicChanges {
  readonly added: readonly TopicImage[]
  readonly removed: readonly TopicImage[]
  /** Present in both with other partitions, epochs or options. */
  readonly changed: readonly { readonly before: TopicImage; readonly after: TopicImage }[]
}

/** Topics are compared by identity first: an image shares unchanged ones with its predecessor. */
export function topicChanges(before: MetadataImage, after: MetadataImage): TopicChanges {
  const added: TopicImage[] = []
  const removed: TopicImage[] = []
  const changed: { before: TopicImage; after: TopicImage }[] = []
  for (const [topicId, topic] of after.topicsById) {
    const old = before.topicsById.get(topicId)
    if (old === undefined) added.push(topic)
    else if (old !== topic && !sameTopic(old, topic)) changed.push({ before: old, after: topic })
  }
  for (const [topicId, topic] of before.topicsById) {
    if (!after.topicsById.has(topicId)) removed.push(topic)
  }
  return { added, removed, changed }
}

/** A clone through another thread is equal without being the same object. */
function sameTopic(one: TopicImage, other: TopicImage): boolean {
  if (one.partitions.length !== other.partitions.length) return false
  if (!sameSettings(one.configs, other.configs)) return false
  return one.partitions.every(
    (partition, index) => partition.leaderEpoch === other.partitions[index]?.leaderEpoch,
  )
}

/** Do both stand for the same options at run time? Clones are compared by what they hold. */
export function sameDynamicConfigs(one: DynamicConfigs, other: DynamicConfigs): boolean {
  if (one === other) return true
  if (!sameSettings(one.cluster, other.cluster)) return false
  if (!sameSettings(one.broker, other.broker)) return false
  const [file, otherFile] = [one.file, other.file]
  if (file === undefined || otherFile === undefined) return file === otherFile
  return sameSettings(file, otherFile)
}

export function sameSettings(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): boolean {
  if (one.size !== other.size) return false
  for (const [name, value] of one) if (other.get(name) !== value) return false
  return true
}

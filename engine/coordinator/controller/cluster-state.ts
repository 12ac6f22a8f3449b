/**
 * How control state lies in the store: keys and JSON values, and the image they stand for.
 *
 *   cluster                 {clusterId, nextOrdinal, nextProducerId, incarnation}
 *   topics/<name>           {topicId, ordinal, partitions, epochBase, bornIncarnation, configs}
 *   deleted/<topicId>       {name}   deletion is decided; gone once every shard removed its folders (R17)
 *   configs/cluster, configs/broker   {key: value}   options changed at run time
 *
 * A partition's leader epoch is epochBase + incarnation − bornIncarnation: each start of the broker is
 * a new leader (reliability rule 0.5) and costs one write, however many partitions there are.
 */
import { type MetadataImage, NO_DYNAMIC_CONFIGS, type TopicImage } from '../../metadata/image.ts'
import { isInternalTopic } from '../../metadata/topic-name.ts'
import type { MetaEntry } from '../../metastore/meta-store.ts'

export const CLUSTER_KEY = 'cluster'
export const TOPIC_PREFIX = 'topics/'
export const DELETED_PREFIX = 'deleted/'
export const CONFIG_PREFIX = 'configs/'

export interface ClusterRecord {
  readonly clusterId: string
  readonly nextOrdinal: number
  readonly nextProducerId: number
  readonly incarnation: number
}

export interface TopicRecord {
  readonly topicId: string
  readonly ordinal: number
  readonly partitions: number
  readonly epochBase: number
  readonly bornIncarnation: number
  readonly configs: Readonly<Record<string, string>>
}

export function parseRecord<T>(entry: MetaEntry): T {
  return JSON.parse(entry.value) as T
}

export function topicImage(name: string, record: TopicRecord, incarnation: number): TopicImage {
  const leaderEpoch = record.epochBase + incarnation - record.bornIncarnation
  return {
    name,
    topicId: record.topicId,
    ordinal: record.ordinal,
    internal: isInternalTopic(name),
    partitions: Array.from({ length: record.partitions }, (_, index) => ({ index, leaderEpoch })),
    configs: new Map(Object.entries(record.configs)),
  }
}

/** The image of everything the store holds; `version` is above that of any image of earlier runs. */
export function imageOf(
  brokerId: number,
  cluster: ClusterRecord,
  topicEntries: readonly MetaEntry[],
  configEntries: readonly MetaEntry[],
  version: number,
): MetadataImage {
  const topics = topicEntries.map((entry) =>
    topicImage(entry.key.slice(TOPIC_PREFIX.length), parseRecord(entry), cluster.incarnation),
  )
  const configs = new Map(
    configEntries.map((entry) => [
      entry.key.slice(CONFIG_PREFIX.length),
      new Map(Object.entries(parseRecord<Record<string, string>>(entry))),
    ]),
  )
  return {
    version,
    clusterId: cluster.clusterId,
    brokerId,
    incarnation: cluster.incarnation,
    topics: new Map(topics.map((topic) => [topic.name, topic])),
    topicsById: new Map(topics.map((topic) => [topic.topicId, topic])),
    dynamicConfigs: {
      cluster: configs.get('cluster') ?? NO_DYNAMIC_CONFIGS.cluster,
      broker: configs.get('broker') ?? NO_DYNAMIC_CONFIGS.broker,
    },
    features: new Map(),
  }
}

/**
 * How control state lies in the store: keys and JSON values, and the image they stand for.
 *
 *   cluster                 {clusterId, nextOrdinal, nextProducerId, incarnation}
 *   topics/<name>           {topicId, ordinal, partitions, epochBase, bornIncarnation, configs}
 *   deleted/<topicId>       {name}   deletion is decided; gone once every shard removed its folders (R17)
 *   configs/cluster, configs/broker   {key: value}   options changed at run time
 *   configs/group/<id>, configs/client-metrics/<name>   {key: value}   options of one of these
 *   features                {name: level}   finalized levels that differ from the highest
 *
 * A partition's leader epoch is epochBase + incarnation − bornIncarnation: each start of the broker is
 * a new leader (reliability rule 0.5) and costs one write, however many partitions there are.
 */
import {
  type ConfigOwner,
  type MetadataImage,
  type NamedConfigs,
  NO_DYNAMIC_CONFIGS,
  type TopicImage,
} from '../../metadata/image.ts'
import { isInternalTopic } from '../../metadata/topic-name.ts'
import type { MetaEntry } from '../../metastore/meta-store.ts'
import { storedQuotas } from './quota-changes.ts'

export const CLUSTER_KEY = 'cluster'
export const TOPIC_PREFIX = 'topics/'
export const DELETED_PREFIX = 'deleted/'
export const CONFIG_PREFIX = 'configs/'
export const CLUSTER_CONFIG_KEY = 'configs/cluster'
export const BROKER_CONFIG_KEY = 'configs/broker'
export const GROUP_CONFIG_PREFIX = 'configs/group/'
export const CLIENT_METRICS_PREFIX = 'configs/client-metrics/'
export const FEATURES_KEY = 'features'

/** Where the options of one owner lie. */
export function configKey(owner: ConfigOwner): string {
  switch (owner.kind) {
    case 'cluster':
      return CLUSTER_CONFIG_KEY
    case 'broker':
      return BROKER_CONFIG_KEY
    case 'group':
      return `${GROUP_CONFIG_PREFIX}${owner.name}`
    case 'client-metrics':
      return `${CLIENT_METRICS_PREFIX}${owner.name}`
  }
}

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

type Levels = Readonly<Record<string, number>>

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
  features: MetaEntry | null,
  quotaEntries: readonly MetaEntry[],
  version: number,
): MetadataImage {
  const topics = topicEntries.map((entry) =>
    topicImage(entry.key.slice(TOPIC_PREFIX.length), parseRecord(entry), cluster.incarnation),
  )
  const configs = new Map(
    configEntries.map((entry) => [
      entry.key,
      new Map(Object.entries(parseRecord<Record<string, string>>(entry))),
    ]),
  )
  const named = (prefix: string): NamedConfigs =>
    new Map(
      [...configs]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, settings]) => [key.slice(prefix.length), settings]),
    )
  return {
    version,
    clusterId: cluster.clusterId,
    brokerId,
    incarnation: cluster.incarnation,
    topics: new Map(topics.map((topic) => [topic.name, topic])),
    topicsById: new Map(topics.map((topic) => [topic.topicId, topic])),
    dynamicConfigs: {
      cluster: configs.get(CLUSTER_CONFIG_KEY) ?? NO_DYNAMIC_CONFIGS.cluster,
      broker: configs.get(BROKER_CONFIG_KEY) ?? NO_DYNAMIC_CONFIGS.broker,
    },
    groupConfigs: named(GROUP_CONFIG_PREFIX),
    clientMetrics: named(CLIENT_METRICS_PREFIX),
    clientQuotas: storedQuotas(quotaEntries),
    features: new Map(Object.entries(features === null ? {} : parseRecord<Levels>(features))),
    offlinePartitions: new Set(),
  }
}

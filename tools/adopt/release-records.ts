/**
 * What Kafka's metadata log must be told so that it says what our store says:
 *
 *   topics gone here                RemoveTopicRecord, which takes their options along
 *   topics made here                TopicRecord, PartitionRecord per partition
 *   topics of both                  PartitionRecord with our leader epoch (it replaces the one before)
 *                                   where that rose, the folder changed, or the partition is new
 *   options, quotas                 ConfigRecord, ClientQuotaRecord where they differ
 *   producer ids handed out         ProducerIdsRecord
 *
 * Computed as a difference, so that what was told already is not told again.
 */
import {
  BROKER_CONFIG_KEY,
  CLIENT_METRICS_PREFIX,
  CLUSTER_CONFIG_KEY,
  type ClusterRecord,
  GROUP_CONFIG_PREFIX,
  type TopicRecord,
} from '../../engine/coordinator/controller/cluster-state.ts'
import { topicPartitionName } from '../../engine/log/data-folder.ts'
import type { ClientQuotas } from '../../engine/metadata/client-quotas.ts'
import {
  ConfigResource,
  type KafkaCluster,
  type KafkaPartition,
  type KafkaQuota,
  quotaId,
  RecordType,
} from './kafka-cluster.ts'
import type { KafkaFolders } from './kafka-folders.ts'
import type { MetadataRecord } from './metadata-log.ts'

/** What our store holds. */
export interface OurState {
  readonly cluster: ClusterRecord
  /** By name. */
  readonly topics: ReadonlyMap<string, TopicRecord>
  /** By store key, without those of topics. */
  readonly configs: ReadonlyMap<string, Readonly<Record<string, string>>>
  readonly quotas: ClientQuotas
}

/** Since metadata version 3.7-IV2 a PartitionRecord names its directories. */
const DIRECTORIES_LEVEL = 17

export function releaseRecords(found: KafkaFolders, ours: OurState): MetadataRecord[] {
  const { cluster } = found
  const ids = new Set([...ours.topics.values()].map(({ topicId }) => topicId))
  const removed = [...cluster.topics.values()].filter(({ topicId }) => !ids.has(topicId))
  const records: MetadataRecord[] = removed.map(({ topicId }) =>
    record(RecordType.removeTopic, { topicId }),
  )
  for (const [name, topic] of ours.topics) {
    if (!cluster.topics.has(topic.topicId))
      records.push(record(RecordType.topic, { name, topicId: topic.topicId }))
    records.push(...partitionRecords(found, ours.cluster, name, topic))
  }
  const gone = new Set(removed.map(({ name }) => name))
  records.push(...configRecords(cluster, ours, found.nodeId, gone))
  records.push(...quotaRecords(cluster, ours.quotas))
  if (ours.cluster.nextProducerId > cluster.nextProducerId)
    records.push(
      record(RecordType.producerIds, {
        brokerId: found.nodeId,
        brokerEpoch: cluster.brokerEpoch,
        nextProducerId: ours.cluster.nextProducerId,
      }),
    )
  return records
}

function record(type: number, fields: object, version = 0): MetadataRecord {
  return { type, version, fields }
}

function partitionRecords(
  found: KafkaFolders,
  { incarnation }: ClusterRecord,
  name: string,
  topic: TopicRecord,
): MetadataRecord[] {
  const { cluster, nodeId, folders, placed } = found
  const leaderEpoch = topic.epochBase + incarnation - topic.bornIncarnation
  const known = cluster.topics.get(topic.topicId)?.partitions
  const records: MetadataRecord[] = []
  for (let index = 0; index < topic.partitions; index++) {
    const before = known?.get(index)
    const folder = placed.get(topicPartitionName(name, index))?.folder ?? folders[0]
    const directories = folder === undefined ? [] : [folder.directoryId]
    if (before !== undefined && isAsBefore(before, leaderEpoch, directories)) continue
    const version = partitionVersion(cluster)
    const fields = {
      partitionId: index,
      topicId: topic.topicId,
      replicas: [nodeId],
      isr: [nodeId],
      leader: nodeId,
      leaderEpoch: Math.max(leaderEpoch, before?.leaderEpoch ?? 0),
      partitionEpoch: (before?.partitionEpoch ?? -1) + 1,
      ...(version >= 1 ? { directories } : null),
    }
    records.push(record(RecordType.partition, fields, version))
  }
  return records
}

function isAsBefore(
  before: KafkaPartition,
  leaderEpoch: number,
  directories: readonly string[],
): boolean {
  const moved = before.directories.length > 0 && before.directories[0] !== directories[0]
  return before.leaderEpoch >= leaderEpoch && !moved
}

function partitionVersion({ partitionRecordVersion, features }: KafkaCluster): number {
  if (partitionRecordVersion >= 0) return partitionRecordVersion
  return (features.get('metadata.version') ?? 0) >= DIRECTORIES_LEVEL ? 1 : 0
}

function configRecords(
  cluster: KafkaCluster,
  ours: OurState,
  nodeId: number,
  goneTopics: ReadonlySet<string>,
): MetadataRecord[] {
  const wanted = new Map<string, ReadonlyMap<string, string>>()
  for (const [name, { configs }] of ours.topics)
    wanted.set(`${ConfigResource.topic}:${name}`, new Map(Object.entries(configs)))
  for (const [key, settings] of ours.configs) {
    const resource = resourceOf(key, nodeId)
    if (resource !== null) wanted.set(resource, new Map(Object.entries(settings)))
  }
  const records: MetadataRecord[] = []
  const foreign = (resource: string): boolean =>
    resource.startsWith(`${ConfigResource.broker}:`) &&
    resource !== `${ConfigResource.broker}:` &&
    resource !== `${ConfigResource.broker}:${nodeId}`
  for (const resource of new Set([...cluster.configs.keys(), ...wanted.keys()])) {
    const colon = resource.indexOf(':')
    const resourceType = Number(resource.slice(0, colon))
    const resourceName = resource.slice(colon + 1)
    const wasRemoved = resourceType === ConfigResource.topic && goneTopics.has(resourceName)
    const before = wasRemoved ? new Map<string, string>() : (cluster.configs.get(resource) ?? NONE)
    const after = wanted.get(resource) ?? NONE
    if (foreign(resource)) continue
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const value = after.get(name) ?? null
      if (value !== (before.get(name) ?? null))
        records.push(record(RecordType.config, { resourceType, resourceName, name, value }))
    }
  }
  return records
}

const NONE: ReadonlyMap<string, string> = new Map()

function resourceOf(storeKey: string, nodeId: number): string | null {
  if (storeKey === CLUSTER_CONFIG_KEY) return `${ConfigResource.broker}:`
  if (storeKey === BROKER_CONFIG_KEY) return `${ConfigResource.broker}:${nodeId}`
  if (storeKey.startsWith(GROUP_CONFIG_PREFIX))
    return `${ConfigResource.group}:${storeKey.slice(GROUP_CONFIG_PREFIX.length)}`
  if (storeKey.startsWith(CLIENT_METRICS_PREFIX))
    return `${ConfigResource.clientMetrics}:${storeKey.slice(CLIENT_METRICS_PREFIX.length)}`
  return null
}

function quotaRecords(cluster: KafkaCluster, ours: ClientQuotas): MetadataRecord[] {
  const wanted = new Map<string, KafkaQuota>()
  for (const { entity, values } of ours.values()) {
    const components = [
      ...(entity.user === undefined ? [] : [component('user', entity.user)]),
      ...(entity.clientId === undefined ? [] : [component('client-id', entity.clientId)]),
      ...(entity.ip === undefined ? [] : [component('ip', entity.ip)]),
    ]
    wanted.set(quotaId(components), { entity: components, values: new Map(values) })
  }
  const records: MetadataRecord[] = []
  for (const id of new Set([...cluster.quotas.keys(), ...wanted.keys()])) {
    const before = cluster.quotas.get(id)
    const after = wanted.get(id)
    const entity = (after ?? before)?.entity ?? []
    for (const key of new Set([
      ...(before?.values.keys() ?? []),
      ...(after?.values.keys() ?? []),
    ])) {
      const value = after?.values.get(key)
      if (value === before?.values.get(key)) continue
      records.push(
        record(RecordType.clientQuota, {
          entity,
          key,
          value: value ?? 0,
          remove: value === undefined,
        }),
      )
    }
  }
  return records
}

function component(entityType: string, entityName: string | null) {
  return { entityType, entityName }
}

/**
 * Takes over the data folders of a stopped single-node Kafka 4 in place: its metadata becomes the
 * content of our store, in one transaction; records, group offsets and transaction state are files that
 * both read, and stay untouched, as does Kafka's metadata log. release.ts is the way back.
 *
 *   topics with ids, options, partitions     topics/<name>
 *   broker, cluster, group, metrics options  configs/…
 *   client quotas                            quotas/…
 *   next producer id, cluster id             cluster
 *
 * A leader epoch of ours begins above every one of the topic's partitions, so that no epoch is used twice.
 */

import type { Logger } from '../../engine/base/logger.ts'
import {
  BROKER_CONFIG_KEY,
  CLIENT_METRICS_PREFIX,
  CLUSTER_CONFIG_KEY,
  CLUSTER_KEY,
  type ClusterRecord,
  GROUP_CONFIG_PREFIX,
  TOPIC_PREFIX,
  type TopicRecord,
} from '../../engine/coordinator/controller/cluster-state.ts'
import { QUOTA_PREFIX } from '../../engine/coordinator/controller/quota-changes.ts'
import type { Disk } from '../../engine/log/disk.ts'
import { entityKey, type QuotaEntity } from '../../engine/metadata/client-quotas.ts'
import { EmbeddedMetaStore, META_LOG_FILE } from '../../engine/metastore/embedded-store.ts'
import type { MetaChange } from '../../engine/metastore/meta-store.ts'
import { ConfigResource, type KafkaCluster, type KafkaQuota } from './kafka-cluster.ts'
import { type KafkaFolders, NotAdoptable } from './kafka-folders.ts'

/** Throws NotAdoptable when the folders are ours already. */
export async function refuseAdopted(disk: Disk, folder: string): Promise<void> {
  const path = `${folder}/${META_LOG_FILE}`
  if (((await disk.stat(path))?.size ?? 0) > 0)
    throw new NotAdoptable(`${path} exists: this folder is sluice's already`)
}

/** Makes examined folders without problems ours. All or nothing: one synced write decides. */
export async function writeAdoption(
  disk: Disk,
  found: KafkaFolders,
  logger: Logger,
): Promise<void> {
  const store = await EmbeddedMetaStore.open(disk, found.folders[0]!.path, logger)
  try {
    const revision = await store.transact(
      [{ key: CLUSTER_KEY, revision: 0 }],
      adoptionChanges(found.clusterId, found.nodeId, found.cluster),
    )
    if (revision === null) throw new NotAdoptable('another process adopted the folder meanwhile')
  } finally {
    await store.close()
  }
}

/** The cluster as entries of our store. */
export function adoptionChanges(
  clusterId: string,
  nodeId: number,
  cluster: KafkaCluster,
): MetaChange[] {
  const topics = [...cluster.topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const changes: MetaChange[] = topics.map((topic, at) => {
    const epochs = [...topic.partitions.values()].map(({ leaderEpoch }) => leaderEpoch)
    const record: TopicRecord = {
      topicId: topic.topicId,
      ordinal: at + 1,
      partitions: topic.partitions.size,
      epochBase: Math.max(...epochs) + 1,
      // The first start counts the incarnation from 0 to 1.
      bornIncarnation: 1,
      configs: Object.fromEntries(cluster.configsOf(ConfigResource.topic, topic.name)),
    }
    return { key: `${TOPIC_PREFIX}${topic.name}`, value: JSON.stringify(record) }
  })
  for (const [resource, settings] of cluster.configs) {
    const key = storeKeyOf(resource, nodeId)
    if (key !== null) changes.push({ key, value: JSON.stringify(Object.fromEntries(settings)) })
  }
  for (const quota of cluster.quotas.values()) changes.push(quotaChange(quota))
  const record: ClusterRecord = {
    clusterId,
    nextOrdinal: topics.length + 1,
    nextProducerId: cluster.nextProducerId,
    incarnation: 0,
  }
  return [...changes, { key: CLUSTER_KEY, value: JSON.stringify(record) }]
}

/** Where options of a resource lie in our store; null: with the topic, or of no use here. */
function storeKeyOf(resource: string, nodeId: number): string | null {
  const colon = resource.indexOf(':')
  const name = resource.slice(colon + 1)
  switch (Number(resource.slice(0, colon))) {
    case ConfigResource.broker:
      if (name === '') return CLUSTER_CONFIG_KEY
      return name === String(nodeId) ? BROKER_CONFIG_KEY : null
    case ConfigResource.group:
      return `${GROUP_CONFIG_PREFIX}${name}`
    case ConfigResource.clientMetrics:
      return `${CLIENT_METRICS_PREFIX}${name}`
    default:
      return null
  }
}

function quotaChange({ entity, values }: KafkaQuota): MetaChange {
  const named = new Map(entity.map(({ entityType, entityName }) => [entityType, entityName]))
  const ours: QuotaEntity = {
    ...(named.has('user') ? { user: named.get('user') ?? null } : null),
    ...(named.has('client-id') ? { clientId: named.get('client-id') ?? null } : null),
    ...(named.has('ip') ? { ip: named.get('ip') ?? null } : null),
  }
  const stored = Object.fromEntries([...values].map(([name, value]) => [name, String(value)]))
  return { key: `${QUOTA_PREFIX}${entityKey(ours)}`, value: JSON.stringify(stored) }
}

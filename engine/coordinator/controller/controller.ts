/**
 * The single writer of control state, on shard 0: topics, their ids and options, producer ids, the
 * broker's incarnation. Every change is decided against the current image, made durable in the store,
 * published as a new image, and answered once every shard has applied that.
 *
 * Changes run one at a time, in order of arrival. Source: Kafka's QuorumController and
 * ReplicationControlManager; kafka-map §2.7.
 *
 * differs from Kafka: a topic can be used as soon as its creation is answered; replication factor -1 is
 * always 1 here, whatever default.replication.factor says, while there is one broker. Timeouts of requests
 * are not looked at: changes are made at once, where Kafka answers REQUEST_TIMED_OUT to 0 and less.
 */
import { assert } from '../../base/assert.ts'
import type { BrokerConfig } from '../../base/config.ts'
import { idleSettings } from '../../base/config-dynamic.ts'
import { ApiError, ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Logger } from '../../base/logger.ts'
import { OneAtATime } from '../../base/one-at-a-time.ts'
import type { Random } from '../../base/random.ts'
import {
  type MetadataImage,
  partitionKey,
  sameSettings,
  TOPIC_ORDINAL_END,
  type TopicImage,
  withConfigs,
  withOffline,
  withTopics,
} from '../../metadata/image.ts'
import type { MetaChange, MetaStore, RoomFor } from '../../metastore/meta-store.ts'
import type { CreateTopicsRequest } from '../../protocol/19-create-topics.ts'
import type { DeleteTopicsRequest } from '../../protocol/20-delete-topics.ts'
import type { CreatePartitionsRequest } from '../../protocol/37-create-partitions.ts'
import type { AlterClientQuotasRequest } from '../../protocol/49-alter-client-quotas.ts'
import type { UpdateFeaturesRequest } from '../../protocol/57-update-features.ts'
import {
  CLUSTER_KEY,
  type ClusterRecord,
  CONFIG_PREFIX,
  configKey,
  DELETED_PREFIX,
  FEATURES_KEY,
  imageOf,
  parseRecord,
  TOPIC_PREFIX,
  type TopicRecord,
  topicImage,
} from './cluster-state.ts'
import {
  type ConfigPlan,
  configOwner,
  planConfigChanges,
  type ResourceChanges,
} from './config-changes.ts'
import { planFeatureUpdates } from './feature-updates.ts'
import { UNLIMITED } from './mutation-quota.ts'
import { type PlannedTopic, planTopics, type TopicDefaults } from './new-topic.ts'
import { type AlteredQuota, planQuotaChanges, QUOTA_PREFIX } from './quota-changes.ts'
import type { Refusal } from './refusal.ts'
import { planGrowth } from './topic-growth.ts'
import { planRemoval } from './topic-removal.ts'

export interface ControllerPorts {
  readonly store: MetaStore
  readonly random: Random
  readonly logger: Logger
  readonly topicDefaults: TopicDefaults
  /** The static one. */
  readonly config: BrokerConfig
  /** Size and options of one of the broker's own topics; null for a name that is none. */
  internalTopic(name: string): PlannedTopic | null
  /** Publishes an image; resolves when every shard has applied it. */
  publish(image: MetadataImage): Promise<void>
}

export interface CreatedTopic extends Refusal {
  readonly name: string
  /** As created, or as it would have been; null when refused. */
  readonly topic: TopicImage | null
}

export interface DeletedTopic extends Refusal {
  readonly name: string | null
  readonly topicId: string
}

export interface GrownTopic extends Refusal {
  readonly name: string
}

interface NewTopic {
  readonly record: TopicRecord
  readonly image: TopicImage
}

export class Controller {
  private readonly ports: ControllerPorts
  private cluster: ClusterRecord
  private clusterRevision: number
  private current: MetadataImage
  private readonly pendingDeletions: ReadonlyMap<string, string>
  private readonly changes = new OneAtATime(limits.metaTransactionsMax, 'control requests')

  private constructor(
    ports: ControllerPorts,
    cluster: ClusterRecord,
    clusterRevision: number,
    image: MetadataImage,
    pendingDeletions: ReadonlyMap<string, string>,
  ) {
    this.ports = ports
    this.cluster = cluster
    this.clusterRevision = clusterRevision
    this.current = image
    this.pendingDeletions = pendingDeletions
  }

  /**
   * Loads the state and counts this start as a new incarnation, durably, before anything is served.
   * `clusterId` is used when the store is new.
   */
  static async start(
    ports: ControllerPorts,
    brokerId: number,
    clusterId: string,
  ): Promise<Controller> {
    const { store } = ports
    const entry = await store.get(CLUSTER_KEY)
    const before: ClusterRecord =
      entry === null
        ? { clusterId, nextOrdinal: 1, nextProducerId: 0, incarnation: 0 }
        : parseRecord(entry)
    const cluster = { ...before, incarnation: before.incarnation + 1 }
    const revision = await store.transact(
      [{ key: CLUSTER_KEY, revision: entry?.revision ?? 0 }],
      [{ key: CLUSTER_KEY, value: JSON.stringify(cluster) }],
    )
    if (revision === null) throw new Error('another process writes to the same control state')
    const topics = await store.range(TOPIC_PREFIX)
    const configs = await store.range(CONFIG_PREFIX)
    const features = await store.get(FEATURES_KEY)
    const quotas = await store.range(QUOTA_PREFIX)
    const image = imageOf(brokerId, cluster, topics, configs, features, quotas, revision)
    const deleted = new Map(
      (await store.range(DELETED_PREFIX)).map((row) => [
        row.key.slice(DELETED_PREFIX.length),
        parseRecord<{ name: string }>(row).name,
      ]),
    )
    return new Controller(ports, cluster, revision, image, deleted)
  }

  get image(): MetadataImage {
    return this.current
  }

  /** Topic ids whose deletion was decided in an earlier run, with their names. */
  get unfinishedDeletions(): ReadonlyMap<string, string> {
    return this.pendingDeletions
  }

  /** The folders of these deleted topics are gone. */
  forgetDeletions(topicIds: Iterable<string>): Promise<void> {
    return this.changes.run(() => this.forget([...topicIds]))
  }

  createTopics(request: CreateTopicsRequest, quota = UNLIMITED): Promise<CreatedTopic[]> {
    return this.changes.run(async () => {
      const { topicDefaults } = this.ports
      let { nextOrdinal } = this.cluster
      const planned: NewTopic[] = []
      const results = planTopics(request.topics, this.current, topicDefaults).map(
        ({ name, plan }): CreatedTopic => {
          if ('errorCode' in plan) return { name, topic: null, ...plan }
          const over = quota.take(plan.partitions)
          if (over !== null) return { name, topic: null, ...over }
          const topic = this.newTopic(name, nextOrdinal++, plan)
          planned.push(topic)
          return { name, topic: topic.image, ...NO_ERROR }
        },
      )
      if (!request.validateOnly && planned.length > 0) await this.addTopics(planned, nextOrdinal)
      return results
    })
  }

  /** Creates one of the broker's own topics unless it exists; null for a name that is none. */
  ensureInternalTopic(name: string): Promise<TopicImage | null> {
    return this.changes.run(async () => {
      const existing = this.current.topics.get(name)
      if (existing !== undefined) return existing
      const plan = this.ports.internalTopic(name)
      if (plan === null) return null
      const { nextOrdinal } = this.cluster
      const topic = this.newTopic(name, nextOrdinal, plan)
      await this.addTopics([topic], nextOrdinal + 1)
      return topic.image
    })
  }

  deleteTopics(request: DeleteTopicsRequest, quota = UNLIMITED): Promise<DeletedTopic[]> {
    return this.changes.run(async () => {
      const removed: TopicImage[] = []
      const results = planRemoval(request, this.current).map(
        ({ name, topicId, plan }): DeletedTopic => {
          if ('errorCode' in plan) return { name, topicId, ...plan }
          const over = quota.take(plan.partitions.length)
          if (over !== null) return { name: plan.name, topicId: plan.topicId, ...over }
          removed.push(plan)
          return { name: plan.name, topicId: plan.topicId, ...NO_ERROR }
        },
      )
      if (removed.length > 0) await this.removeTopics(removed)
      return results
    })
  }

  createPartitions(request: CreatePartitionsRequest, quota = UNLIMITED): Promise<GrownTopic[]> {
    return this.changes.run(async () => {
      const changes: MetaChange[] = []
      const grown: TopicImage[] = []
      const results: GrownTopic[] = []
      for (const { name, plan } of planGrowth(request.topics, this.current)) {
        const before = this.current.topics.get(name)?.partitions.length ?? 0
        const problem = typeof plan === 'number' ? quota.take(plan - before) : plan
        results.push({ name, ...(problem ?? NO_ERROR) })
        if (typeof plan !== 'number' || problem !== null || request.validateOnly) continue
        const { key, record } = await this.topicRecord(name)
        const larger = { ...record, partitions: plan }
        changes.push({ key, value: JSON.stringify(larger) })
        grown.push(topicImage(name, larger, this.cluster.incarnation))
      }
      if (changes.length > 0) {
        await this.commit(changes, {}, 'an addition')
        await this.publish(withTopics(this.current, grown))
      }
      return results
    })
  }

  /** One answer per resource, in the order asked. */
  alterConfigs(requested: readonly ResourceChanges[], validateOnly: boolean): Promise<Refusal[]> {
    return this.changes.run(async () => {
      const plans = planConfigChanges(requested, this.current, this.ports.config)
      if (!validateOnly) await this.storeConfigs(requested, plans)
      return plans.map((plan) => ('errorCode' in plan ? plan : NO_ERROR))
    })
  }

  /** Each entry on its own; one answer per entity. */
  alterClientQuotas(request: AlterClientQuotasRequest): Promise<readonly AlteredQuota[]> {
    return this.changes.run(async () => {
      const plan = planQuotaChanges(request, this.current.clientQuotas)
      if (!request.validateOnly && plan.changes.length > 0) {
        await this.commit(plan.changes)
        const version = this.current.version + 1
        await this.publish({ ...this.current, version, clientQuotas: plan.quotas })
      }
      return plan.answers
    })
  }

  /**
   * The static settings as the configuration file has them now; they are kept in the file alone. A
   * revision of the store goes with every image, so that versions rise over restarts.
   */
  rereadFile(file: ReadonlyMap<string, string>): Promise<void> {
    return this.changes.run(async () => {
      await this.commit([])
      const dynamicConfigs = { ...this.current.dynamicConfigs, file }
      await this.publish({ ...this.current, version: this.current.version + 1, dynamicConfigs })
    })
  }

  /** All or none of them. */
  updateFeatures({ featureUpdates, validateOnly }: UpdateFeaturesRequest): Promise<Refusal> {
    return this.changes.run(async () => {
      const levels = planFeatureUpdates(featureUpdates, this.current)
      if ('errorCode' in levels) return levels
      if (validateOnly || levels.size === 0) return NO_ERROR
      const features = new Map([...this.current.features, ...levels])
      const value = JSON.stringify(Object.fromEntries(features))
      await this.commit([{ key: FEATURES_KEY, value }])
      await this.publish({ ...this.current, version: this.current.version + 1, features })
      return NO_ERROR
    })
  }

  /** Partitions that cannot be served until the next start; not stored, since that finds out anew. */
  takeOffline(keys: readonly number[]): Promise<void> {
    return this.changes.run(async () => {
      const image = withOffline(this.current, keys)
      if (image !== this.current) await this.publish(image)
    })
  }

  /** A block of producer ids that no one ever had; durable before it is handed out. */
  allocateProducerIds(count: number): Promise<{ firstProducerId: number; count: number }> {
    return this.changes.run(async () => {
      const firstProducerId = this.cluster.nextProducerId
      await this.commit([], { nextProducerId: firstProducerId + count }, 'an addition')
      return { firstProducerId, count }
    })
  }

  private async storeConfigs(
    requested: readonly ResourceChanges[],
    plans: readonly ConfigPlan[],
  ): Promise<void> {
    const changes: MetaChange[] = []
    const topics: TopicImage[] = []
    let image = this.current
    for (const [index, plan] of plans.entries()) {
      const resource = requested[index]
      if (resource === undefined || 'errorCode' in plan) continue
      const { settings, before } = plan
      if (sameSettings(settings, before)) continue
      const configs = Object.fromEntries(settings)
      const owner = configOwner(resource)
      if (owner === null) {
        const { key, record } = await this.topicRecord(resource.resourceName)
        const altered = { ...record, configs }
        changes.push({ key, value: JSON.stringify(altered) })
        topics.push(topicImage(resource.resourceName, altered, this.cluster.incarnation))
        continue
      }
      const value = settings.size === 0 ? null : JSON.stringify(configs)
      changes.push({ key: configKey(owner), value })
      image = withConfigs(image, owner, settings)
      if (owner.kind !== 'broker' && owner.kind !== 'cluster') continue
      const added = [...settings.keys()].filter((name) => before.get(name) !== settings.get(name))
      for (const line of idleSettings(added)) this.ports.logger.warn(line)
    }
    if (changes.length === 0) return
    await this.commit(changes)
    await this.publish(withTopics(image, topics))
  }

  private newTopic(name: string, ordinal: number, plan: PlannedTopic): NewTopic {
    assert(ordinal < TOPIC_ORDINAL_END, 'topic ordinals are used up')
    const record: TopicRecord = {
      topicId: this.ports.random.uuid(),
      ordinal,
      partitions: plan.partitions,
      epochBase: 0,
      bornIncarnation: this.cluster.incarnation,
      configs: plan.configs,
    }
    return { record, image: topicImage(name, record, this.cluster.incarnation) }
  }

  private async addTopics(planned: readonly NewTopic[], nextOrdinal: number): Promise<void> {
    const changes = planned.map(({ image, record }) => ({
      key: `${TOPIC_PREFIX}${image.name}`,
      value: JSON.stringify(record),
    }))
    await this.commit(changes, { nextOrdinal }, 'an addition')
    const images = planned.map(({ image }) => image)
    await this.publish(withTopics(this.current, images))
  }

  private async removeTopics(removed: readonly TopicImage[]): Promise<void> {
    await this.commit(
      removed.flatMap(({ name, topicId }) => [
        { key: `${TOPIC_PREFIX}${name}`, value: null },
        { key: `${DELETED_PREFIX}${topicId}`, value: JSON.stringify({ name }) },
      ]),
    )
    const names = removed.map(({ name }) => name)
    await this.publish(withTopics(this.current, [], names))
    // What lies in a data folder that failed is removed by the next start that sees it.
    const gone = removed.filter((topic) => !this.isPartlyOffline(topic))
    await this.forget(gone.map(({ topicId }) => topicId))
  }

  private isPartlyOffline({ ordinal, partitions }: TopicImage): boolean {
    const { offlinePartitions } = this.current
    return partitions.some(({ index }) => offlinePartitions.has(partitionKey(ordinal, index)))
  }

  /** Once their folders are gone; if that cannot be noted, the next start looks for them again. */
  private async forget(topicIds: readonly string[]): Promise<void> {
    const changes = topicIds.map((id) => ({ key: `${DELETED_PREFIX}${id}`, value: null }))
    try {
      if (changes.length > 0) await this.ports.store.transact([], changes)
    } catch (error) {
      this.ports.logger.warn(`finished deletions could not be noted: ${error}`)
    }
  }

  private async topicRecord(name: string): Promise<{ key: string; record: TopicRecord }> {
    const key = `${TOPIC_PREFIX}${name}`
    const entry = await this.ports.store.get(key)
    if (entry === null) throw new ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `no topic ${name}`)
    return { key, record: parseRecord<TopicRecord>(entry) }
  }

  /** Durable, or an error the client may retry; the cluster record goes along and fences others. */
  private async commit(
    changes: readonly MetaChange[],
    cluster: Partial<ClusterRecord> = {},
    room: RoomFor = 'any change',
  ): Promise<void> {
    const next = { ...this.cluster, ...cluster }
    const revision = await this.ports.store
      .transact(
        [{ key: CLUSTER_KEY, revision: this.clusterRevision }],
        [...changes, { key: CLUSTER_KEY, value: JSON.stringify(next) }],
        room,
      )
      .catch((error: unknown) => {
        throw new ApiError(ErrorCode.KAFKA_STORAGE_ERROR, `the change was not stored: ${error}`)
      })
    if (revision === null)
      throw new ApiError(ErrorCode.NOT_CONTROLLER, 'another process changed the control state')
    this.clusterRevision = revision
    this.cluster = next
  }

  private async publish(image: MetadataImage): Promise<void> {
    this.current = image
    await this.ports.publish(image)
  }
}

const NO_ERROR: Refusal = { errorCode: ErrorCode.NONE, errorMessage: null }

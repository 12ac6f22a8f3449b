/**
 * The single writer of control state, on shard 0: topics, their ids and options, producer ids, the
 * broker's incarnation. Every change is decided against the current image, made durable in the store,
 * published as a new image, and answered once every shard has applied that.
 *
 * Changes run one at a time, in order of arrival. Source: Kafka's QuorumController and
 * ReplicationControlManager; kafka-map §2.7.
 *
 * Differs from Kafka: a topic can be used as soon as its creation is answered; replication factor -1 is
 * always 1 here, whatever default.replication.factor says, while there is one broker.
 */
import { ApiError, ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import { ZERO_UUID } from '../../base/random.ts'
import { type MetadataImage, type TopicImage, withTopics } from '../../metadata/image.ts'
import type { MetaChange, MetaCompare, MetaStore } from '../../metastore/meta-store.ts'
import type { CreateTopicsRequest } from '../../protocol/19-create-topics.ts'
import type { DeleteTopicsRequest } from '../../protocol/20-delete-topics.ts'
import type { CreatePartitionsRequest } from '../../protocol/37-create-partitions.ts'
import {
  CLUSTER_KEY,
  type ClusterRecord,
  CONFIG_PREFIX,
  DELETED_PREFIX,
  imageOf,
  parseRecord,
  TOPIC_PREFIX,
  type TopicRecord,
  topicImage,
} from './cluster-state.ts'
import {
  assignmentProblem,
  type NewTopicRequest,
  planTopic,
  type Refusal,
  refusal,
  type TopicDefaults,
} from './new-topic.ts'

export interface ControllerPorts {
  readonly store: MetaStore
  readonly random: Random
  readonly logger: Logger
  /** delete.topic.enable */
  readonly deleteTopicEnable: boolean
  readonly topicDefaults: TopicDefaults
  /** Options and size of the broker's own topics. */
  internalTopic(
    name: string,
  ): { partitions: number; configs: Readonly<Record<string, string>> } | null
  /** Publishes an image; resolves when every shard has applied it. */
  publish(image: MetadataImage): Promise<void>
}

export interface CreatedTopic extends Refusal {
  readonly name: string
  readonly topic: TopicImage | null
  /** For validate_only: what would have been created. */
  readonly partitions: number
}

export interface DeletedTopic extends Refusal {
  readonly name: string | null
  readonly topicId: string
}

export interface GrownTopic extends Refusal {
  readonly name: string
}

export class Controller {
  private readonly ports: ControllerPorts
  private cluster: ClusterRecord
  private clusterRevision: number
  private current: MetadataImage
  private readonly pendingDeletions: ReadonlyMap<string, string>
  private last: Promise<unknown> = Promise.resolve()
  private waiting = 0

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
    const written = await store.transact(
      [{ key: CLUSTER_KEY, revision: entry?.revision ?? 0 }],
      [{ key: CLUSTER_KEY, value: JSON.stringify(cluster) }],
    )
    if (!written) throw new Error('another process writes to the same control state')
    const revision = (await store.get(CLUSTER_KEY))?.revision ?? 0
    const topics = await store.range(TOPIC_PREFIX)
    const image = imageOf(brokerId, cluster, topics, await store.range(CONFIG_PREFIX))
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
  async forgetDeletions(topicIds: Iterable<string>): Promise<void> {
    const changes = [...topicIds].map((id) => ({ key: `${DELETED_PREFIX}${id}`, value: null }))
    if (changes.length > 0) await this.exclusive(() => this.ports.store.transact([], changes))
  }

  createTopics(request: CreateTopicsRequest): Promise<CreatedTopic[]> {
    return this.exclusive(async () => {
      const names = new Map<string, number>()
      for (const { name } of request.topics) names.set(name, (names.get(name) ?? 0) + 1)
      const results: CreatedTopic[] = []
      const planned: { name: string; record: TopicRecord }[] = []
      let { nextOrdinal } = this.cluster
      // Later topics of the request must not collide with earlier ones.
      let view = this.current
      for (const topic of request.topics) {
        if ((names.get(topic.name) ?? 0) > 1) {
          if (results.some(({ name }) => name === topic.name)) continue
          results.push(failedTopic(topic, ErrorCode.INVALID_REQUEST, DUPLICATE_NAME))
          continue
        }
        const plan = planTopic(topic, view, this.ports.topicDefaults)
        if ('errorCode' in plan) {
          results.push(failedTopic(topic, plan.errorCode, plan.errorMessage))
          continue
        }
        const record = this.newRecord(nextOrdinal++, plan.partitions, plan.configs)
        const image = topicImage(topic.name, record, this.cluster.incarnation)
        view = withTopics(view, [image])
        planned.push({ name: topic.name, record })
        results.push({ ...NO_ERROR, name: topic.name, topic: image, partitions: plan.partitions })
      }
      if (!request.validateOnly && planned.length > 0) await this.addTopics(planned, nextOrdinal)
      return results
    })
  }

  /** Creates one of the broker's own topics unless it exists; null for a name that is none. */
  ensureInternalTopic(name: string): Promise<TopicImage | null> {
    return this.exclusive(async () => {
      const existing = this.current.topics.get(name)
      if (existing !== undefined) return existing
      const plan = this.ports.internalTopic(name)
      if (plan === null) return null
      const { nextOrdinal } = this.cluster
      const record = this.newRecord(nextOrdinal, plan.partitions, plan.configs)
      await this.addTopics([{ name, record }], nextOrdinal + 1)
      return this.current.topics.get(name) ?? null
    })
  }

  deleteTopics(request: DeleteTopicsRequest): Promise<DeletedTopic[]> {
    const wanted =
      request.topics.length > 0
        ? request.topics
        : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
    return this.exclusive(async () => {
      const results: DeletedTopic[] = []
      const removed: TopicImage[] = []
      for (const { name, topicId } of wanted) {
        const found = this.deletable(name, topicId, removed)
        if ('errorCode' in found) results.push({ ...found, name, topicId })
        else {
          removed.push(found)
          results.push({ ...NO_ERROR, name: found.name, topicId: found.topicId })
        }
      }
      if (removed.length > 0) await this.removeTopics(removed)
      return results
    })
  }

  createPartitions(request: CreatePartitionsRequest): Promise<GrownTopic[]> {
    return this.exclusive(async () => {
      const counts = new Map<string, number>()
      for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
      const results: GrownTopic[] = []
      const changes: MetaChange[] = []
      const grown: TopicImage[] = []
      for (const wanted of request.topics) {
        if ((counts.get(wanted.name) ?? 0) > 1) {
          if (!results.some(({ name }) => name === wanted.name))
            results.push({
              name: wanted.name,
              ...refusal(ErrorCode.INVALID_REQUEST, DUPLICATE_NAME),
            })
          continue
        }
        const problem = this.growthProblem(wanted)
        results.push({ name: wanted.name, ...(problem ?? NO_ERROR) })
        if (problem !== null || request.validateOnly) continue
        const { key, record } = await this.topicRecord(wanted.name)
        const larger = { ...record, partitions: wanted.count }
        changes.push({ key, value: JSON.stringify(larger) })
        grown.push(topicImage(wanted.name, larger, this.cluster.incarnation))
      }
      if (changes.length > 0) {
        await this.commit([], changes)
        await this.publish(withTopics(this.current, grown))
      }
      return results
    })
  }

  /** A block of producer ids that no one ever had; durable before it is handed out. */
  allocateProducerIds(count: number): Promise<{ firstProducerId: number; count: number }> {
    return this.exclusive(async () => {
      const firstProducerId = this.cluster.nextProducerId
      await this.commit([], [], { nextProducerId: firstProducerId + count })
      return { firstProducerId, count }
    })
  }

  private newRecord(
    ordinal: number,
    partitions: number,
    configs: Readonly<Record<string, string>>,
  ): TopicRecord {
    const bornIncarnation = this.cluster.incarnation
    const topicId = this.ports.random.uuid()
    return { topicId, ordinal, partitions, epochBase: 0, bornIncarnation, configs }
  }

  private async addTopics(
    planned: readonly { name: string; record: TopicRecord }[],
    nextOrdinal: number,
  ): Promise<void> {
    const changes = planned.map(({ name, record }) => ({
      key: `${TOPIC_PREFIX}${name}`,
      value: JSON.stringify(record),
    }))
    await this.commit([], changes, { nextOrdinal })
    const images = planned.map(({ name, record }) =>
      topicImage(name, record, this.cluster.incarnation),
    )
    await this.publish(withTopics(this.current, images))
  }

  private deletable(
    name: string | null,
    topicId: string,
    removed: readonly TopicImage[],
  ): TopicImage | Refusal {
    const byName = name !== null
    const topic = byName ? this.current.topics.get(name) : this.current.topicsById.get(topicId)
    if (byName && topicId !== ZERO_UUID)
      return refusal(ErrorCode.INVALID_REQUEST, 'You may not specify both topic name and topic id.')
    if (topic === undefined)
      return byName
        ? refusal(
            ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            'This server does not host this topic-partition.',
          )
        : refusal(ErrorCode.UNKNOWN_TOPIC_ID, 'This server does not host this topic ID.')
    if (removed.includes(topic))
      return refusal(
        ErrorCode.INVALID_REQUEST,
        byName ? 'Duplicate topic name.' : 'Duplicate topic id.',
      )
    if (!this.ports.deleteTopicEnable)
      return refusal(ErrorCode.TOPIC_DELETION_DISABLED, 'Topic deletion is disabled.')
    return topic
  }

  private async removeTopics(removed: readonly TopicImage[]): Promise<void> {
    await this.commit(
      [],
      removed.flatMap(({ name, topicId }) => [
        { key: `${TOPIC_PREFIX}${name}`, value: null },
        { key: `${DELETED_PREFIX}${topicId}`, value: JSON.stringify({ name }) },
      ]),
    )
    const names = removed.map(({ name }) => name)
    await this.publish(withTopics(this.current, [], names))
    await this.ports.store.transact(
      [],
      removed.map(({ topicId }) => ({ key: `${DELETED_PREFIX}${topicId}`, value: null })),
    )
  }

  private growthProblem(wanted: CreatePartitionsRequest['topics'][number]): Refusal | null {
    const topic = this.current.topics.get(wanted.name)
    if (topic === undefined)
      return refusal(
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        'This server does not host this topic-partition.',
      )
    const existing = topic.partitions.length
    if (wanted.count === existing)
      return refusal(ErrorCode.INVALID_PARTITIONS, `Topic already has ${existing} partition(s).`)
    if (wanted.count < existing)
      return refusal(
        ErrorCode.INVALID_PARTITIONS,
        `The topic ${wanted.name} currently has ${existing} partition(s); ${wanted.count} would not ` +
          'be an increase.',
      )
    if (wanted.count > limits.topicPartitionsMax)
      return refusal(
        ErrorCode.INVALID_PARTITIONS,
        `A topic may have at most ${limits.topicPartitionsMax} partitions.`,
      )
    if (wanted.assignments === null) return null
    const additional = wanted.count - existing
    if (wanted.assignments.length !== additional)
      return refusal(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        `Attempted to add ${additional} additional partition(s), but only ` +
          `${wanted.assignments.length} assignment(s) were specified.`,
      )
    for (const { brokerIds } of wanted.assignments) {
      const problem = assignmentProblem(brokerIds, this.current.brokerId)
      if (problem !== null) return refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, problem)
    }
    return null
  }

  private async topicRecord(name: string): Promise<{ key: string; record: TopicRecord }> {
    const key = `${TOPIC_PREFIX}${name}`
    const entry = await this.ports.store.get(key)
    if (entry === null) throw new ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `no topic ${name}`)
    return { key, record: parseRecord<TopicRecord>(entry) }
  }

  /** Durable, or an error the client may retry; the cluster record goes along and fences others. */
  private async commit(
    compares: readonly MetaCompare[],
    changes: readonly MetaChange[],
    cluster: Partial<ClusterRecord> = {},
  ): Promise<void> {
    const next = { ...this.cluster, ...cluster }
    const written = await this.ports.store.transact(
      [...compares, { key: CLUSTER_KEY, revision: this.clusterRevision }],
      [...changes, { key: CLUSTER_KEY, value: JSON.stringify(next) }],
    )
    if (!written)
      throw new ApiError(ErrorCode.NOT_CONTROLLER, 'another process changed the control state')
    this.clusterRevision = (await this.ports.store.get(CLUSTER_KEY))?.revision ?? 0
    this.cluster = next
  }

  private async publish(image: MetadataImage): Promise<void> {
    this.current = image
    await this.ports.publish(image)
  }

  private exclusive<T>(run: () => Promise<T>): Promise<T> {
    if (this.waiting >= limits.metaTransactionsMax)
      return Promise.reject(
        new ApiError(ErrorCode.REQUEST_TIMED_OUT, 'too many control requests wait'),
      )
    this.waiting++
    const result = this.last.then(run)
    this.last = result.catch(() => {}).finally(() => this.waiting--)
    return result
  }
}

const NO_ERROR: Refusal = { errorCode: ErrorCode.NONE, errorMessage: null }
const DUPLICATE_NAME = 'Duplicate topic name.'

function failedTopic(
  topic: NewTopicRequest,
  errorCode: number,
  errorMessage: string | null,
): CreatedTopic {
  return { name: topic.name, topic: null, partitions: -1, errorCode, errorMessage }
}

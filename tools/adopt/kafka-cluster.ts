/**
 * What the records of Kafka's metadata log add up to: topics, partitions, options, quotas, ids, and
 * what else a broker may hold that cannot be taken over. Source: the replay methods of
 * org.apache.kafka.controller.*ControlManager and PartitionRegistration.merge, 4.2.
 */
import type { MetadataRecord } from './metadata-log.ts'

export interface KafkaPartition {
  readonly replicas: readonly number[]
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  /** Directory ids by replica; empty before metadata version 3.7. */
  readonly directories: readonly string[]
}

export interface KafkaTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: Map<number, KafkaPartition>
}

/** As in a ClientQuotaRecord. */
export interface KafkaQuota {
  readonly entity: readonly { readonly entityType: string; readonly entityName: string | null }[]
  readonly values: Map<string, number>
}

/** MetadataRecordType. */
export const RecordType = {
  registerBroker: 0,
  unregisterBroker: 1,
  topic: 2,
  partition: 3,
  config: 4,
  partitionChange: 5,
  removeTopic: 9,
  delegationToken: 10,
  scramCredential: 11,
  featureLevel: 12,
  clientQuota: 14,
  producerIds: 15,
  accessControlEntry: 18,
  removeAccessControlEntry: 19,
  removeScramCredential: 22,
  removeDelegationToken: 26,
} as const

/** ConfigResource.Type. */
export const ConfigResource = { topic: 2, broker: 4, clientMetrics: 16, group: 32 } as const

export class KafkaCluster {
  /** By topic id. */
  readonly topics = new Map<string, KafkaTopic>()
  /** `<resource type>:<name>` → options. */
  readonly configs = new Map<string, Map<string, string>>()
  /** By the text of their entity. */
  readonly quotas = new Map<string, KafkaQuota>()
  readonly features = new Map<string, number>()
  readonly brokers = new Set<number>()
  readonly acls = new Set<string>()
  readonly scramUsers = new Set<string>()
  readonly delegationTokens = new Set<string>()
  nextProducerId = 0
  brokerEpoch = -1
  /** Version of the PartitionRecords, -1 before the first. */
  partitionRecordVersion = -1
  private readonly replays = new Map<number, (fields: never) => void>([
    [RecordType.registerBroker, (fields: BrokerFields) => this.registerBroker(fields)],
    [RecordType.unregisterBroker, ({ brokerId }: BrokerFields) => this.brokers.delete(brokerId)],
    [RecordType.topic, (fields: TopicFields) => this.addTopic(fields)],
    [RecordType.partition, (fields: PartitionFields) => this.addPartition(fields)],
    [RecordType.config, (fields: ConfigFields) => this.setConfig(fields)],
    [RecordType.partitionChange, (fields: PartitionChangeFields) => this.changePartition(fields)],
    [RecordType.removeTopic, ({ topicId }: TopicFields) => this.removeTopic(topicId)],
    [
      RecordType.delegationToken,
      ({ tokenId }: SecurityFields) => this.delegationTokens.add(tokenId),
    ],
    [
      RecordType.scramCredential,
      ({ name, mechanism }: SecurityFields) => this.scramUsers.add(`${name}/${mechanism}`),
    ],
    [
      RecordType.featureLevel,
      ({ name, featureLevel }: FeatureFields) => this.features.set(name, featureLevel),
    ],
    [RecordType.clientQuota, (fields: QuotaFields) => this.setQuota(fields)],
    [
      RecordType.producerIds,
      ({ nextProducerId }: { nextProducerId: number }) => {
        this.nextProducerId = nextProducerId
      },
    ],
    [RecordType.accessControlEntry, ({ id }: SecurityFields) => this.acls.add(id)],
    [RecordType.removeAccessControlEntry, ({ id }: SecurityFields) => this.acls.delete(id)],
    [
      RecordType.removeScramCredential,
      ({ name, mechanism }: SecurityFields) => this.scramUsers.delete(`${name}/${mechanism}`),
    ],
    [
      RecordType.removeDelegationToken,
      ({ tokenId }: SecurityFields) => this.delegationTokens.delete(tokenId),
    ],
  ])

  apply({ type, version, fields }: MetadataRecord): void {
    if (type === RecordType.partition)
      this.partitionRecordVersion = Math.max(this.partitionRecordVersion, version)
    // Fencing, registrations of controllers, no-ops and the like leave nothing that stays.
    this.replays.get(type)?.(fields as never)
  }

  /** Options of one resource; empty when it has none. */
  configsOf(type: number, name: string): ReadonlyMap<string, string> {
    return this.configs.get(`${type}:${name}`) ?? new Map()
  }

  private registerBroker({ brokerId, brokerEpoch }: BrokerFields): void {
    this.brokers.add(brokerId)
    this.brokerEpoch = Math.max(this.brokerEpoch, brokerEpoch)
  }

  private addTopic({ name, topicId }: TopicFields): void {
    this.topics.set(topicId, { name, topicId, partitions: new Map() })
  }

  private removeTopic(topicId: string): void {
    const topic = this.topics.get(topicId)
    if (topic === undefined) return
    this.topics.delete(topicId)
    this.configs.delete(`${ConfigResource.topic}:${topic.name}`)
  }

  /** Also for a partition that is there: the record replaces it. */
  private addPartition(fields: PartitionFields): void {
    this.topics.get(fields.topicId)?.partitions.set(fields.partitionId, {
      replicas: fields.replicas,
      leaderEpoch: fields.leaderEpoch,
      partitionEpoch: fields.partitionEpoch,
      directories: fields.directories,
    })
  }

  private changePartition(fields: PartitionChangeFields): void {
    const partitions = this.topics.get(fields.topicId)?.partitions
    const before = partitions?.get(fields.partitionId)
    if (partitions === undefined || before === undefined) return
    partitions.set(fields.partitionId, {
      replicas: fields.replicas ?? before.replicas,
      leaderEpoch: before.leaderEpoch + (fields.leader === NO_LEADER_CHANGE ? 0 : 1),
      partitionEpoch: before.partitionEpoch + 1,
      directories: fields.directories ?? before.directories,
    })
  }

  private setConfig({ resourceType, resourceName, name, value }: ConfigFields): void {
    const key = `${resourceType}:${resourceName}`
    const settings = this.configs.get(key) ?? new Map<string, string>()
    if (value === null) settings.delete(name)
    else settings.set(name, value)
    if (settings.size === 0) this.configs.delete(key)
    else this.configs.set(key, settings)
  }

  private setQuota({ entity, key, value, remove }: QuotaFields): void {
    const id = quotaId(entity)
    const quota = this.quotas.get(id) ?? { entity, values: new Map<string, number>() }
    if (remove) quota.values.delete(key)
    else quota.values.set(key, value)
    if (quota.values.size === 0) this.quotas.delete(id)
    else this.quotas.set(id, quota)
  }
}

/** The same for the same components in any order. */
export function quotaId(entity: KafkaQuota['entity']): string {
  return JSON.stringify(
    entity
      .map(({ entityType, entityName }) => [entityType, entityName])
      .sort((a, b) => (`${a[0]}` < `${b[0]}` ? -1 : 1)),
  )
}

const NO_LEADER_CHANGE = -2

interface BrokerFields {
  readonly brokerId: number
  readonly brokerEpoch: number
}

interface TopicFields {
  readonly name: string
  readonly topicId: string
}

interface FeatureFields {
  readonly name: string
  readonly featureLevel: number
}

/** Of the records about access rules, users and tokens: each has some of these. */
interface SecurityFields {
  readonly id: string
  readonly name: string
  readonly mechanism: number
  readonly tokenId: string
}

interface PartitionFields extends KafkaPartition {
  readonly partitionId: number
  readonly topicId: string
}

interface PartitionChangeFields {
  readonly partitionId: number
  readonly topicId: string
  readonly leader: number
  readonly replicas: readonly number[] | null
  readonly directories: readonly string[] | null
}

interface ConfigFields {
  readonly resourceType: number
  readonly resourceName: string
  readonly name: string
  readonly value: string | null
}

interface QuotaFields {
  readonly entity: KafkaQuota['entity']
  readonly key: string
  readonly value: number
  readonly remove: boolean
}

/**
 * May this topic be created, and as what? Kafka's checks in Kafka's words (ReplicationControlManager,
 * 4.2), for a cluster of one broker.
 */
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { MetadataImage } from '../../metadata/image.ts'
import { collisionKey, topicNameProblem } from '../../metadata/topic-name.ts'
import type { CreateTopicsRequest } from '../../protocol/19-create-topics.ts'

export type NewTopicRequest = CreateTopicsRequest['topics'][number]

export interface TopicDefaults {
  /** num.partitions */
  readonly partitions: number
  /** Kafka's sentence about a bad value of a topic option, or null. */
  configProblem(name: string, value: string | null): string | null
}

export interface Refusal {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface PlannedTopic {
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

export function planTopic(
  request: NewTopicRequest,
  image: MetadataImage,
  defaults: TopicDefaults,
): PlannedTopic | Refusal {
  const { name } = request
  const nameProblem = topicNameProblem(name)
  if (nameProblem !== null) return refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, nameProblem)
  if (image.topics.has(name))
    return refusal(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  const collision = collidingTopic(name, image)
  if (collision !== null)
    return refusal(
      ErrorCode.INVALID_TOPIC_EXCEPTION,
      `Topic '${name}' collides with existing topic: ${collision}`,
    )
  const configs: Record<string, string> = {}
  for (const { name: option, value } of request.configs) {
    const problem = defaults.configProblem(option, value)
    if (problem !== null) return refusal(ErrorCode.INVALID_CONFIG, problem)
    configs[option] = value ?? ''
  }
  const partitions =
    request.assignments.length > 0
      ? plannedByAssignment(request, image.brokerId)
      : plannedByCount(request, defaults)
  return typeof partitions === 'number' ? { partitions, configs } : partitions
}

function plannedByCount(request: NewTopicRequest, defaults: TopicDefaults): number | Refusal {
  const { numPartitions, replicationFactor } = request
  if (replicationFactor < -1 || replicationFactor === 0)
    return refusal(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  if (numPartitions < -1 || numPartitions === 0)
    return refusal(
      ErrorCode.INVALID_PARTITIONS,
      'Number of partitions was set to an invalid non-positive value.',
    )
  if (replicationFactor > 1)
    return refusal(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication ` +
        `factor of ${replicationFactor} cannot be reached because only 1 broker(s) are registered.`,
    )
  return boundedPartitions(numPartitions === -1 ? defaults.partitions : numPartitions)
}

function plannedByAssignment(request: NewTopicRequest, brokerId: number): number | Refusal {
  if (request.replicationFactor !== -1)
    return refusal(
      ErrorCode.INVALID_REQUEST,
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    )
  if (request.numPartitions !== -1)
    return refusal(
      ErrorCode.INVALID_REQUEST,
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    )
  const indexes = new Set<number>()
  for (const { partitionIndex, brokerIds } of request.assignments) {
    if (indexes.has(partitionIndex))
      return refusal(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        `Found multiple manual partition assignments for partition ${partitionIndex}`,
      )
    indexes.add(partitionIndex)
    const problem = assignmentProblem(brokerIds, brokerId)
    if (problem !== null) return refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, problem)
  }
  for (let index = 0; index < indexes.size; index++)
    if (!indexes.has(index))
      return refusal(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        'partitions should be a consecutive 0-based integer sequence',
      )
  return boundedPartitions(indexes.size)
}

/** Why these replicas cannot hold a partition; null when they can. */
export function assignmentProblem(brokerIds: readonly number[], brokerId: number): string | null {
  if (brokerIds.length === 0)
    return 'The manual partition assignment includes an empty replica list.'
  const seen = new Set<number>()
  for (const replica of brokerIds) {
    if (seen.has(replica))
      return `The manual partition assignment includes the broker ${replica} more than once.`
    seen.add(replica)
    if (replica !== brokerId)
      return `The manual partition assignment includes broker ${replica}, but no such broker is registered.`
  }
  return null
}

function boundedPartitions(count: number): number | Refusal {
  if (count <= limits.topicPartitionsMax) return count
  return refusal(
    ErrorCode.INVALID_PARTITIONS,
    `A topic may have at most ${limits.topicPartitionsMax} partitions, ${count} were asked for.`,
  )
}

function collidingTopic(name: string, image: MetadataImage): string | null {
  if (!/[._]/.test(name)) return null
  const key = collisionKey(name)
  for (const existing of image.topics.keys()) if (collisionKey(existing) === key) return existing
  return null
}

export function refusal(errorCode: number, errorMessage: string | null): Refusal {
  return { errorCode, errorMessage }
}

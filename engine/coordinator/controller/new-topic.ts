/**
 * May these topics be created, and as what? Kafka's checks in Kafka's words and order
 * (ReplicationControlManager and ControllerApis, 4.2), for a cluster of one broker.
 *
 * differs from Kafka: names of one request must not collide with each other either.
 */
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { assignmentProblem } from '../../metadata/assignment.ts'
import type { MetadataImage } from '../../metadata/image.ts'
import {
  CLUSTER_METADATA_TOPIC,
  collisionKey,
  mayCollide,
  topicNameProblem,
} from '../../metadata/topic-name.ts'
import type { CreateTopicsRequest } from '../../protocol/19-create-topics.ts'
import { DUPLICATE_NAME, namesTwice, type Refusal, refusal } from './refusal.ts'

type NewTopicRequest = CreateTopicsRequest['topics'][number]

export interface TopicDefaults {
  /** num.partitions */
  readonly partitions: number
  /** Kafka's sentence about what is wrong with options given for a topic, or null. */
  configProblem(configs: ReadonlyMap<string, string | null>): string | null
}

export interface PlannedTopic {
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/** One plan or refusal per name, in the order asked. */
export function planTopics(
  requested: readonly NewTopicRequest[],
  image: MetadataImage,
  defaults: TopicDefaults,
): { readonly name: string; readonly plan: PlannedTopic | Refusal }[] {
  const twice = namesTwice(requested)
  const tooMany = partitionsAsked(requested, defaults) > limits.requestPartitionsMax
  const taken = takenNames(requested, image)
  const plans = new Map<string, PlannedTopic | Refusal>()
  for (const topic of requested) {
    const { name } = topic
    if (twice.has(name)) plans.set(name, refusal(ErrorCode.INVALID_REQUEST, DUPLICATE_NAME))
    else if (tooMany) plans.set(name, refusal(ErrorCode.POLICY_VIOLATION, TOO_MANY_PARTITIONS))
    else {
      const plan = nameRefusal(name, image, taken) ?? planTopic(topic, image, defaults)
      plans.set(name, plan)
      if (!('errorCode' in plan)) taken.set(collisionKey(name), name)
    }
  }
  return [...plans].map(([name, plan]) => ({ name, plan }))
}

export const TOO_MANY_PARTITIONS = 'Excessively large number of partitions per request.'

function partitionsAsked(requested: readonly NewTopicRequest[], defaults: TopicDefaults): number {
  let sum = 0
  for (const { assignments, numPartitions } of requested) {
    if (assignments.length > 0) sum += assignments.length
    else sum += numPartitions === -1 ? defaults.partitions : Math.max(0, numPartitions)
  }
  return sum
}

/** Existing names by what they collide with; only looked at for names that can collide. */
function takenNames(
  requested: readonly NewTopicRequest[],
  image: MetadataImage,
): Map<string, string> {
  const taken = new Map<string, string>()
  if (requested.some(({ name }) => mayCollide(name)))
    for (const name of image.topics.keys())
      if (mayCollide(name)) taken.set(collisionKey(name), name)
  return taken
}

function nameRefusal(
  name: string,
  image: MetadataImage,
  taken: ReadonlyMap<string, string>,
): Refusal | null {
  if (name === CLUSTER_METADATA_TOPIC)
    return refusal(ErrorCode.INVALID_REQUEST, `Creation of internal topic ${name} is prohibited.`)
  const problem = topicNameProblem(name)
  if (problem !== null) return refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, problem)
  if (image.topics.has(name))
    return refusal(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  const collision = mayCollide(name) ? taken.get(collisionKey(name)) : undefined
  if (collision === undefined) return null
  return refusal(
    ErrorCode.INVALID_TOPIC_EXCEPTION,
    `Topic '${name}' collides with existing topic: ${collision}`,
  )
}

function planTopic(
  request: NewTopicRequest,
  image: MetadataImage,
  defaults: TopicDefaults,
): PlannedTopic | Refusal {
  // Of an option given twice, the last one counts.
  const configs = new Map(request.configs.map(({ name, value }) => [name, value]))
  const problem = defaults.configProblem(configs)
  if (problem !== null) return refusal(ErrorCode.INVALID_CONFIG, problem)
  const partitions =
    request.assignments.length > 0
      ? plannedByAssignment(request, image.brokerId)
      : plannedByCount(request, defaults)
  if (typeof partitions !== 'number') return partitions
  const set = [...configs].map(([name, value]) => [name, value ?? ''] as const)
  return { partitions, configs: Object.fromEntries(set) }
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
  return numPartitions === -1 ? defaults.partitions : numPartitions
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
  return indexes.size
}

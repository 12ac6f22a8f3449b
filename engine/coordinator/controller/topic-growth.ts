/**
 * May these topics get more partitions? Kafka's checks in Kafka's words (ReplicationControlManager.
 * createPartitions, 4.2). Topics only grow: keys are placed by the number of partitions.
 */
import { ErrorCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { assignmentProblem } from '../../metadata/assignment.ts'
import type { MetadataImage } from '../../metadata/image.ts'
import type { CreatePartitionsRequest } from '../../protocol/37-create-partitions.ts'
import { TOO_MANY_PARTITIONS } from './new-topic.ts'
import { DUPLICATE_NAME, namesTwice, type Refusal, refusal } from './refusal.ts'

type GrowthRequest = CreatePartitionsRequest['topics'][number]

/** One answer per name, in the order asked: how many partitions it shall have, or a refusal. */
export function planGrowth(
  requested: readonly GrowthRequest[],
  image: MetadataImage,
): { readonly name: string; readonly plan: number | Refusal }[] {
  const twice = namesTwice(requested)
  let added = 0
  for (const { name, count } of requested)
    added += Math.max(0, count - (image.topics.get(name)?.partitions.length ?? count))
  const plans = new Map<string, number | Refusal>()
  for (const wanted of requested) {
    const { name, count } = wanted
    if (twice.has(name)) plans.set(name, refusal(ErrorCode.INVALID_REQUEST, DUPLICATE_NAME))
    else if (added > limits.requestPartitionsMax)
      plans.set(name, refusal(ErrorCode.POLICY_VIOLATION, TOO_MANY_PARTITIONS))
    else plans.set(name, growthRefusal(wanted, image) ?? count)
  }
  return [...plans].map(([name, plan]) => ({ name, plan }))
}

function growthRefusal(wanted: GrowthRequest, image: MetadataImage): Refusal | null {
  const { name, count, assignments } = wanted
  const topic = image.topics.get(name)
  if (topic === undefined) return refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, null)
  const existing = topic.partitions.length
  if (count === existing)
    return refusal(ErrorCode.INVALID_PARTITIONS, `Topic already has ${existing} partition(s).`)
  if (count < existing)
    return refusal(
      ErrorCode.INVALID_PARTITIONS,
      `The topic ${name} currently has ${existing} partition(s); ${count} would not be an increase.`,
    )
  if (count > limits.topicPartitionsMax)
    return refusal(
      ErrorCode.INVALID_PARTITIONS,
      `A topic may have at most ${limits.topicPartitionsMax} partitions.`,
    )
  if (assignments === null) return null
  const additional = count - existing
  if (assignments.length !== additional)
    return refusal(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `Attempted to add ${additional} additional partition(s), but only ${assignments.length} ` +
        'assignment(s) were specified.',
    )
  for (const { brokerIds } of assignments) {
    const problem = assignmentProblem(brokerIds, image.brokerId)
    if (problem !== null) return refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, problem)
  }
  return null
}

/**
 * Which topics does a DeleteTopics request name? By name or id, each once: Kafka refuses what comes
 * twice as a whole, in whichever way it was named (ControllerApis.deleteTopics, 4.2).
 */
import { ErrorCode } from '../../base/errors.ts'
import { ZERO_UUID } from '../../base/random.ts'
import type { MetadataImage, TopicImage } from '../../metadata/image.ts'
import type { DeleteTopicsRequest } from '../../protocol/20-delete-topics.ts'
import { DUPLICATE_NAME, type Refusal, refusal } from './refusal.ts'

interface Named {
  readonly name: string | null
  readonly topicId: string
}

export interface RemovalPlan extends Named {
  readonly plan: TopicImage | Refusal
}

export function planRemoval(request: DeleteTopicsRequest, image: MetadataImage): RemovalPlan[] {
  const wanted: readonly Named[] =
    request.topics.length > 0
      ? request.topics
      : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
  const plans = new Map<string, RemovalPlan>()
  for (const named of wanted) {
    const plan = removalOf(named, image)
    const found = 'errorCode' in plan ? named : plan
    const key = `${found.name} ${found.topicId}`
    const before = plans.get(key)
    plans.set(key, before === undefined ? { ...named, plan } : namedTwice(before, named, found))
  }
  return [...plans.values()]
}

function removalOf({ name, topicId }: Named, image: MetadataImage): TopicImage | Refusal {
  const byName = name !== null
  if (byName && topicId !== ZERO_UUID)
    return refusal(ErrorCode.INVALID_REQUEST, 'You may not specify both topic name and topic id.')
  if (!byName && topicId === ZERO_UUID)
    return refusal(ErrorCode.INVALID_REQUEST, 'Neither topic name nor id were specified.')
  const topic = byName ? image.topics.get(name) : image.topicsById.get(topicId)
  if (topic !== undefined) return topic
  if (byName)
    return refusal(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      'This server does not host this topic-partition.',
    )
  return refusal(ErrorCode.UNKNOWN_TOPIC_ID, 'This server does not host this topic ID.')
}

function namedTwice(before: RemovalPlan, again: Named, found: Named): RemovalPlan {
  if (before.name === null && again.name === null)
    return { ...again, plan: refusal(ErrorCode.INVALID_REQUEST, 'Duplicate topic id.') }
  if (before.name !== null && again.name !== null)
    return { ...again, plan: refusal(ErrorCode.INVALID_REQUEST, DUPLICATE_NAME) }
  return {
    name: found.name,
    topicId: found.topicId,
    plan: refusal(
      ErrorCode.INVALID_REQUEST,
      'The provided topic name maps to an ID that was already supplied.',
    ),
  }
}

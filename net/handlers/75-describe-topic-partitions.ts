/**
 * DescribeTopicPartitions, v0 (KIP-966). Topics in order of name, in pages: at most
 * max.request.partition.size.limit partitions, then a cursor for the next page.
 *
 * differs from Kafka: unknown and illegal names are answered each by itself, where Kafka 4.2 fails the
 * whole request on an empty or illegal name.
 */
import { ApiError, ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import type { MetadataImage, TopicImage } from '../../engine/metadata/image.ts'
import { isInternalTopic, topicNameProblem } from '../../engine/metadata/topic-name.ts'
import {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
} from '../../engine/protocol/75-describe-topic-partitions.ts'
import type { Handler } from '../handler.ts'
import { OPERATIONS_NOT_ASKED, partitionAnswers, TOPIC_OPERATIONS } from './topic-answers.ts'

type TopicAnswer = DescribeTopicPartitionsResponse['topics'][number]

export const describeTopicPartitions: Handler<
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse
> = {
  apiKey: 75,
  versions: [0, 0],
  pipelined: false,
  request: DescribeTopicPartitionsRequest,
  response: DescribeTopicPartitionsResponse,
  handle(context, request) {
    const image = context.router.image()
    const limit = Math.max(
      1,
      Math.min(request.responsePartitionLimit, context.config.maxRequestPartitionSizeLimit),
    )
    checkCursor(request)
    const page = pageOf(request, image, limit)
    return { throttleTimeMs: 0, ...page }
  },
  failed: (request, errorCode) => ({
    throttleTimeMs: 0,
    topics: request.topics.map(({ name }) => failedTopic(name, errorCode)),
    nextCursor: null,
  }),
}

function checkCursor({ cursor, topics }: DescribeTopicPartitionsRequest): void {
  if (cursor === null) return
  if (topics.length > 0 && !topics.some(({ name }) => name === cursor.topicName))
    throw new ApiError(
      ErrorCode.INVALID_REQUEST,
      `the list of topics does not contain the topic of the cursor, ${cursor.topicName}`,
    )
  if (cursor.partitionIndex < 0)
    throw new ApiError(
      ErrorCode.INVALID_REQUEST,
      `the cursor's partition is ${cursor.partitionIndex}`,
    )
}

function pageOf(request: DescribeTopicPartitionsRequest, image: MetadataImage, limit: number) {
  const from = request.cursor
  const wanted =
    request.topics.length > 0
      ? [...new Set(request.topics.map(({ name }) => name))]
      : [...image.topics.keys()]
  const names = wanted.filter((name) => from === null || name >= from.topicName).sort()
  const topics: TopicAnswer[] = []
  let left = limit
  for (const name of names) {
    const start = from?.topicName === name ? from.partitionIndex : 0
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: start } }
    const topic = image.topics.get(name)
    if (topic === undefined) {
      topics.push(unknownTopic(name))
      continue
    }
    const end = Math.min(topic.partitions.length, start + left)
    topics.push(describe(topic, image, start, end))
    left -= end - start
    if (end < topic.partitions.length)
      return { topics, nextCursor: { topicName: name, partitionIndex: end } }
  }
  return { topics, nextCursor: null }
}

function describe(
  topic: TopicImage,
  image: MetadataImage,
  start: number,
  end: number,
): TopicAnswer {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: topic.internal,
    partitions: partitionAnswers(topic, image)
      .slice(start, end)
      // Who is offline alone would lead again without loss: the eligible leader of KIP-966.
      .map((partition) => ({
        ...partition,
        eligibleLeaderReplicas: partition.offlineReplicas,
        lastKnownElr: partition.offlineReplicas,
      })),
    topicAuthorizedOperations: TOPIC_OPERATIONS,
  }
}

function unknownTopic(name: string): TopicAnswer {
  return failedTopic(
    name,
    topicNameProblem(name) === null
      ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      : ErrorCode.INVALID_TOPIC_EXCEPTION,
  )
}

function failedTopic(name: string, errorCode: number): TopicAnswer {
  return {
    errorCode,
    name,
    topicId: ZERO_UUID,
    isInternal: isInternalTopic(name),
    partitions: [],
    topicAuthorizedOperations: OPERATIONS_NOT_ASKED,
  }
}

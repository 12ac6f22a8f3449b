/**
 * Metadata, v0–v13. v0 an empty list means all topics, v1+ null does; v4 the client says whether
 * topics may be created, v7 leader epochs, v10 topic ids out, v12 look-up by id, v13 an error at the
 * top. Brokers are told under the address of the listener the request came in on.
 *
 * differs from Kafka: an auto-created topic is answered complete in the first reply, where Kafka
 * answers an error and lets the client ask again.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import type { MetadataImage, TopicImage } from '../../engine/metadata/image.ts'
import { isInternalTopic, topicNameProblem } from '../../engine/metadata/topic-name.ts'
import { MetadataRequest, MetadataResponse } from '../../engine/protocol/03-metadata.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import type { Handler, RequestContext } from '../handler.ts'
import { forwardControl } from './forward-control.ts'
import {
  CLUSTER_OPERATIONS,
  OPERATIONS_NOT_ASKED,
  partitionAnswers,
  TOPIC_OPERATIONS,
} from './topic-answers.ts'

const NAME_ALLOWS_AUTO_CREATE = 4
/** Version of the request that asks shard 0 to create a topic with the broker's defaults. */
const CREATE_TOPICS_VERSION = 7
const AUTO_CREATE_TIMEOUT_MS = 30_000

type TopicAnswer = MetadataResponse['topics'][number]

export const metadata: Handler<MetadataRequest, MetadataResponse> = {
  apiKey: 3,
  versions: [0, 13],
  pipelined: false,
  request: MetadataRequest,
  response: MetadataResponse,
  handle,
}

async function handle(
  context: RequestContext,
  request: MetadataRequest,
): Promise<MetadataResponse> {
  const { apiVersion, router, connection } = context
  const wantsAll = request.topics === null || (apiVersion === 0 && request.topics.length === 0)
  if (!wantsAll && mayCreate(context, request)) await createMissing(context, request)
  const image = router.image()
  const operations = request.includeTopicAuthorizedOperations
    ? TOPIC_OPERATIONS
    : OPERATIONS_NOT_ASKED
  const topics = wantsAll
    ? [...image.topics.values()].map((topic) => answerOf(topic, image, operations))
    : (request.topics ?? []).map((wanted) => lookUp(wanted, image, operations, apiVersion))
  const { host, port } = connection.advertised
  return {
    throttleTimeMs: 0,
    brokers: [{ nodeId: image.brokerId, host, port, rack: context.config.brokerRack }],
    clusterId: image.clusterId,
    controllerId: image.brokerId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? CLUSTER_OPERATIONS
      : OPERATIONS_NOT_ASKED,
    errorCode: ErrorCode.NONE,
  }
}

function mayCreate(context: RequestContext, request: MetadataRequest): boolean {
  const allowed = context.apiVersion < NAME_ALLOWS_AUTO_CREATE || request.allowAutoTopicCreation
  return allowed && context.config.autoCreateTopicsEnable
}

/** Failures show in the answer as the topic still being unknown. */
async function createMissing(context: RequestContext, request: MetadataRequest): Promise<void> {
  const known = context.router.image().topics
  const missing = new Set<string>()
  for (const { name } of request.topics ?? [])
    if (name !== null && name !== '' && !known.has(name) && topicNameProblem(name) === null)
      missing.add(name)
  if (missing.size === 0) return
  await forwardControl(
    context,
    CreateTopicsRequest,
    CreateTopicsResponse,
    {
      topics: [...missing].map((name) => ({
        name,
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [],
        configs: [],
      })),
      timeoutMs: AUTO_CREATE_TIMEOUT_MS,
      validateOnly: false,
    },
    CREATE_TOPICS_VERSION,
  )
}

function lookUp(
  wanted: { readonly name: string | null; readonly topicId: string },
  image: MetadataImage,
  operations: number,
  apiVersion: number,
): TopicAnswer {
  const { name, topicId } = wanted
  if (name === null || name === '') {
    const topic = topicId === ZERO_UUID ? undefined : image.topicsById.get(topicId)
    if (topic !== undefined) return answerOf(topic, image, operations)
    if (topicId !== ZERO_UUID)
      return unknown(apiVersion >= 12 ? null : '', topicId, ErrorCode.UNKNOWN_TOPIC_ID)
  }
  const topic = image.topics.get(name ?? '')
  if (topic !== undefined) return answerOf(topic, image, operations)
  const errorCode =
    topicNameProblem(name ?? '') === null
      ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      : ErrorCode.INVALID_TOPIC_EXCEPTION
  return unknown(name ?? '', ZERO_UUID, errorCode)
}

function unknown(name: string | null, topicId: string, errorCode: number): TopicAnswer {
  return {
    errorCode,
    name,
    topicId,
    isInternal: name !== null && isInternalTopic(name),
    partitions: [],
    topicAuthorizedOperations: OPERATIONS_NOT_ASKED,
  }
}

function answerOf(topic: TopicImage, image: MetadataImage, operations: number): TopicAnswer {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: topic.internal,
    partitions: partitionAnswers(topic, image.brokerId),
    topicAuthorizedOperations: operations,
  }
}

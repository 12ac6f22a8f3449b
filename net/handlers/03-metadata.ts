/**
 * Metadata, v0–v13. v0 an empty list means all topics, v1+ null does; v4 the client says whether
 * topics may be created, v7 leader epochs, v10 topic ids out, v12 look-up by id, v13 an error at the
 * top. Brokers are told under the address of the listener the request came in on.
 *
 * A topic that comes into being by being asked for is still unknown in that answer, as Kafka has it:
 * clients ask again, and some rely on it (a topic they just deleted has no partitions).
 *
 * differs from Kafka: a topic that a request creates is there by the time of its answer, where Kafka's
 * may be on its way. Ids and names may be mixed in one request; a topic asked for twice is answered once.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import type { MetadataImage, TopicImage } from '../../engine/metadata/image.ts'
import {
  GROUP_METADATA_TOPIC,
  isInternalTopic,
  topicNameProblem,
} from '../../engine/metadata/topic-name.ts'
import { MetadataRequest, MetadataResponse } from '../../engine/protocol/03-metadata.ts'
import type { Handler, RequestContext } from '../handler.ts'
import { createWithDefaults } from './forward-control.ts'
import {
  CLUSTER_OPERATIONS,
  OPERATIONS_NOT_ASKED,
  partitionAnswers,
  TOPIC_OPERATIONS,
} from './topic-answers.ts'

/** First version whose request says whether topics may be created. */
const ALLOWS_AUTO_CREATE = 4
/** First version in which an answer may come without a name. */
const NULL_NAME = 12

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
  const image = router.image()
  if (!wantsAll && mayCreate(context, request)) await createMissing(context, request)
  const operations = request.includeTopicAuthorizedOperations
    ? TOPIC_OPERATIONS
    : OPERATIONS_NOT_ASKED
  const topics = wantsAll
    ? [...image.topics.values()].map((topic) => answerOf(topic, image, operations))
    : lookUpAll(request.topics ?? [], image, operations, apiVersion)
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
  const allowed = context.apiVersion < ALLOWS_AUTO_CREATE || request.allowAutoTopicCreation
  return allowed && context.config.autoCreateTopicsEnable
}

/** Of the broker's own topics only those in use: the others would get the wrong size. */
function mayAppear(name: string): boolean {
  return (
    topicNameProblem(name) === null && (name === GROUP_METADATA_TOPIC || !isInternalTopic(name))
  )
}

/** What was not created is unknown to the next request too. */
async function createMissing(context: RequestContext, request: MetadataRequest): Promise<void> {
  const known = context.router.image().topics
  const missing = new Set<string>()
  for (const { name, topicId } of request.topics ?? [])
    if (topicId === ZERO_UUID && name !== null && !known.has(name) && mayAppear(name))
      missing.add(name)
  if (missing.size === 0) return
  try {
    await createWithDefaults(context, [...missing])
  } catch (error) {
    context.logger.warn(`topics asked for by ${context.clientId} were not created: ${error}`)
  }
}

interface Wanted {
  readonly name: string | null
  readonly topicId: string
}

function lookUpAll(
  wanted: readonly Wanted[],
  image: MetadataImage,
  operations: number,
  apiVersion: number,
): TopicAnswer[] {
  const answers = new Map<string, TopicAnswer>()
  for (const each of wanted) {
    const answer = lookUp(each, image, operations, apiVersion)
    answers.set(`${answer.name} ${answer.topicId}`, answer)
  }
  return [...answers.values()]
}

/** By id where there is one, as Kafka does. */
function lookUp(
  wanted: Wanted,
  image: MetadataImage,
  operations: number,
  apiVersion: number,
): TopicAnswer {
  const { name, topicId } = wanted
  if (topicId !== ZERO_UUID) {
    const topic = image.topicsById.get(topicId)
    if (topic !== undefined) return answerOf(topic, image, operations)
    return unknown(apiVersion >= NULL_NAME ? null : '', topicId, ErrorCode.UNKNOWN_TOPIC_ID)
  }
  const topic = image.topics.get(name ?? '')
  if (topic !== undefined) return answerOf(topic, image, operations)
  const errorCode =
    topicNameProblem(name ?? '') === null
      ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      : ErrorCode.INVALID_TOPIC_EXCEPTION
  return { ...unknown(name ?? '', ZERO_UUID, errorCode), topicAuthorizedOperations: operations }
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
    partitions: partitionAnswers(topic, image),
    topicAuthorizedOperations: operations,
  }
}

/**
 * The requests that run on shard 0 (ShardCalls.control): decoded here, run by the controller, encoded
 * here, whichever shard's connection they came by. Internal and auto-created topics come in as
 * CreateTopics too, so that there is one way to change control state.
 */
import { ApiError, ErrorCode } from '../../base/errors.ts'
import { isInternalTopic } from '../../metadata/topic-name.ts'
import type { CreateTopicsRequest } from '../../protocol/19-create-topics.ts'
import type { DeleteTopicsRequest } from '../../protocol/20-delete-topics.ts'
import type { AlterConfigsRequest } from '../../protocol/33-alter-configs.ts'
import type { CreatePartitionsRequest } from '../../protocol/37-create-partitions.ts'
import type { IncrementalAlterConfigsRequest } from '../../protocol/44-incremental-alter-configs.ts'
import type { AlterClientQuotasRequest } from '../../protocol/49-alter-client-quotas.ts'
import type { UpdateFeaturesRequest } from '../../protocol/57-update-features.ts'
import { apis } from '../../protocol/index.ts'
import { decoderFor, encoderFor } from '../../schema/codec.ts'
import { Reader } from '../../schema/reader.ts'
import { Writer } from '../../schema/writer.ts'
import { ConfigOperation, type ResourceChanges } from './config-changes.ts'
import type { Controller, CreatedTopic } from './controller.ts'
import { type MutationQuota, type MutationQuotas, UNLIMITED } from './mutation-quota.ts'

interface ControlRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly clientId: string | null
  readonly body: Buffer
}

const CREATE_TOPICS = 19
const DELETE_TOPICS = 20
const ALTER_CONFIGS = 33
const CREATE_PARTITIONS = 37
const INCREMENTAL_ALTER_CONFIGS = 44
const ALTER_CLIENT_QUOTAS = 49
const UPDATE_FEATURES = 57
const REPLICATION_FACTOR = 1

/** What CreateTopics v5 and later tell of a topic's options. */
export type DescribeTopicConfigs = (configs: ReadonlyMap<string, string>) => readonly {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
}[]

/** Runs one control request; resolves with the encoded response body. `mutations` null: no quotas. */
export async function runControlRequest(
  controller: Controller,
  describeConfigs: DescribeTopicConfigs,
  request: ControlRequest,
  mutations: MutationQuotas | null = null,
): Promise<Buffer> {
  const { apiKey, apiVersion } = request
  const api = apis.get(apiKey)
  if (api === undefined)
    throw new ApiError(ErrorCode.INVALID_REQUEST, `API key ${apiKey} is no control request`)
  const decoded: unknown = decoderFor(api.request, apiVersion)(new Reader(request.body))
  const quota = mutations?.of(controller.image.clientQuotas, request) ?? UNLIMITED
  const response = await respond(controller, describeConfigs, apiKey, decoded, quota)
  const throttleTimeMs = quota.throttleMs()
  const told = throttleTimeMs > 0 ? { ...response, throttleTimeMs } : response
  const writer = new Writer()
  encoderFor(api.response, apiVersion)(writer, told as never)
  return writer.take()
}

async function respond(
  controller: Controller,
  describeConfigs: DescribeTopicConfigs,
  apiKey: number,
  request: unknown,
  quota: MutationQuota,
): Promise<object> {
  switch (apiKey) {
    case CREATE_TOPICS:
      return createTopics(controller, describeConfigs, request as CreateTopicsRequest, quota)
    case DELETE_TOPICS:
      return { responses: await controller.deleteTopics(request as DeleteTopicsRequest, quota) }
    case CREATE_PARTITIONS:
      return {
        results: await controller.createPartitions(request as CreatePartitionsRequest, quota),
      }
    case ALTER_CONFIGS:
      return alterConfigs(controller, replacements(request as AlterConfigsRequest))
    case INCREMENTAL_ALTER_CONFIGS:
      return alterConfigs(controller, increments(request as IncrementalAlterConfigsRequest))
    case ALTER_CLIENT_QUOTAS:
      return { entries: await controller.alterClientQuotas(request as AlterClientQuotasRequest) }
    case UPDATE_FEATURES:
      return updateFeatures(controller, request as UpdateFeaturesRequest)
    default:
      throw new ApiError(ErrorCode.INVALID_REQUEST, `API key ${apiKey} is no control request`)
  }
}

async function createTopics(
  controller: Controller,
  describeConfigs: DescribeTopicConfigs,
  request: CreateTopicsRequest,
  quota: MutationQuota,
): Promise<object> {
  // The broker's own topics have their own counts and options, unless an operator names others.
  const own = request.topics.filter(
    ({ name, numPartitions, assignments, configs }) =>
      isInternalTopic(name) &&
      numPartitions === -1 &&
      assignments.length === 0 &&
      configs.length === 0 &&
      !controller.image.topics.has(name),
  )
  const created: CreatedTopic[] = []
  if (!request.validateOnly)
    for (const { name } of own) {
      const topic = await controller.ensureInternalTopic(name)
      if (topic !== null)
        created.push({ name, topic, errorCode: ErrorCode.NONE, errorMessage: null })
    }
  const done = new Set(created.map(({ name }) => name))
  const topics = request.topics.filter(({ name }) => !done.has(name))
  if (topics.length > 0)
    created.push(...(await controller.createTopics({ ...request, topics }, quota)))
  return { topics: created.map((topic) => answerFor(topic, describeConfigs)) }
}

function answerFor(created: CreatedTopic, describeConfigs: DescribeTopicConfigs): object {
  const { name, topic, errorCode, errorMessage } = created
  if (topic === null) return { name, errorCode, errorMessage, configs: [] }
  return {
    name,
    topicId: topic.topicId,
    errorCode,
    errorMessage,
    numPartitions: topic.partitions.length,
    replicationFactor: REPLICATION_FACTOR,
    configs: describeConfigs(topic.configs),
  }
}

interface Alterations {
  readonly resources: readonly ResourceChanges[]
  readonly validateOnly: boolean
}

function replacements({ resources, validateOnly }: AlterConfigsRequest): Alterations {
  const set = resources.map((resource) => ({
    ...resource,
    replaces: true,
    configs: resource.configs.map((config) => ({
      ...config,
      configOperation: ConfigOperation.set,
    })),
  }))
  return { resources: set, validateOnly }
}

function increments({ resources, validateOnly }: IncrementalAlterConfigsRequest): Alterations {
  return { resources: resources.map((one) => ({ ...one, replaces: false })), validateOnly }
}

async function alterConfigs(
  controller: Controller,
  { resources, validateOnly }: Alterations,
): Promise<object> {
  const answers = await controller.alterConfigs(resources, validateOnly)
  return {
    responses: resources.map(({ resourceType, resourceName }, index) => ({
      ...answers[index],
      resourceType,
      resourceName,
    })),
  }
}

/** Up to version 1, success is told feature by feature. */
async function updateFeatures(
  controller: Controller,
  request: UpdateFeaturesRequest,
): Promise<object> {
  const answer = await controller.updateFeatures(request)
  const features = new Set(request.featureUpdates.map(({ feature }) => feature))
  const results = [...features].map((feature) => ({
    feature,
    errorCode: ErrorCode.NONE,
    errorMessage: 'NONE',
  }))
  return { ...answer, results: answer.errorCode === ErrorCode.NONE ? results : [] }
}

/**
 * DescribeConfigs, v1–v4. v1 sources and synonyms, v3 types and documentation, v4 flexible. Answered
 * from the configuration and the image of the shard that was asked. A broker's name is its number; the
 * empty name stands for what was set for all brokers at once.
 *
 * differs from Kafka: there are no loggers to set; topics and brokers list sluice's own options too; a
 * resource of unknown type is refused by itself and not with all others.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  type BrokerSettings,
  brokerConfigEntries,
  type ConfigEntry,
  clientMetricsConfigEntries,
  clusterConfigEntries,
  groupConfigEntries,
  topicConfigEntries,
} from '../../engine/metadata/config-entries.ts'
import { topicNameProblem } from '../../engine/metadata/topic-name.ts'
import {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../../engine/protocol/32-describe-configs.ts'
import type { Handler, RequestContext } from '../handler.ts'

const TOPIC = 2
const BROKER = 4
const BROKER_LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32

type Resource = DescribeConfigsRequest['resources'][number]
type Refusal = { readonly errorCode: number; readonly errorMessage: string }

export const describeConfigs: Handler<DescribeConfigsRequest, DescribeConfigsResponse> = {
  apiKey: 32,
  versions: [1, 4],
  pipelined: false,
  request: DescribeConfigsRequest,
  response: DescribeConfigsResponse,
  handle: (context, request) => ({
    throttleTimeMs: 0,
    results: request.resources.map((resource) => {
      const { resourceType, resourceName } = resource
      const found = entriesOf(context, resource)
      if ('errorCode' in found) return { ...found, resourceType, resourceName, configs: [] }
      const configs = asked(found, resource.configurationKeys).map((entry) => ({
        ...entry,
        synonyms: request.includeSynonyms ? entry.synonyms : [],
        documentation: request.includeDocumentation ? entry.documentation : null,
      }))
      return {
        errorCode: ErrorCode.NONE as number,
        errorMessage: '',
        resourceType,
        resourceName,
        configs,
      }
    }),
  }),
  failed: (request, errorCode, errorMessage) => ({
    throttleTimeMs: 0,
    results: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
}

function asked(entries: readonly ConfigEntry[], names: readonly string[] | null): ConfigEntry[] {
  if (names === null) return [...entries]
  const wanted = new Set(names)
  return entries.filter(({ name }) => wanted.has(name))
}

function entriesOf(context: RequestContext, resource: Resource): ConfigEntry[] | Refusal {
  const { resourceType, resourceName: name } = resource
  const image = context.router.image()
  const settings = { config: context.config, dynamic: image.dynamicConfigs }
  switch (resourceType) {
    case TOPIC: {
      const problem = topicNameProblem(name)
      if (problem !== null) return refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, problem)
      const topic = image.topics.get(name)
      if (topic === undefined) return refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, '')
      return topicConfigEntries(settings, topic.configs)
    }
    case BROKER:
      return brokerEntries(settings, image.brokerId, name)
    case BROKER_LOGGER:
      return loggerEntries(image.brokerId, name)
    case CLIENT_METRICS:
      return name === ''
        ? invalid('Client metrics subscription name must not be empty')
        : clientMetricsConfigEntries(image.clientMetrics.get(name))
    case GROUP:
      return name === ''
        ? invalid('Group name must not be empty')
        : groupConfigEntries(context.config, image.groupConfigs.get(name))
    default:
      return invalid(`Unexpected resource type ${resourceType} for resource ${name}`)
  }
}

function brokerEntries(
  settings: BrokerSettings,
  brokerId: number,
  name: string,
): ConfigEntry[] | Refusal {
  if (name === '') return clusterConfigEntries(settings)
  const named = brokerIdOf(name)
  if (typeof named !== 'number') return named
  if (named === brokerId) return brokerConfigEntries(settings)
  return invalid(`Unexpected broker id, expected ${brokerId} or empty string, but received ${name}`)
}

function loggerEntries(brokerId: number, name: string): ConfigEntry[] | Refusal {
  if (name === '') return invalid('Broker id must not be empty')
  const named = brokerIdOf(name)
  if (typeof named !== 'number') return named
  if (named === brokerId) return []
  return invalid(`Unexpected broker id, expected ${brokerId} but received ${name}`)
}

function brokerIdOf(name: string): number | Refusal {
  if (/^[+-]?\d+$/.test(name)) return Number(name)
  return invalid(`Broker id must be an integer, but it is: ${name}`)
}

function invalid(errorMessage: string): Refusal {
  return refusal(ErrorCode.INVALID_REQUEST, errorMessage)
}

function refusal(errorCode: number, errorMessage: string): Refusal {
  return { errorCode, errorMessage }
}

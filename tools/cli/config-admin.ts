/**
 * Options of topics, brokers, groups and client metrics over the own client: what `sluice config`,
 * kafka-configs and kafka-reassign-partitions share.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import type { ConfigResourceType } from '../../engine/metadata/config-resource.ts'
import {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../../engine/protocol/32-describe-configs.ts'
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../../engine/protocol/44-incremental-alter-configs.ts'
import {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from '../../engine/protocol/74-list-config-resources.ts'
import type { Infer } from '../../engine/schema/fields.ts'
import type { Client } from '../../net/client/client.ts'
import type { ClientConnection } from '../../net/client/client-connection.ts'
import { RequestFailed } from '../../net/client/client-errors.ts'

/** Where a value comes from (DescribeConfigsResponse.ConfigSource). */
export const ConfigSource = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
  brokerLogger: 6,
  clientMetrics: 7,
  group: 8,
} as const

/** By number, as Kafka's tools write them. */
export const CONFIG_SOURCE_NAMES: readonly string[] = [
  'UNKNOWN',
  'DYNAMIC_TOPIC_CONFIG',
  'DYNAMIC_BROKER_CONFIG',
  'DYNAMIC_DEFAULT_BROKER_CONFIG',
  'STATIC_BROKER_CONFIG',
  'DEFAULT_CONFIG',
  'DYNAMIC_BROKER_LOGGER_CONFIG',
  'DYNAMIC_CLIENT_METRICS_CONFIG',
  'DYNAMIC_GROUP_CONFIG',
]

/** By number (DescribeConfigsResponse.ConfigType). */
export const CONFIG_TYPE_NAMES: readonly string[] = [
  ...['unknown', 'boolean', 'string', 'int', 'short', 'long', 'double', 'list', 'class'],
  'password',
]

export type ResourceType = (typeof ConfigResourceType)[keyof typeof ConfigResourceType]

/** The empty name of a broker stands for all brokers. */
export interface ConfigResource {
  readonly type: ResourceType
  readonly name: string
}

export type ConfigValue = Infer<
  typeof DescribeConfigsResponse
>['results'][number]['configs'][number]

/** All options of a resource in the broker's order; throws RequestFailed with the broker's words. */
export async function describeConfigs(
  client: Client,
  resource: ConfigResource,
  includeDocumentation = false,
): Promise<readonly ConfigValue[]> {
  const connection = await brokerFor(client, resource)
  const answer = await connection.send(DescribeConfigsRequest, DescribeConfigsResponse, {
    resources: [
      { resourceType: resource.type, resourceName: resource.name, configurationKeys: null },
    ],
    includeSynonyms: true,
    ...(connection.versionOf(DescribeConfigsRequest) >= 3 ? { includeDocumentation } : {}),
  })
  const [result] = answer.results
  if (result === undefined)
    throw new RequestFailed(ErrorCode.UNKNOWN_SERVER_ERROR, 'the answer leaves the resource out')
  throwIf(result)
  return result.configs
}

/** Sets options, or deletes those whose value is null: all of them, or none and RequestFailed. */
export async function alterConfigs(
  client: Client,
  resource: ConfigResource,
  changes: Iterable<readonly [name: string, value: string | null]>,
): Promise<void> {
  const connection = await brokerFor(client, resource)
  await alterConfigsAt(connection, resource, changes)
}

const SET = 0
const DELETE = 1

/** The same, at a connection the caller chose, as to a controller. */
export async function alterConfigsAt(
  connection: ClientConnection,
  resource: ConfigResource,
  changes: Iterable<readonly [name: string, value: string | null]>,
): Promise<void> {
  const answer = await connection.send(
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    {
      resources: [
        {
          resourceType: resource.type,
          resourceName: resource.name,
          configs: [...changes].map(([name, value]) => ({
            name,
            configOperation: value === null ? DELETE : SET,
            value,
          })),
        },
      ],
      validateOnly: false,
    },
  )
  for (const response of answer.responses) throwIf(response)
}

/** Names of the resources of a type that have options of their own. */
export async function listConfigResources(client: Client, type: ResourceType): Promise<string[]> {
  const connection = await client.anyBroker()
  const version = connection.versionOf(ListConfigResourcesRequest)
  const answer = await connection.send(
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
    version >= 1 ? { resourceTypes: [type] } : {},
  )
  throwIf({ errorCode: answer.errorCode, errorMessage: null })
  return answer.configResources
    .filter(({ resourceType }) => resourceType === type)
    .map(({ resourceName }) => resourceName)
}

const BROKER: ResourceType = 4
const BROKER_LOGGER: ResourceType = 8

/** A broker answers for itself; anybody for the rest. */
function brokerFor(client: Client, { type, name }: ConfigResource): Promise<ClientConnection> {
  const itself = (type === BROKER || type === BROKER_LOGGER) && /^\d+$/.test(name)
  return itself ? client.broker(Number(name)) : client.anyBroker()
}

function throwIf(result: {
  readonly errorCode: number
  readonly errorMessage: string | null
}): void {
  if (result.errorCode !== ErrorCode.NONE)
    throw new RequestFailed(result.errorCode, result.errorMessage)
}

/** Topic administration over the own client: what `sluice topic` and `kafka-topics` share. */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../../engine/protocol/20-delete-topics.ts'
import {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
} from '../../engine/protocol/32-describe-configs.ts'
import {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../../engine/protocol/37-create-partitions.ts'
import type { Client, TopicMetadata } from '../../net/client/client.ts'
import { RequestFailed } from '../../net/client/client-errors.ts'
import { ConfigSource } from './config-admin.ts'

const TOPIC_RESOURCE = 2
const CHANGE_TIMEOUT_MS = 30_000

export interface TopicConfig {
  readonly name: string
  readonly value: string
  /** A ConfigSource, or another of Kafka's numbers. */
  readonly source: number
}

export interface NewTopic {
  readonly name: string
  /** -1 = the broker's default. */
  readonly partitions: number
  readonly replicationFactor: number
  readonly configs: ReadonlyMap<string, string>
  /** Replicas per partition, chosen by hand. */
  readonly assignments?: readonly (readonly number[])[]
}

export interface TopicDescription {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  readonly partitions: TopicMetadata['partitions']
  /** Options that are not Kafka's defaults, in the broker's order. */
  readonly configs: readonly TopicConfig[]
}

/** Creates one topic; throws RequestFailed with the broker's words. */
export async function createTopic(client: Client, topic: NewTopic): Promise<void> {
  const answer = await client.sendToController(CreateTopicsRequest, CreateTopicsResponse, {
    topics: [
      {
        name: topic.name,
        numPartitions: topic.assignments === undefined ? topic.partitions : -1,
        replicationFactor: topic.assignments === undefined ? topic.replicationFactor : -1,
        assignments: (topic.assignments ?? []).map((brokerIds, partitionIndex) => ({
          partitionIndex,
          brokerIds: [...brokerIds],
        })),
        configs: [...topic.configs].map(([name, value]) => ({ name, value })),
      },
    ],
    timeoutMs: CHANGE_TIMEOUT_MS,
  })
  throwFirst(answer.topics)
}

export async function deleteTopic(client: Client, name: string): Promise<void> {
  const answer = await client.sendToController(DeleteTopicsRequest, DeleteTopicsResponse, {
    topics: [{ name, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    timeoutMs: CHANGE_TIMEOUT_MS,
  })
  throwFirst(answer.responses)
}

export async function createPartitions(client: Client, name: string, count: number): Promise<void> {
  const answer = await client.sendToController(CreatePartitionsRequest, CreatePartitionsResponse, {
    topics: [{ name, count, assignments: null }],
    timeoutMs: CHANGE_TIMEOUT_MS,
    validateOnly: false,
  })
  throwFirst(answer.results)
}

/** All topics by name, internal ones included. */
export async function listTopics(client: Client): Promise<TopicMetadata[]> {
  const { topics } = await client.metadata(null)
  return [...topics].sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))
}

export async function describeTopics(
  client: Client,
  topics: readonly TopicMetadata[],
): Promise<TopicDescription[]> {
  if (topics.length === 0) return []
  const answer = await client.send(DescribeConfigsRequest, DescribeConfigsResponse, {
    resources: topics.map(({ name }) => ({
      resourceType: TOPIC_RESOURCE,
      resourceName: name ?? '',
      configurationKeys: null,
    })),
  })
  const results = new Map(answer.results.map((result) => [result.resourceName, result]))
  return topics.map((topic) => {
    const configs = (results.get(topic.name ?? '')?.configs ?? [])
      .filter(({ configSource }) => configSource !== ConfigSource.default)
      .map(({ name, value, configSource }) => ({
        name,
        value: value ?? '',
        source: configSource,
      }))
    return {
      name: topic.name ?? '',
      topicId: topic.topicId,
      internal: topic.isInternal,
      partitions: [...topic.partitions].sort((a, b) => a.partitionIndex - b.partitionIndex),
      configs,
    }
  })
}

function throwFirst(results: readonly { errorCode: number; errorMessage: string | null }[]): void {
  const bad = results.find(({ errorCode }) => errorCode !== ErrorCode.NONE)
  if (bad !== undefined) throw new RequestFailed(bad.errorCode, bad.errorMessage)
}

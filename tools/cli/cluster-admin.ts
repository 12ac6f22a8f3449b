/** The cluster as a whole over the own client: what `sluice cluster` and Kafka's tools share. */
import { ErrorCode } from '../../engine/base/errors.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../engine/protocol/16-list-groups.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../engine/protocol/18-api-versions.ts'
import {
  DescribeQuorumRequest,
  DescribeQuorumResponse,
} from '../../engine/protocol/55-describe-quorum.ts'
import {
  UpdateFeaturesRequest,
  UpdateFeaturesResponse,
} from '../../engine/protocol/57-update-features.ts'
import {
  DescribeClusterRequest,
  DescribeClusterResponse,
} from '../../engine/protocol/60-describe-cluster.ts'
import {
  UnregisterBrokerRequest,
  UnregisterBrokerResponse,
} from '../../engine/protocol/64-unregister-broker.ts'
import type { Infer } from '../../engine/schema/fields.ts'
import type { Client } from '../../net/client/client.ts'
import type { ClientConnection } from '../../net/client/client-connection.ts'
import { RequestFailed } from '../../net/client/client-errors.ts'

export type ClusterDescription = Infer<typeof DescribeClusterResponse>

/** Who the addresses given are: brokers, or controllers of a KRaft quorum. */
export const EndpointType = { broker: 1, controller: 2 } as const

const METADATA_TOPIC = '__cluster_metadata'
const CHANGE_TIMEOUT_MS = 60_000

export async function describeCluster(
  client: Client,
  endpointType: number = EndpointType.broker,
  includeFencedBrokers = false,
): Promise<ClusterDescription> {
  const connection = await client.anyBroker()
  const version = connection.versionOf(DescribeClusterRequest)
  const answer = await connection.send(DescribeClusterRequest, DescribeClusterResponse, {
    includeClusterAuthorizedOperations: false,
    endpointType: version >= 1 ? endpointType : EndpointType.broker,
    ...(version >= 2 ? { includeFencedBrokers } : {}),
  })
  failOn(answer.errorCode, answer.errorMessage)
  return answer
}

export async function unregisterBroker(client: Client, brokerId: number): Promise<void> {
  const answer = await client.send(UnregisterBrokerRequest, UnregisterBrokerResponse, { brokerId })
  failOn(answer.errorCode, answer.errorMessage)
}

export interface Feature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** Null: not finalized. */
  readonly finalizedLevel: number | null
}

export interface Features {
  /** -1: not known. */
  readonly epoch: number
  /** By name. */
  readonly features: readonly Feature[]
}

export async function describeFeatures(client: Client): Promise<Features> {
  const answer = await apiVersions(await client.anyBroker())
  const levels = new Map(
    answer.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]),
  )
  const features = answer.supportedFeatures
    .map(({ name, minVersion, maxVersion }) => ({
      name,
      minVersion,
      maxVersion,
      finalizedLevel: levels.get(name) ?? null,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return { epoch: answer.finalizedFeaturesEpoch, features }
}

/** What a broker announces about itself. */
export async function apiVersions(
  connection: ClientConnection,
): Promise<Infer<typeof ApiVersionsResponse>> {
  const answer = await connection.send(ApiVersionsRequest, ApiVersionsResponse, {
    clientSoftwareName: 'sluice',
    clientSoftwareVersion: '0.1.0',
  })
  failOn(answer.errorCode, null)
  return answer
}

export const UpgradeType = { upgrade: 1, safeDowngrade: 2, unsafeDowngrade: 3 } as const

/** Null when all were changed, else why none (or, with old brokers, by feature). */
export async function updateFeatures(
  client: Client,
  levels: ReadonlyMap<string, number>,
  upgradeType: number,
  validateOnly: boolean,
): Promise<ReadonlyMap<string, string>> {
  const answer = await client.send(UpdateFeaturesRequest, UpdateFeaturesResponse, {
    timeoutMs: CHANGE_TIMEOUT_MS,
    featureUpdates: [...levels].map(([feature, maxVersionLevel]) => ({
      feature,
      maxVersionLevel,
      upgradeType,
    })),
    validateOnly,
  })
  const failures = new Map<string, string>()
  if (answer.errorCode !== 0) {
    const { message } = new RequestFailed(answer.errorCode, answer.errorMessage)
    for (const feature of levels.keys()) failures.set(feature, message)
  }
  for (const { feature, errorCode, errorMessage } of answer.results)
    if (errorCode !== 0) failures.set(feature, new RequestFailed(errorCode, errorMessage).message)
  return failures
}

type QuorumAnswer = Infer<typeof DescribeQuorumResponse>

export interface Quorum {
  readonly partition: QuorumAnswer['topics'][number]['partitions'][number]
  readonly nodes: QuorumAnswer['nodes']
}

export async function describeQuorum(client: Client): Promise<Quorum> {
  const answer = await client.send(DescribeQuorumRequest, DescribeQuorumResponse, {
    topics: [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }],
  })
  failOn(answer.errorCode, answer.errorMessage)
  const partition = answer.topics[0]?.partitions[0]
  if (partition === undefined)
    throw new RequestFailed(ErrorCode.UNKNOWN_SERVER_ERROR, 'the answer tells of no quorum')
  failOn(partition.errorCode, partition.errorMessage)
  return { partition, nodes: answer.nodes }
}

export type ListedGroup = Infer<typeof ListGroupsResponse>['groups'][number]

/** Groups of all brokers. */
export async function listGroups(client: Client): Promise<ListedGroup[]> {
  const { brokers } = await client.metadata([])
  const groups = new Map<string, ListedGroup>()
  for (const { nodeId } of brokers) {
    const answer = await client.sendTo(nodeId, ListGroupsRequest, ListGroupsResponse, {})
    failOn(answer.errorCode, null)
    for (const group of answer.groups) groups.set(group.groupId, group)
  }
  return [...groups.values()]
}

function failOn(errorCode: number, message: string | null): void {
  if (errorCode !== 0) throw new RequestFailed(errorCode, message)
}

/**
 * The topic a load uses: found or made, its leaders, where its partitions end. What was made is deleted
 * at the end; what was there stays, with what the load wrote.
 */
import { ErrorCode, errorName, isRetriable } from '../../../engine/base/errors.ts'
import { ZERO_UUID } from '../../../engine/base/random.ts'
import { ProduceRequest } from '../../../engine/protocol/00-produce.ts'
import { FetchRequest } from '../../../engine/protocol/01-fetch.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../../engine/protocol/19-create-topics.ts'
import {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../../../engine/protocol/20-delete-topics.ts'
import { InitProducerIdRequest } from '../../../engine/protocol/22-init-producer-id.ts'
import { AddPartitionsToTxnRequest } from '../../../engine/protocol/24-add-partitions-to-txn.ts'
import { EndTxnRequest } from '../../../engine/protocol/26-end-txn.ts'
import type { Address } from '../../../net/client/address.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { CommandFailure, ExitCode } from '../failure.ts'
import { listOffsets, OffsetTime, partitionKey } from '../offsets-admin.ts'

const READY_LIMIT_MS = 30_000
const POLL_MS = 10
/** What the load client speaks. */
const PRODUCE_VERSION = 9
const FETCH_VERSION = 12
const TRANSACTION_APIS = [InitProducerIdRequest, AddPartitionsToTxnRequest, EndTxnRequest]

export interface LoadTopic {
  readonly name: string
  readonly partitions: number
  /** By partition. */
  readonly leaders: readonly Address[]
  readonly made: boolean
}

/**
 * Throws CommandFailure when the broker speaks none of the versions the load client does, or serves no
 * transactions where they are asked for.
 */
export async function checkVersions(client: Client, transactional: boolean): Promise<void> {
  const broker = await client.anyBroker()
  const lacks = TRANSACTION_APIS.find(({ apiKey }) => broker.servedVersions(apiKey) === null)
  if (transactional && lacks !== undefined)
    throw new CommandFailure(
      ExitCode.failed,
      'the broker serves no transactions',
      `it does not announce ${lacks.name.replace(/Request$/, '')}`,
      'leave out --transactional-id and --transaction-duration-ms; --idempotent writes with ' +
        'sequence numbers',
    )
  const needs = [
    [ProduceRequest, PRODUCE_VERSION],
    [FetchRequest, FETCH_VERSION],
  ] as const
  for (const [request, version] of needs) {
    const [min, max] = broker.servedVersions(request.apiKey) ?? [0, -1]
    if (version < min || version > max)
      throw new CommandFailure(
        ExitCode.failed,
        `the broker serves ${request.name} in versions ${min} to ${max}, perf speaks ${version}`,
        null,
        'measure it with the tools it came with, or use a newer broker',
      )
  }
}

export async function openTopic(
  client: Client,
  name: string,
  partitions: number,
  replicationFactor: number,
): Promise<LoadTopic> {
  const answer = await client.sendToController(CreateTopicsRequest, CreateTopicsResponse, {
    topics: [{ name, numPartitions: partitions, replicationFactor, assignments: [], configs: [] }],
    timeoutMs: READY_LIMIT_MS,
  })
  const code = answer.topics[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
  if (code !== ErrorCode.NONE && code !== ErrorCode.TOPIC_ALREADY_EXISTS)
    throw new RequestFailed(code, `topic '${name}': ${errorName(code)}`)
  const leaders = await leadersOf(client, name)
  const topic = { name, partitions: leaders.length, leaders, made: code === ErrorCode.NONE }
  if (topic.made) await served(client, topic)
  return topic
}

/** Waits until leaders answer for a topic that was made: brokers may know later that they lead it. */
async function served(client: Client, topic: LoadTopic): Promise<void> {
  const until = performance.now() + READY_LIMIT_MS
  for (;;) {
    try {
      await offsetsOf(client, topic, 'latest')
      return
    } catch (error) {
      const mayPass = error instanceof RequestFailed && isRetriable(error.code)
      if (!mayPass || performance.now() > until) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

export async function deleteTopic(client: Client, name: string): Promise<void> {
  const version = (await client.anyBroker()).versionOf(DeleteTopicsRequest)
  const answer = await client.sendToController(DeleteTopicsRequest, DeleteTopicsResponse, {
    ...(version >= 6 ? { topics: [{ name, topicId: ZERO_UUID }] } : { topicNames: [name] }),
    timeoutMs: READY_LIMIT_MS,
  })
  const code = answer.responses[0]?.errorCode ?? ErrorCode.NONE
  if (code !== 0) throw new RequestFailed(code, `deleting topic '${name}': ${errorName(code)}`)
}

/** By partition: first offset, or the end behind the last one. */
export async function offsetsOf(
  client: Client,
  topic: LoadTopic,
  at: 'earliest' | 'latest',
): Promise<number[]> {
  const partitions = topic.leaders.map((_, partition) => ({ topic: topic.name, partition }))
  const found = await listOffsets(client, partitions, OffsetTime[at])
  return partitions.map((partition) => {
    const entry = found.get(partitionKey(partition))
    if (entry === undefined || entry.errorCode !== 0)
      throw new RequestFailed(
        entry?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR,
        `offsets of ${partitionKey(partition)}: ${errorName(entry?.errorCode ?? -1)}`,
      )
    return entry.offset
  })
}

/** Waits until every partition has a leader. */
async function leadersOf(client: Client, name: string): Promise<Address[]> {
  const until = performance.now() + READY_LIMIT_MS
  for (;;) {
    const { topics, brokers } = await client.metadata([name])
    const partitions = [...(topics[0]?.partitions ?? [])]
    partitions.sort((one, other) => one.partitionIndex - other.partitionIndex)
    const leaders = partitions.map(({ leaderId }) =>
      brokers.find(({ nodeId }) => nodeId === leaderId),
    )
    const known = leaders.filter((leader) => leader !== undefined)
    if (known.length > 0 && known.length === partitions.length)
      return known.map(({ host, port }) => ({ host, port }))
    if (performance.now() > until)
      throw new RequestFailed(
        ErrorCode.LEADER_NOT_AVAILABLE,
        `topic '${name}' has partitions without a leader`,
      )
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

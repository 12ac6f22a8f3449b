/** Topics for a load: made before it, asked for their offsets, deleted after it, by the own client. */
import { setTimeout as pause } from 'node:timers/promises'
import { ErrorCode, errorName } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../engine/protocol/02-list-offsets.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../../engine/protocol/20-delete-topics.ts'
import { Client } from '../../net/client/client.ts'

const LATEST = -1
const READY_LIMIT_MS = 30_000
const POLL_MS = 2
/** Deleted logs free their page cache soon, not after Kafka's usual minute. */
const CONFIGS = [{ name: 'file.delete.delay.ms', value: '100' }]

export interface TopicTimes {
  /** Until the answer to CreateTopics, in milliseconds. */
  readonly answeredMs: number
  /** Until the last partition has a leader in Metadata and answers ListOffsets. */
  readonly usableMs: number
}

export class BenchTopics {
  private readonly client: Client

  constructor(address: string) {
    this.client = new Client({ bootstrap: address, clientId: 'sluice-bench' })
  }

  /** Creates a topic and waits until every partition can be used. */
  async create(
    name: string,
    partitions: number,
    configs: readonly { readonly name: string; readonly value: string }[] = [],
  ): Promise<TopicTimes> {
    await this.client.metadata([])
    const start = performance.now()
    const answer = await this.client.sendToController(CreateTopicsRequest, CreateTopicsResponse, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: 1,
          assignments: [],
          configs: [...CONFIGS, ...configs],
        },
      ],
      timeoutMs: READY_LIMIT_MS,
    })
    const [topic] = answer.topics
    if (topic?.errorCode !== 0)
      throw new Error(`creating ${name}: ${errorName(topic?.errorCode ?? -1)}`)
    const answeredMs = performance.now() - start
    await this.usable(name, partitions)
    return { answeredMs, usableMs: performance.now() - start }
  }

  /** Log end offset by partition; null while one of them cannot be read yet. */
  async endOffsets(name: string, partitions: number): Promise<number[] | null> {
    const answer = await this.client.send(ListOffsetsRequest, ListOffsetsResponse, {
      replicaId: -1,
      topics: [
        {
          name,
          partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
            partitionIndex,
            timestamp: LATEST,
          })),
        },
      ],
    })
    const found = [...(answer.topics[0]?.partitions ?? [])]
    if (found.length < partitions || found.some((partition) => partition.errorCode !== 0))
      return null
    found.sort((a, b) => a.partitionIndex - b.partitionIndex)
    return found.map((partition) => partition.offset)
  }

  async delete(name: string): Promise<void> {
    const version = (await this.client.anyBroker()).versionOf(DeleteTopicsRequest)
    const answer = await this.client.sendToController(DeleteTopicsRequest, DeleteTopicsResponse, {
      ...(version >= 6 ? { topics: [{ name, topicId: ZERO_UUID }] } : { topicNames: [name] }),
      timeoutMs: READY_LIMIT_MS,
    })
    const code = answer.responses[0]?.errorCode ?? ErrorCode.NONE
    if (code !== 0) throw new Error(`deleting ${name}: ${errorName(code)}`)
  }

  async close(): Promise<void> {
    await this.client.close()
  }

  private async usable(name: string, partitions: number): Promise<void> {
    const until = performance.now() + READY_LIMIT_MS
    while ((await this.endOffsets(name, partitions)) === null) {
      if (performance.now() > until) throw new Error(`${name} was not usable in time`)
      await pause(POLL_MS)
    }
  }
}

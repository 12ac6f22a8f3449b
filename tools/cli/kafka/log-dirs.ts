/** Where replicas lie on brokers, and moves between folders: DescribeLogDirs, AlterReplicaLogDirs. */
import {
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse,
} from '../../../engine/protocol/34-alter-replica-log-dirs.ts'
import {
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
} from '../../../engine/protocol/35-describe-log-dirs.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { byTopic, type PartitionOf, partitionKey } from '../offsets-admin.ts'
import { errorWords } from './java-errors.ts'

/** A replica: a partition on a broker. */
export interface TopicPartitionReplica extends PartitionOf {
  readonly broker: number
}

export interface LogDir {
  readonly path: string
  readonly errorCode: number
  readonly replicas: readonly LogDirReplica[]
}

export interface LogDirReplica extends PartitionOf {
  readonly sizeInBytes: number
  readonly offsetLag: number
  /** True: what is being made here, to take the place of one in another folder. */
  readonly isFuture: boolean
}

export function replicaName(replica: TopicPartitionReplica): string {
  return `${partitionKey(replica)}-${replica.broker}`
}

/** The folders of a broker, by path. */
export async function describeLogDirs(client: Client, broker: number): Promise<LogDir[]> {
  const request = { topics: null }
  const answer = await client.sendTo(
    broker,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    request,
  )
  if (answer.errorCode !== 0)
    throw new RequestFailed(answer.errorCode, errorWords(answer.errorCode))
  return answer.results
    .map(({ logDir, errorCode, topics }) => ({
      path: logDir,
      errorCode,
      replicas: topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => ({
          topic: name,
          partition: partitionIndex,
          sizeInBytes: partitionSize,
          offsetLag,
          isFuture: isFutureKey,
        })),
      ),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Where a replica is; null for nowhere (yet). */
export interface ReplicaPlace {
  readonly current: string | null
  /** Where it is being moved to. */
  readonly future: string | null
}

export async function findReplicas(
  client: Client,
  replicas: readonly TopicPartitionReplica[],
): Promise<Map<string, ReplicaPlace>> {
  const places = new Map<string, ReplicaPlace>()
  for (const broker of new Set(replicas.map((replica) => replica.broker))) {
    const dirs = await describeLogDirs(client, broker)
    const current = new Map<string, string>()
    const future = new Map<string, string>()
    for (const { path, replicas: found } of dirs)
      for (const one of found) (one.isFuture ? future : current).set(partitionKey(one), path)
    for (const replica of replicas.filter((one) => one.broker === broker)) {
      const key = partitionKey(replica)
      places.set(replicaName(replica), {
        current: current.get(key) ?? null,
        future: future.get(key) ?? null,
      })
    }
  }
  return places
}

export interface ReplicaMove extends TopicPartitionReplica {
  readonly path: string
}

/** Asks for moves; the error code of each by the replica's name. */
export async function alterReplicaLogDirs(
  client: Client,
  moves: readonly ReplicaMove[],
): Promise<Map<string, number>> {
  const codes = new Map<string, number>()
  for (const broker of new Set(moves.map((move) => move.broker))) {
    const mine = moves.filter((move) => move.broker === broker)
    const dirs = [...new Set(mine.map(({ path }) => path))].map((path) => ({
      path,
      topics: byTopic(mine.filter((move) => move.path === path)).map((topic) => ({
        name: topic.name,
        partitions: topic.partitions.map(({ partition }) => partition),
      })),
    }))
    const answer = await client.sendTo(
      broker,
      AlterReplicaLogDirsRequest,
      AlterReplicaLogDirsResponse,
      { dirs },
    )
    for (const { topicName, partitions } of answer.results)
      for (const { partitionIndex: partition, errorCode } of partitions)
        codes.set(replicaName({ topic: topicName, partition, broker }), errorCode)
  }
  return codes
}

/**
 * The configs that keep moves of replicas from taking all there is: which replicas of a topic are
 * throttled, and how fast brokers may copy (KIP-73, KIP-113). --execute sets them; --verify and
 * --cancel take them away.
 */
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../../../engine/protocol/44-incremental-alter-configs.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { type PartitionOf, partitionKey } from '../offsets-admin.ts'
import { errorWords } from './java-errors.ts'
import type { Assignment } from './reassignment-json.ts'
import type { ActiveReassignment } from './reassignments.ts'

const TOPIC_RESOURCE = 2
const BROKER_RESOURCE = 4
const SET = 0
const DELETE = 1

const LEADER_RATE = 'leader.replication.throttled.rate'
const FOLLOWER_RATE = 'follower.replication.throttled.rate'
const LOG_DIR_RATE = 'replica.alter.log.dirs.io.max.bytes.per.second'
const LEADER_REPLICAS = 'leader.replication.throttled.replicas'
const FOLLOWER_REPLICAS = 'follower.replication.throttled.replicas'

/** Where requests go. */
export interface Target {
  readonly client: Client
  /** True: the addresses are of controllers, which know no Metadata. */
  readonly viaController: boolean
}

/** Who sends a partition and who receives it. */
export interface PartitionMove extends PartitionOf {
  readonly sources: readonly number[]
  readonly destinations: readonly number[]
}

/** Moves under way and those to come; one under way that is changed keeps its sources. */
export function plannedMoves(
  active: Iterable<ActiveReassignment>,
  wanted: readonly Assignment[],
  current: readonly Assignment[],
): PartitionMove[] {
  const moves = new Map<string, PartitionMove>()
  for (const { topic, partition, replicas, adding } of active) {
    const sources = replicas.filter((id) => !adding.includes(id))
    moves.set(partitionKey({ topic, partition }), {
      topic,
      partition,
      sources,
      destinations: adding,
    })
  }
  const now = new Map(current.map((one) => [partitionKey(one), one.replicas]))
  for (const { topic, partition, replicas } of wanted) {
    const key = partitionKey({ topic, partition })
    const sources = moves.get(key)?.sources ?? now.get(key) ?? []
    const destinations = replicas.filter((id) => !sources.includes(id))
    moves.set(key, { topic, partition, sources, destinations })
  }
  return [...moves.values()]
}

/** `partition:broker` of all that send, or all that receive, as a topic's config lists them. */
export function throttledReplicas(
  moves: readonly PartitionMove[],
  side: 'sources' | 'destinations',
): string {
  const list = moves.flatMap((move) => move[side].map((broker) => `${move.partition}:${broker}`))
  return [...new Set(list)].sort().join(',')
}

/** Throttles the copying that the moves cause. */
export async function throttleMoves(
  target: Target,
  moves: readonly PartitionMove[],
  bytesPerSecond: number,
): Promise<void> {
  for (const topic of new Set(moves.map((move) => move.topic))) {
    const mine = moves.filter((move) => move.topic === topic)
    await alter(target, TOPIC_RESOURCE, topic, [
      [LEADER_REPLICAS, throttledReplicas(mine, 'sources')],
      [FOLLOWER_REPLICAS, throttledReplicas(mine, 'destinations')],
    ])
  }
  const brokers = moves.flatMap(({ sources, destinations }) => [...sources, ...destinations])
  for (const broker of new Set(brokers))
    await alter(target, BROKER_RESOURCE, String(broker), [
      [LEADER_RATE, String(bytesPerSecond)],
      [FOLLOWER_RATE, String(bytesPerSecond)],
    ])
}

/** Throttles copying from folder to folder. */
export async function throttleLogDirs(
  target: Target,
  brokers: Iterable<number>,
  bytesPerSecond: number,
): Promise<void> {
  for (const broker of new Set(brokers))
    await alter(target, BROKER_RESOURCE, String(broker), [[LOG_DIR_RATE, String(bytesPerSecond)]])
}

export async function clearBrokerThrottles(
  target: Target,
  brokers: readonly number[],
): Promise<void> {
  for (const broker of brokers)
    await alter(target, BROKER_RESOURCE, String(broker), [
      [LEADER_RATE, null],
      [FOLLOWER_RATE, null],
      [LOG_DIR_RATE, null],
    ])
}

export async function clearTopicThrottles(
  target: Target,
  topics: readonly string[],
): Promise<void> {
  for (const topic of topics)
    await alter(target, TOPIC_RESOURCE, topic, [
      [LEADER_REPLICAS, null],
      [FOLLOWER_REPLICAS, null],
    ])
}

/** Null takes a config away. A broker's own are asked of itself, unless a controller is asked. */
async function alter(
  target: Target,
  resourceType: number,
  resourceName: string,
  configs: readonly (readonly [name: string, value: string | null])[],
): Promise<void> {
  const body = {
    resources: [
      {
        resourceType,
        resourceName,
        configs: configs.map(([name, value]) => ({
          name,
          configOperation: value === null ? DELETE : SET,
          value,
        })),
      },
    ],
    validateOnly: false,
  }
  const toItself = resourceType === BROKER_RESOURCE && !target.viaController
  const connection = toItself
    ? await target.client.broker(Number(resourceName))
    : await target.client.anyBroker()
  const answer = await connection.send(
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    body,
  )
  const bad = answer.responses.find(({ errorCode }) => errorCode !== 0)
  if (bad !== undefined)
    throw new RequestFailed(bad.errorCode, errorWords(bad.errorCode, bad.errorMessage))
}

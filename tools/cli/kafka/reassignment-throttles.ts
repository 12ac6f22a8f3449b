/**
 * The configs that keep moves of replicas from taking all there is: which replicas of a topic are
 * throttled, and how fast brokers may copy (KIP-73, KIP-113). --execute sets them; --verify and
 * --cancel take them away.
 */
import { ConfigResourceType } from '../../../engine/metadata/config-resource.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import { alterConfigs, alterConfigsAt, type ResourceType } from '../config-admin.ts'
import { type PartitionOf, partitionKey } from '../offsets-admin.ts'
import { errorWords } from './java-errors.ts'
import type { Assignment } from './reassignment-json.ts'
import type { ActiveReassignment } from './reassignments.ts'

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
    await alter(target, ConfigResourceType.topic, topic, [
      [LEADER_REPLICAS, throttledReplicas(mine, 'sources')],
      [FOLLOWER_REPLICAS, throttledReplicas(mine, 'destinations')],
    ])
  }
  const brokers = moves.flatMap(({ sources, destinations }) => [...sources, ...destinations])
  for (const broker of new Set(brokers))
    await alter(target, ConfigResourceType.broker, String(broker), [
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
    await alter(target, ConfigResourceType.broker, String(broker), [
      [LOG_DIR_RATE, String(bytesPerSecond)],
    ])
}

export async function clearBrokerThrottles(
  target: Target,
  brokers: readonly number[],
): Promise<void> {
  for (const broker of brokers)
    await alter(target, ConfigResourceType.broker, String(broker), [
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
    await alter(target, ConfigResourceType.topic, topic, [
      [LEADER_REPLICAS, null],
      [FOLLOWER_REPLICAS, null],
    ])
}

/** Null takes a config away. A broker's own are asked of itself, unless a controller is asked. */
async function alter(
  { client, viaController }: Target,
  type: ResourceType,
  name: string,
  configs: readonly (readonly [name: string, value: string | null])[],
): Promise<void> {
  try {
    if (viaController) await alterConfigsAt(await client.anyBroker(), { type, name }, configs)
    else await alterConfigs(client, { type, name }, configs)
  } catch (error) {
    if (!(error instanceof RequestFailed)) throw error
    throw new RequestFailed(error.code, errorWords(error.code, error.told))
  }
}

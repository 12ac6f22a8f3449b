/**
 * What kafka-reassign-partitions tells: where partitions are (also before --execute), a plan for
 * --generate, how far moves have come for --verify; and the end of throttles, which --verify and
 * --cancel share.
 */
import type { Client } from '../../../net/client/client.ts'
import { describeCluster, EndpointType } from '../cluster-admin.ts'
import type { CommandIo } from '../io.ts'
import { type PartitionOf, partitionKey } from '../offsets-admin.ts'
import { KafkaToolExit } from './flags.ts'
import { findReplicas, replicaName } from './log-dirs.ts'
import {
  ANY_LOG_DIR,
  type Assignment,
  formatReassignment,
  type Reassignment,
} from './reassignment-json.ts'
import {
  isMoving,
  moveStateLine,
  type PartitionState,
  partitionStateLines,
  sortedMoves,
} from './reassignment-states.ts'
import { clearBrokerThrottles, clearTopicThrottles, type Target } from './reassignment-throttles.ts'
import { assignmentsOf, listReassignments } from './reassignments.ts'
import { proposeAssignments } from './replica-placement.ts'

/** Where the replicas are now, as a file that would put them back. */
export async function currentPlacement(
  client: Client,
  partitions: readonly Assignment[],
): Promise<string> {
  const { brokers } = await client.metadata([])
  const alive = new Set(brokers.map(({ nodeId }) => nodeId))
  const replicas = partitions.flatMap(({ topic, partition, replicas: ids }) =>
    ids.filter((id) => alive.has(id)).map((broker) => ({ topic, partition, broker })),
  )
  const places = await findReplicas(client, replicas)
  return formatReassignment(
    partitions,
    (partition, broker) =>
      places.get(replicaName({ ...partition, broker }))?.current ?? ANY_LOG_DIR,
  )
}

export async function generatePlan(
  client: Client,
  plan: { brokers: readonly number[]; topics: readonly string[]; rackAware: boolean },
  io: CommandIo,
): Promise<number> {
  const current = await assignmentsOf(client, plan.topics)
  const { brokers } = await client.metadata([])
  const wanted = brokers.filter(({ nodeId }) => plan.brokers.includes(nodeId))
  const withRack = wanted.filter(({ rack }) => rack !== null)
  if (plan.rackAware && withRack.length > 0 && withRack.length < wanted.length)
    throw new KafkaToolExit(
      'Not all brokers have rack information. Add --disable-rack-aware in command line to make ' +
        'replica assignment without rack information.',
    )
  const proposed = proposeAssignments(
    current,
    wanted.map(({ nodeId, rack }) => ({ id: nodeId, rack: plan.rackAware ? rack : null })),
    Math.random,
  )
  const placement = await currentPlacement(client, current)
  io.stdout.write(`Current partition replica assignment\n${placement}\n\n`)
  const text = formatReassignment(proposed, () => ANY_LOG_DIR)
  io.stdout.write(`Proposed partition reassignment configuration\n${text}\n`)
  return 0
}

export async function verifyMoves(
  client: Client,
  wanted: Reassignment,
  preserveThrottles: boolean,
  io: CommandIo,
): Promise<number> {
  const active = await listReassignments(client)
  const states = await partitionStates(client, wanted.partitions, (one) =>
    active.get(partitionKey(one)),
  )
  const lines = ['Status of partition reassignment:', ...partitionStateLines(states)]
  io.stdout.write(`${lines.join('\n')}\n`)
  const places = await findReplicas(client, wanted.moves)
  const moves = sortedMoves(wanted.moves).map((move) => ({
    move,
    place: places.get(replicaName(move)) ?? { current: null, future: null },
  }))
  io.stdout.write(`${moves.map(({ move, place }) => moveStateLine(move, place)).join('\n')}\n`)
  const underWay = active.size > 0 || moves.some(({ place }) => isMoving(place))
  if (!underWay && !preserveThrottles)
    await clearThrottles({ client, viaController: false }, wanted.partitions, io)
  return 0
}

async function partitionStates(
  client: Client,
  wanted: readonly Assignment[],
  activeOf: (one: PartitionOf) => Assignment | undefined,
): Promise<PartitionState[]> {
  const names = [...new Set(wanted.map(({ topic }) => topic))]
  const { topics } = await client.metadata(names)
  return wanted.map((one) => {
    const active = activeOf(one)
    const current =
      active?.replicas ??
      topics
        .find(({ name }) => name === one.topic)
        ?.partitions.find(({ partitionIndex }) => partitionIndex === one.partition)?.replicaNodes ??
      []
    return { ...one, current, active: active !== undefined }
  })
}

/** Of all brokers, of those that were to have replicas, and of the topics. */
export async function clearThrottles(
  target: Target,
  partitions: readonly Assignment[],
  io: CommandIo,
): Promise<void> {
  const { client, viaController } = target
  const { brokers } = await describeCluster(
    client,
    viaController ? EndpointType.controller : EndpointType.broker,
  )
  const all = [
    ...brokers.map(({ brokerId }) => brokerId),
    ...partitions.flatMap(({ replicas }) => replicas),
  ]
  const ids = [...new Set(all)].sort((a, b) => a - b)
  io.stdout.write(`Clearing broker-level throttles on broker${plural(ids)} ${ids.join(',')}\n`)
  await clearBrokerThrottles(target, ids)
  const topics = [...new Set(partitions.map(({ topic }) => topic))].sort()
  io.stdout.write(`Clearing topic-level throttles on topic${plural(topics)} ${topics.join(',')}\n`)
  await clearTopicThrottles(target, topics)
}

export function plural({ length }: { readonly length: number }): string {
  return length === 1 ? '' : 's'
}

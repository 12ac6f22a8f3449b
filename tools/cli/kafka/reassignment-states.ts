/** How far moves have come, in the lines of --verify (org.apache.kafka.tools.reassign.*State, 4.2). */
import { sortedPartitions } from '../offsets-admin.ts'
import { type ReplicaMove, type ReplicaPlace, replicaName } from './log-dirs.ts'
import type { Assignment } from './reassignment-json.ts'

export interface PartitionState extends Assignment {
  readonly current: readonly number[]
  /** True while it is being moved. */
  readonly active: boolean
}

export function partitionStateLines(states: readonly PartitionState[]): string[] {
  return sortedPartitions(states).map(({ topic, partition, replicas, current, active }) => {
    const name = `${topic}-${partition}`
    if (active) return `Reassignment of partition ${name} is still in progress.`
    if (current.join() === replicas.join()) return `Reassignment of partition ${name} is completed.`
    return (
      `There is no active reassignment of partition ${name}, but replica set is ` +
      `${current.join(',')} rather than ${replicas.join(',')}.`
    )
  })
}

/** False for a replica that has come to its folder, or goes nowhere. */
export function isMoving(place: ReplicaPlace): boolean {
  return place.current === null || place.future !== null
}

export function moveStateLine(move: ReplicaMove, { current, future }: ReplicaPlace): string {
  const replica = `Partition ${move.topic}-${move.partition} on broker ${move.broker}`
  if (current === null)
    return (
      `Partition ${move.topic}-${move.partition} is not found in any live log dir on broker ` +
      `${move.broker}. There is likely an offline log directory on the broker.`
    )
  if (future === move.path)
    return `Reassignment of replica ${replicaName(move)} is still in progress.`
  if (future !== null)
    return `${replica} is being moved to log dir ${future} instead of ${move.path}.`
  if (current === move.path)
    return `Reassignment of replica ${replicaName(move)} completed successfully.`
  return `${replica} is not being moved from log dir ${current} to ${move.path}.`
}

/** By broker, then by partition, as Kafka's tool tells of them. */
export function sortedMoves<T extends ReplicaMove>(moves: readonly T[]): T[] {
  return sortedPartitions(moves).sort((a, b) => a.broker - b.broker)
}

/**
 * Proposed replicas for --generate: in turn over racks and over the brokers of each, from a random
 * beginning, so that leaders and followers spread evenly and no rack has two replicas of a partition
 * while another has none (KIP-36; metadata.placement.StripedReplicaPlacer).
 */
import { ErrorCode } from '../../../engine/base/errors.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'
import type { Assignment } from './reassignment-json.ts'

export interface PlacementBroker {
  readonly id: number
  /** Null: racks do not matter. */
  readonly rack: string | null
}

/** Each partition keeps how many replicas its topic's first partition has. */
export function proposeAssignments(
  current: readonly Assignment[],
  brokers: readonly PlacementBroker[],
  random: () => number,
): Assignment[] {
  const factors = new Map<string, number>()
  for (const { topic, replicas } of current)
    if (!factors.has(topic)) factors.set(topic, replicas.length)
  const place = placer(brokers, random)
  return current.map(({ topic, partition }) => ({
    topic,
    partition,
    replicas: place(factors.get(topic) ?? 0),
  }))
}

/** Gives the replicas of one partition after the other. */
function placer(
  brokers: readonly PlacementBroker[],
  random: () => number,
): (factor: number) => number[] {
  const racks = new Map<string | null, number[]>()
  for (const { id, rack } of brokers) racks.set(rack, [...(racks.get(rack) ?? []), id])
  const lists = shuffled([...racks.values()], random).map((ids) => shuffled(ids, random))
  let turn = 0
  return (factor) => {
    checkFactor(factor, brokers.length)
    const first = turn++
    const chosen: number[] = []
    // Round by round over the racks; in each the next broker that is not chosen yet.
    for (let step = 0; chosen.length < factor; step++) {
      const ids = lists[(first + step) % lists.length] ?? []
      const start = Math.floor(first / lists.length) + Math.floor(step / lists.length)
      const id = ids
        .map((_id, at) => ids[(start + at) % ids.length] ?? 0)
        .find((one) => !chosen.includes(one))
      if (id !== undefined) chosen.push(id)
    }
    return chosen
  }
}

function checkFactor(factor: number, brokers: number): void {
  if (brokers === 0)
    throw new RequestFailed(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      'All brokers are currently fenced.\n' +
        '  why:  none of the brokers in --broker-list is there\n' +
        '  next: see which are with kafka-log-dirs --describe',
    )
  if (factor > brokers)
    throw new RequestFailed(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `The target replication factor of ${factor} cannot be reached because only ${brokers} ` +
        'broker(s) are registered.',
    )
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

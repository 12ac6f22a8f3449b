/**
 * Server-side assignors of consumer groups: from who subscribes to what, and what everyone had, to
 * the target assignment. Source: Kafka's UniformAssignor and RangeAssignor.
 *
 *   uniform  evenly over all topics together, keeping what members have (consumer-uniform.ts)
 *   range    topic by topic in ranges, same numbers of co-partitioned topics to the same member
 *
 * Invariants: each partition of a subscribed topic goes to exactly one member that subscribes to it;
 * the answer depends on nothing but the arguments and their order.
 */
import { addPartition, type PartitionSets, type Partitions } from './consumer-partitions.ts'
import { uniformAssignment } from './consumer-uniform.ts'

export interface AssignorMember {
  readonly memberId: string
  readonly instanceId: string | null
  /** Ids of existing topics, each once. */
  readonly topicIds: readonly string[]
  /** Its target so far. */
  readonly previous: Partitions
}

export interface AssignorInput {
  readonly members: readonly AssignorMember[]
  /** Of a topic some member subscribes to. */
  partitionCount(topicId: string): number
}

export type Assignor = (input: AssignorInput) => Map<string, Partitions>

const ASSIGNORS: ReadonlyMap<string, Assignor> = new Map([
  ['uniform', uniformAssignment],
  ['range', rangeAssignment],
])

/** Undefined when there is none of that name. */
export function assignorNamed(name: string): Assignor | undefined {
  return ASSIGNORS.get(name)
}

/** Members of each topic, in the order given. */
export function membersByTopic(members: readonly AssignorMember[]): Map<string, AssignorMember[]> {
  const byTopic = new Map<string, AssignorMember[]>()
  for (const member of members)
    for (const topicId of member.topicIds) {
      const subscribers = byTopic.get(topicId)
      if (subscribers === undefined) byTopic.set(topicId, [member])
      else subscribers.push(member)
    }
  return byTopic
}

/**
 * Ranges per topic; the first members get one more where it does not divide. Static members come
 * first, by instance id, so that their ranges survive a restart; the others by member id.
 */
export function rangeAssignment({ members, partitionCount }: AssignorInput) {
  const sorted = [...members].sort(byIdentity)
  const sets = new Map<string, PartitionSets>(sorted.map(({ memberId }) => [memberId, new Map()]))
  for (const [topicId, subscribers] of membersByTopic(sorted)) {
    const count = partitionCount(topicId)
    const quota = Math.floor(count / subscribers.length)
    const extra = count % subscribers.length
    let next = 0
    for (const [at, { memberId }] of subscribers.entries()) {
      const end = next + quota + (at < extra ? 1 : 0)
      for (; next < end; next++) addPartition(sets.get(memberId)!, topicId, next)
    }
  }
  return new Map<string, Partitions>(sets)
}

function byIdentity(one: AssignorMember, other: AssignorMember): number {
  if (one.instanceId !== null && other.instanceId !== null)
    return compare(one.instanceId, other.instanceId)
  if (one.instanceId !== null) return -1
  if (other.instanceId !== null) return 1
  return compare(one.memberId, other.memberId)
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

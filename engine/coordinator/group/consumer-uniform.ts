/**
 * The uniform assignor. Source: Kafka's UniformHomogeneousAssignmentBuilder and
 * UniformHeterogeneousAssignmentBuilder; balance comes before stickiness in both.
 *
 *   same topics for all   sizes differ by one at most; each member keeps what fits its quota
 *   different topics      each keeps what it may still have, what is free goes to the emptiest
 *                         subscriber, then partitions move from full to empty while that evens out
 *
 * differs from Kafka: the members that get one partition more are those that have more already, not
 * the first in the order of a hash map, so that fewer partitions move.
 */
import type { AssignorInput, AssignorMember } from './consumer-assignor.ts'
import {
  addPartition,
  countPartitions,
  hasPartition,
  type PartitionSets,
  type Partitions,
  removePartition,
} from './consumer-partitions.ts'

export function uniformAssignment(input: AssignorInput): Map<string, Partitions> {
  const [first, ...others] = input.members
  if (first === undefined) return new Map()
  const topicIds = new Set(first.topicIds)
  const sameForAll = others.every(
    (member) =>
      member.topicIds.length === topicIds.size && member.topicIds.every((id) => topicIds.has(id)),
  )
  return sameForAll ? homogeneous(input, topicIds) : heterogeneous(input)
}

interface Share {
  readonly memberId: string
  readonly sets: PartitionSets
  size: number
}

/** What each member had and may keep: subscribed, existing, and nobody else's. */
function kept({ members, partitionCount }: AssignorInput): Share[] {
  const taken: PartitionSets = new Map()
  return members.map(({ memberId, topicIds, previous }) => {
    const sets: PartitionSets = new Map()
    const subscribed = new Set(topicIds)
    for (const [topicId, partitions] of previous) {
      if (!subscribed.has(topicId)) continue
      const count = partitionCount(topicId)
      for (const partition of partitions) {
        if (partition >= count || hasPartition(taken, topicId, partition)) continue
        addPartition(taken, topicId, partition)
        addPartition(sets, topicId, partition)
      }
    }
    return { memberId, sets, size: countPartitions(sets) }
  })
}

function homogeneous(input: AssignorInput, topicIds: ReadonlySet<string>): Map<string, Partitions> {
  const shares = kept(input)
  let total = 0
  for (const topicId of topicIds) total += input.partitionCount(topicId)
  const quota = Math.floor(total / shares.length)
  let extra = total % shares.length
  const quotas = new Map<Share, number>()
  // Whoever has more than the quota keeps one of it while there are extra ones.
  for (const share of shares) {
    const keepsOneMore = share.size > quota && extra > 0
    if (keepsOneMore) extra--
    quotas.set(share, quota + (keepsOneMore ? 1 : 0))
  }
  for (const share of shares) {
    if (extra === 0) break
    if (quotas.get(share) !== quota) continue
    quotas.set(share, quota + 1)
    extra--
  }
  for (const share of shares) trim(share, quotas.get(share)!)
  const free = unassigned(input, topicIds, shares)
  for (const share of shares)
    for (const limit = quotas.get(share)!; share.size < limit; share.size++) {
      const next = free.next()
      if (next.done === true) break
      addPartition(share.sets, next.value.topicId, next.value.partition)
    }
  return asMap(shares)
}

/** Gives up what is above the quota, last topics and highest partitions first. */
function trim(share: Share, quota: number): void {
  for (const topicId of [...share.sets.keys()].reverse()) {
    const partitions = [...(share.sets.get(topicId) ?? [])].sort((a, b) => b - a)
    for (const partition of partitions) {
      if (share.size <= quota) return
      removePartition(share.sets, topicId, partition)
      share.size--
    }
  }
}

function* unassigned(
  { partitionCount }: AssignorInput,
  topicIds: Iterable<string>,
  shares: readonly Share[],
): Generator<{ topicId: string; partition: number }> {
  const taken: PartitionSets = new Map()
  for (const { sets } of shares)
    for (const [topicId, partitions] of sets)
      for (const partition of partitions) addPartition(taken, topicId, partition)
  for (const topicId of topicIds)
    for (let partition = 0; partition < partitionCount(topicId); partition++)
      if (!hasPartition(taken, topicId, partition)) yield { topicId, partition }
}

function heterogeneous(input: AssignorInput): Map<string, Partitions> {
  const shares = kept(input)
  const bySubscription = subscribersOf(input.members, shares)
  // Topics with the fewest subscribers first: they leave the least choice.
  const topicIds = [...bySubscription.keys()].sort(
    (one, other) => bySubscription.get(one)!.length - bySubscription.get(other)!.length,
  )
  for (const { topicId, partition } of unassigned(input, topicIds, shares)) {
    const emptiest = extreme(bySubscription.get(topicId)!, (share, best) => share.size < best.size)
    addPartition(emptiest.sets, topicId, partition)
    emptiest.size++
  }
  // Each move lowers the sum of squared sizes, so this ends.
  for (let moved = true; moved; ) {
    moved = false
    for (const topicId of topicIds)
      while (moveOne(topicId, bySubscription.get(topicId)!)) moved = true
  }
  return asMap(shares)
}

/** Moves one partition of the topic from the fullest owner to the emptiest subscriber. */
function moveOne(topicId: string, subscribers: readonly Share[]): boolean {
  const owners = subscribers.filter((share) => share.sets.has(topicId))
  if (owners.length === 0) return false
  const fullest = extreme(owners, (share, best) => share.size > best.size)
  const emptiest = extreme(subscribers, (share, best) => share.size < best.size)
  if (fullest.size - emptiest.size < 2) return false
  const partition = Math.max(...fullest.sets.get(topicId)!)
  removePartition(fullest.sets, topicId, partition)
  addPartition(emptiest.sets, topicId, partition)
  fullest.size--
  emptiest.size++
  return true
}

function subscribersOf(
  members: readonly AssignorMember[],
  shares: readonly Share[],
): Map<string, Share[]> {
  const byTopic = new Map<string, Share[]>()
  for (const [at, { topicIds }] of members.entries())
    for (const topicId of topicIds) {
      const subscribers = byTopic.get(topicId)
      if (subscribers === undefined) byTopic.set(topicId, [shares[at]!])
      else subscribers.push(shares[at]!)
    }
  return byTopic
}

/** The first of the best; the list is not empty. */
function extreme(shares: readonly Share[], isBetter: (one: Share, best: Share) => boolean): Share {
  let best = shares[0]!
  for (const share of shares) if (isBetter(share, best)) best = share
  return best
}

function asMap(shares: readonly Share[]): Map<string, Partitions> {
  return new Map(shares.map(({ memberId, sets }) => [memberId, sets]))
}

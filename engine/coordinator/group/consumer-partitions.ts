/**
 * Sets of partitions by topic id, the currency of consumer groups (KIP-848): targets, assignments,
 * what a member says it owns. Never changed once made; no topic is listed without a partition.
 */

export type Partitions = ReadonlyMap<string, ReadonlySet<number>>

/** As requests, answers and records write them. */
export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

export const NO_PARTITIONS: Partitions = new Map()

export function fromList(list: readonly TopicPartitions[]): Partitions {
  const into: PartitionSets = new Map()
  for (const { topicId, partitions } of list)
    for (const partition of partitions) addPartition(into, topicId, partition)
  return into
}

/** Ascending within a topic, so that equal sets are equal bytes. */
export function toList(partitions: Partitions): { topicId: string; partitions: number[] }[] {
  return [...partitions].map(([topicId, set]) => ({
    topicId,
    partitions: [...set].sort((a, b) => a - b),
  }))
}

/** A set under construction. */
export type PartitionSets = Map<string, Set<number>>

export function addPartition(into: PartitionSets, topicId: string, partition: number): void {
  const set = into.get(topicId)
  if (set === undefined) into.set(topicId, new Set([partition]))
  else set.add(partition)
}

export function removePartition(from: PartitionSets, topicId: string, partition: number): void {
  const set = from.get(topicId)
  if (set === undefined) return
  set.delete(partition)
  if (set.size === 0) from.delete(topicId)
}

export function copyPartitions(partitions: Partitions): PartitionSets {
  return new Map([...partitions].map(([topicId, set]) => [topicId, new Set(set)]))
}

export function hasPartition(partitions: Partitions, topicId: string, partition: number): boolean {
  return partitions.get(topicId)?.has(partition) ?? false
}

export function countPartitions(partitions: Partitions): number {
  let count = 0
  for (const set of partitions.values()) count += set.size
  return count
}

export function samePartitions(one: Partitions, other: Partitions): boolean {
  if (one === other) return true
  if (one.size !== other.size) return false
  for (const [topicId, set] of one) {
    const others = other.get(topicId)
    if (others === undefined || others.size !== set.size) return false
    for (const partition of set) if (!others.has(partition)) return false
  }
  return true
}

/** True when every partition listed is in the set. */
export function isSubset(list: readonly TopicPartitions[], partitions: Partitions): boolean {
  return list.every(({ topicId, partitions: listed }) =>
    listed.every((partition) => hasPartition(partitions, topicId, partition)),
  )
}

/** True when one of the partitions listed is in the set. */
export function overlaps(list: readonly TopicPartitions[], partitions: Partitions): boolean {
  return list.some(({ topicId, partitions: listed }) =>
    listed.some((partition) => hasPartition(partitions, topicId, partition)),
  )
}

/** Replicas given by hand, in Kafka's words (ReplicationControlManager, 4.2), for a cluster of one. */

/** Why these replicas cannot hold a partition; null when they can. */
export function assignmentProblem(brokerIds: readonly number[], brokerId: number): string | null {
  if (brokerIds.length === 0)
    return 'The manual partition assignment includes an empty replica list.'
  const seen = new Set<number>()
  for (const replica of brokerIds) {
    if (seen.has(replica))
      return `The manual partition assignment includes the broker ${replica} more than once.`
    seen.add(replica)
    if (replica !== brokerId)
      return (
        `The manual partition assignment includes broker ${replica}, but no such broker is ` +
        'registered.'
      )
  }
  return null
}

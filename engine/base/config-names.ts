/**
 * Option names that are not in the tables: those Kafka once had or reads elsewhere, and the nearest
 * known name for those nobody has.
 */

const DEFAULT_QUOTA =
  'use kafka-configs --alter --entity-type clients --entity-default --add-config producer_byte_rate=…'
const NO_ZOOKEEPER = 'sluice keeps its metadata itself and needs no ZooKeeper; remove it'
const OLD_FORMAT = 'records have one format since Kafka 4.0; remove it'
const OLD_REPLICATION = 'counts only among several brokers; this one is alone'
const NO_JVM = 'there is no Java machine here; remove it'

/**
 * Kafka's names without a table entry (removed by 4.x, or read by plug-ins), and what to do
 * instead.
 */
const RETIRED: ReadonlyMap<string, string> = new Map([
  ['advertised.host.name', 'write advertised.listeners=PLAINTEXT://host:port instead'],
  ['advertised.port', 'write advertised.listeners=PLAINTEXT://host:port instead'],
  ['host.name', 'write listeners=PLAINTEXT://host:port instead'],
  ['port', 'write listeners=PLAINTEXT://host:port instead'],
  ['allow.everyone.if.no.acl.found', 'access control is not built yet'],
  ['super.users', 'access control is not built yet'],
  ['broker.id.generation.enable', 'set node.id'],
  ['reserved.broker.max.id', 'set node.id'],
  ['control.plane.listener.name', 'sluice needs no listener of its own for control; remove it'],
  ['inter.broker.protocol.version', OLD_REPLICATION],
  ['log.message.format.version', OLD_FORMAT],
  ['log.message.downconversion.enable', OLD_FORMAT],
  ['log.message.timestamp.difference.max.ms', 'set log.message.timestamp.before.max.ms and after'],
  ['message.format.version', OLD_FORMAT],
  ['offsets.commit.required.acks', 'commits always wait until they are stored; remove it'],
  ['password.encoder.secret', NO_ZOOKEEPER],
  ['password.encoder.old.secret', NO_ZOOKEEPER],
  ['quota.producer.default', DEFAULT_QUOTA],
  ['quota.consumer.default', DEFAULT_QUOTA],
  ['leader.imbalance.per.broker.percentage', OLD_REPLICATION],
  ['auto.include.jmx.reporter', NO_JVM],
  ['zookeeper.metadata.migration.enable', NO_ZOOKEEPER],
])

const RETIRED_PREFIXES: readonly (readonly [string, string])[] = [
  ['zookeeper.', NO_ZOOKEEPER],
  ['listener.name.', 'TLS and SASL are not built yet: listeners are PLAINTEXT'],
  ['config.providers.', 'references to the environment and to files need no provider; remove it'],
  ['password.encoder.', NO_ZOOKEEPER],
  ['rlmm.config.', 'tiered storage is not built yet'],
  ['rsm.config.', 'tiered storage is not built yet'],
  ['metrics.jmx.', NO_JVM],
  ['confluent.', "it belongs to another vendor's broker; remove it"],
]

/** What to do instead of a name Kafka knows and the tables do not; null for any other name. */
export function retiredOption(name: string): string | null {
  const exact = RETIRED.get(name)
  if (exact !== undefined) return exact
  return RETIRED_PREFIXES.find(([prefix]) => name.startsWith(prefix))?.[1] ?? null
}

/** The known name that takes the fewest edits, if few enough to be a slip of the finger. */
export function nearestName(name: string, known: Iterable<string>): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(name.length / 4)) + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbours between two texts. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      let cost = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[to.length]!
}

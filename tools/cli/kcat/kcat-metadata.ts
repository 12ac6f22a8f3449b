/** kcat -L (brokers, topics, partitions) and -Q (offsets by time). */
import type { Client } from '../../../net/client/client.ts'
import type { CommandIo } from '../io.ts'
import { brokerError, offsetFor } from './kcat-broker.ts'
import { KcatFailure, type KcatOptions } from './kcat-options.ts'

export async function kcatList(client: Client, options: KcatOptions, io: CommandIo): Promise<void> {
  const topic = options.topics.at(-1) ?? null
  const connection = await client.anyBroker()
  const { brokers, topics, controllerId } = await client.metadata(topic === null ? null : [topic])
  const { host, port } = connection.address
  const asked = brokers.find((broker) => broker.host === host && broker.port === port)
  const origin = {
    id: asked?.nodeId ?? -1,
    name: `${host}:${port}/${asked?.nodeId ?? 'bootstrap'}`,
  }
  if (options.json) {
    const ids = (nodes: readonly number[]) => nodes.map((id) => ({ id }))
    const told = {
      originating_broker: origin,
      query: { topic: topic ?? '*' },
      controllerid: controllerId,
      brokers: brokers.map((broker) => ({
        id: broker.nodeId,
        name: `${broker.host}:${broker.port}`,
      })),
      topics: topics.map(({ name, errorCode, partitions }) => ({
        topic: name,
        ...(errorCode === 0 ? {} : { error: brokerError(errorCode) }),
        partitions: [...partitions].sort(byIndex).map((partition) => ({
          partition: partition.partitionIndex,
          ...(partition.errorCode === 0 ? {} : { error: brokerError(partition.errorCode) }),
          leader: partition.leaderId,
          replicas: ids(partition.replicaNodes),
          isrs: ids(partition.isrNodes),
        })),
      })),
    }
    io.stdout.write(JSON.stringify(told))
    return
  }
  const lines = [
    `Metadata for ${topic ?? 'all topics'} (from broker ${origin.id}: ${origin.name}):`,
    ` ${brokers.length} brokers:`,
    ...brokers.map(
      (broker) =>
        `  broker ${broker.nodeId} at ${broker.host}:${broker.port}` +
        (broker.nodeId === controllerId ? ' (controller)' : ''),
    ),
    ` ${topics.length} topics:`,
  ]
  for (const { name, errorCode, partitions } of topics) {
    const error = errorCode === 0 ? '' : ` ${brokerError(errorCode)}`
    lines.push(`  topic "${name}" with ${partitions.length} partitions:${error}`)
    for (const partition of [...partitions].sort(byIndex))
      lines.push(
        `    partition ${partition.partitionIndex}, leader ${partition.leaderId}, ` +
          `replicas: ${partition.replicaNodes.join(',')}, isrs: ${partition.isrNodes.join(',')}` +
          (partition.errorCode === 0 ? '' : `, ${brokerError(partition.errorCode)}`),
      )
  }
  io.stdout.write(`${lines.join('\n')}\n`)
}

function byIndex(a: { partitionIndex: number }, b: { partitionIndex: number }): number {
  return a.partitionIndex - b.partitionIndex
}

export async function kcatQuery(
  client: Client,
  options: KcatOptions,
  io: CommandIo,
): Promise<void> {
  const wanted = options.topics.map((text) => {
    const match = /^(.+):(\d+):(-?\d+)$/.exec(text)
    if (match === null)
      throw new KcatFailure('% ERROR: -t: expected "topic:partition:offset_or_timestamp"')
    return { topic: match[1] ?? '', partition: Number(match[2]), timestamp: Number(match[3]) }
  })
  const { topics } = await client.metadata([...new Set(wanted.map(({ topic }) => topic))])
  const told: Record<string, Record<string, unknown>> = {}
  const lines: string[] = []
  for (const { topic, partition, timestamp } of wanted) {
    const leader = topics
      .find(({ name }) => name === topic)
      ?.partitions.find(({ partitionIndex }) => partitionIndex === partition)?.leaderId
    if (leader === undefined)
      throw new KcatFailure('% ERROR: offsets_for_times failed: Local: Unknown partition')
    const offset = await offsetFor(client, topic, partition, leader, timestamp)
    lines.push(`${topic} [${partition}] offset ${offset}\n`)
    told[topic] ??= { topic }
    Object.assign(told[topic], { [`${partition}`]: { partition, offset } })
  }
  io.stdout.write(options.json ? queryJson(told) : lines.join(''))
}

/** The topic's name comes first, as there; objects would put the numbers before it. */
function queryJson(told: Readonly<Record<string, Record<string, unknown>>>): string {
  const topics = Object.entries(told).map(([topic, { topic: _name, ...partitions }]) => {
    const members = Object.entries(partitions).map(
      ([partition, offset]) => `"${partition}":${JSON.stringify(offset)}`,
    )
    return `${JSON.stringify(topic)}:{"topic":${JSON.stringify(topic)},${members.join(',')}}`
  })
  return `{${topics.join(',')}}`
}

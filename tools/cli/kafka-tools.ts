/** Kafka's tools that answer to their own names here, with and without `.sh`. */
import type { CommandIo } from './io.ts'
import { lazyTool } from './lazy-tool.ts'

export interface KafkaTool {
  readonly name: string
  /** Runs with the arguments behind the tool's name; resolves with Kafka's exit code, 0 or 1. */
  run(args: readonly string[], io: CommandIo): Promise<number>
}

export const kafkaTools: readonly KafkaTool[] = [
  lazyTool('kafka-topics', async () => (await import('./kafka/kafka-topics.ts')).kafkaTopics),
  lazyTool(
    'kafka-console-producer',
    async () => (await import('./kafka/kafka-console-producer.ts')).kafkaConsoleProducer,
  ),
  lazyTool(
    'kafka-console-consumer',
    async () => (await import('./kafka/kafka-console-consumer.ts')).kafkaConsoleConsumer,
  ),
  lazyTool(
    'kafka-server-start',
    async () => (await import('./kafka/kafka-server-start.ts')).kafkaServerStart,
  ),
  lazyTool('kafka-dump-log', async () => (await import('./kafka/kafka-dump-log.ts')).kafkaDumpLog),
  lazyTool('kafka-storage', async () => (await import('./kafka/kafka-storage.ts')).kafkaStorage),
  lazyTool('kafka-cluster', async () => (await import('./kafka/kafka-cluster.ts')).kafkaCluster),
  lazyTool('kafka-features', async () => (await import('./kafka/kafka-features.ts')).kafkaFeatures),
  lazyTool(
    'kafka-metadata-quorum',
    async () => (await import('./kafka/kafka-metadata-quorum.ts')).kafkaMetadataQuorum,
  ),
  lazyTool(
    'kafka-broker-api-versions',
    async () => (await import('./kafka/kafka-broker-api-versions.ts')).kafkaBrokerApiVersions,
  ),
  lazyTool(
    'kafka-producer-perf-test',
    async () => (await import('./kafka/kafka-producer-perf-test.ts')).kafkaProducerPerfTest,
  ),
  lazyTool(
    'kafka-consumer-perf-test',
    async () => (await import('./kafka/kafka-consumer-perf-test.ts')).kafkaConsumerPerfTest,
  ),
  lazyTool(
    'kafka-verifiable-producer',
    async () => (await import('./kafka/kafka-verifiable-producer.ts')).kafkaVerifiableProducer,
  ),
  lazyTool(
    'kafka-verifiable-consumer',
    async () => (await import('./kafka/kafka-verifiable-consumer.ts')).kafkaVerifiableConsumer,
  ),
  lazyTool(
    'kafka-e2e-latency',
    async () => (await import('./kafka/kafka-e2e-latency.ts')).kafkaE2eLatency,
  ),
  lazyTool(
    'kafka-server-stop',
    async () => (await import('./kafka/kafka-server-stop.ts')).kafkaServerStop,
  ),
  lazyTool('kcat', async () => (await import('./kcat/kcat.ts')).kcat),
  lazyTool('kafka-configs', async () => (await import('./kafka/kafka-configs.ts')).kafkaConfigs),
  lazyTool(
    'kafka-client-metrics',
    async () => (await import('./kafka/kafka-client-metrics.ts')).kafkaClientMetrics,
  ),
  lazyTool('kafka-groups', async () => (await import('./kafka/kafka-groups.ts')).kafkaGroups),
  lazyTool(
    'kafka-consumer-groups',
    async () => (await import('./kafka/kafka-consumer-groups.ts')).kafkaConsumerGroups,
  ),
  lazyTool(
    'kafka-get-offsets',
    async () => (await import('./kafka/kafka-get-offsets.ts')).kafkaGetOffsets,
  ),
  lazyTool(
    'kafka-delete-records',
    async () => (await import('./kafka/kafka-delete-records.ts')).kafkaDeleteRecords,
  ),
  lazyTool('kafka-log-dirs', async () => (await import('./kafka/kafka-log-dirs.ts')).kafkaLogDirs),
  lazyTool(
    'kafka-leader-election',
    async () => (await import('./kafka/kafka-leader-election.ts')).kafkaLeaderElection,
  ),
  lazyTool(
    'kafka-reassign-partitions',
    async () => (await import('./kafka/kafka-reassign-partitions.ts')).kafkaReassignPartitions,
  ),
]

export function kafkaToolNamed(name: string): KafkaTool | null {
  const bare = name.replace(/\.sh$/, '')
  return kafkaTools.find((tool) => tool.name === bare) ?? null
}

/** The only one a name can have been meant for with one letter left out; people's notes have such. */
export function kafkaToolMeant(name: string): KafkaTool | null {
  const bare = name.replace(/\.sh$/, '')
  const near = kafkaTools.filter((tool) => isWithoutLetter(bare, tool.name))
  return near.length === 1 ? (near[0] ?? null) : null
}

function isWithoutLetter(short: string, full: string): boolean {
  if (short.length + 1 !== full.length) return false
  const at = [...short].findIndex((letter, index) => letter !== full[index])
  const from = at < 0 ? short.length : at
  return short.slice(from) === full.slice(from + 1)
}

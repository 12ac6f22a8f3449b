/** Kafka's commands, those there are here and those there are not: which of ours do the same. */
import { handlers } from '../../net/handlers/index.ts'

export interface KafkaCommand {
  readonly name: string
  /** Our own commands for the same. */
  readonly ours?: readonly string[]
  /** The API that it cannot do without, where not every broker has it. */
  readonly apiKey?: number
}

/** The scripts of Kafka 4.2's bin/ that talk to a broker or its files. */
export const KAFKA_COMMANDS: readonly KafkaCommand[] = [
  { name: 'kafka-acls', ours: ['acl'], apiKey: 29 },
  { name: 'kafka-broker-api-versions', ours: ['cluster'] },
  { name: 'kafka-client-metrics', ours: ['config'], apiKey: 74 },
  { name: 'kafka-cluster', ours: ['cluster'] },
  { name: 'kafka-configs', ours: ['config', 'quota'], apiKey: 44 },
  { name: 'kafka-console-consumer', ours: ['consume'] },
  { name: 'kafka-console-producer', ours: ['produce'] },
  { name: 'kafka-console-share-consumer', apiKey: 78 },
  { name: 'kafka-consumer-groups', ours: ['group'] },
  { name: 'kafka-consumer-perf-test', ours: ['perf'] },
  { name: 'kafka-delegation-tokens', apiKey: 38 },
  { name: 'kafka-delete-records', ours: ['topic delete-records'] },
  { name: 'kafka-dump-log' },
  { name: 'kafka-e2e-latency' },
  { name: 'kafka-features', apiKey: 57 },
  { name: 'kafka-get-offsets', ours: ['topic offsets'] },
  { name: 'kafka-groups', ours: ['group'] },
  { name: 'kafka-leader-election', apiKey: 43 },
  { name: 'kafka-log-dirs', apiKey: 35 },
  { name: 'kafka-metadata-quorum', apiKey: 55 },
  { name: 'kafka-producer-perf-test', ours: ['perf'] },
  { name: 'kafka-reassign-partitions', apiKey: 45 },
  { name: 'kafka-server-start', ours: ['serve'] },
  { name: 'kafka-server-stop' },
  { name: 'kafka-share-groups', apiKey: 77 },
  { name: 'kafka-storage', ours: ['storage'] },
  { name: 'kafka-streams-application-reset' },
  { name: 'kafka-streams-groups', apiKey: 89 },
  { name: 'kafka-topics', ours: ['topic'] },
  { name: 'kafka-transactions', apiKey: 66 },
  { name: 'kafka-verifiable-consumer' },
  { name: 'kafka-verifiable-producer' },
]

/** Whether this broker answers what a command asks for. */
export function isServed({ apiKey }: KafkaCommand): boolean {
  return apiKey === undefined || handlers.some((handler) => handler.apiKey === apiKey)
}

/** Kafka's tools that answer to their own names here, with and without `.sh`. */
import type { CommandIo } from './io.ts'

export interface KafkaTool {
  /** Runs with the arguments behind the tool's name; resolves with Kafka's exit code, 0 or 1. */
  run(args: readonly string[], io: CommandIo): Promise<number>
}

interface Entry {
  readonly name: string
  load(): Promise<KafkaTool>
}

export const kafkaTools: readonly Entry[] = [
  {
    name: 'kafka-topics',
    load: async () => (await import('./kafka/kafka-topics.ts')).kafkaTopics,
  },
  {
    name: 'kafka-console-producer',
    load: async () => (await import('./kafka/kafka-console-producer.ts')).kafkaConsoleProducer,
  },
  {
    name: 'kafka-console-consumer',
    load: async () => (await import('./kafka/kafka-console-consumer.ts')).kafkaConsoleConsumer,
  },
  {
    name: 'kafka-server-start',
    load: async () => (await import('./kafka/kafka-server-start.ts')).kafkaServerStart,
  },
]

export function kafkaToolNamed(name: string): Entry | null {
  const bare = name.replace(/\.sh$/, '')
  return kafkaTools.find((tool) => tool.name === bare) ?? null
}

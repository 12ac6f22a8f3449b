/** Kafka's tools that answer to their own names here, with and without `.sh`. */
import type { CommandIo } from './io.ts'
import { kafkaConsoleConsumer } from './kafka/kafka-console-consumer.ts'
import { kafkaConsoleProducer } from './kafka/kafka-console-producer.ts'
import { kafkaServerStart } from './kafka/kafka-server-start.ts'
import { kafkaTopics } from './kafka/kafka-topics.ts'

export interface KafkaTool {
  readonly name: string
  /** Runs with the arguments behind the tool's name; resolves with Kafka's exit code, 0 or 1. */
  run(args: readonly string[], io: CommandIo): Promise<number>
}

export const kafkaTools: readonly KafkaTool[] = [
  kafkaTopics,
  kafkaConsoleProducer,
  kafkaConsoleConsumer,
  kafkaServerStart,
]

export function kafkaToolNamed(name: string): KafkaTool | null {
  const bare = name.replace(/\.sh$/, '')
  return kafkaTools.find((tool) => tool.name === bare) ?? null
}

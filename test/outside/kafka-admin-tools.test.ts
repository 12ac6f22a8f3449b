/** Kafka's tools of ours for the cluster as a whole and for measuring, against a real Kafka 4.2. */
import { afterAll, beforeAll, it } from 'vitest'
import { runCli } from '../support/cli.ts'
import {
  common,
  expectPerformanceLines,
  expectSame,
  expectVerifiableLines,
  golden,
} from '../support/cluster-tool-runs.ts'
import { startKafka } from '../support/kafka-process.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { describeWith, kafkaJars } from '../support/outside.ts'

const KAFKA_START_MS = 90_000

describeWith(await kafkaJars(), 'the tools of ours against a real Kafka 4.2', (jars) => {
  let broker: ManagedBroker
  beforeAll(async () => {
    broker = await startKafka(jars)
    await runCli(['topic', 'create', 'cli-perf', '-p', '1', '-b', broker.address])
  }, KAFKA_START_MS)
  afterAll(() => broker.discard())

  it(
    'give what they gave when they were recorded',
    async () => {
      const recorded = [
        ...common,
        ...golden('kafka-features'),
        ...golden('kafka-broker-api-versions'),
        ...golden('kafka-metadata-quorum').slice(0, 1),
      ]
      for (const one of recorded) await expectSame(one, broker.address)
      await expectPerformanceLines(broker.address)
      await expectVerifiableLines(broker.address)
    },
    KAFKA_START_MS,
  )
})

/** Kafka's tools of ours against a real Kafka 4.2: the recorded runs (test/golden/cli) once more. */
import { afterAll, beforeAll, it, vi } from 'vitest'
import { startKafka } from '../support/kafka-process.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { describeWith, kafkaJars } from '../support/outside.ts'
import { expectSame, runs } from '../support/topic-tool-runs.ts'

const KAFKA_START_MS = 90_000

describeWith(await kafkaJars(), "Kafka's tools of ours against a real Kafka 4.2", (jars) => {
  let broker: ManagedBroker
  beforeAll(async () => {
    broker = await startKafka(jars)
  }, KAFKA_START_MS)
  afterAll(() => broker.discard())

  it(
    'give what they gave when they were recorded',
    async () => {
      for (const run of runs) {
        const asks = run.args.includes('--list') || run.args.includes('--describe')
        const same = (): Promise<void> => expectSame(run, 'word', broker.address)
        // Kafka's broker learns of changes a moment after its controller has confirmed them.
        if (asks) await vi.waitFor(same, { timeout: 5_000 })
        else await same()
      }
    },
    KAFKA_START_MS,
  )
})

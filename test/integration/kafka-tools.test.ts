/**
 * Kafka's tools by their own names: the command lines recorded from Kafka 4.2 (test/golden/cli), run
 * in order against one broker, must give the recorded output and exit codes. The same tools of ours
 * against a real Kafka 4.2: test/outside.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrokerProcess } from '../support/broker-process.ts'
import { consumer, expectSame, growth, producer, runs, topics } from '../support/topic-tool-runs.ts'

describe("Kafka's tools against our broker", () => {
  let broker: BrokerProcess
  beforeAll(async () => {
    broker = new BrokerProcess({})
    await broker.start()
  })
  afterAll(() => broker.discard())

  it('have recorded runs to be compared with', () => {
    expect(runs.length).toBe(topics.length + producer.length + consumer.length + 1 - 3)
    expect(growth).toBeGreaterThan(0)
  })

  for (const [at, run] of runs.entries())
    it(`${run.tool} ${run.args.slice(2).join(' ')}`, () =>
      expectSame(run, at % 2 === 0 ? 'word' : 'name', broker.address))
})

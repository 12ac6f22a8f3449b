/**
 * Kafka's tools by their own names: the command lines recorded from Kafka 4.2 (test/golden/cli), run
 * in order against one broker, must give the recorded output and exit codes. Then the same tools of
 * ours against a real Kafka 4.2.
 *
 * Tolerated, each named where it is dropped:
 *   - min.insync.replicas=1 among a topic's options: Kafka 4.2 sets a dynamic cluster-wide default for
 *     it when ELR is on, so it is "not a default" there; here it is one.
 *   - the place of records without a key, which is chance.
 *   - the three runs that decode internal topics: their formatters are not here yet.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { BrokerProcess } from '../support/broker-process.ts'
import { runCli } from '../support/cli.ts'
import { type GoldenRun, goldenRuns, maskOutput } from '../support/golden-cli.ts'
import { findKafkaJars } from '../support/kafka-jars.ts'
import { startKafka } from '../support/kafka-process.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'

const KAFKA_START_MS = 90_000
const INTERNAL_FORMATTER = /\.(Offsets|GroupMetadata|TransactionLog)MessageFormatter$/

const topics = goldenRuns('kafka-topics')
const producer = goldenRuns('kafka-console-producer')
const consumer = goldenRuns('kafka-console-consumer')
/** The producer ran after the topic had grown, and before topics were listed for the last time. */
const growth = topics.findIndex(({ args }) => args.join(' ').endsWith('cli-orders --partitions 2'))
/** Made by the recorded runs of another tool, and deleted by one of these. */
const perf: GoldenRun = {
  tool: 'kafka-topics',
  args: ['--bootstrap-server', 'localhost:9092', '--create', '--topic', 'cli-perf'],
  stdin: '',
  exit: 0,
  stdout: 'Created topic cli-perf.',
  stderr: '',
}
const inOrder = [
  ...topics.slice(0, growth),
  ...producer,
  perf,
  ...topics.slice(growth),
  ...consumer,
]
const runs = inOrder.filter(({ args }) => !args.some((arg) => INTERNAL_FORMATTER.test(arg)))

let broker: ManagedBroker

async function expectSame(run: GoldenRun, calledAs: 'word' | 'name'): Promise<void> {
  const args = run.args.map((arg) => arg.replace('localhost:9092', broker.address))
  const result = await (calledAs === 'word'
    ? runCli([run.tool, ...args], { input: run.stdin })
    : runCli(args, { calledAs: `${run.tool}.sh`, input: run.stdin }))
  const onlyOverrides = args.includes('--topics-with-overrides')
  const said = ({ stdout, stderr }: { stdout: string; stderr: string }) => ({
    stdout: comparable(stdout, onlyOverrides),
    stderr: comparable(stderr, onlyOverrides),
  })
  expect({ exit: result.code, ...said(result) }).toEqual({ exit: run.exit, ...said(run) })
}

/** Lines without what may differ, those of records in an order of their own. */
function comparable(text: string, onlyOverrides: boolean): string[] {
  const lines = maskOutput(text)
    .split('\n')
    .map((line) =>
      line
        .replace(/\bmin\.insync\.replicas=1,?/, '')
        .replace(/^Partition:\d+\|Offset:\d+\|null\|/, '')
        .replace(/(Configs: )(.*)$/, (_all, head, list: string) => head + sorted(list))
        .trimEnd(),
    )
    .filter((line) => line !== '' && !(onlyOverrides && line.endsWith('Configs:')))
  return lines.some((line) => /Offset:\d+\|/.test(line)) ? lines.sort() : lines
}

function sorted(list: string): string {
  return list.split(',').sort().join(',')
}

describe("Kafka's tools against our broker", () => {
  beforeAll(async () => {
    broker = new BrokerProcess({})
    await broker.start()
  })
  afterAll(() => broker.stop())

  it('have recorded runs to be compared with', () => {
    expect(runs.length).toBe(topics.length + producer.length + consumer.length + 1 - 3)
    expect(growth).toBeGreaterThan(0)
  })

  for (const [at, run] of runs.entries())
    it(`${run.tool} ${run.args.slice(2).join(' ')}`, () =>
      expectSame(run, at % 2 === 0 ? 'word' : 'name'))
})

const jars = await findKafkaJars()
if (typeof jars === 'string') console.warn(`SKIPPED: our tools against a real Kafka: ${jars}`)

describe.runIf(typeof jars !== 'string')("Kafka's tools of ours against a real Kafka 4.2", () => {
  beforeAll(async () => {
    if (typeof jars !== 'string') broker = await startKafka(jars)
  }, KAFKA_START_MS)
  afterAll(() => broker.kill())

  it(
    'give what they gave when they were recorded',
    async () => {
      for (const run of runs) {
        const asks = run.args.includes('--list') || run.args.includes('--describe')
        // Kafka's broker learns of changes a moment after its controller has confirmed them.
        if (asks) await vi.waitFor(() => expectSame(run, 'word'), { timeout: 5_000 })
        else await expectSame(run, 'word')
      }
    },
    KAFKA_START_MS,
  )
})

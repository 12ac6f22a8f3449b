/**
 * The recorded runs of kafka-topics, kafka-console-producer and kafka-console-consumer (test/golden/cli)
 * in an order in which a broker can follow them, and one of them repeated by our tools.
 *
 * Tolerated, each named where it is dropped:
 *   - min.insync.replicas=1 among a topic's options: Kafka 4.2 sets a dynamic cluster-wide default for
 *     it when ELR is on, so it is "not a default" there; here it is one.
 *   - the place of records without a key, which is chance.
 *   - the three runs that decode internal topics: their formatters are not here yet.
 */
import { expect } from 'vitest'
import { runCli } from './cli.ts'
import { type GoldenRun, goldenRuns, maskOutput } from './golden-cli.ts'

const INTERNAL_FORMATTER = /\.(Offsets|GroupMetadata|TransactionLog)MessageFormatter$/

export const topics = goldenRuns('kafka-topics')
export const producer = goldenRuns('kafka-console-producer')
export const consumer = goldenRuns('kafka-console-consumer')
/** The producer ran after the topic had grown, and before topics were listed for the last time. */
export const growth = topics.findIndex(({ args }) =>
  args.join(' ').endsWith('cli-orders --partitions 2'),
)
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
export const runs = inOrder.filter(({ args }) => !args.some((arg) => INTERNAL_FORMATTER.test(arg)))

export async function expectSame(
  run: GoldenRun,
  calledAs: 'word' | 'name',
  address: string,
): Promise<void> {
  const args = run.args.map((arg) => arg.replace('localhost:9092', address))
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

/**
 * The recorded runs of Kafka's tools for the cluster as a whole and for measuring (test/golden/cli), and
 * what our tools must give for them against any broker.
 */
import { tmpdir } from 'node:os'
import { expect } from 'vitest'
import { type CliResult, runCli } from './cli.ts'
import { type GoldenRun, goldenRuns } from './golden-cli.ts'

export const golden = (tool: string): GoldenRun[] => goldenRuns(tool)
/** No transactions in this tool; metrics are the Java client's own. */
const perf = golden('kafka-producer-perf-test').filter(
  ({ args }) => !args.some((arg) => /transaction|print-metrics/.test(arg)),
)

function masked(text: string): string[] {
  return text
    .replace(/^usage: [^\n]*(\n<USAGE>)?$/gm, 'usage')
    .replace(/^kafka-\S+ error: .*$|^\S+: error: .*$/gm, '')
    .replace(/Cluster ID: \S+|ClusterId: +\S+/g, 'CLUSTER')
    .replace(/Epoch: +(\d+|<N>)/g, 'EPOCH')
    .replace(/HighWatermark: +\d+/g, 'END')
    .replace(/\b127\.0\.0\.1\b/g, 'localhost')
    .replace(/localhost:\d+/g, 'ADDRESS')
    .replace(/localhost +\d+/g, 'ADDRESS')
    .replace(/"directoryId": "[^"]*", /g, '')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}/g, '<TIME>')
    .replace(/[\d.]+(?= records\/sec| MB\/sec| ms)/g, '#')
    .replace(/<[FN]>/g, '#')
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '')
}

function run({ tool, args }: GoldenRun, address: string): Promise<CliResult> {
  const words = args.map((arg) => arg.replace('localhost:9092', address))
  return runCli([tool, ...words], { cwd: tmpdir() })
}

export async function expectSame(recorded: GoldenRun, address: string): Promise<void> {
  const { code, stdout, stderr } = await run(recorded, address)
  expect({ code, out: masked(stdout), err: masked(stderr) }).toEqual({
    code: recorded.exit,
    out: masked(recorded.stdout),
    err: masked(recorded.stderr),
  })
}

/** What both brokers give as Kafka gave it. */
export const common = [
  ...golden('kafka-cluster'),
  ...golden('kafka-client-metrics'),
  ...perf.slice(0, 1),
]

export async function expectPerformanceLines(address: string): Promise<void> {
  const produce = ['--num-records', '600', '--throughput', '-1', '--bootstrap-server', address]
  const figures = [
    /600 records sent, [\d.]+ records\/sec \([\d.]+ MB\/sec\)/,
    /[\d.]+ ms avg latency, [\d.]+ ms max latency/,
    /\d+ ms 50th, \d+ ms 95th, \d+ ms 99th, \d+ ms 99\.9th\.\n/,
  ]
  const line = new RegExp(`^${figures.map(({ source }) => source).join(', ')}$`)
  const produced = await runCli([
    'kafka-producer-perf-test',
    '--topic',
    'cli-perf',
    '--record-size',
    '50',
    ...produce,
  ])
  expect([produced.code, produced.stdout]).toEqual([0, expect.stringMatching(line)])
  for (const recorded of golden('kafka-consumer-perf-test')) {
    const { code, stdout } = await run(recorded, address)
    const [head, figures = ''] = stdout.trim().split('\n')
    expect([code, head]).toEqual([recorded.exit, recorded.stdout.split('\n')[0]])
    const time = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d:\\d{3}'
    expect(figures).toMatch(
      new RegExp(
        `^${time}, ${time}, 0\\.0238, [\\d.]+, 500, [\\d.]+, \\d+, \\d+, [\\d.]+, [\\d.]+$`,
      ),
    )
  }
  for (const recorded of golden('kafka-e2e-latency')) {
    const { code, stdout } = await run(recorded, address)
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^0\t[\d.]+\nAvg latency: \d+\.\d{4} ms\nPercentiles: 50th = \d+, 99th = \d+, 99\.9th = \d+\n$/,
      ),
    ])
  }
}

export async function expectVerifiableLines(address: string): Promise<void> {
  const base = ['--bootstrap-server', address, '--topic', 'verified']
  const produced = await runCli(['kafka-verifiable-producer', ...base, '--max-messages', '20'])
  const events = jsonLines(produced.stdout)
  expect(events.map(({ name }) => name)).toEqual([
    'startup_complete',
    ...Array.from({ length: 20 }, () => 'producer_send_success'),
    'shutdown_complete',
    'tool_data',
  ])
  expect(Object.keys(events[1] ?? {})).toEqual([
    ...['timestamp', 'name', 'key', 'value', 'offset', 'topic', 'partition'],
  ])
  expect(events.at(-1)).toMatchObject({ sent: 20, acked: 20, target_throughput: -1 })
  const group = ['--group-id', 'verifiers', '--verbose']
  const first = await runCli([
    'kafka-verifiable-consumer',
    ...base,
    ...group,
    '--max-messages',
    '12',
  ])
  const second = await runCli([
    'kafka-verifiable-consumer',
    ...base,
    ...group,
    '--max-messages',
    '8',
  ])
  const read = [...jsonLines(first.stdout), ...jsonLines(second.stdout)]
  const values = read.filter(({ name }) => name === 'record_data').map(({ value }) => Number(value))
  expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at))
  const names = new Set(jsonLines(first.stdout).map(({ name }) => name))
  expect([...names]).toEqual([
    ...['startup_complete', 'partitions_assigned', 'record_data', 'records_consumed'],
    ...['offsets_committed', 'partitions_revoked', 'shutdown_complete'],
  ])
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

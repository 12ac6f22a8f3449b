/** `sluice perf` against a broker of ours in a process of its own, each kind of load for an instant. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BenchTopics } from '../../bench/load/bench-topics.ts'
import type { PerfResult } from '../../bench/load/perf-result.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { runCli } from '../support/cli.ts'
import { mountSmallDisk, unmount } from '../support/small-disk.ts'

const SHORT = ['--seconds', '0.4', '--warm-up', '0.1', '--repeats', '1', '--processes', '1']
let broker: BrokerProcess
let folder = ''

beforeAll(async () => {
  broker = await startBroker()
  folder = mkdtempSync(join(tmpdir(), 'sluice-perf-test-'))
}, 60_000)
afterAll(async () => {
  await broker.discard()
  rmSync(folder, { recursive: true, force: true })
})

function perf(...words: string[]) {
  const [command = '', ...more] = words
  const flags = command === 'report' ? [] : ['-b', broker.address, ...SHORT]
  return runCli(['perf', command, ...flags, ...more], { cwd: folder })
}

it('loads, keeps JSON, CSV and HDR files, and makes a report of them', async () => {
  const files = ['--json', 'p.json', '--csv', 'p.csv', '--hdr', 'p.hgrm']
  const produced = await perf('produce', '--seconds', '1.2', ...files)
  expect(produced.stderr).toContain('produce, run 1 of 1')
  expect(produced.code).toBe(0)
  expect(produced.stdout).toMatch(/^run 1: produce [\d,.]+ requests\/s, [\d,.]+ MB\/s/)
  const end = await perf('e2e', '--rate', '200', '--json', 'e.json', '--hdr', 'e.hlog')
  expect(end.code).toBe(0)
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const result = JSON.parse(read('p.json')) as PerfResult
  expect(result.runs[0]?.loads[0]?.figures.samples.length).toBeGreaterThan(0)
  expect(read('p.csv').split('\n')[0]).toContain('atSeconds,requestsPerSecond')
  expect(read('p.hgrm')).toContain('Percentile TotalCount')
  expect(read('e.hlog')).toContain('#[Histogram log format version 1.3]')
  const report = await perf('report', 'p.json', 'e.json', '-o', 'r.html', '--pictures', 'svg')
  expect(report.stderr).toBe('wrote r.html\n')
  const page = read('r.html')
  for (const title of ['Rate over time', 'Latency over time', 'Latency by percentile'])
    expect(page).toContain(title)
  expect(page).not.toMatch(/(src|href)=/)
  expect(page).not.toContain('NaN')
  expect(read('svg/percentiles.svg')).toContain('end to end')
}, 60_000)

it('reads, connects, mixes and sweeps, as JSON lines too', async () => {
  const fetched = await perf('fetch', '--fill-mib', '1', '--connections', '2', '--format', 'jsonl')
  expect(JSON.parse(fetched.stdout)).toMatchObject({ role: 'fetch', problem: null })
  expect(JSON.parse(fetched.stdout).recordsPerSecond).toBeGreaterThan(0)
  const connected = await perf('connections', '--connections', '20')
  expect(connected.stdout).toContain('20 opened in')
  const mixed = await perf('mix', '--fill-mib', '1', '--rate', '1000', '--format', 'json')
  expect(JSON.parse(mixed.stdout).map((row: { role: string }) => row.role)).toEqual([
    'end to end',
    'lagging readers',
  ])
  const sweep = ['--rate', '100,200', '--records-per-batch', '1', '--codec', 'lz4', '--idempotent']
  const swept = await perf('produce', ...sweep, '--kafka-lines')
  expect(swept.stdout).toMatch(/^(\d+ records sent, [\d.]+ records\/sec .*99\.9th\.\n){2}$/)
}, 60_000)

it('says of a broker without transactions what it lacks, before it makes a topic', async () => {
  for (const command of ['produce', 'e2e', 'mix']) {
    const { code, stderr, stdout } = await perf(command, '--transactional-id', 'pay')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(
      'the broker serves no transactions\n  why:  it does not announce AddPart',
    )
  }
  const load = ['--topic', 'sluice-perf', '--num-records', '9', '--record-size', '9']
  const ids = ['--throughput', '-1', '--transactional-id', 'pay']
  const at = ['--bootstrap-server', broker.address]
  const tool = await runCli(['kafka-producer-perf-test', ...at, ...load, ...ids])
  expect(tool.code).not.toBe(0)
  expect(tool.stdout + tool.stderr).toContain('Transactions are not served by this broker yet.')
  const topics = await runCli(['topic', 'list', '-b', broker.address])
  expect(topics.stdout).not.toContain('sluice-perf')
})

it('reads what is committed, where nothing else is there either', async () => {
  const committed = ['--isolation', 'read_committed', '--fill-mib', '1', '--format', 'jsonl']
  const mixed = await perf('mix', '--rate', '500', ...committed)
  expect(mixed.code, mixed.stderr).toBe(0)
  for (const line of mixed.stdout.trim().split('\n'))
    expect(JSON.parse(line).recordsPerSecond).toBeGreaterThan(0)
}, 60_000)

it('prints what it measured when there is no room to keep it', async () => {
  const { code, stderr, stdout } = await perf('produce', '--csv', '/dev/full')
  expect(code).toBe(1)
  expect(stdout).toContain('requests/s')
  expect(stderr).toContain('/dev/full cannot be written\n  why:  ENOSPC')
})

it('ends on a full disk, and tells what it saw and what it could not keep', async (context) => {
  const disk = join(folder, 'small')
  if (!mountSmallDisk(disk, '48m')) context.skip('nobody may mount a disk here')
  const overrides = { 'sluice.shards': '1', 'log.index.size.max.bytes': '65536' }
  let full: BrokerProcess | null = null
  try {
    full = await startBroker({ dataFolder: join(disk, 'data'), overrides })
    const files = ['--json', 'kept.json', '--csv', '/dev/full']
    const flags = ['--warm-up', '0', '--seconds', '60', '--repeats', '3', '--connections', '1']
    const run = ['perf', 'produce', '-b', full.address, ...flags, ...files, '--format', 'jsonl']
    const { code, stderr, stdout } = await runCli(run, { cwd: folder })
    expect(code).toBe(5)
    expect(stderr).toMatch(/perf produce ended early\n {2}why: {2}the broker answered KAFKA_STOR/)
    expect(JSON.parse(stdout).megabytesPerSecond).toBeGreaterThan(0)
    expect(stderr).toContain('/dev/full cannot be written: ENOSPC')
    const kept = JSON.parse(readFileSync(join(folder, 'kept.json'), 'utf8')) as PerfResult
    expect(kept.problem).toContain('KAFKA_STORAGE_ERROR')
    expect(kept.runs[0]?.loads[0]?.figures.bytes).toBeGreaterThan(0)
  } finally {
    await full?.kill()
    unmount(disk)
  }
}, 60_000)

it('keeps what it saw when the broker dies, and says so', async () => {
  const flags = ['--warm-up', '0', '--seconds', '60', '--json', 'dead.json', '--format', 'jsonl']
  const running = perf('produce', '--topic', 'dies', ...flags)
  await written('dies')
  await broker.kill()
  const { code, stderr, stdout } = await running
  expect(code).toBe(5)
  expect(stderr).toMatch(/perf produce ended early\n {2}why: {2}lost a connection/)
  expect(JSON.parse(stdout).requestsPerSecond).toBeGreaterThan(0)
  const kept = JSON.parse(readFileSync(join(folder, 'dead.json'), 'utf8')) as PerfResult
  expect(kept.problem).toContain('lost a connection')
  expect(kept.runs.length).toBe(1)
}, 60_000)

/** Resolves when every partition of the topic has something. */
async function written(topic: string): Promise<void> {
  const topics = new BenchTopics(broker.address)
  for (;;) {
    const ends = await topics.endOffsets(topic, 4).catch(() => null)
    if (ends?.every((end) => end > 0) === true) break
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await topics.close()
}

it.each([
  ['{"command":"produce","inFligth":5}', 'did you mean "inFlight"?'],
  ['{"command":"produce",\n"inFlight":5,}', 'it is not JSON in line 2'],
  ['{"command":"produce","inFlight":"x"}', '"inFlight" is a whole number from 1 to 1000, not "x"'],
  ['{"command":"produce","maxBytes":5}', '"maxBytes" is no option of perf produce'],
  ['{"command":"consume"}', '"command" is one of produce'],
  ['{"command":"e2e"}', 'is a workload for perf e2e'],
  ['{"command":"produce","transactionDuration":5}', 'did you mean "transactionDurationMs"?'],
  ['{"command":"produce","transactionalId":5}', '"transactionalId" is a text in quotes, not 5'],
  ['[]', 'it is not an object'],
])('refuses the workload %s', async (content, why) => {
  writeFileSync(join(folder, 'w.json'), content)
  const { code, stderr, stdout } = await perf('produce', '-w', 'w.json')
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(why)
})

it.each([
  [['-w', 'nothing'], "there is no workload 'nothing'"],
  [['--transaction-duration-ms', '0.5'], 'is a whole number from 0 to 600000'],
  [['--transaction-duration-ms', '50', '--acks', '1'], 'transactions need acks all'],
  [['--codec', 'zip'], "--codec is one of none, gzip, snappy, lz4, zstd, not 'zip'"],
  [['--rate', 'x'], '--rate is a number above 0'],
  [['--batch-bytes', '100', '--records-per-batch', '2'], 'not both'],
  [['--payload', 'file'], 'go together'],
  [['--json', 'no/such/folder/x.json'], 'cannot be written'],
])('refuses %s', async (flags, why) => {
  const { code, stderr } = await perf('produce', ...flags)
  expect(code).not.toBe(0)
  expect(stderr).toContain(why)
})

it('refuses to report on what is no result', async () => {
  writeFileSync(join(folder, 'x.json'), '{}')
  const { code, stderr } = await perf('report', 'x.json', '-o', 'x.html')
  expect(code).toBe(1)
  expect(stderr).toContain('it is not what --json of sluice perf writes')
})

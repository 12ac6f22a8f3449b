/**
 * kafka-consumer-groups, kafka-get-offsets and kafka-delete-records by their own names:
 * the recorded runs (test/golden/cli) against our broker, lines in any order as they come from hash
 * maps there; and what they say to mistakes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startBroker } from '../support/broker-process.ts'
import { type CliResult, runCli } from '../support/cli.ts'
import { type GoldenRun, goldenRuns, maskOutput } from '../support/golden-cli.ts'
import { freePort, type ManagedBroker } from '../support/managed-broker.ts'

const work = mkdtempSync(join(tmpdir(), 'sluice-group-tools-'))
let broker: ManagedBroker
let address = ''

const ours = (tool: string, ...args: string[]): Promise<CliResult> =>
  runCli([tool, '--bootstrap-server', address, ...args], { cwd: work })

beforeAll(async () => {
  writeFileSync(
    join(work, 'del.json'),
    '{"version":1,"partitions":[{"topic":"cli-orders","partition":0,"offset":1}]}',
  )
  broker = await startBroker({ dataFolder: join(work, 'data') })
  address = broker.address
  await ours('kafka-topics', '--create', '--topic', 'cli-orders', '--partitions', '4')
  await ours('kafka-topics', '--create', '--topic', 'cli-shapes', '--partitions', '1')
  for (const [partition, count] of [2, 1, 2, 2].entries())
    for (let at = 0; at < count; at++) await produce('cli-orders', partition)
  for (let at = 0; at < 3; at++) await produce('cli-shapes', 0)
})
afterAll(async () => {
  await broker?.kill()
  rmSync(work, { recursive: true, force: true })
})

async function produce(topic: string, partition: number): Promise<void> {
  const result = await runCli(['produce', topic, '-b', address, '-p', String(partition)], {
    input: 'a record\n',
  })
  expect([result.code, result.stderr]).toEqual([0, expect.any(String)])
}

function masked(text: string): string[] {
  return maskOutput(text)
    .replace(/^(java\.util\.concurrent\.ExecutionException|Caused by): .*$/gm, '')
    .replace(/\S*(localhost|127\.0\.0\.1):\d+ +\(1\) */g, 'COORDINATOR ')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .sort()
}

async function expectSame(recorded: GoldenRun): Promise<void> {
  const args = recorded.args.map((arg) => arg.replace('localhost:9092', address))
  const { code, stdout, stderr } = await runCli([recorded.tool, ...args], { cwd: work })
  expect({ code, out: masked(stdout), err: masked(stderr) }).toEqual({
    code: recorded.exit,
    out: masked(recorded.stdout),
    err: masked(recorded.stderr),
  })
}

const runsOf = (tool: string, pick: (line: string) => boolean): [string, GoldenRun][] =>
  goldenRuns(tool)
    .map((run): [string, GoldenRun] => [run.args.slice(2).join(' '), run])
    .filter(([line]) => pick(line))

describe("Kafka's tools for groups and offsets, against our broker", () => {
  const offsets = runsOf('kafka-get-offsets', () => true)
  // The last was recorded after records had been deleted.
  it.each(offsets.slice(0, -1))('get-offsets %s', (_line, run) => expectSame(run))

  it('consumer-groups: the recorded life of a group, in its order', async () => {
    const made = await ours(
      'kafka-consumer-groups',
      ...['--reset-offsets', '--group', 'cli-done', '--topic', 'cli-orders', '--to-latest'],
      '--execute',
    )
    expect([made.code, made.stderr]).toEqual([0, ''])
    const runs = runsOf(
      'kafka-consumer-groups',
      (line) => /cli-done|cli-none/.test(line) && !/cli-live/.test(line),
    )
    expect(runs.length).toBeGreaterThan(12)
    for (const [, run] of runs) await expectSame(run)
  })

  it('lists with states and types, and filters by both', async () => {
    await ours(
      'kafka-consumer-groups',
      ...['--reset-offsets', '--group', 'a-group', '--topic', 'cli-orders:0', '--to-latest'],
      '--execute',
    )
    const list = async (...args: string[]): Promise<string[]> =>
      (await ours('kafka-consumer-groups', '--list', ...args)).stdout.trim().split('\n')
    expect(await list()).toEqual(['a-group'])
    expect(await list('--state')).toEqual([
      `GROUP${' '.repeat(21)}STATE`.padEnd(46),
      `a-group${' '.repeat(19)}Empty`,
    ])
    expect((await list('--type'))[1]).toMatch(/^a-group +Classic/)
    expect(await list('--state', 'Stable')).toEqual([expect.stringMatching(/^GROUP +STATE/)])
  })

  it('get-offsets and delete-records: the start moves up, and past the end is refused', async () => {
    await expectSame(runsOf('kafka-delete-records', (line) => /del\.json/.test(line))[0]![1])
    for (const [, run] of offsets.slice(-1)) await expectSame(run)
    writeFileSync(
      join(work, 'far.json'),
      '{"partitions":[{"topic":"cli-orders","partition":0,"offset":99}]}',
    )
    const far = await ours('kafka-delete-records', '--offset-json-file', 'far.json')
    expect([far.code, far.stdout]).toEqual([
      0,
      expect.stringContaining('error: org.apache.kafka.common.errors.OffsetOutOfRangeException: '),
    ])
  })
})

describe('a group with a member', () => {
  let stop: () => void = () => {}
  let reading: Promise<CliResult>
  const member = (...args: string[]): Promise<CliResult> =>
    ours('kafka-consumer-groups', '--group', 'living', ...args)

  beforeAll(async () => {
    const interrupted = new Promise<NodeJS.Signals>((resolve) => {
      stop = () => resolve('SIGINT')
    })
    const read = (done: () => void): Promise<CliResult> =>
      runCli(['consume', 'cli-orders', '-g', 'living', '--from-beginning', '-b', address], {
        interrupted,
        onOutput: done,
      })
    await new Promise<void>((done) => {
      reading = read(done)
    })
  })
  afterAll(async () => {
    stop()
    expect((await reading).code).toBe(0)
  })

  it('is described with ends and lag of what its member owns and has committed', async () => {
    const row = /^living +cli-orders +0 +2 +2 +0 +sluice\S+ +\/127\.0\.0\.1 +sluice/m
    const shown = await vi.waitUntil(
      async () => {
        const { stdout } = await member('--describe')
        return row.test(stdout) && stdout
      },
      { timeout: 20_000 },
    )
    expect(shown).not.toContain('unknown')
  })

  it('keeps its positions: reset, deletion and deletion of offsets are refused', async () => {
    const topic = ['--topic', 'cli-orders']
    const reset = await member('--reset-offsets', ...topic, '--to-earliest', '--execute')
    expect(reset.stdout).toContain("can only be reset if the group 'living' is inactive")
    const dropped = await member('--delete')
    expect(dropped.stdout).toContain('GroupNotEmptyException: The group is not empty.')
    const forgotten = await member('--delete-offsets', ...topic)
    expect(forgotten.stdout).toContain('GroupSubscribedToTopicException: Deleting offsets of')
    const own = await runCli(['group', 'reset-offsets', 'living', '--to', 'latest', '-b', address])
    expect([own.code, own.stderr]).toEqual([1, expect.stringMatching(/why: .*it has members/)])
  })
})

describe('sluice group', () => {
  const group = (verb: string, ...args: string[]): Promise<CliResult> =>
    runCli(['group', verb, ...args, '-b', address])

  it('resets, describes, lists, forgets and deletes, in every format', async () => {
    const to = ['--topic', 'cli-orders:1,2', '--to']
    const dry = await group('reset-offsets', 'own', ...to, 'latest', '--dry-run')
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/cli-orders +2 +2/)])
    expect((await group('describe', 'own')).code).toBe(1)
    await group('reset-offsets', 'own', ...to, 'latest')
    await group('reset-offsets', 'own', ...to, '-1')
    const described = await group('describe', 'own', '--format', 'json')
    expect(JSON.parse(described.stdout)).toMatchObject({
      group: 'own',
      type: 'classic',
      state: 'Empty',
      partitions: [
        { topic: 'cli-orders', partition: 1, offset: 0, end: 1, lag: 1, member: null },
        { topic: 'cli-orders', partition: 2, offset: 1, end: 2, lag: 1, member: null },
      ],
    })
    for (const format of ['text', 'json', 'jsonl'])
      for (const args of [['list'], ['describe', 'own']]) {
        const shown = await group(args[0] ?? '', ...args.slice(1), '--format', format)
        expect([shown.code, shown.stderr, shown.stdout]).toEqual([
          0,
          '',
          expect.stringContaining('own'),
        ])
      }
    const forgot = await group('delete-offsets', 'own', '--topic', 'cli-orders:1')
    expect([forgot.code, forgot.stdout]).toEqual([0, expect.stringMatching(/1 +true/)])
    expect(await group('delete', 'own')).toMatchObject({ code: 0, stderr: 'deleted group own\n' })
  })

  it.each([
    [['describe', 'nobody'], 1, /why: .*Group nobody not found/],
    [['delete', 'nobody'], 1, /why: .*group id does not exist/],
    [['reset-offsets', 'g', '--to', 'soon'], 2, /--to soon: not a place in a topic/],
    [['reset-offsets', 'g', '--to', 'latest', '--topic', 'absent'], 1, /group 'g'/],
    [['reset-offsets', 'g', '--to', 'latest', '--topic', 'cli-orders:9'], 1, /do not exist/],
    [['reset-offsets', 'g'], 2, /required option '--to/],
  ])('%j fails with a sentence', async (args, code, message) => {
    const result = await group(args[0] ?? '', ...args.slice(1))
    expect([result.code, result.stderr]).toEqual([code, expect.stringMatching(message)])
    expect(result.stderr).not.toMatch(/^\s+at /m)
  })
})

describe('mistakes', () => {
  const groups = 'kafka-consumer-groups'
  it.each([
    [[groups, '--describe'], /Option \[describe\] takes one of these options/],
    [[groups, '--list', '--state', 'Odd'], /Invalid state list 'Odd'/],
    [[groups, '--reset-offsets', '--group', 'g', '--to-latest'], /--all-topics, --topic/],
    [
      [groups, '--reset-offsets', '--group', 'g', '--all-topics', '--to-latest', '--to-earliest'],
      /can't be used with option/,
    ],
    [['kafka-get-offsets', '--topic-partitions', 'a:x'], /Invalid rule specification/],
    [['kafka-delete-records', '--offset-json-file', 'none.json'], /none\.json/],
  ])('%j: exit code 1 and a sentence', async (args, message) => {
    const result = await ours(args[0] ?? '', ...args.slice(1))
    expect([result.code, `${result.stdout}${result.stderr}`]).toEqual([
      1,
      expect.stringMatching(message),
    ])
    expect(result.stderr).not.toMatch(/^\s+at /m)
  })

  it.each([
    [['--shift-by', 'two'], "Cannot parse argument 'two' of option shift-by"],
    [['--to-datetime', 'noon'], "It does not contain a 'T' according to ISO8601 format"],
    [['--by-duration', '1h'], 'Text cannot be parsed to a Duration'],
    [['--from-file', 'none.csv'], 'Unable to read file none.csv'],
  ])('%j: told on stdout, exit code 0, as Kafka does', async (args, words) => {
    const reset = ['--reset-offsets', '--group', 'g', '--all-topics', '--dry-run']
    const { code, stdout } = await ours(groups, ...reset, ...args)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\nError: Executing consumer group/)])
    expect(stdout).toContain(words)
  })

  const lines = [['kafka-consumer-groups', '--list'], ['kafka-get-offsets']]
  it.each(lines)('%s tells when nobody listens, and when no Kafka does', async (tool, ...args) => {
    const nobody = `127.0.0.1:${await freePort()}`
    const down = await runCli([tool, '--bootstrap-server', nobody, ...args])
    expect([down.code, down.stderr]).toEqual([1, expect.stringContaining('nothing listens')])
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const at = server.address()
    const port = typeof at === 'object' ? at?.port : 0
    const other = await runCli([tool, '--bootstrap-server', `127.0.0.1:${port}`, ...args])
    server.close()
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('does not speak')])
  })
})

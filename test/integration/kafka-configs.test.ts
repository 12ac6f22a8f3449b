/**
 * kafka-configs by its own name: the recorded runs (test/golden/cli) one after the other against our
 * broker, byte for byte; and what it says to mistakes, as Kafka's tool says it.
 *
 * Tolerated: our broker keeps no SCRAM credentials, and lists options of its own under --all.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBroker } from '../support/broker-process.ts'
import { type CliResult, runCli } from '../support/cli.ts'
import { goldenRuns } from '../support/golden-cli.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'

const work = mkdtempSync(join(tmpdir(), 'sluice-configs-'))
let broker: ManagedBroker

const configs = (...args: string[]): Promise<CliResult> =>
  runCli(['kafka-configs', '--bootstrap-server', broker.address, ...args], { cwd: work })

beforeAll(async () => {
  broker = await startBroker({ dataFolder: join(work, 'data') })
  const dotted = ['-c', 'retention.ms=3600000', '-c', 'cleanup.policy=compact']
  await runCli(['topic', 'create', 'cli.dotted', ...dotted, '-b', broker.address])
  await runCli(['topic', 'create', 'cli-orders', '-b', broker.address])
  // A new Kafka sets it by itself.
  await configs('--alter', '--broker-defaults', '--add-config', 'min.insync.replicas=1')
})
afterAll(async () => {
  await broker?.kill()
  rmSync(work, { recursive: true, force: true })
})

const withoutOwn = (text: string): string => text.replace(/^ {2}(sluice|mq)\..*\n/gm, '').trimEnd()

describe('recorded runs', () => {
  const runs = goldenRuns('kafka-configs')
  const scram = runs.filter(({ args }) => args.some((arg) => /SCRAM|^carol$/.test(arg)))

  for (const [at, run] of runs.entries()) {
    if (scram.includes(run)) continue
    it(`${at} ${run.args.slice(2).join(' ')}`, async () => {
      const args = run.args.map((arg) => arg.replace('localhost:9092', broker.address))
      const { code, stdout, stderr } = await runCli([run.tool, ...args])
      expect({
        code,
        out: withoutOwn(stdout),
        err: stderr.trimEnd().replaceAll(broker.address, 'localhost:9092'),
      }).toEqual({ code: run.exit, out: run.stdout, err: run.stderr })
    })
  }

  it('SCRAM credentials are refused in a sentence, nothing pretended', async () => {
    expect(scram).toHaveLength(3)
    const { code, stderr } = await configs(...(scram[0]?.args.slice(2) ?? []))
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: .*\n {2}why: .*SCRAM/i)])
  })
})

describe('mistakes', () => {
  const added = ['--add-config', 'retention.ms=1']
  it.each([
    [['--describe'], 'At least one entity type must be specified'],
    [['--describe', '--alter'], 'Command must include exactly one action: --describe, --alter'],
    [['--describe', '--topic', 'a', ...added], `Option "[describe]" can't be used with option`],
    [['--describe', '--entity-type', 'topic'], 'Invalid entity type topic, the entity type must'],
    [['--describe', '--topic', 'a', '--entity-type', 'topics'], 'Duplicate entity type(s)'],
    [['--describe', '--topic', 'a', '--broker', '1'], "Only 'users' and 'clients' entity types"],
    [['--describe', '--topic', 'a', '--topic', 'b'], 'Found multiple arguments for option topic'],
    [['--describe', '--topic', 'a/b'], "Topic name is invalid: 'a/b' contains one or more"],
    [['--describe', '--broker', 'x'], 'must be a valid integer broker id, but it is: x'],
    [['--describe', '--ip', 'no.such.host.invalid'], 'must be a valid IP or resolvable host'],
    [['--describe', '--entity-type', 'topics', '--entity-default'], 'must not be specified with'],
    [['--alter', '--topic', 'a'], 'At least one of --add-config, --add-config-file, or'],
    [['--alter', '--entity-type', 'topics', ...added], 'An entity name must be specified with'],
    [['--alter', '--entity-type', 'users', ...added], 'An entity-name or default entity must be'],
    [['--alter', '--topic', 'a', ...added, '--add-config-file', 'f'], 'Only one of --add-config'],
    [['--alter', '--topic', 'a', '--add-config-file', 'absent'], 'absent: ENOENT'],
    [['--alter', '--topic', 'a', '--add-config', 'a'], 'requirement failed: Invalid entity config'],
    [['--alter', '--topic', 'a', '--add-config', 'a/b=1'], 'Invalid character found for config'],
    [['--alter', '--user', 'u', '--add-config', 'x=1'], 'Unexpected config names: Set(x)'],
    [['--alter', '--user', 'u', '--delete-config', 'x'], 'config names: ArrayBuffer(x)'],
    [['--alter', '--client', 'c', '--add-config', 'SCRAM-SHA-256=[password=x]'], 'Only quota'],
    [['--alter', '--ip', '::1', '--add-config', 'x=1'], 'Only connection quota configs can be'],
    [['--alter', '--user', 'u', '--add-config', 'producer_byte_rate=a'], 'Cannot parse quota'],
    [['--alter', '--broker-logger', '1', '--add-config', 'a=DEBUG'], 'Invalid broker logger(s): a'],
    [['--alter', '--broker', '7', '--add-config', 'log.cleaner.threads=2'], 'has the id 7'],
  ])('%j: exit code 1 and %s', async (args, words) => {
    const { code, stderr, stdout } = await configs(...args)
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(words)])
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  it('a value out of its range: the range is named and nothing changes', async () => {
    const topic = ['--topic', 'cli-orders']
    const refused = await configs('--alter', ...topic, '--add-config', 'segment.bytes=5')
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('Invalid value 5 for configuration segment.bytes: Value must be at'),
    ])
    expect((await configs('--describe', ...topic)).stdout).not.toContain('segment.bytes')
  })
})

it('takes a file, lists in brackets, users of clients, and names in any order', async () => {
  const topic = ['--topic', 'cli-orders']
  writeFileSync(join(work, 'some.properties'), '# mine\ncleanup.policy=compact,delete\n')
  await configs('--alter', ...topic, '--add-config-file', 'some.properties')
  await configs(
    '--alter',
    ...topic,
    '--add-config',
    'retention.ms=5,cleanup.policy=[delete,compact]',
  )
  const described = await configs('--describe', ...topic)
  expect(described.stdout).toMatch(/^ {2}cleanup\.policy=delete,compact /m)
  expect(described.stdout).toMatch(/^ {2}retention\.ms=5 /m)
  const quota = ['--add-config', 'producer_byte_rate=20000000,request_percentage=50']
  const both = ['--entity-type', 'users', '--entity-name', 'u', '--entity-type', 'clients']
  expect((await configs('--alter', ...both, '--entity-default', ...quota)).stdout).toBe(
    'Completed updating config for user u.\n',
  )
  expect((await configs('--describe', ...both)).stdout).toBe(
    "Quota configs for user-principal 'u', the default client-id are " +
      'producer_byte_rate=2.0E7, request_percentage=50.0\n',
  )
  expect((await configs('--describe', '--user', 'u', '--client', 'c')).stdout).toBe('')
})

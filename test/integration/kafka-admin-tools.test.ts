/**
 * Kafka's tools for the cluster as a whole and for measuring, by their own names: the recorded runs
 * (test/golden/cli) against our broker; what they say when nobody, or somebody else, listens; and a
 * broker on folders that kafka-storage formatted. Against a real Kafka 4.2: test/outside.
 *
 * Tolerated against our broker, each named where it is used: it has fewer features and APIs than
 * Kafka, and other groups.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrokerProcess } from '../support/broker-process.ts'
import { runCli } from '../support/cli.ts'
import {
  common,
  expectPerformanceLines,
  expectSame,
  expectVerifiableLines,
  golden,
} from '../support/cluster-tool-runs.ts'
import { freePort, type ManagedBroker } from '../support/managed-broker.ts'

const work = mkdtempSync(join(tmpdir(), 'sluice-admin-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

let address = ''

describe('the tools against our broker', () => {
  let broker: ManagedBroker
  beforeAll(async () => {
    broker = new BrokerProcess({})
    await broker.start()
    address = broker.address
    await runCli(['topic', 'create', 'cli-perf', '-p', '1', '-b', address])
  })
  afterAll(() => broker.discard())

  for (const recorded of common)
    it(`${recorded.tool} ${recorded.args.join(' ')}`, () => expectSame(recorded, address))

  it('kafka-client-metrics answers mistakes, empty values and names that are not there as Kafka', async () => {
    const server = ['--bootstrap-server', address]
    const said = async (...words: string[]) => {
      const { code, stdout, stderr } = await runCli(['kafka-client-metrics', ...server, ...words])
      return [code, stdout, stderr.split('\n')[0]]
    }
    const name = ['--name', 'tool-test']
    const altered = [0, 'Altered client metrics config for tool-test.\n', '']
    const failure = 'Error while executing client metrics command : '
    expect(await said('--alter', ...name, '--match', 'client_id=a', '--metrics', '*')).toEqual(
      altered,
    )
    expect(await said('--alter', ...name, '--interval', '5')).toEqual([
      1,
      `${failure}Invalid value 5 for interval.ms, interval must be between 100 and 3600000 (1 hour)\n`,
      '',
    ])
    expect(await said('--alter', ...name, '--match', 'bad')).toEqual([
      1,
      `${failure}Illegal client matching pattern: bad\n`,
      '',
    ])
    expect(await said('--describe')).toEqual([
      0,
      'Client metrics configs for tool-test are:\n' +
        '  interval.ms=300000\n  match=client_id=a\n  metrics=*\n',
      '',
    ])
    expect(await said('--alter', ...name, '--match', '', '--metrics', '')).toEqual(altered)
    expect(await said('--alter', '--interval', '1000')).toEqual([
      1,
      '',
      'One of --name or --generate-name must be specified with --alter.',
    ])
    expect(await said('--alter', ...name, '--interval', 'x')).toEqual([
      1,
      '',
      'Invalid interval value. Enter an integer, or leave empty to reset.',
    ])
    expect(await said('--describe', '--interval', '5')).toEqual([
      1,
      '',
      'Option "[describe]" can\'t be used with option "[interval]"',
    ])
    expect(await said('--describe', '--name', 'nosuch')).toEqual([
      0,
      "The client metric resource nosuch doesn't exist and doesn't have dynamic config.\n",
      '',
    ])
    const [code, stdout] = await said('--alter', '--generate-name', '--interval', '1000')
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^Altered client metrics config for [\w-]{22}\.\n$/),
    ])
  })

  it('tell the features, and refuse levels that do not exist, as Kafka does', async () => {
    const described = await runCli(['kafka-features', '--bootstrap-server', address, 'describe'])
    const levels = [
      'SupportedMinVersion: 3.3-IV3',
      'SupportedMaxVersion: 4.2-IV1',
      'FinalizedVersionLevel: 4.2-IV1',
      'Epoch: ',
    ]
    expect(described.stdout).toContain(`Feature: metadata.version\t${levels.join('\t')}`)
    const refused = await runCli([
      'kafka-features',
      '--bootstrap-server',
      address,
      'upgrade',
      '--feature',
      'bogus=1',
    ])
    expect(refused.code).toBe(1)
    expect(refused.stdout).toMatch(/^Could not upgrade bogus to 1\. .*bogus/)
    expect(refused.stderr).toBe('1 out of 1 operation(s) failed.\n')
  })

  it('tell the APIs in the lines of Kafka, unsupported ones too', async () => {
    const [recorded] = golden('kafka-broker-api-versions')
    const { stdout, code } = await runCli([
      'kafka-broker-api-versions',
      '--bootstrap-server',
      address,
    ])
    expect(code).toBe(0)
    const names = (text: string): string[] => text.match(/^\t\w+\(\d+\)/gm) ?? []
    expect(names(stdout)).toEqual(names(recorded?.stdout ?? ''))
    expect(stdout).toContain('\tProduce(0): 0 to ')
    expect(stdout).toContain('\tPushTelemetry(72): UNSUPPORTED,')
  })

  it('tell the quorum of one', async () => {
    const status = await runCli([
      'kafka-metadata-quorum',
      '--bootstrap-server',
      address,
      'describe',
      '--status',
    ])
    expect(status.stdout).toMatch(/^ClusterId: {14}\S+\nLeaderId: {15}\d+\nLeaderEpoch: {12}\d+\n/)
    const replication = await runCli([
      'kafka-metadata-quorum',
      '--bootstrap-server',
      address,
      'describe',
      '--replication',
    ])
    expect(replication.stdout).toMatch(
      /^NodeId\tDirectoryId {11}\tLogEndOffset\t[^\n]+\n.+\tLeader\t\n$/,
    )
    const removal = ['-i', '9', '-d', 'NcPymGGUSFKWG3DCOKj9Og']
    const refused = await runCli([
      'kafka-metadata-quorum',
      '--bootstrap-server',
      address,
      'remove-controller',
      ...removal,
    ])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/\S/)])
  })

  it('refuse to unregister a broker that is not there', async () => {
    const { code, stderr } = await runCli([
      'kafka-cluster',
      'unregister',
      '-b',
      address,
      '--id',
      '99',
    ])
    expect([code, stderr]).toEqual([1, 'Broker ID 99 is not currently registered\n'])
  })

  it('list groups of all types', async () => {
    await expectVerifiableLines(address)
    const { stdout } = await runCli(['kafka-groups', '--bootstrap-server', address, '--list'])
    expect(stdout).toMatch(/^GROUP {16}TYPE {17}PROTOCOL {12}\n/)
    expect(stdout).toMatch(/^verifiers {12}Classic {14}consumer/m)
    const shares = await runCli([
      'kafka-groups',
      '--bootstrap-server',
      address,
      '--list',
      '--share',
    ])
    expect(shares.stdout.trim().split('\n')).toHaveLength(1)
  })

  it('measure in the lines of Kafka', () => expectPerformanceLines(address))

  it('give `sluice cluster` the same, as rows', async () => {
    const { stdout } = await runCli(['cluster', 'brokers', '-b', address, '--format', 'json'])
    const [host, port] = address.split(':')
    expect(JSON.parse(stdout)).toEqual([
      { id: 1, host, port: Number(port), rack: null, controller: true, state: 'unfenced' },
    ])
    const described = await runCli(['cluster', 'describe', '-b', address, '--format', 'json'])
    expect(JSON.parse(described.stdout)).toMatchObject({ controller: 1, brokers: 1 })
    const features = await runCli(['cluster', 'features', '-b', address])
    expect(features.stdout).toMatch(/^metadata\.version +29 +7 +29 +4\.2-IV1$/m)
  })
})

describe('a broker on folders that kafka-storage formatted', () => {
  it('starts and has the cluster id they were given', async () => {
    const dataFolder = join(work, 'formatted')
    const id = 'c2x1aWNlLXRlc3QtaWQwMA'
    writeFileSync(join(work, 'f.properties'), `node.id=1\nlog.dirs=${dataFolder}\n`)
    const args = ['kafka-storage', 'format', '-t', id, '-c', 'f.properties']
    expect((await runCli(args, { cwd: work })).code).toBe(0)
    const broker = new BrokerProcess({ dataFolder, overrides: { 'node.id': '1' } })
    await broker.start()
    try {
      const told = await runCli(['kafka-cluster', 'cluster-id', '-b', broker.address])
      expect(told.stdout).toBe(`Cluster ID: ${id}\n`)
    } finally {
      await broker.stop()
    }
  })
})

describe('the tools when they cannot work', () => {
  let stranger: Server
  let strange = ''
  beforeAll(async () => {
    // Hangs up on everybody, as a server of another protocol does.
    stranger = createServer((socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 400 Bad Request\r\n\r\n', () => socket.destroy())
    })
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    const bound = stranger.address()
    strange = `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`
  })
  afterAll(() => new Promise((resolve) => stranger.close(resolve)))

  const tools: readonly [tool: string, args: (at: string) => string[]][] = [
    ['kafka-cluster', (at) => ['cluster-id', '-b', at]],
    ['kafka-features', (at) => ['--bootstrap-server', at, 'describe']],
    ['kafka-metadata-quorum', (at) => ['--bootstrap-server', at, 'describe', '--status']],
    ['kafka-broker-api-versions', (at) => ['--bootstrap-server', at]],
    ['kafka-groups', (at) => ['--bootstrap-server', at, '--list']],
    [
      'kafka-producer-perf-test',
      (at) => [
        ...['--bootstrap-server', at, '--topic', 't', '--num-records', '5'],
        ...['--record-size', '5', '--throughput', '-1'],
      ],
    ],
    [
      'kafka-consumer-perf-test',
      (at) => ['--bootstrap-server', at, '--topic', 't', '--num-records', '5'],
    ],
    [
      'kafka-verifiable-producer',
      (at) => ['--bootstrap-server', at, '--topic', 't', '--max-messages', '1'],
    ],
    [
      'kafka-verifiable-consumer',
      (at) => ['--bootstrap-server', at, '--topic', 't', '--group-id', 'g'],
    ],
    ['kafka-e2e-latency', (at) => [at, 't', '1', '1', '1']],
  ]
  for (const [tool, args] of tools)
    it(`${tool} says what, why and what next when nobody listens, or somebody else`, async () => {
      for (const at of [`127.0.0.1:${await freePort()}`, strange]) {
        const { code, stderr } = await runCli([tool, ...args(at)])
        expect([code, stderr]).toEqual([1, expect.stringMatching(/why: .*\n.*next: /)])
        expect(stderr).not.toMatch(/\n\s+at |defect/)
      }
    })

  const wrong: readonly [line: string, says: RegExp][] = [
    ['kafka-cluster', /too few arguments/],
    ['kafka-cluster cluster-id', /one of the arguments --bootstrap-server\/-b .* is required/],
    ['kafka-cluster cluster-id -b a:1 -C b:2', /not allowed with argument --bootstrap-server/],
    ['kafka-cluster unregister -b a:1 --id x', /could not convert 'x' to Integer/],
    ['kafka-cluster cluster-id -b a:1 --config f -c f', /cannot be specified together/],
    ['kafka-cluster bogus', /invalid choice: 'bogus'/],
    ['kafka-features --bootstrap-server a:1 upgrade', /at least one feature to upgrade/],
    ['kafka-features --bootstrap-server a:1 upgrade --feature g=x', /unable to parse x as a short/],
    ['kafka-features --bootstrap-server a:1 upgrade --feature g', /equals sign not found/],
    [
      'kafka-features --bootstrap-server a:1 upgrade --release-version 4.2 --feature g=1',
      /Can not specify `release-version` with other feature flags/,
    ],
    [
      'kafka-features --bootstrap-server a:1 disable --feature g --feature g',
      /specified more than once/,
    ],
    ['kafka-metadata-quorum --bootstrap-server a:1 describe', /One of --status or --replication/],
    [
      'kafka-metadata-quorum --bootstrap-server a:1 describe --status --replication',
      /Only one of --status or --replication/,
    ],
    ['kafka-metadata-quorum --bootstrap-server a:1 add-controller', /You must supply the conf/],
    [
      'kafka-metadata-quorum --bootstrap-server a:1 remove-controller -i 1 -d xx',
      /decoded as 1 bytes, which is not equal to the expected 16/,
    ],
    ['kafka-groups --list', /Missing required option\(s\) \[bootstrap-server\]/],
    ['kafka-groups --bootstrap-server a:1', /exactly one action: --list/],
    ['kafka-groups --bootstrap-server a:1 --list --share --consumer', /can't be used with/],
    ['kafka-groups --bootstrap-server a:1 --list --group-type x', /must be a valid group type/],
    ['kafka-broker-api-versions --bootstrap-server', /requires an argument/],
    ['kafka-producer-perf-test --topic t', /argument --num-records is required/],
    [
      'kafka-producer-perf-test --topic t --num-records 0 --record-size 1 --throughput 1',
      /--num-records should be greater than zero/,
    ],
    [
      'kafka-producer-perf-test --topic t --num-records 1 --record-size 1 --throughput 1',
      /At least one of --bootstrap-server/,
    ],
    [
      'kafka-producer-perf-test --topic t --num-records 1 --payload-file no --throughput 1 ' +
        '--bootstrap-server a:1',
      /File does not exist or empty file/,
    ],
    [
      'kafka-producer-perf-test --topic t --num-records 1 --record-size 1 --throughput 1 ' +
        '--bootstrap-server a:1 --transactional-id x --command-property acks=1',
      /Must set acks to all in order to use the idempotent producer/,
    ],
    [
      'kafka-producer-perf-test --topic t --num-records 1 --record-size 1 --throughput 1 ' +
        '--command-property bootstrap.servers=a:1 acks=9',
      /Invalid value 9 for configuration acks/,
    ],
    ['kafka-consumer-perf-test --bootstrap-server a:1 --topic t', /\[messages\], \[num-records\]/],
    ['kafka-consumer-perf-test --topic t --num-records 1', /\[bootstrap-server\]/],
    [
      'kafka-consumer-perf-test --bootstrap-server a:1 --topic t --num-records 1 --date-format Q',
      /Illegal pattern character 'Q'/,
    ],
    ['kafka-verifiable-producer --bootstrap-server a:1', /argument --topic is required/],
    [
      'kafka-verifiable-producer --bootstrap-server a:1 --topic t --acks 7',
      /invalid choice: '7' \(choose from \{0,1,-1\}\)/,
    ],
    [
      'kafka-verifiable-consumer --bootstrap-server a:1 --topic t --group-id g --reset-policy x',
      /Invalid value x for configuration auto.offset.reset/,
    ],
    [
      'kafka-verifiable-consumer --bootstrap-server a:1 --topic t --group-id g --group-protocol CONSUMER',
      /classic protocol only[\s\S]*next:/,
    ],
    ['kafka-e2e-latency a:1 t 1', /Expected 5 or 6 positional arguments, but got 3/],
    ['kafka-e2e-latency a:1 t 1 0 1', /Please use '1' or 'all'/],
  ]
  for (const [line, says] of wrong)
    it(`refuses ${line}`, async () => {
      const { code, stderr } = await runCli(line.split(' '), { cwd: work })
      expect([code, stderr]).toEqual([1, expect.stringMatching(says)])
      expect(stderr).not.toMatch(/\n\s+at |defect/)
    })
})

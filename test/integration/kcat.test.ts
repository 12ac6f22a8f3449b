/**
 * kcat of ours beside the real one: the same command lines against one broker, each on a topic of its
 * own, must print the same and end with the same code. What the real one prints is also written here,
 * for machines without it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrokerProcess } from '../support/broker-process.ts'
import { runCommand } from '../support/child-processes.ts'
import { runCli } from '../support/cli.ts'
import { freePort } from '../support/managed-broker.ts'

interface Case {
  readonly args: readonly string[]
  readonly input?: string
  /** Kept out of comparison: told otherwise, see kcat.ts. */
  readonly ownWords?: boolean
}

const CASES: readonly Case[] = [
  { args: ['-P', '-p', '0', '-K:'], input: 'a:1\nb:2\n\nc\n' },
  { args: ['-P', '-p', '1', '-D,', '-H', 'h1=v1', '-H', 'h2', '-Hh1=v3'], input: 'x,y,z' },
  { args: ['-P', '-p', '0', '-K:', '-Z', '-z', 'gzip'], input: 'k1:v1\nk2:\n:v3\n:\nnokey\n' },
  { args: ['-P', '-p', '0', '-K:', '-k', 'f', '-z', 'zstd'], input: 'k1:v1\nk2:\n:v3\nnokey\n' },
  { args: ['-P', '-p', '1', '-D', '||', '-T'], input: 'ab||cd||ef' },
  { args: ['-C', '-e', '-p', '0'] },
  { args: ['-C', '-p', '0', '-o', '1', '-e', '-q', '-K', '|'] },
  { args: ['-C', '-p', '0', '-o', '1', '-e', '-q', '-K', '|', '-O', '-Z'] },
  { args: ['-C', '-p', '1', '-o', '-4', '-eq', '-f', '%t [%p] %o: %k(%K) %s(%S) %h \\x41\\n'] },
  { args: ['-C', '-p', '0', '-e', '-q', '-J'] },
  { args: ['-C', '-p', '1', '-e', '-q', '-J'] },
  { args: ['-C', '-p', '1', '-c', '2', '-q', '-Z', '-f', '%k %s\\n'] },
  { args: ['-C', '-p', '0', '-o', 's@0', '-o', 'e@1', '-e', '-q'] },
  { args: ['-C', '-p', '1', '-o', 'end', '-e'] },
  { args: ['-C', '-p', '1', '-qeD', '#'] },
  { args: ['-C', '-p', '0', '-s', 'i', '-e'] },
  { args: ['-C', '-p', '9', '-e'] },
  { args: ['-P', '-K:'], input: 'a:1\nb:1\ncc:1\ndd:1\nee:1\nfff:1\n' },
  { args: ['-C', '-p', '1', '-e', '-q', '-K='] },
  { args: ['-L'] },
  { args: ['-L', '-J'] },
  { args: ['-L', '-X', 'bogus=1'] },
  { args: ['-L', '-X', 'bogus'], ownWords: true },
]

const QUERIES: readonly (readonly string[])[] = [
  ['-t', 'TOPIC:0:-1', '-t', 'TOPIC:1:-2'],
  ['-t', 'TOPIC:0:-1', '-J'],
  ['-t', 'TOPIC:7:-1'],
  ['-t', 'TOPIC'],
]

let broker: BrokerProcess
beforeAll(async () => {
  broker = new BrokerProcess({})
  await broker.start()
  for (const topic of ['real', 'ours'])
    await runCli(['topic', 'create', topic, '-p', '2', '-b', broker.address])
})
afterAll(() => broker.stop())

function common(topic: string, result: { code: number | null; stdout: string; stderr: string }) {
  const masked = (text: string): string =>
    text
      .replaceAll(`"${topic}"`, '"TOPIC"')
      .replace(new RegExp(`\\b${topic}(?= \\[| \\(|:)`, 'gm'), 'TOPIC')
      .replace(/"ts":\d+/g, '"ts":0')
      .replace(`for ${topic}`, 'for TOPIC')
  const { code, stdout, stderr } = result
  return { code, stdout: masked(stdout), stderr: masked(stderr) }
}

const installed = (await runCommand('kcat', ['-V'], { limitMs: 10_000 })).code === 0
if (!installed) console.warn('SKIPPED: our kcat beside the real one: kcat is not installed')

describe.runIf(installed)('our kcat beside the real one', () => {
  const both = async (argsFor: (topic: string) => string[], { input = '', ownWords = false }) => {
    const args = argsFor('real')
    const real = common('real', await runCommand('kcat', args, { input, limitMs: 20_000 }))
    const ours = common('ours', await runCli(['kcat', ...argsFor('ours')], { input }))
    if (ownWords) expect([ours.code, ours.stderr !== '']).toEqual([real.code, true])
    else expect(ours).toEqual(real)
  }
  for (const one of CASES)
    it(`kcat ${one.args.join(' ')}`, () =>
      both((topic) => ['-b', broker.address, '-t', topic, ...one.args], one))
  for (const query of QUERIES)
    it(`kcat -Q ${query.join(' ')}`, () =>
      both(
        (topic) => ['-b', broker.address, '-Q', ...query.map((w) => w.replace('TOPIC', topic))],
        {},
      ))
})

describe('kcat', () => {
  const kcat = (args: string[], input = '') =>
    runCli(['-b', broker.address, ...args], { calledAs: 'kcat', input })

  it('writes and reads by its own name', async () => {
    const sent = await kcat(['-P', '-t', 'named', '-K:', '-H', 'h=1'], 'k:v\n')
    expect([sent.code, sent.stdout, sent.stderr]).toEqual([0, '', ''])
    const read = await kcat(['-C', '-t', 'named', '-e', '-J'])
    expect(read.code).toBe(0)
    expect(JSON.parse(read.stdout)).toMatchObject({
      ...{ topic: 'named', partition: 0, offset: 0, tstype: 'create', broker: 1 },
      ...{ headers: ['h', '1'], key: 'k', payload: 'v' },
    })
    expect(read.stderr).toBe('% Reached end of topic named [0] at offset 1: exiting\n')
  })

  it('reads as a member of a group, and goes on where it was', async () => {
    await kcat(['-P', '-t', 'grouped'], 'one\ntwo\nthree\n')
    const group = ['-G', 'kg', '-X', 'auto.offset.reset=earliest']
    const first = await kcat([...group, '-c', '2', '-q', 'grouped'])
    expect([first.code, first.stdout, first.stderr]).toEqual([0, 'one\ntwo\n', ''])
    const rest = await kcat([...group, '-e', 'grouped'])
    expect(rest.stdout).toBe('three\n')
    expect(rest.stderr).toMatch(/^% Waiting for group rebalance\n% Group kg rebalanced: assigned/)
  })

  it('unpacks numbers', async () => {
    await kcat(['-P', '-t', 'packed', '-D', ''.padEnd(2, '\u0001')], '\u0000\u0000\u0000\u0007ab')
    const { stdout } = await kcat(['-C', '-t', 'packed', '-e', '-q', '-s', 'value=>is'])
    expect(stdout).toBe('7ab\n')
  })

  const wrong: readonly [args: string[], says: RegExp][] = [
    [['-C'], /-t <topic> missing/],
    [['-Y'], /unknown argument -Y/],
    [['-C', '-t'], /-t needs a value/],
    [['-C', '-t', 'named', '-c', 'x'], /-c x: not a whole number/],
    [['-C', '-t', 'named', '-o', 'bogus'], /-o bogus: use beginning/],
    [['-C', '-t', 'named', '-f', '%Y'], /Unsupported formatter: %Y/],
    [['-C', '-t', 'absent', '-e'], /absent error: Broker: Unknown topic or partition/],
    [['-P', '-t', 'named', '-z', 'bogus'], /Invalid value "bogus" for .*compression\.codec/],
    [['-P', '-t', 'named', '-X', 'transactional.id=t'], /is not supported here/],
    [['-P', '-t', 'named', '-X', 'security.protocol=ssl'], /is not supported here/],
    [['-P', '-t', 'named', 'no-such-file'], /Failed to open no-such-file/],
    [['-L', '-F', 'no-such-file'], /Failed to read .*no-such-file/],
    [['-G', 'g'], /-G needs topics/],
  ]
  for (const [args, says] of wrong)
    it(`refuses ${args.join(' ')} in a sentence, with exit code 1`, async () => {
      const { code, stderr } = await kcat(args)
      expect([code, stderr]).toEqual([1, expect.stringMatching(says)])
      expect(stderr).not.toMatch(/\n\s+at |defect/)
    })

  it('says what, why and what next when nobody listens', async () => {
    const at = `127.0.0.1:${await freePort()}`
    for (const mode of [
      ['-L'],
      ['-C', '-t', 't', '-e'],
      ['-P', '-t', 't'],
      ['-Q', '-t', 't:0:-1'],
    ]) {
      const { code, stderr } = await runCli(['kcat', '-b', at, ...mode], { input: 'x' })
      expect([code, stderr]).toEqual([1, expect.stringMatching(/why: .*\n.*next: /)])
    }
  })

  it('prints its help and its version', async () => {
    expect((await kcat(['-h'])).stdout).toMatch(/^Usage: kcat <options>/)
    expect((await kcat(['-V'])).stdout).toMatch(/^kcat of sluice/)
  })
})

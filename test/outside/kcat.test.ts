/**
 * kcat of ours beside the real one: the same command lines against one broker, each on a topic of its
 * own, must print the same and end with the same code.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BrokerProcess } from '../support/broker-process.ts'
import { runCommand } from '../support/child-processes.ts'
import { runCli } from '../support/cli.ts'
import { describeWith, kcat } from '../support/outside.ts'

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

describeWith(await kcat(), 'our kcat beside the real one', () => {
  let broker: BrokerProcess
  beforeAll(async () => {
    broker = new BrokerProcess({})
    await broker.start()
    for (const topic of ['real', 'ours'])
      await runCli(['topic', 'create', topic, '-p', '2', '-b', broker.address])
  })
  afterAll(() => broker.discard())

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

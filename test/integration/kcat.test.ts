/** kcat of ours: what the real one prints, written down. Beside the real one: test/outside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrokerProcess } from '../support/broker-process.ts'
import { runCli } from '../support/cli.ts'
import { freePort } from '../support/managed-broker.ts'

let broker: BrokerProcess
beforeAll(async () => {
  broker = new BrokerProcess({})
  await broker.start()
})
afterAll(() => broker.discard())

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

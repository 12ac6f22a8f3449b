/** Usage, exit codes, and what is said on which stream, without any broker. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CommandFailure, describeFailure, ExitCode } from '../../../tools/cli/failure.ts'
import { VERSION } from '../../../tools/cli/version.ts'
import { runCli } from '../../support/cli.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

describe('the command line', () => {
  it('has the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(VERSION).toBe(version)
    const result = await runCli(['--version'])
    expect([result.code, result.stdout]).toEqual([0, `${version}\n`])
  })

  it('prints help on request to stdout, and unasked to stderr with exit code 2', async () => {
    const asked = await runCli(['--help'])
    expect([asked.code, asked.stderr]).toEqual([0, ''])
    for (const word of ['serve', 'topic', 'produce', 'consume', 'quickstart', 'kafka-topics'])
      expect(asked.stdout).toContain(word)
    const bare = await runCli([])
    expect([bare.code, bare.stdout]).toEqual([2, ''])
    expect(bare.stderr).toContain('Usage: sluice')
    for (const command of ['serve', 'topic', 'produce', 'consume', 'quickstart']) {
      const help = await runCli([command, '--help'])
      expect([help.code, help.stderr]).toEqual([0, ''])
    }
  })

  it.each([
    [['topik', 'list'], /unknown command 'topik'[\s\S]*Did you mean topic/],
    [['topic'], /Usage: sluice topic/],
    [['topic', 'lst'], /unknown command 'lst'[\s\S]*Did you mean list/],
    [['topic', 'create'], /missing required argument 'name'/],
    [['topic', 'create', 'x', '--partition', '3'], /Did you mean --partitions/],
    [['topic', 'create', 'x', '--partitions', 'many'], /--partitions many: not a whole number/],
    [['topic', 'create', 'x', '--config', 'retention.ms'], /write it as key=value/],
    [['topic', 'alter', 'x'], /required option '-p, --partitions <n>' not specified/],
    [
      ['topic', 'list', '--format', 'xml'],
      /unknown format 'xml'[\s\S]*text, wide, json, jsonl, yaml/,
    ],
    [['topic', 'list', '--timeout', '0'], /--timeout 0/],
    [['topic', 'list', '-b', 'host:99999'], /'host:99999' is not an address/],
    [['topic', 'list', '-b', ''], /'' is not an address/],
    [['consume', 'x', '-o', '5'], /--offset goes with --partition/],
    [['consume', 'x', '-p', '0', '-o', '5', '--from-beginning'], /contradict/],
    [['consume', 'x', '-g', 'g', '-p', '0'], /a group chooses its partitions/],
    [['consume', 'x', '-n', '0'], /--max-messages 0/],
    [['produce', 'x', '--acks', '2'], /--acks 2: use all, 1 or 0/],
    [['produce', 'x', '-z', 'brotli'], /--codec brotli is not known/],
    [['produce', 'x', '--input', 'csv'], /--input csv/],
    [['produce', 'x', '-k', ''], /--key-separator must not be empty/],
    [['serve', '--log-format', 'xml'], /xml for configuration sluice\.log\.format/],
    [['serve', '--overide', 'a=b'], /Did you mean --override/],
    [['serve', '--check', '--override', 'num.partition=3'], /num\.partitions/],
    [['serve', '--check', 'no-such.properties'], /no-such\.properties/],
    [['quickstart', '--text', '/no/such/folder'], /no folder \/no\/such\/folder to take text/],
    [['kafka-mirror-maker'], /there is no 'kafka-mirror-maker' here/],
    [['kafka-acls', '--list'], /there is no 'kafka-acls' here\n.*not served by this broker yet/],
  ])('%j is a mistake of usage: exit code 2, said on stderr', async (args, message) => {
    const result = await runCli(args)
    expect(result.stderr).toMatch(message)
    expect([result.code, result.stdout]).toEqual([2, ''])
    expect(result.stderr).not.toMatch(/^\s+at /m)
  })

  it('checks a configuration without starting anything', async () => {
    const bad = ['--override', 'num.partitions=none', '--override', 'log.retention.hours=x']
    const both = await runCli(['serve', '--check', ...bad])
    expect(both.stderr).toMatch(/num\.partitions[\s\S]*log\.retention\.hours[\s\S]*2 mistakes/)
    expect(both.code).toBe(2)
  })

  it("takes Kafka's names as the first word and as its own, with and without .sh", async () => {
    for (const run of [
      runCli(['kafka-topics', '--bogus']),
      runCli(['kafka-topics.sh', '--bogus']),
      runCli(['--bogus'], { calledAs: 'kafka-topics' }),
      runCli(['--bogus'], { calledAs: 'kafka-topics.sh' }),
    ])
      expect(await run).toMatchObject({ code: 1, stderr: 'bogus is not a recognized option\n' })
  })

  it('says what, why and next, each on its line', () => {
    const failure = new CommandFailure(ExitCode.failed, 'it broke', 'it was old', 'buy another')
    expect(describeFailure(failure)).toBe(
      'error: it broke\n  why:  it was old\n  next: buy another',
    )
    expect(describeFailure(new CommandFailure(ExitCode.failed, 'it broke'))).toBe('error: it broke')
  })
})

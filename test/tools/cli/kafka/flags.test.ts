/** Flags as joptsimple reads them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseFlags } from '../../../../tools/cli/kafka/flags.ts'
import { topicFilter } from '../../../../tools/cli/kafka/topic-filter.ts'
import { runCli } from '../../../support/cli.ts'

const TABLE = { list: 'flag', topic: 'value', codec: 'optional', property: 'list' } as const

const folder = mkdtempSync(join(tmpdir(), 'sluice-flags-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('flags', () => {
  it('take their value as the next word or behind =, whatever it looks like', () => {
    const flags = parseFlags(
      ['--topic', '-x', '--property=a=b', '--property', '--c', 'stray'],
      TABLE,
    )
    expect(flags.value('topic')).toBe('-x')
    expect(flags.list('property')).toEqual(['a=b', '--c'])
    expect([flags.has('list'), flags.has('codec')]).toEqual([false, false])
  })

  it('may have no value', () => {
    const flags = parseFlags(['--codec', '--list'], TABLE)
    expect([flags.has('codec'), flags.value('codec'), flags.has('list')]).toEqual([true, '', true])
    expect(parseFlags(['--codec', 'zstd'], TABLE).value('codec')).toBe('zstd')
    expect(parseFlags(['--list', '--codec'], TABLE).value('codec')).toBe('')
  })

  it.each([
    [['--tpoic', 'x'], 'tpoic is not a recognized option'],
    [['--topic'], 'Option topic requires an argument'],
    [
      ['--topic', 'a', '--topic', 'b'],
      'Found multiple arguments for option topic, but you asked for only one',
    ],
  ])('%j is refused in its words', (args, message) => {
    expect(() => parseFlags(args, TABLE)).toThrow(message)
  })
})

/** First line of stderr, or of stdout, as recorded from Kafka 4.2's tools; exit code 1 in all cases. */
const REFUSED: [tool: string, args: string, message: string][] = [
  ['topics', '', 'Create, delete, describe, or change a topic.'],
  ['topics', '--help', 'Create, delete, describe, or change a topic.'],
  ['topics', '--list', '--bootstrap-server must be specified'],
  ['topics', '--bootstrap-server a --topic', 'Option topic requires an argument'],
  [
    'topics',
    '--bootstrap-server localhost:1 --create --topic a --partitions x',
    "Error while executing topic command : Cannot parse argument 'x' of option partitions",
  ],
  [
    'topics',
    '--bootstrap-server localhost:1 --list --partitions 2',
    'Option "[partitions]" can\'t be used with option "[list]"',
  ],
  [
    'topics',
    '--bootstrap-server localhost:1 --describe --if-not-exists',
    'Option "[if-not-exists]" can\'t be used with option "[describe]"',
  ],
  [
    'topics',
    '--bootstrap-server localhost:1 list',
    'Command must include exactly one action: --list, --describe, --create, --alter or --delete',
  ],
  [
    'console-consumer',
    '--bootstrap-server localhost:1',
    'Exactly one of the following arguments is required: [topic], [include]',
  ],
  ['console-consumer', '--topic a', 'Missing required argument "[bootstrap-server]"'],
  [
    'console-consumer',
    '--bootstrap-server localhost:1 --topic a --group g --partition 1',
    'Options group and partition cannot be specified together.',
  ],
  [
    'console-consumer',
    '--bootstrap-server localhost:1 --topic a --offset 1',
    'The partition is required when offset is specified.',
  ],
  [
    'console-producer',
    '--bootstrap-server localhost:1 --topic a --request-required-acks 7',
    'org.apache.kafka.common.config.ConfigException: Invalid value 7 for configuration acks: ' +
      'String must be one of: all, -1, 0, 1',
  ],
  [
    'console-producer',
    '--bootstrap-server localhost:1 --topic a --compression-codec zip',
    'org.apache.kafka.common.config.ConfigException: Invalid value zip for configuration ' +
      'compression.type: String must be one of: none, gzip, snappy, lz4, zstd',
  ],
]

describe("Kafka's tools", () => {
  it.each(REFUSED)('kafka-%s %s is refused as by Kafka', async (tool, args, message) => {
    const result = await runCli([`kafka-${tool}`, ...args.split(' ').filter((word) => word !== '')])
    expect(`${result.stdout}${result.stderr}`.split('\n')[0]).toBe(message)
    expect(result.code).toBe(1)
  })

  it('print a version and end with 0', async () => {
    for (const tool of ['kafka-topics', 'kafka-console-producer', 'kafka-console-consumer'])
      expect(await runCli([tool, '--version'])).toMatchObject({ code: 0, stderr: '' })
  })

  it('do not leave a wish for security unheard', async () => {
    writeFileSync(join(folder, 'client.properties'), 'security.protocol=SASL_SSL\n')
    const where = ['--bootstrap-server', 'localhost:1']
    const config = ['--command-config', join(folder, 'client.properties')]
    for (const args of [
      ['kafka-topics', ...where, '--list', ...config],
      ['kafka-console-consumer', ...where, '--topic', 'a', ...config],
      ['kafka-console-producer', ...where, '--topic', 'a', ...config],
    ]) {
      const result = await runCli(args)
      expect(result.stderr).toMatch(/security\.protocol=SASL_SSL is not supported/)
      expect(result.code).toBe(1)
    }
    const absent = [...where, '--list', '--command-config', join(folder, 'none.properties')]
    expect((await runCli(['kafka-topics', ...absent])).stderr).toMatch(/none\.properties: ENOENT/)
  })
})

describe('a topic pattern', () => {
  it.each([
    ['cli.*', ['cli', 'cli-a', 'cli.b'], ['xcli', 'c']],
    ['cli[.-].*', ['cli.a', 'cli-'], ['clix']],
    ['a,b', ['a', 'b'], ['a,b', 'ab']],
    [' "a|b" ', ['a', 'b'], ['"a']],
    ['orders', ['orders'], ['orders2', 'my-orders']],
  ])('%s matches whole names', (pattern, matching, others) => {
    const matches = topicFilter(pattern)
    expect([...matching, ...others].filter(matches)).toEqual(matching)
  })

  it('that is no regular expression is refused', () => {
    expect(() => topicFilter('a(')).toThrow('a( is an invalid regex.')
  })
})

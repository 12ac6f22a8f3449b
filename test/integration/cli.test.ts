/** Our own commands against one broker: topics, producing and consuming, in every format. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BrokerProcess } from '../support/broker-process.ts'
import { runCommand } from '../support/child-processes.ts'
import { type CliResult, type CliRun, runCli } from '../support/cli.ts'
import { testProgram } from '../support/program.ts'

const broker = new BrokerProcess({})
const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CHILD_LIMIT_MS = 30_000

beforeAll(() => broker.start())
afterAll(async () => {
  await broker.discard()
  rmSync(folder, { recursive: true })
})

function cli(line: string, run: CliRun = {}): Promise<CliResult> {
  return runCli([...line.split(' '), '-b', broker.address], run)
}

async function done(line: string, run: CliRun = {}): Promise<CliResult> {
  const result = await cli(line, run)
  expect([result.code, result.code === 0 ? '' : result.stderr]).toEqual([0, ''])
  return result
}

function lines(count: number, of = (at: number) => `line ${at}`): string[] {
  return Array.from({ length: count }, (_, at) => of(at))
}

describe('sluice topic', () => {
  it('creates, lists, describes, grows and deletes', async () => {
    const created = await done(
      'topic create orders -p 3 -c retention.ms=1000 -c cleanup.policy=compact',
    )
    expect([created.stdout, created.stderr]).toEqual(['', 'created topic orders\n'])

    const [head, row] = (await done('topic list')).stdout.split('\n')
    expect(head).toMatch(/^NAME +ID +PARTITIONS +REPLICAS +INTERNAL$/)
    expect(row).toMatch(/^orders {2}\S{22} +3 +1 {2}false$/)
    expect((await done('topic list --no-header')).stdout).toBe(`${row?.replace(/ {3,}/g, '  ')}\n`)

    const described = await done('topic describe orders')
    expect(described.stdout).toMatch(/^CONFIGS +cleanup\.policy=compact,retention\.ms=1000$/m)
    expect(described.stdout.match(/^ +[012] +\d+ +0 +\d+ +\d+$/gm)).toHaveLength(3)

    const alter = await done('topic alter orders -p 5')
    expect(alter.stderr).toBe('topic orders has 5 partitions\n')
    const asJson = JSON.parse((await done('topic describe orders --format json')).stdout)
    expect(asJson).toMatchObject([
      {
        name: 'orders',
        internal: false,
        configs: { 'cleanup.policy': 'compact', 'retention.ms': '1000' },
      },
    ])
    expect(asJson[0].partitions).toHaveLength(5)

    expect((await done('topic delete orders')).stderr).toBe('deleted topic orders\n')
    expect((await done('topic list --no-header')).stdout).toBe('')
  })

  it('says the same to programs', async () => {
    const create = await done('topic create made --format json')
    expect(JSON.parse(create.stdout)).toEqual({ name: 'made', created: true })
    const list = (await done('topic list --format jsonl')).stdout.trim().split('\n')
    expect(list.map((line) => JSON.parse(line))).toMatchObject([{ name: 'made', partitions: 1 }])
    const alter = await done('topic alter made -p 2 --format jsonl')
    expect(JSON.parse(alter.stdout)).toEqual({ name: 'made', partitions: 2 })
    const remove = await done('topic delete made --format json')
    expect(JSON.parse(remove.stdout)).toEqual([{ name: 'made', deleted: true }])
    expect(JSON.parse((await done('topic list --format json')).stdout)).toEqual([])
  })

  it.each([
    ['topic create bad/name', /topic 'bad\/name' was not created[\s\S]*why: .*invalid/],
    ['topic create far -r 3', /was not created[\s\S]*replication factor of 3/],
    ['topic create odd -c no.such.option=1', /no\.such\.option/],
    ['topic create odd -c retention.ms=soon', /retention\.ms/],
    ['topic describe nowhere', /there is no topic 'nowhere'[\s\S]*next: see `sluice topic list`/],
    ['topic delete nowhere', /there is no topic 'nowhere'/],
    ['topic alter nowhere -p 2', /topic 'nowhere' was not changed/],
  ])('%s fails with 1 and a reason', async (line, message) => {
    const result = await cli(line)
    expect([result.code, result.stdout]).toEqual([1, ''])
    expect(result.stderr).toMatch(message)
  })

  it('tells a part of the work from all and none of it', async () => {
    await done('topic create here')
    const some = await cli('topic delete here nowhere --format json')
    expect([some.code, JSON.parse(some.stdout)]).toEqual([
      5,
      [
        { name: 'here', deleted: true },
        { name: 'nowhere', deleted: false },
      ],
    ])
    expect(some.stderr).toMatch(/1 of 2 topics were not deleted/)
    expect((await cli('topic delete here nowhere')).code).toBe(1)
    await done('topic delete here nowhere --if-exists')
  })
})

describe('sluice produce and consume', () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'carry lines and keys with %s',
    async (codec) => {
      const topic = `codec-${codec}`
      await done(`topic create ${topic} -p 3`)
      const input = lines(500, (at) => `key-${at % 7}:value ${at} ${'x'.repeat(at % 50)}`)
      const wrote = await done(`produce ${topic} -k : -z ${codec}`, { input: input.join('\n') })
      expect(wrote.stderr).toBe(`wrote 500 records to ${topic}\n`)
      const read = await done(`consume ${topic} --from-beginning -e -k`)
      const got = read.stdout.trimEnd().split('\n')
      expect(got.sort()).toEqual(input.map((line) => line.replace(':', '\t')).sort())
    },
  )

  it('bring back every byte and header through jsonl, in order', async () => {
    await done('topic create first')
    await done('topic create second')
    const records = [
      {
        key: 'k',
        value: 'v',
        headers: [
          { key: 'h', value: 'w' },
          { key: 'h', value: null },
        ],
      },
      { key: null, value: null, headers: [] },
      {
        key: { base64: '/w==' },
        value: { base64: 'AP/+' },
        headers: [{ key: 'b', value: { base64: '/w==' } }],
      },
      { key: '', value: 'ünïcode \u2028 "quoted"\n', headers: [], timestamp: 1_700_000_000_000 },
    ]
    const input = records.map((record) => JSON.stringify(record)).join('\n')
    await done('produce first --input jsonl', { input })
    const once = await done('consume first --from-beginning -e --format jsonl')
    await done('produce second --input jsonl', { input: once.stdout })
    const twice = await done('consume second --from-beginning -e --format jsonl')
    const parsed = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ topic, ...record }) => record)
    expect(parsed(twice.stdout)).toEqual(parsed(once.stdout))
    expect(parsed(once.stdout)).toMatchObject(records)
  })

  it('leave bytes that are no text as they are', async () => {
    const input = Buffer.concat([Buffer.from([0xff, 0x00, 0xfe]), Buffer.from('\nplain\r\n')])
    await done('produce bytes', { input })
    expect((await done('consume bytes --from-beginning -e')).bytes).toEqual(input)
  })

  it('start and stop where they are told', async () => {
    await done('produce numbers', { input: lines(100).join('\n') })
    const read = async (flags: string): Promise<string[]> =>
      (await done(`consume numbers ${flags}`)).stdout.trimEnd().split('\n')
    expect(await read('--from-beginning -n 3')).toEqual(lines(3))
    expect(await read('-p 0 -o 97 -e')).toEqual(['line 97', 'line 98', 'line 99'])
    expect(await read('-p 0 -o start -n 1')).toEqual(['line 0'])
    expect(await read('-e')).toEqual([''])
    expect(await read('-p 0 -o end -e')).toEqual([''])
  })

  it('go on where the group left off, exactly behind what was printed', async () => {
    await done('topic create grouped -p 3')
    await done('produce grouped -k :', { input: lines(300, (at) => `${at}:${at}`).join('\n') })
    const seen: string[] = []
    for (const limit of [50, 1, 100]) {
      const part = await done(`consume grouped --group g --from-beginning -n ${limit}`)
      const got = part.stdout.trimEnd().split('\n')
      expect(got).toHaveLength(limit)
      seen.push(...got)
    }
    const rest = await done('consume grouped --group g --from-beginning -e')
    seen.push(...rest.stdout.trimEnd().split('\n'))
    expect(seen.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 300 }, (_, at) => at),
    )
  })

  it('wait for records to come until interrupted, and commit then', async () => {
    await done('topic create live')
    let interrupt: (signal: NodeJS.Signals) => void = () => {}
    const interrupted = new Promise<NodeJS.Signals>((resolve) => {
      interrupt = resolve
    })
    let heard = ''
    const input = new PassThrough()
    const writing = done('produce live', { input })
    const reading = done('consume live --group live --from-beginning', {
      interrupted,
      onOutput(text) {
        heard += text
        if (heard === 'one\n') input.end('two\n')
        if (heard === 'one\ntwo\n') interrupt('SIGINT')
      },
    })
    input.write('one\n')
    await Promise.all([writing, reading])
    await done('produce live', { input: 'three\n' })
    const rest = await done('consume live --group live -n 1')
    expect(rest.stdout).toBe('three\n')
  })

  it('do not commit what the reader of the output has not taken', async () => {
    await done('produce unread', { input: lines(10).join('\n') })
    let close: () => void = () => {}
    const outputClosed = new Promise<void>((resolve) => {
      close = resolve
    })
    const onOutput = (): void => close()
    await done('consume unread --group u --from-beginning', { outputClosed, onOutput })
    const again = await done('consume unread --group u --from-beginning -e')
    expect(again.stdout.trimEnd().split('\n')).toEqual(lines(10))
  })

  it.each([
    ['consume nowhere', '', /reading 'nowhere' failed[\s\S]*there is no topic 'nowhere'/],
    ['consume numbers -p 7', '', /no partition 7/],
    ['produce numbers -p 7', 'x\n', /'numbers' has no partition 7/],
    ['produce numbers -k :', 'a:b\nno key\n', /line 2 has no key separator ':'/],
    ['produce numbers --input jsonl', '{"value":"a"}\nnonsense\n', /line 2 is not a record/],
  ])('%s fails with 1 and a reason', async (line, input, message) => {
    const result = await cli(line, { input })
    expect([result.code, result.stdout]).toEqual([1, ''])
    expect(result.stderr).toMatch(message)
  })
})

describe('the binary', () => {
  it('ends quietly when its output is a pipe that closes', async () => {
    await done('produce piped', { input: lines(200_000).join('\n') })
    const words = ['consume', 'piped', '-b', broker.address, '--from-beginning']
    const args = [...testProgram(), ...words]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: ROOT })
    let errors = ''
    child.stderr.on('data', (text) => {
      errors += text
    })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    const [code] = await once(child, 'exit')
    expect([code, errors]).toEqual([0, ''])
  })

  it("answers to Kafka's names by a link of that name", async () => {
    const link = join(folder, 'kafka-topics.sh')
    symlinkSync(join(ROOT, 'bin/sluice.js'), link)
    await done('topic create linked')
    const result = await runCommand(
      process.execPath,
      [link, '--bootstrap-server', broker.address, '--list', '--topic', 'linked'],
      { limitMs: CHILD_LIMIT_MS },
    )
    expect([result.code, result.stdout]).toEqual([0, 'linked\n'])
  })
})

/**
 * kafka-dump-log of ours: every file of Kafka's own log directory as Kafka's tool printed it
 * (test/golden/logs/dump), the recorded command lines, and files that are damaged or absent.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli } from '../support/cli.ts'
import { goldenRuns } from '../support/golden-cli.ts'

const data = fileURLToPath(new URL('../golden/logs/data', import.meta.url))
const dumps = fileURLToPath(new URL('../golden/logs/dump', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'sluice-dump-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const DECODERS: Readonly<Record<string, string>> = {
  __consumer_offsets: '--offsets-decoder',
  __transaction_state: '--transaction-log-decoder',
  __share_group_state: '--share-group-state-decoder',
}

function masked(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<UUID>')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim()
}

function dump(...args: string[]) {
  return runCli(['kafka-dump-log', ...args], { cwd: data })
}

describe('kafka-dump-log', () => {
  const folders = readdirSync(dumps).filter((name) => !name.endsWith('.txt'))

  it('has the dumps of a whole log directory to be compared with', () => {
    expect(folders.length).toBeGreaterThan(40)
  })

  for (const folder of folders)
    it(`prints the files of ${folder} as Kafka's tool does`, async () => {
      const topic = folder.replace(/-\d+$/, '')
      for (const name of readdirSync(join(dumps, folder))) {
        const file = `${folder}/${name.replace(/\.dump\.txt$/, '')}`
        const inside = file.endsWith('.log')
          ? ['--deep-iteration', DECODERS[topic] ?? '--print-data-log']
          : []
        const result = await dump('--files', file, ...inside)
        const expected = readFileSync(join(dumps, folder, name), 'utf8')
        expect({ file, code: result.code, out: masked(result.stdout) }).toEqual({
          file,
          code: 0,
          out: masked(expected),
        })
      }
    })

  it('tells where compacted segments have gaps, as Kafka does', async () => {
    const expected = readFileSync(join(dumps, 'non-consecutive.txt'), 'utf8').trimEnd()
    const files = [...expected.matchAll(/offsets in (\S+)/g)].map((match) => match[1] ?? '')
    for (const file of files) {
      const { code, stderr } = await dump('--files', file, '--deep-iteration')
      const part = expected.slice(expected.indexOf(`Non-consecutive offsets in ${file}`))
      const [own = ''] = part.split(/\n(?=Non-consecutive)/)
      expect([code, stderr.replace(`${data}/`, '').trimEnd()]).toEqual([0, own.trimEnd()])
    }
  })
})

describe('recorded runs of kafka-dump-log', () => {
  for (const run of goldenRuns('kafka-dump-log'))
    it(run.args.join(' '), async () => {
      const result = await dump(...run.args)
      expect({ code: result.code, stdout: masked(result.stdout) }).toEqual({
        code: run.exit,
        stdout: masked(run.stdout),
      })
      // Where Kafka's tool ends with a stack trace, ours says what is wrong; never nothing.
      expect(result.stderr === '').toBe(run.stderr === '')
      expect(result.stderr).not.toMatch(/\n\s+at |Exception/)
    })
})

describe('kafka-dump-log of files that are not as they should be', () => {
  const segment = '00000000000000000000'
  const damaged = (name: string, change: (folder: string) => void): string => {
    const folder = join(work, name)
    cpSync(join(data, 'segments-index-0'), folder, { recursive: true })
    change(folder)
    return folder
  }

  it('counts the bytes behind the last whole batch', async () => {
    const folder = damaged('cut', (at) => {
      const log = join(at, `${segment}.log`)
      writeFileSync(log, readFileSync(log).subarray(0, -5))
    })
    const { code, stdout } = await dump('--files', `${folder}/${segment}.log`)
    expect(code).toBe(0)
    expect(stdout).toContain(`Found 825 invalid bytes at the end of ${segment}.log`)
  })

  it('marks a batch whose sum is wrong', async () => {
    const folder = damaged('flipped', (at) => {
      const log = join(at, `${segment}.log`)
      const bytes = readFileSync(log)
      bytes[100]! ^= 1
      writeFileSync(log, bytes)
    })
    const { stdout } = await dump('--files', `${folder}/${segment}.log`)
    expect(stdout.match(/isvalid: false/g)).toHaveLength(1)
  })

  it('tells index entries that do not fit the log', async () => {
    const folder = damaged('index', (at) => {
      const index = join(at, `${segment}.index`)
      const bytes = readFileSync(index)
      bytes.writeInt32BE(6, 0)
      writeFileSync(index, bytes)
      const time = join(at, `${segment}.timeindex`)
      const times = readFileSync(time)
      times.writeBigInt64BE(1_700_000_009_999n, 0)
      writeFileSync(time, times)
    })
    const index = await dump('--files', `${folder}/${segment}.index`)
    expect(index.stderr).toBe(
      `Mismatches in :${folder}/${segment}.index\n  Index offset: 6, log offset: 7\n`,
    )
    const time = await dump('--files', `${folder}/${segment}.timeindex`, '--verify-index-only')
    expect(time.stdout).toBe(`Dumping ${folder}/${segment}.timeindex\n`)
    expect(time.stderr).toContain('Found timestamp mismatch in')
    expect(time.stderr).toContain('Index timestamp: 1700000009999, log timestamp: 1700000000700')
    expect(time.stderr).toContain('Found out of order timestamp in')
  })

  const refusals: readonly [what: string, args: () => string[], says: RegExp][] = [
    ['a file that is absent', () => ['no-such/00000000000000000000.log'], /there is no such file/],
    [
      'an index whose log is absent',
      () => [`${damaged('alone', (at) => rmSync(join(at, `${segment}.log`)))}/${segment}.index`],
      /\.log: there is no such file/,
    ],
    [
      'a log that is none',
      () => {
        const folder = damaged('zeros', (at) => {
          writeFileSync(join(at, `${segment}.log`), Buffer.alloc(500))
        })
        return [`${folder}/${segment}.log`]
      },
      /has 0 bytes, which is less than any batch has/,
    ],
    [
      'an index of a size that is no number of entries',
      () => {
        const folder = damaged('odd', (at) => {
          writeFileSync(join(at, `${segment}.index`), Buffer.alloc(13, 1))
        })
        return [`${folder}/${segment}.index`, '--index-sanity-check']
      },
      /13 bytes, which is no whole number of entries/,
    ],
    ['a text file', () => ['epochs-0/leader-epoch-checkpoint'], /can be read as they are/],
    ['a decoder class', () => [`epochs-0/${segment}.log`, '--value-decoder-class', 'a.B'], /a\.B/],
    ['a number that is none', () => [`epochs-0/${segment}.log`, '--max-bytes', 'x'], /'x'/],
    ['an unknown flag', () => ['x.log', '--deep'], /deep is not a recognized option/],
    ['a folder', () => ['epochs-0'], /no suffix/],
  ]
  for (const [what, args, says] of refusals)
    it(`refuses ${what} in a sentence, with exit code 1`, async () => {
      const { code, stderr } = await dump('--files', ...args())
      expect(code).toBe(1)
      expect(stderr).toMatch(says)
      expect(stderr).not.toMatch(/\n\s+at |defect/)
    })

  it('passes over files of other kinds, and tells a damaged snapshot and goes on', async () => {
    const folder = damaged('snapshot', (at) => {
      writeFileSync(join(at, `${segment}.snapshot`), Buffer.alloc(40, 7))
    })
    const files = ['partition.metadata', `${segment}.snapshot`, `${segment}.index`]
    const result = await dump('--files', files.map((name) => `${folder}/${name}`).join(','))
    expect(result.code).toBe(0)
    expect(result.stderr).toContain(`Ignoring unknown file ${folder}/partition.metadata`)
    expect(result.stderr).toContain(`${segment}.snapshot`)
    expect(result.stdout).toContain('offset: 7 position: 854')
  })
})

/**
 * Every command of ours in every format: what has `--format` is run with each, and all of them tell
 * the same. A command that is new must be added here.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processIo } from '../../tools/cli/io.ts'
import { kafkaTools } from '../../tools/cli/kafka-tools.ts'
import { newProgram } from '../../tools/cli/own-program.ts'
import { FORMATS } from '../../tools/cli/render.ts'
import { startBroker } from '../support/broker-process.ts'
import { type CliResult, runCli } from '../support/cli.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { readYaml } from '../support/yaml-reader.ts'

const GOLDEN = join(import.meta.dirname, '../golden/logs/data')
const work = mkdtempSync(join(tmpdir(), 'sluice-formats-'))
let broker: ManagedBroker

interface Case {
  /** `@` is a name of its own for each format. */
  readonly line: string
  /** Run before, with the same names. */
  readonly first?: string
  readonly input?: string
  /** Prints nothing as text: stderr has told it. */
  readonly silent?: boolean
  /** A line or item per record, also as json. */
  readonly streamed?: boolean
  /** A copy of this golden folder stands at FOLDER. */
  readonly folder?: string
  /** One copy for all formats: it is left as it is. */
  readonly shared?: boolean
  /** Measured or random: only the shape is the same each time. */
  readonly varies?: boolean
}

const CASES: readonly Case[] = [
  { line: 'topic create @t -p 2', silent: true },
  { line: 'topic list' },
  { line: 'topic list --internal' },
  { line: 'topic describe some other' },
  { line: 'topic alter @u -p 2', first: 'topic create @u -p 1', silent: true },
  { line: 'topic delete @d', first: 'topic create @d', silent: true },
  { line: 'topic offsets some other:1' },
  { line: 'topic delete-records some:0 --before 1' },
  { line: 'group list', varies: true },
  { line: 'group describe readers' },
  { line: 'group reset-offsets readers --to earliest --dry-run' },
  {
    line: 'group delete-offsets @g -t some',
    first: 'group reset-offsets @g -t some --to latest',
  },
  {
    line: 'group delete @g',
    first: 'group reset-offsets @g -t some --to latest',
    silent: true,
  },
  { line: 'config describe topic some' },
  { line: 'config describe topic some --changed' },
  { line: 'config describe broker 1' },
  { line: 'config describe broker default' },
  { line: 'config set topic some retention.ms=7000 cleanup.policy=compact,delete', silent: true },
  {
    line: 'config unset topic some flush.ms',
    first: 'config set topic some flush.ms=7',
    silent: true,
  },
  { line: 'quota list', first: 'quota set --user default --client c producer_byte_rate=1' },
  { line: 'quota set --client @c producer_byte_rate=1048576', silent: true },
  {
    line: 'quota unset --ip 127.0.0.9 connection_creation_rate',
    first: 'quota set --ip 127.0.0.9 connection_creation_rate=5',
    silent: true,
  },
  { line: 'produce other -p 0', input: 'one\ntwo\n', silent: true, varies: true },
  { line: 'consume some --from-beginning -n 2', streamed: true },
  { line: 'cluster describe' },
  { line: 'cluster brokers' },
  { line: 'cluster features' },
  { line: 'top --once --interval 100', streamed: true, varies: true },
  { line: 'check --override log.dirs=FOLDER', varies: true },
  {
    line: 'perf produce --seconds 0.5 --warm-up 0 --repeats 1 --processes 1',
    varies: true,
  },
  { line: 'aliases list' },
  {
    line: 'storage info --override log.dirs=FOLDER',
    first: 'storage format --override log.dirs=FOLDER',
    varies: true,
  },
  { line: 'storage format --override log.dirs=FOLDER/new', silent: true, varies: true },
  { line: 'storage adopt FOLDER --dry-run', folder: '', shared: true, silent: true },
  { line: 'storage release FOLDER', first: 'storage adopt FOLDER', folder: '', silent: true },
  { line: 'log verify FOLDER', folder: 'codec-gzip-0' },
  { line: 'log rebuild-index FOLDER', folder: 'codec-gzip-0' },
  { line: 'log salvage FOLDER', folder: 'codec-gzip-0', varies: true },
]

/** They print the table of perf produce, or none, and take seconds: test/tools/cli/perf runs them. */
const OTHER_LOADS = ['fetch', 'e2e', 'connections', 'mix', 'report'].map((load) => `perf ${load}`)

/** They print no data, or text that another program takes as it is. */
const WITHOUT_FORMAT = [
  ...['serve', 'quickstart', 'completion', 'aliases install', 'storage random-id'],
]

beforeAll(async () => {
  broker = await startBroker({ dataFolder: join(work, 'data') })
  const at = ['-b', broker.address]
  for (const topic of ['some', 'other'])
    await runCli(['topic', 'create', topic, '-p', '2', '-c', 'max.message.bytes=65536', ...at])
  await runCli(['produce', 'some', '-p', '0', '-k', ':', ...at], {
    input: 'yes:1\n-: # x\ntrue:\n',
  })
  await runCli(['group', 'reset-offsets', 'readers', '-t', 'some', '--to', 'latest', ...at])
})
afterAll(async () => {
  await broker?.kill()
  rmSync(work, { recursive: true, force: true })
})

function leaves(command: Command): string[] {
  if (command.commands.length === 0) return [command.name()]
  return command.commands.flatMap(leaves).map((name) => `${command.name()} ${name}`)
}

function hasFormat(command: Command, words: readonly string[]): boolean {
  const [word, ...rest] = words
  const inner = command.commands.find((one) => one.name() === word)
  if (inner !== undefined) return hasFormat(inner, rest)
  return command.options.some(({ long }) => long === '--format')
}

async function run(
  { first, folder, shared, input, line }: Case,
  format: string,
): Promise<CliResult> {
  const number = CASES.findIndex((one) => one.line === line)
  const here = join(work, `${number}-${shared === true ? 'text' : format}`)
  // A partition's folder keeps its name.
  const place = folder === undefined || folder === '' ? here : join(here, folder)
  mkdirSync(here, { recursive: true })
  if (folder !== undefined && !(shared === true && format !== 'text'))
    cpSync(join(GOLDEN, folder), place, { recursive: true })
  const call = (words: string, ...more: string[]): Promise<CliResult> => {
    const args = words
      .split(' ')
      .map((word) => word.replace('@', `${format}-`).replace('FOLDER', place))
    const talks = !/^(aliases|storage|log|check)/.test(words)
    const at = talks ? ['-b', broker.address] : []
    return runCli([...args, ...at, ...more], { input: Readable.from([input ?? '']) })
  }
  if (first !== undefined) {
    const before = await call(first)
    expect([before.code, before.stderr]).toEqual([0, expect.any(String)])
  }
  return call(line, '--format', format)
}

/** Values without what differs from run to run: names of formats, times, sizes. */
function sameValues(value: unknown): unknown {
  const text = JSON.stringify(value, (key, one) => (VARYING.has(key) ? null : one))
  return JSON.parse(
    text.replaceAll(
      new RegExp(`\\b\\d+-(${FORMATS.join('|')})\\b|(${FORMATS.join('|')})-`, 'g'),
      '',
    ),
  )
}

const VARYING = new Set(['timestamp', 'free', 'recordsPerSecond'])

/** Keys at every level; of a list those of its first entry. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, typeof one]))
}

const program = await newProgram(processIo(), () => {})

describe('every command', () => {
  it('is here', () => {
    const all = program.commands.flatMap(leaves)
    const tried = (name: string): boolean =>
      CASES.some(({ line }) => line === name || line.startsWith(`${name} `))
    const elsewhere = [...WITHOUT_FORMAT, ...OTHER_LOADS]
    expect(all.filter((name) => !tried(name) && !elsewhere.includes(name))).toEqual([])
    for (const name of WITHOUT_FORMAT)
      expect([name, all.includes(name), hasFormat(program, name.split(' '))]).toEqual([
        name,
        true,
        false,
      ])
  })

  it.each(CASES.map((one) => [one.line, one] as const))('%s', async (_line, one) => {
    const results = new Map<string, CliResult>()
    for (const format of FORMATS) {
      const result = await run(one, format)
      expect([format, result.code, result.stderr]).toEqual([format, 0, expect.any(String)])
      results.set(format, result)
    }
    const out = (format: string): string => results.get(format)?.stdout ?? ''
    for (const format of ['text', 'wide'] as const) {
      expect(out(format)).not.toMatch(/\[object|undefined|NaN/)
      if (one.silent === true)
        expect([out(format), results.get(format)?.stderr]).not.toEqual(['', ''])
      if (one.silent !== true) expect(out(format)).not.toBe('')
    }
    const lines = out('jsonl')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
    const json = one.streamed === true ? lines : JSON.parse(out('json'))
    const yaml = readYaml(out('yaml'))
    expect(shapeOf(yaml)).toEqual(shapeOf(json))
    expect(shapeOf(lines)).toEqual(shapeOf([json].flat()))
    if (one.varies === true) return
    expect(sameValues(yaml)).toEqual(sameValues(json))
    expect(sameValues(lines)).toEqual(sameValues([json].flat()))
  })

  it('refuses a format that is none, before it does anything', async () => {
    const created = await runCli(['topic', 'create', 'x', '--format', 'xml', '-b', '127.0.0.1:1'])
    expect([created.code, created.stdout, created.stderr]).toEqual([
      2,
      '',
      expect.stringMatching(
        /unknown format 'xml'\n {2}next: use one of text, wide, json, jsonl, yaml/,
      ),
    ])
  })
})

describe("Kafka's tools", () => {
  const readers = kafkaTools.map(({ name }) => name).filter((name) => name !== 'kcat')

  it.each(readers)('%s keeps its own output and takes no --format', async (name) => {
    const before = readdirSync(work).length
    const { code, stderr } = await runCli([name, '--format', 'json'], { cwd: work })
    expect([name, code, readdirSync(work).length]).toEqual([name, 1, before])
    expect(stderr).toMatch(/format|argument|usage|USAGE/i)
  })
})

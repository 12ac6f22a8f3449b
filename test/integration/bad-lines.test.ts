/**
 * What people type wrong, and where nothing answers, for every command there is (bad-lines.ts): a
 * sentence on stderr, the right exit code, never a stack, nothing left behind.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processIo } from '../../tools/cli/io.ts'
import { kafkaTools } from '../../tools/cli/kafka-tools.ts'
import { newProgram } from '../../tools/cli/own-program.ts'
import { type CommandLines, kafkaLines, ownLines } from '../support/bad-lines.ts'
import { startBroker } from '../support/broker-process.ts'
import { type CliResult, runCli } from '../support/cli.ts'
import { listen } from '../support/fake-broker.ts'
import { freePort, type ManagedBroker } from '../support/managed-broker.ts'

const work = mkdtempSync(join(tmpdir(), 'sluice-bad-lines-'))
const servers: Server[] = []
let broker: ManagedBroker
let down = ''
let tls = ''
let http = ''

async function serving(server: Server): Promise<string> {
  servers.push(server)
  return `127.0.0.1:${await listen(server)}`
}

beforeAll(async () => {
  for (const [name, text] of [
    ['empty.properties', ''],
    ['good.json', '{"partitions":[{"topic":"T","partition":0,"offset":0}]}'],
    ['bad.json', '{"partitions":[{"topic":"T","partition":"zero","offset":0}]}'],
  ] as const)
    writeFileSync(join(work, name), text)
  broker = await startBroker({ dataFolder: join(work, 'data') })
  await call('topic create T -b ADDRESS', broker.address)
  await call('group reset-offsets G -t T --to latest -b ADDRESS', broker.address)
  down = `127.0.0.1:${await freePort()}`
  tls = await serving(createTlsServer())
  http = await serving(
    createServer((socket: Socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    }),
  )
})
afterAll(async () => {
  for (const server of servers) server.close()
  await broker?.kill()
  rmSync(work, { recursive: true, force: true })
})

/** Longer than any of them needs; a line that never ends fails here. */
const LIMIT_MS = 8_000

async function call(line: string, address: string): Promise<CliResult> {
  const words = line.replaceAll('ADDRESS', address).split(' ')
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no end: ${line}`)), LIMIT_MS)
  })
  const run = runCli(
    words.filter((word) => word !== ''),
    { cwd: work, input: 'a line\n' },
  )
  try {
    return await Promise.race([run, late])
  } finally {
    clearTimeout(timer)
  }
}

function leaves(command: Command): string[] {
  if (command.commands.length === 0) return [command.name()]
  return command.commands.flatMap(leaves).map((name) => `${command.name()} ${name}`)
}

const STACK = /^\s+at |\bat \S+:\d+:\d+|defect|undefined|\[object/m
const THREE = /^error: \S[^\n]*\n {2}why: {2}\S[^\n]*\n {2}next: \S[^\n]*\n$/

it('has every command', async () => {
  const program = await newProgram(processIo(), () => {})
  expect(Object.keys(ownLines).sort()).toEqual(program.commands.flatMap(leaves).sort())
  expect(Object.keys(kafkaLines).sort()).toEqual(kafkaTools.map(({ name }) => name).sort())
})

const all: [name: string, lines: CommandLines, own: boolean][] = [
  ...Object.entries(ownLines).map(([name, lines]): [string, CommandLines, boolean] => [
    name,
    lines,
    true,
  ]),
  ...Object.entries(kafkaLines).map(([name, lines]): [string, CommandLines, boolean] => {
    const named = (line: string | null): string | null => (line === null ? null : `${name} ${line}`)
    return [
      name,
      {
        ...lines,
        good: named(lines.good),
        unknown: named(lines.unknown),
        malformed: named(lines.malformed),
        contradictory: named(lines.contradictory),
      },
      false,
    ]
  }),
]

describe.each(all)('%s', (_name, lines, own) => {
  const { good } = lines
  if (good !== null)
    it('says why nobody answers as a broker would', async () => {
      for (const [address, why] of [
        [down, /nothing listens on that port/],
        [tls, /expects TLS, and this connection is plain/],
        [http, /does not speak the Kafka protocol/],
      ] as const) {
        const { code, stderr } = await call(good, address)
        expect([code, stderr]).toEqual([own ? 3 : 1, expect.stringMatching(why)])
        // Kafka's console consumer ends with this line, whatever happened.
        expect(stderr.replace('Processed a total of 0 messages\n', '')).toMatch(THREE)
        expect(stderr).toContain(address)
      }
    })

  const wrong = (
    [
      ['unknown', lines.unknown, lines.unknownCode ?? 1],
      ['malformed', lines.malformed, lines.malformedCode ?? (own ? 2 : 1)],
      ['contradictory', lines.contradictory, own ? 2 : 1],
    ] as const
  ).flatMap(([what, line, code]) => (line === null ? [] : [[what, line, code] as const]))
  it.each(wrong)('%s: %s', async (_what, line, code) => {
    const result = await call(line, broker.address)
    const told = `${result.stdout}${result.stderr}`
    expect([result.code, told]).toEqual([code, expect.stringMatching(/\S/)])
    expect(told).not.toMatch(STACK)
    if (own) {
      expect(result.stdout).toBe('')
      expect(result.stderr).toMatch(/^error: \S[^\n]*\n( {2}why: {2}\S[^\n]*\n)?/)
      expect(result.stderr).toMatch(/^ {2}next: \S[^\n]*$|^\(Did you mean /m)
    }
  })
})

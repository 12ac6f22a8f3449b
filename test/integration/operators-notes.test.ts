/**
 * What operators of Kafka have in their notes (test/golden/notes, as they wrote it: configuration, one
 * line of environment, commands), run as it stands with our host, port and names in it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sluiceProgram } from '../../tools/package-root.ts'
import { collect, endChild, startChild } from '../support/child-processes.ts'
import { type CliResult, runCli } from '../support/cli.ts'
import { freePort } from '../support/managed-broker.ts'

const NOTES = join(import.meta.dirname, '../golden/notes/kafka-commands.txt')
const lines = readFileSync(NOTES, 'utf8').trim().split('\n')
const commands = lines.filter((line) => line.startsWith('kafka-'))
const settings = lines.filter((line) => /^[a-z.]+=/.test(line))
const environment = lines.filter((line) => line.startsWith('export '))

const work = mkdtempSync(join(tmpdir(), 'sluice-notes-'))
let address = ''
let stop: () => Promise<boolean> = async () => true
let log: () => string = () => ''

/** The placeholders filled; what may be left out stands with `full`, and is left out without. */
function filled(line: string, full: boolean): string[] {
  return line
    .replace(/\[,ip:port\.\.\.\]/g, full ? ',ip:port' : '')
    .replace(/\[property=value\]\*|property=value/g, 'num.partitions=3')
    .replace(/\[(.*?)\]\*?/g, full ? '$1' : '')
    .replace(/ip:port|\d+(\.\d+){3}:9092/g, address)
    .replaceAll('<String>', 'noted')
    .replace(/--partitions <Num>/, line.includes('--alter') ? '--partitions 4' : '--partitions 2')
    .replaceAll('<Num>', '1')
    .split(/\s+/)
    .filter((word) => word !== '')
}

const run = (line: string, full: boolean, input = ''): Promise<CliResult> =>
  runCli(filled(line, full), { cwd: work, input })

const noted = (pattern: RegExp): string => {
  const found = commands.find((line) => pattern.test(line))
  if (found === undefined) throw new Error(`no ${pattern} in the notes`)
  return found
}

beforeAll(async () => {
  address = `127.0.0.1:${await freePort()}`
  const own = [`listeners=PLAINTEXT://${address}`, `log.dirs=${join(work, 'data')}`]
  const text = [...settings, ...own].join('\n').replace('=xxx', '=114')
  writeFileSync(join(work, 'server.properties'), `${text}\n`)
  const env = Object.fromEntries(
    environment.map((line) => {
      const [, name = '', value = ''] = /^export (\w+)="(.*)"$/.exec(line) ?? []
      return [name, value]
    }),
  )
  const start = filled(noted(/^kafka-server-start/), true).filter((word) => word !== '-daemon')
  const child = startChild(process.execPath, [...sluiceProgram(), ...start], {
    cwd: work,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = [collect(child.stdout), collect(child.stderr)]
  log = () => out() + err()
  stop = () => endChild(child, 'SIGTERM')
  await new Promise<void>((resolve, reject) => {
    child.once('close', () => reject(new Error(`it ended: ${log()}`)))
    child.stdout?.on('data', () => {
      if (/Kafka Server started/.test(out())) resolve()
    })
  })
})
afterAll(async () => {
  await stop()
  rmSync(work, { recursive: true, force: true })
})

it('starts with their old configuration, and says what it does not need', () => {
  expect([settings.length, environment.length]).toEqual([2, 1])
  expect(log()).toMatch(/WARN .*zookeeper\.connect/)
  expect(log()).toMatch(/id=114/)
})

it('runs their commands', async () => {
  const topics = (verb: string): string => noted(new RegExp(`^kafka-topics.*--${verb}`))
  const created = await run(topics('create'), true)
  expect([created.code, created.stdout]).toEqual([0, 'Created topic noted.\n'])
  const produced = await run(noted(/^kafka-console-producer/), true, 'hello\n')
  expect([produced.code, produced.stderr]).toEqual([0, ''])
  let heard: () => void = () => {}
  const interrupted = new Promise<NodeJS.Signals>((resolve) => {
    heard = () => resolve('SIGINT')
  })
  const consumed = await runCli(filled(noted(/^kafka-console-co/), true), {
    interrupted,
    onOutput: heard,
  })
  expect([consumed.code, consumed.stdout]).toEqual([0, 'hello\n'])
  await run(topics('alter'), true)
  const described = await run(topics('describe'), true)
  expect(described.stdout).toMatch(/^Topic: noted\tTopicId: \S{22}\tPartitionCount: 4\t/)
  const lists = commands.filter((line) => line.includes('--list'))
  expect(lists).toHaveLength(3)
  for (const line of lists)
    for (const full of [true, false])
      expect(await run(line, full)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^noted$/m),
      })
  expect(commands).toHaveLength(9)
})

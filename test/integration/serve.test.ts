/** `sluice serve` as a process: how it starts, refuses to start, and stops. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { packageRoot } from '../../tools/package-root.ts'
import { BrokerProcess } from '../support/broker-process.ts'
import {
  type CommandResult,
  collect,
  endChild,
  runCommand,
  startChild,
} from '../support/child-processes.ts'
import { freePort } from '../support/managed-broker.ts'
import { testProgram } from '../support/program.ts'
import { answersAt } from '../support/raw-connection.ts'

const LIMIT_MS = 60_000
const STARTED = /Kafka Server started/

const folder = mkdtempSync(join(tmpdir(), 'sluice-serve-'))
afterAll(() => rmSync(folder, { recursive: true }))

const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) await endChild(child, 'SIGKILL')
})

function options(dataFolder: string, port = 0): string[] {
  const pairs = [`listeners=PLAINTEXT://127.0.0.1:${port}`, `log.dirs=${dataFolder}`]
  return pairs.flatMap((pair) => ['--override', pair])
}

function newFolder(): string {
  return mkdtempSync(join(folder, 'data-'))
}

function start(args: string[]): { child: ChildProcess; output: () => string } {
  const child = startChild(process.execPath, [...testProgram(), ...args], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  return { child, output: () => stdout() + stderr() }
}

async function said(child: ChildProcess, output: () => string, what: RegExp): Promise<void> {
  while (!what.test(output())) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output()}`)
    await once(child.stdout ?? child, 'data')
  }
}

function run(
  args: string[],
  cwd = packageRoot,
  env: Record<string, string> = {},
): Promise<CommandResult> {
  return runCommand(process.execPath, [...testProgram(), ...args], { limitMs: LIMIT_MS, cwd, env })
}

/** One message for people, nothing else on stderr, no stack. */
function expectRefusal(result: CommandResult, code: number, message: RegExp): void {
  expect(result.stderr).toMatch(message)
  expect(result.stderr.match(/^error: /gm)).toHaveLength(1)
  expect(result.stderr).not.toMatch(/^\s+at |defect/m)
  expect([result.code, result.timedOut]).toEqual([code, false])
}

describe('sluice serve', () => {
  it.each<[name: string, signals: NodeJS.Signals[]]>([
    ['Ctrl-C', ['SIGINT']],
    ['SIGTERM', ['SIGTERM']],
    ['signals that come twice, as npm sends them', ['SIGINT', 'SIGINT', 'SIGTERM']],
  ])('stops cleanly with 0 at %s', async (_name, signals) => {
    const { child, output } = start(['serve', ...options(newFolder())])
    await said(child, output, STARTED)
    const ended = once(child, 'exit')
    for (const signal of signals) child.kill(signal)
    expect(await ended).toEqual([0, null])
    expect(output()).toMatch(/stopped cleanly in \d+ ms/)
  })

  it('stops cleanly when the signal comes while it is starting', async () => {
    const { child, output } = start(['serve', ...options(newFolder())])
    await said(child, output, /INFO sluice/)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(output()).toMatch(/stopped cleanly/)
  })

  it.runIf(process.platform === 'linux')('asks the system for no huge pages', async () => {
    const broker = new BrokerProcess({ dataFolder: newFolder() })
    await broker.start()
    try {
      const flags = readFileSync(`/proc/${broker.pid}/smaps`, 'utf8').match(/^VmFlags: .*$/gm)
      expect(flags?.length).toBeGreaterThan(50)
      expect(flags?.filter((line) => / hg\b/.test(line))).toEqual([])
    } finally {
      await broker.stop()
    }
  })

  it('refuses a port and a folder that are taken, and a folder that is none', async () => {
    const holder = new BrokerProcess({ dataFolder: newFolder() })
    await holder.start()
    try {
      const port = Number(holder.address.split(':')[1])
      const unlockable = newFolder()
      mkdirSync(join(unlockable, '.lock'))
      const [taken, shared, file, locked] = await Promise.all([
        run(['serve', ...options(newFolder(), port)]),
        run(['serve', ...options(holder.dataFolder)]),
        run(['serve', ...options(fileInPlaceOfFolder())]),
        run(['serve', ...options(unlockable)]),
      ])
      expectRefusal(taken, 1, new RegExp(`port ${port} is in use by another program`))
      expectRefusal(shared, 1, new RegExp(`${holder.dataFolder}[\\s\\S]*process ${holder.pid}`))
      expectRefusal(file, 1, /not-a-folder/)
      // As EACCES to another user than root.
      expectRefusal(locked, 1, /EISDIR[\s\S]*check that the data folder/)
      // The holder was not disturbed.
      await answersAt(holder.address, LIMIT_MS)
    } finally {
      await holder.stop()
    }
  })

  it('refuses options that are none, with the nearest name', async () => {
    const result = await run(['serve', '--override', 'log.retention.hour=3'])
    expectRefusal(result, 2, /log\.retention\.hour\b[\s\S]*log\.retention\.hours/)
    expect(result.stdout).toBe('')
  })

  it("starts under Kafka's name from a properties file, overrides on top", async () => {
    const properties = join(folder, 'server.properties')
    const dataFolder = newFolder()
    writeFileSync(
      properties,
      `broker.id=3\nlog.dirs=${dataFolder}\nlisteners=PLAINTEXT://127.0.0.1:0\n`,
    )
    const args = ['kafka-server-start.sh', properties, '--override', 'broker.id=7']
    const { child, output } = start(args)
    await said(child, output, /\[KafkaRaftServer nodeId=7\] Kafka Server started/)
    await endChild(child, 'SIGTERM')
    expect(child.exitCode).toBe(0)
    expect(readFileSync(join(dataFolder, 'meta.properties'), 'utf8')).toMatch(/^node\.id=7$/m)
  })
})

function fileInPlaceOfFolder(): string {
  const path = join(folder, 'not-a-folder')
  writeFileSync(path, '')
  return path
}

describe('-daemon', () => {
  it('leaves a broker in the background that serves, and stops at SIGTERM', async () => {
    const cwd = newFolder()
    const port = await freePort()
    const result = await run(['serve', '-daemon', ...options(join(cwd, 'data'), port)], cwd)
    const pid = Number(readFileSync(join(cwd, 'logs/sluice.pid'), 'utf8'))
    try {
      expect(result.stderr).toMatch(`broker ${pid} serves; its log is`)
      expect([result.code, result.stdout]).toEqual([0, ''])
      await answersAt(`127.0.0.1:${port}`, LIMIT_MS)
      const again = await run(
        ['serve', '-daemon', ...options(join(cwd, 'other'), port)],
        newFolder(),
      )
      expectRefusal(again, 1, /did not start in the background[\s\S]*is in use/)
    } finally {
      process.kill(pid, 'SIGTERM')
    }
    const log = join(cwd, 'logs/server.log')
    await expect
      .poll(() => readFileSync(log, 'utf8'), { timeout: LIMIT_MS })
      .toMatch(/stopped cleanly/)
  })

  it('says why its log cannot be made', async () => {
    const inFile = join(fileInPlaceOfFolder(), 'logs')
    for (const folder of ['/proc/x', inFile, '/dev/null']) {
      const result = await run(['serve', '-daemon'], newFolder(), { LOG_DIR: folder })
      expectRefusal(result, 1, /log and pid file [\s\S]*why: [\s\S]*set LOG_DIR/)
    }
  })

  it('that cannot start leaves no pid file', async () => {
    const cwd = newFolder()
    const result = await run(['serve', '-daemon', ...options(fileInPlaceOfFolder())], cwd)
    expectRefusal(result, 1, /did not start in the background[\s\S]*not-a-folder/)
    expect(existsSync(join(cwd, 'logs/sluice.pid'))).toBe(false)
  })
})

/**
 * Our broker as a process of its own: `sluice serve` on a random port and a temporary folder. Runs
 * the sources (program.ts), or what `npm run build` made when asked for.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collect, endChild, startChild } from './child-processes.ts'
import type { ManagedBroker } from './managed-broker.ts'
import { testProgram } from './program.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 60_000
/** The line that tells where clients connect, whatever port the system chose. */
const LISTENING = /listening on \S+, advertised as (\S+:\d+)/
const SERVING = /Kafka Server started/

export interface BrokerProcessOptions {
  /** The log.dirs folder; absent: a new temporary one. */
  readonly dataFolder?: string
  /** server.properties keys, as --override. */
  readonly overrides?: Record<string, string>
  /** Run what `npm run build` made instead of the sources. */
  readonly compiled?: boolean
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** What runs it: a command and its first arguments, which end by running the rest. */
  readonly under?: readonly [command: string, ...args: string[]]
}

/** Starts a broker; resolves when it serves, rejects with its output when it ends instead. */
export async function startBroker(options: BrokerProcessOptions = {}): Promise<BrokerProcess> {
  const broker = new BrokerProcess(options)
  await broker.start()
  return broker
}

function program(compiled: boolean): string[] {
  if (!compiled) return testProgram()
  if (!existsSync(join(ROOT, 'dist/bundle/sluice.cjs')))
    throw new Error('run `npm run build` before --compiled')
  return [join(ROOT, 'bin/sluice.js')]
}

export class BrokerProcess implements ManagedBroker {
  readonly dataFolder: string
  private readonly options: BrokerProcessOptions
  private knownAddress = ''
  private child: ChildProcess | null = null
  private readonly outputs: (() => string)[] = []

  constructor(options: BrokerProcessOptions) {
    this.options = options
    this.dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'sluice-data-'))
  }

  get address(): string {
    return this.knownAddress
  }

  /** Of the process that runs or ran last. */
  get pid(): number {
    return this.child?.pid ?? -1
  }

  output(): string {
    return this.outputs.map((text) => text()).join('')
  }

  async start(): Promise<void> {
    const listener = this.knownAddress === '' ? '127.0.0.1:0' : this.knownAddress
    const settings: Record<string, string> = {
      listeners: `PLAINTEXT://${listener}`,
      'log.dirs': this.dataFolder,
      'offsets.topic.num.partitions': '5',
      'group.initial.rebalance.delay.ms': '0',
      ...this.options.overrides,
    }
    const pairs = Object.entries(settings).flatMap(([key, value]) => [
      '--override',
      `${key}=${value}`,
    ])
    const { compiled, under = [], env } = this.options
    const args = [...program(compiled === true), 'serve', ...pairs]
    const [command = '', ...rest] = [...under, process.execPath, ...args]
    const child = startChild(command, rest, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.child = child
    const output = collect(child.stdout)
    this.outputs.push(output, collect(child.stderr))
    await this.serving(child, output)
    const address = LISTENING.exec(output())?.[1]
    if (address === undefined) throw new Error(`no address in its log: ${output()}`)
    this.knownAddress = address
  }

  private serving(child: ChildProcess, output: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`the broker ${why}: ${this.output().slice(-3000)}`))
      const timer = setTimeout(() => fail('did not start in time'), START_LIMIT_MS)
      child.once('close', (code) => {
        clearTimeout(timer)
        fail(`ended with ${code} instead of serving`)
      })
      child.stdout?.on('data', () => {
        if (!SERVING.test(output())) return
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async stop(): Promise<void> {
    const child = this.child
    if (child === null || !(await endChild(child, 'SIGTERM', STOP_LIMIT_MS))) return
    if (child.exitCode !== 0)
      throw new Error(
        `the broker's clean stop ended with ${child.exitCode ?? child.signalCode}: ` +
          this.output().slice(-3000),
      )
  }

  async kill(): Promise<void> {
    if (this.child !== null) await endChild(this.child, 'SIGKILL')
  }

  async discard(): Promise<void> {
    try {
      await this.stop()
    } finally {
      rmSync(this.dataFolder, { recursive: true, force: true })
    }
  }
}

/**
 * The quick start's broker: a process of its own, started as a person would, so that the clients' work
 * does not sit in its way and Ctrl-C stops it as it stops any broker.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { sluiceProgram } from '../package-root.ts'

const START_MS = 15_000
const STOP_MS = 15_000
const PORTS_TRIED = 100
/** Printed by the broker once it serves. */
const STARTED = 'Kafka Server started'
const LINES_KEPT = 40

export interface BrokerChild {
  readonly address: string
  readonly startMs: number
  /** Resolves when the process has ended, however. */
  readonly ended: Promise<void>
  /** Clean stop; resolves when it is gone. */
  stop(): Promise<void>
}

/** The first free loopback port from `first` on. */
export async function freePort(first: number): Promise<number> {
  for (let port = first; port < first + PORTS_TRIED; port++) if (await isFree(port)) return port
  throw new Error(`no port between ${first} and ${first + PORTS_TRIED - 1} is free`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

export async function startBrokerChild(port: number, dataFolder: string): Promise<BrokerChild> {
  const address = `127.0.0.1:${port}`
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [
      ...sluiceProgram(),
      'serve',
      '--override',
      `listeners=PLAINTEXT://${address}`,
      '--override',
      `log.dirs=${dataFolder}`,
      '--override',
      'group.initial.rebalance.delay.ms=100',
    ],
    // Own process group: Ctrl-C reaches this program only, which then stops its broker.
    { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    await waitForStart(child)
  } catch (error) {
    await stopChild(child, ended)
    throw error
  }
  return {
    address,
    startMs: performance.now() - started,
    ended,
    stop: () => stopChild(child, ended),
  }
}

function waitForStart(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines: string[] = []
    const timer = setTimeout(
      () => reject(new Error(`the broker did not start:\n${lines.join('\n')}`)),
      START_MS,
    )
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the broker ended with code ${code}:\n${lines.join('\n')}`))
    })
    let rest = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        lines.push(line)
        if (lines.length > LINES_KEPT) lines.shift()
        if (/ (WARN|ERROR) /.test(line)) process.stderr.write(`${line}\n`)
        if (line.includes(STARTED)) {
          clearTimeout(timer)
          resolve()
        }
      }
    })
  })
}

async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(timer)
}

/**
 * `-daemon`: the same command started again, detached, in a session of its own. Its output goes to
 * logs/server.log and its process id to logs/sluice.pid below the working directory; SIGTERM to that
 * process is a clean stop.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sluiceProgram } from '../package-root.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'

const FOLDER = 'logs'
const LOG_FILE = 'server.log'
const PID_FILE = 'sluice.pid'
const WAIT_MS = 30_000
const POLL_MS = 50
const STARTED = 'Kafka Server started'
/** Of what the broker says while it is waited for. */
const SAID_BYTES_MAX = 64 * 1024
const LINES_TOLD = 4

/** Waits until the broker serves; one that is still at it after a while is left to go on. */
export async function serveDaemon(args: readonly string[], io: CommandIo): Promise<number> {
  const folder = join(io.cwd, FOLDER)
  mkdirSync(folder, { recursive: true })
  const logPath = join(folder, LOG_FILE)
  const pidPath = join(folder, PID_FILE)
  const log = openSync(logPath, 'a+')
  const from = statSync(logPath).size
  const child = spawn(process.execPath, [...sluiceProgram(), ...args], {
    cwd: io.cwd,
    env: { ...io.env },
    detached: true,
    stdio: ['ignore', log, log],
  })
  writeFileSync(pidPath, `${child.pid}\n`)
  try {
    const outcome = await serving(child, () => saidSince(log, from))
    if (outcome === 'ended') {
      rmSync(pidPath, { force: true })
      throw new CommandFailure(
        ExitCode.failed,
        'the broker did not start in the background',
        saidSince(log, from).trim().split('\n').slice(-LINES_TOLD).join('\n        '),
        `see ${logPath}`,
      )
    }
    const state = outcome === 'serving' ? 'serves' : 'is still starting'
    io.stderr.write(`broker ${child.pid} ${state}; its log is ${logPath}\n`)
    child.unref()
    return ExitCode.done
  } finally {
    closeSync(log)
  }
}

async function serving(
  child: ChildProcess,
  said: () => string,
): Promise<'serving' | 'ended' | 'starting'> {
  let ended = false
  child.once('exit', () => {
    ended = true
  })
  for (let waited = 0; waited < WAIT_MS; waited += POLL_MS) {
    if (said().includes(STARTED)) return 'serving'
    if (ended) return 'ended'
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return 'starting'
}

function saidSince(log: number, from: number): string {
  const bytes = Buffer.alloc(SAID_BYTES_MAX)
  return bytes.toString('utf8', 0, readSync(log, bytes, 0, bytes.length, from))
}

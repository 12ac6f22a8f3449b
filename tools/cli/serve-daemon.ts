/**
 * `-daemon`: the same command started again, detached, in a session of its own. Its output goes to
 * logs/server.log and its process id to logs/sluice.pid below the working directory (LOG_DIR names
 * another folder, as for Kafka's script); SIGTERM to that process is a clean stop. It tells by its
 * channel that it serves, whatever log level it has.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { NodeDisk } from '../../engine/log/node-disk.ts'
import { sluiceProgram } from '../package-root.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import type { CommandIo } from './io.ts'
import { livePid, PID_FILE_VARIABLE } from './pid-file.ts'
import { SERVING_MESSAGE } from './service-manager.ts'

const FOLDER = 'logs'
const LOG_FILE = 'server.log'
const PID_FILE = 'sluice.pid'
const WAIT_MS = 30_000
/** Of what the broker says while it is waited for. */
const SAID_BYTES_MAX = 64 * 1024
const LINES_TOLD = 4

/** Waits until the broker serves; one that is still at it after a while is left to go on. */
export async function serveDaemon(args: readonly string[], io: CommandIo): Promise<number> {
  const folder = resolve(io.cwd, io.env['LOG_DIR'] ?? FOLDER)
  const logPath = join(folder, LOG_FILE)
  const pidPath = join(folder, PID_FILE)
  const running = livePid(pidPath)
  if (running !== null)
    throw new CommandFailure(
      ExitCode.failed,
      `a broker runs in the background here already, as process ${running}`,
      `${pidPath} names it`,
      'stop it by `kill` and that number, or start this one in another folder',
    )
  const log = await openLog(folder, logPath, pidPath)
  const from = statSync(logPath).size
  const child = spawn(process.execPath, [...sluiceProgram(), ...args], {
    cwd: io.cwd,
    env: { ...io.env, [PID_FILE_VARIABLE]: pidPath },
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  writeFileSync(pidPath, `${child.pid}\n`)
  try {
    const outcome = await serving(child)
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
    if (child.connected) child.disconnect()
    child.unref()
    return ExitCode.done
  } finally {
    closeSync(log)
  }
}

/** The log's descriptor, once the pid file can be written too. */
async function openLog(folder: string, logPath: string, pidPath: string): Promise<number> {
  try {
    await new NodeDisk().makeDir(folder)
    writeFileSync(pidPath, '')
    return openSync(logPath, 'a+')
  } catch (error) {
    throw new CommandFailure(
      ExitCode.failed,
      `the log and pid file of a broker in the background cannot be made in ${folder}`,
      error instanceof Error ? error.message : String(error),
      'set LOG_DIR to a folder in which this user may write',
    )
  }
}

/** Settled by what comes first: its word, its end, or our patience. */
function serving(child: ChildProcess): Promise<'serving' | 'ended' | 'starting'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('starting'), WAIT_MS)
    const settle = (outcome: 'serving' | 'ended') => (): void => {
      clearTimeout(timer)
      resolve(outcome)
    }
    child.once('exit', settle('ended'))
    child.once('error', settle('ended'))
    child.on('message', (message) => {
      if (message === SERVING_MESSAGE) settle('serving')()
    })
  })
}

function saidSince(log: number, from: number): string {
  const bytes = Buffer.alloc(SAID_BYTES_MAX)
  return bytes.toString('utf8', 0, readSync(log, bytes, 0, bytes.length, from))
}

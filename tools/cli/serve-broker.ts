/**
 * Runs a broker in this process until SIGTERM or Ctrl-C: what `sluice serve` and `kafka-server-start`
 * share. With -daemon the same command is started again, detached, with its output in a log file.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerConfig } from '../../engine/base/config.ts'
import { DiskError } from '../../engine/log/disk.ts'
import { MetaStoreCorrupt } from '../../engine/metastore/embedded-store.ts'
import { startBroker } from '../../net/broker.ts'
import { StartRefused } from '../../net/data-folders.ts'
import { FolderLocked } from '../../net/folder-lock.ts'
import { ListenError } from '../../net/listener.ts'
import { loadBrokerConfig } from '../../net/server-properties.ts'
import { CommandFailure, ExitCode } from './failure.ts'
import { type CommandIo, interrupted } from './io.ts'
import { VERSION } from './version.ts'

export interface ServeRequest {
  /** server.properties, or null for the defaults. */
  readonly file: string | null
  /** `name=value`, in order. */
  readonly overrides: readonly string[]
  readonly logFormat: 'text' | 'json'
}

const DAEMON_LOG = 'server.log'
const DAEMON_PID = 'sluice.pid'
const DAEMON_WAIT_MS = 15_000
const DAEMON_POLL_MS = 50
const STARTED = 'Kafka Server started'

/** Resolves with the exit code after a clean stop. */
export async function serveBroker(request: ServeRequest, io: CommandIo): Promise<number> {
  // Set before anything slow, so that an early Ctrl-C is a clean stop too.
  const stopped = interrupted()
  const config = await configOf(request, io)
  const broker = await startBroker({
    config,
    logStyle: { format: request.logFormat, level: 'info' },
    version: VERSION,
    startedMs: 0,
  }).catch((error: unknown) => {
    throw startFailure(error)
  })
  await stopped
  await broker.stop()
  return ExitCode.done
}

/** Reads and checks the configuration; every mistake is told at once. */
export async function configOf(request: ServeRequest, io: CommandIo): Promise<BrokerConfig> {
  const { config, warnings, errors } = await loadBrokerConfig({
    file: request.file,
    overrides: request.overrides,
    environment: io.env,
    workingFolder: io.cwd,
  })
  for (const warning of warnings) io.stderr.write(`warning: ${warning}\n`)
  if (errors.length > 0)
    throw new CommandFailure(
      ExitCode.usage,
      `the configuration has ${errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`}`,
      errors.join('; '),
      'correct it in the properties file, the environment or --override, then start again',
    )
  return config
}

function startFailure(error: unknown): unknown {
  if (
    error instanceof StartRefused ||
    error instanceof FolderLocked ||
    error instanceof ListenError ||
    error instanceof MetaStoreCorrupt
  )
    return new CommandFailure(ExitCode.failed, 'the broker did not start', error.message)
  if (error instanceof DiskError)
    return new CommandFailure(
      ExitCode.failed,
      'the broker did not start',
      `${error.message}`,
      'check that the data folder exists, belongs to this user and has free space',
    )
  return error
}

/** Starts the broker detached and waits until it serves; prints where its log and pid are. */
export async function serveDaemon(args: readonly string[], io: CommandIo): Promise<number> {
  const folder = join(io.cwd, 'logs')
  mkdirSync(folder, { recursive: true })
  const logPath = join(folder, DAEMON_LOG)
  const log = openSync(logPath, 'a')
  const from = statSync(logPath).size
  const binary = process.argv[1] ?? ''
  const child = spawn(process.execPath, [...process.execArgv, binary, ...args], {
    cwd: io.cwd,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  let code: number | null = null
  child.once('exit', (exitCode) => {
    code = exitCode ?? 1
  })
  for (let waited = 0; waited < DAEMON_WAIT_MS && code === null; waited += DAEMON_POLL_MS) {
    const said = readFileSync(logPath).subarray(from).toString()
    if (said.includes(STARTED)) {
      writeFileSync(join(folder, DAEMON_PID), `${child.pid}\n`)
      child.unref()
      io.stderr.write(`broker ${child.pid} serves; its log is ${logPath}\n`)
      return ExitCode.done
    }
    await new Promise((resolve) => setTimeout(resolve, DAEMON_POLL_MS))
  }
  throw new CommandFailure(
    ExitCode.failed,
    'the broker did not start in the background',
    readFileSync(logPath).subarray(from).toString().trim().split('\n').slice(-3).join('; '),
    `see ${logPath}`,
  )
}

/**
 * A peer's process: started on an empty folder and free ports, timed to its first answer, ended by its
 * process id. Its output goes to a file in the folder, shown when it does not come up.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ClientConnection } from '../../net/client/client-connection.ts'
import type { Peer, PeerFolder } from './peer.ts'

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 30_000
const ANSWER_LIMIT_MS = 5_000
/** Between attempts to connect; the resolution of start times. */
const POLL_MS = 2
const LOG_TAIL = 2_000

export interface MeasuredBroker {
  readonly address: string
  /** Null when it runs elsewhere: no CPU or memory figures then. */
  readonly pid: number | null
}

export class PeerProcess implements MeasuredBroker {
  readonly peer: Peer
  readonly address: string
  readonly pid: number
  /** From spawn to the answer to ApiVersions. */
  readonly startMs: number
  private readonly child: ChildProcess
  private readonly folder: string

  private constructor(peer: Peer, child: ChildProcess, where: PeerFolder, startMs: number) {
    this.peer = peer
    this.child = child
    this.pid = child.pid ?? -1
    this.folder = where.folder
    this.address = `127.0.0.1:${where.port}`
    this.startMs = startMs
  }

  /** Starts `peer` on a new folder under `root`. Rejects with the end of its output. */
  static async start(peer: Peer, root: string): Promise<PeerProcess> {
    mkdirSync(root, { recursive: true })
    const folder = mkdtempSync(join(root, `${peer.name}-`))
    const where = { folder, port: await freePort(), spare: await freePort() }
    peer.prepare(where)
    const { command, args } = peer.command(where)
    const output = join(folder, 'output.log')
    const log = openSync(output, 'a')
    const start = performance.now()
    const child = spawn(command, args, { stdio: ['ignore', log, log], cwd: folder })
    closeSync(log)
    try {
      await firstAnswer(child, where.port, start + START_LIMIT_MS)
      return new PeerProcess(peer, child, where, performance.now() - start)
    } catch (error) {
      await end(child)
      const said = readFileSync(output, 'utf8').slice(-LOG_TAIL)
      rmSync(folder, { recursive: true, force: true })
      throw new Error(`${peer.name} did not start: ${(error as Error).message}\n${said}`)
    }
  }

  /** Ends it in order, by force when that takes too long, and removes its folder. */
  async stop(): Promise<void> {
    await end(this.child)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  await ended
  clearTimeout(timer)
}

/** Connects over and over until ApiVersions is answered. */
async function firstAnswer(child: ChildProcess, port: number, untilMs: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`)
    try {
      const connection = await ClientConnection.connect(
        { host: '127.0.0.1', port },
        { clientId: 'sluice-bench', timeoutMs: ANSWER_LIMIT_MS },
      )
      connection.close()
      return
    } catch (error) {
      if (performance.now() > untilMs) throw error
    }
    await pause(POLL_MS)
  }
}

/** A port that was free a moment ago; two starts in one second do not collide in practice. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

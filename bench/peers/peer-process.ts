/**
 * A peer's process: started on an empty folder and free ports, timed to its first answer, ended by its
 * process id. Its output goes to a file in the folder, shown when it does not come up.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ClientConnection } from '../../net/client/client-connection.ts'
import { openSocket } from '../load/client-socket.ts'
import type { Peer, PeerFolder, TopicConfig } from './peer.ts'

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
  /** A topic with these is on storage before it is answered for. */
  readonly syncConfigs: readonly TopicConfig[]
}

/** Where a peer lives, and on which processors: a list as taskset takes it, null = any. */
export interface PeerPlace {
  readonly root: string
  readonly cpus: string | null
}

export class PeerProcess implements MeasuredBroker {
  readonly peer: Peer
  readonly address: string
  readonly syncConfigs: readonly TopicConfig[]
  readonly port: number
  private readonly where: PeerFolder
  private readonly cpus: string | null
  private child: ChildProcess
  /** From spawn to the answer to ApiVersions. */
  startMs = 0

  private constructor(peer: Peer, where: PeerFolder, cpus: string | null) {
    this.peer = peer
    this.syncConfigs = peer.syncConfigs
    this.where = where
    this.cpus = cpus
    this.port = where.port
    this.address = `127.0.0.1:${where.port}`
    this.child = this.spawn()
  }

  get pid(): number {
    return this.child.pid ?? -1
  }

  /** Starts `peer` on a new folder under the root. Rejects with the end of its output. */
  static async start(peer: Peer, { root, cpus }: PeerPlace): Promise<PeerProcess> {
    mkdirSync(root, { recursive: true })
    const folder = mkdtempSync(join(root, `${peer.name}-`))
    const where = { folder, port: await freePort(), spare: await freePort() }
    peer.prepare(where)
    const start = performance.now()
    const started = new PeerProcess(peer, where, cpus)
    await started.up(start)
    return started
  }

  /** Kills it without a word and starts it again on what is left. Resolves when it answers. */
  async crashAndStart(): Promise<void> {
    const gone = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await gone
    await this.startAgain()
  }

  /** Ends it in order and starts it again. Resolves when it answers. */
  async stopAndStart(): Promise<void> {
    await end(this.child)
    await this.startAgain()
  }

  private async startAgain(): Promise<void> {
    const start = performance.now()
    this.child = this.spawn()
    await this.up(start)
  }

  /** Ends it in order, by force when that takes too long, and removes its folder. */
  async stop(): Promise<void> {
    await end(this.child)
    rmSync(this.where.folder, { recursive: true, force: true })
  }

  private spawn(): ChildProcess {
    const { command, args, env } = this.peer.command(this.where)
    const words = this.cpus === null ? [] : ['taskset', '-c', this.cpus]
    const [program = command, ...rest] = [...words, command, ...args]
    const log = openSync(this.output(), 'a')
    const child = spawn(program, rest, {
      stdio: ['ignore', log, log],
      cwd: this.where.folder,
      env: { ...process.env, ...env },
    })
    closeSync(log)
    return child
  }

  private async up(start: number): Promise<void> {
    try {
      await firstAnswer(this.child, this.peer, this.port, start + START_LIMIT_MS)
      this.startMs = performance.now() - start
    } catch (error) {
      await end(this.child)
      const said = readFileSync(this.output(), 'utf8').slice(-LOG_TAIL)
      rmSync(this.where.folder, { recursive: true, force: true })
      throw new Error(`${this.peer.name} did not start: ${(error as Error).message}\n${said}`)
    }
  }

  private output(): string {
    return join(this.where.folder, 'output.log')
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

/** Connects over and over until ApiVersions is answered, or, in another protocol, until it listens. */
async function firstAnswer(
  child: ChildProcess,
  peer: Peer,
  port: number,
  untilMs: number,
): Promise<void> {
  const address = { host: '127.0.0.1', port }
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`)
    try {
      if (peer.ownTool === undefined) {
        const options = { clientId: 'sluice-bench', timeoutMs: ANSWER_LIMIT_MS }
        const connection = await ClientConnection.connect(address, options)
        connection.close()
      } else {
        const socket = await openSocket(address, { onBytes() {}, onLost() {} })
        socket.destroy()
      }
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

/**
 * T6 over real sockets: mutated frames to a broker in a process of its own, from many addresses of
 * loopback, dozens of connections at a time. What does not decode must end its connection without a
 * byte of answer; what does must be answered, or wait.
 *
 * Left out: requests that would change options or quotas of the whole broker, under which its other
 * clients would rightly suffer, and costly ones (costly-requests.ts). The handler tier has them.
 */
import { createConnection, type Socket } from 'node:net'
import { asksForTooMuch } from './costly-requests.ts'
import { FuzzFailure } from './fuzz-target.ts'
import type { MutatedFrames } from './mutated-frames.ts'

const SENDERS = 48
const ADDRESSES = 40
/** AlterConfigs, IncrementalAlterConfigs, AlterClientQuotas. */
const CHANGES_FOR_ALL: ReadonlySet<number> = new Set([33, 44, 49])
/** Produce, Fetch, JoinGroup, SyncGroup. */
const MAY_WAIT: ReadonlySet<number> = new Set([0, 1, 11, 14])
const WAIT_MS = 15
const ANSWER_LIMIT_MS = 30_000

export interface SocketCounts {
  frames: number
  closed: number
  answered: number
  waited: number
  leftOut: number
  connections: number
}

type Outcome = 'closed' | 'answered' | 'silent'

export class SocketFrames {
  readonly counts: SocketCounts = {
    frames: 0,
    closed: 0,
    answered: 0,
    waited: 0,
    leftOut: 0,
    connections: 0,
  }
  private readonly frames: MutatedFrames
  private readonly port: number
  private readonly host: string
  private next = 0

  constructor(frames: MutatedFrames, address: string) {
    this.frames = frames
    const colon = address.lastIndexOf(':')
    this.host = address.slice(0, colon)
    this.port = Number(address.slice(colon + 1))
  }

  /** Sends so many, or as many as fit into the time. Throws FuzzFailure. */
  async run(frames: number, seconds: number): Promise<void> {
    const untilMs = performance.now() + seconds * 1_000
    const goesOn = (): boolean => this.counts.frames < frames && performance.now() < untilMs
    await Promise.all(Array.from({ length: SENDERS }, () => this.send(goesOn)))
  }

  private async send(goesOn: () => boolean): Promise<void> {
    let peer: Peer | null = null
    try {
      while (goesOn()) {
        peer ??= await this.connect()
        if (!(await this.sendOne(peer, this.next++))) {
          peer.end()
          peer = null
        }
      }
    } finally {
      peer?.end()
    }
  }

  /** False: the connection is used up. */
  private async sendOne(peer: Peer, number: number): Promise<boolean> {
    const { counts } = this
    const bytes = Buffer.from(this.frames.make(number))
    const due = this.frames.foresee(bytes)
    const taken = [...due.taken]
    const { closed, answers, partial } = due
    if (
      asksForTooMuch(bytes, taken) ||
      taken.some((call) => CHANGES_FOR_ALL.has(Math.floor(call / 1_000)))
    ) {
      counts.leftOut++
      return true
    }
    counts.frames++
    const mayWait = partial || taken.some((call) => MAY_WAIT.has(Math.floor(call / 1_000)))
    peer.write(bytes)
    const outcome = await peer.outcome(mayWait ? WAIT_MS : ANSWER_LIMIT_MS)
    const fail = (what: string): never => {
      throw new FuzzFailure(`frame ${number}: ${what}`, bytes, number)
    }
    if (outcome === 'closed') {
      counts.closed++
      if (taken.length === 0 && !closed) fail('the connection was closed without cause')
      return false
    }
    if (outcome === 'answered') {
      counts.answered++
      if (taken.length + answers === 0) fail('an answer to what does not decode')
      // What follows it in the same bytes may have ended the connection, or begun a frame.
      return !closed && !partial && taken.length + answers === 1
    }
    counts.waited++
    if (!mayWait) fail(`neither an answer nor an end within ${ANSWER_LIMIT_MS} ms`)
    return false
  }

  private async connect(): Promise<Peer> {
    this.counts.connections++
    const localAddress = `127.0.0.${2 + (this.counts.connections % ADDRESSES)}`
    const socket = createConnection({ port: this.port, host: this.host, localAddress })
    const peer = new Peer(socket)
    await peer.connected
    return peer
  }
}

/** One connection: what comes back to the bytes written last. */
class Peer {
  readonly connected: Promise<void>
  private readonly socket: Socket
  private received = 0
  private length = Buffer.alloc(0)
  private closed = false
  private wake: (() => void) | null = null

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    this.connected = new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    socket.on('data', (chunk) => this.take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.wake?.()
    })
  }

  write(bytes: Buffer): void {
    this.received = 0
    this.length = Buffer.alloc(0)
    this.socket.write(bytes)
  }

  async outcome(limitMs: number): Promise<Outcome> {
    if (!this.closed && !this.isWhole())
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs)
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    this.wake = null
    if (this.received > 0) return 'answered'
    return this.closed ? 'closed' : 'silent'
  }

  /** At once, without a state that lingers in the kernel. */
  end(): void {
    this.socket.resetAndDestroy()
  }

  private take(chunk: Buffer): void {
    this.received += chunk.length
    if (this.length.length < 4) this.length = Buffer.concat([this.length, chunk]).subarray(0, 4)
    if (this.isWhole()) this.wake?.()
  }

  private isWhole(): boolean {
    return this.length.length === 4 && this.received >= 4 + this.length.readInt32BE(0)
  }
}

/**
 * The threads of shards 1 … N-1. Shard 0 is the thread that has the pool: it starts the others,
 * hands them images, and stops all in stages. A thread that dies takes the process with it after a
 * last log line: its partitions have no owner any more, and a restart recovers them properly.
 */
import { Worker } from 'node:worker_threads'
import { assert } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { Logger } from '../engine/base/logger.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import { type StopStage, stopStages, type ThreadOrder, type ThreadReport } from './messages.ts'
import type { ThreadEntry } from './thread-entry.ts'
import { type ShardWiring, type WakeWay, wireShards, wiringPorts } from './wiring.ts'

/** Marks the threads of a pool among a process's. */
export const SHARD_THREAD = 'sluice-shard'

/** What a thread finds in its workerData; all else comes with the first order (pool-member.ts). */
export interface ThreadStart {
  readonly kind: typeof SHARD_THREAD
}

export interface PoolParts {
  readonly shards: number
  readonly wake: WakeWay
  /** What every thread runs; it must call `joinPool`. */
  readonly entry: ThreadEntry
  /** Threads that run it already, by whom started whoever; those too many are ended. */
  readonly begun?: readonly Worker[]
  readonly logger: Logger
  /** Ends the process; the last thing that is called. */
  readonly exit: (code: number) => void
}

/** What Node calls a thread that is no more. */
const ENDED_THREAD = -1

interface Wait {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  readonly matches: (report: ThreadReport) => boolean
}

interface Member {
  readonly shard: number
  readonly wiring: ShardWiring
  readonly thread: Worker
  /** Reports awaited of it; a handful. */
  waits: Wait[]
  ended: boolean
}

export class ShardPool {
  /** Shard 0's own wiring. */
  readonly wiring: ShardWiring
  private readonly members: readonly Member[]
  private readonly logger: Logger
  private readonly exit: (code: number) => void
  private stopping = false
  private dead = false

  /** Starts the threads, which load their code and wait for `begin`. */
  constructor(parts: PoolParts) {
    this.logger = parts.logger
    this.exit = parts.exit
    const [own, ...others] = wireShards(parts.shards, parts.wake)
    assert(own !== undefined, 'a pool has a shard 0')
    this.wiring = own
    const begun = [...(parts.begun ?? [])]
    this.members = others.map((wiring) =>
      this.member(wiring, begun.shift() ?? newThread(wiring, parts)),
    )
    for (const thread of begun) void endThread(thread)
  }

  /**
   * Gives every thread the plain data it works with; resolves when all follow orders, rejects when one
   * takes too long.
   */
  async begin(dataFor: (shard: number) => unknown): Promise<void> {
    const started = this.all('start', limits.shardStartMs, (report) => report.kind === 'ready')
    for (const { shard, wiring, thread } of this.members) {
      const order: ThreadOrder = { kind: 'begin', wiring, data: dataFor(shard) }
      thread.postMessage(order, wiringPorts(wiring))
    }
    await started
  }

  /** Ends threads that have not served yet, after a start that failed. */
  abandon(): void {
    this.stopping = true
    for (const { thread } of this.members) void endThread(thread)
  }

  /** Hands the image to every thread and waits until all have taken it up. */
  async publish(image: MetadataImage): Promise<void> {
    if (this.members.length === 0) return
    const applied = this.all(
      `take up image ${image.version}`,
      limits.imageApplyMs,
      (report) => report.kind === 'applied' && report.version >= image.version,
    )
    this.order({ kind: 'image', image })
    await applied
  }

  /** Lets every thread take connections; resolves when all do. */
  async accept(): Promise<void> {
    const accepting = this.all(
      'open its listeners',
      limits.shardStartMs,
      (report) => report.kind === 'accepting',
    )
    this.order({ kind: 'accept' })
    await accepting
  }

  /**
   * Stops all shards in stages, `own` doing shard 0's part of each; then the threads end. A thread
   * that overstays limits.stopStageMs is left behind with a warning. True: every shard did every
   * stage, so all logs are closed.
   */
  async stop(own: (stage: StopStage) => Promise<void>): Promise<boolean> {
    if (this.stopping) return false
    this.stopping = true
    let complete = true
    for (const stage of stopStages) {
      const done = this.all(
        `stop (${stage})`,
        limits.stopStageMs,
        (report) => report.kind === 'stopped' && report.stage === stage,
      )
      this.order({ kind: 'stop', stage })
      const outcomes = await Promise.allSettled([own(stage), done])
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') {
          complete = false
          this.logger.warn(messageOf(outcome.reason))
        }
    }
    await Promise.all(this.members.map(({ thread }) => endThread(thread)))
    return complete && !this.dead
  }

  private member(wiring: ShardWiring, thread: Worker): Member {
    const { shard } = wiring
    const member: Member = { shard, wiring, thread, waits: [], ended: false }
    // One that was begun for whoever may need it kept nobody from ending.
    thread.ref()
    thread.on('message', (report: ThreadReport) => heard(member, report))
    thread.on('error', (error) => this.died(shard, messageOf(error)))
    thread.on('messageerror', (error) => this.died(shard, messageOf(error)))
    thread.on('exit', (code) => {
      const why = `its thread ended with code ${code}`
      member.ended = true
      for (const wait of member.waits.splice(0)) wait.reject(new Error(`shard ${shard}: ${why}`))
      if (!this.stopping) this.died(shard, why)
    })
    return member
  }

  private died(shard: number, why: string): void {
    if (this.dead) return
    this.dead = true
    this.logger.error(
      `Shard ${shard} failed: ${why}. The broker ends, since its partitions have no owner now; ` +
        'start it again.',
    )
    this.exit(1)
  }

  private order(order: ThreadOrder): void {
    for (const { thread } of this.members) thread.postMessage(order)
  }

  /** Resolves when every thread has sent a report that matches; rejects at the deadline. */
  private async all(
    what: string,
    deadlineMs: number,
    matches: (report: ThreadReport) => boolean,
  ): Promise<void> {
    await Promise.all(
      this.members.map((member) =>
        member.ended ? Promise.resolve() : report(member, what, deadlineMs, matches),
      ),
    )
  }
}

function newThread({ shard }: ShardWiring, { entry }: PoolParts): Worker {
  const start: ThreadStart = { kind: SHARD_THREAD }
  return new Worker(entry.url, {
    name: `shard-${shard}`,
    workerData: start,
    execArgv: [...entry.execArgv],
  })
}

/**
 * Lets a thread end itself between two of its steps: one that is cut off while it loads a native module
 * takes the process with it, since Node-API aborts there. One that is not gone in time is cut off.
 */
export async function endThread(
  thread: Worker,
  deadlineMs: number = limits.threadEndMs,
): Promise<void> {
  if (thread.threadId === ENDED_THREAD) return
  const gone = new Promise<void>((resolve) => thread.once('exit', () => resolve()))
  const timer = setTimeout(() => void thread.terminate(), deadlineMs)
  timer.unref()
  const order: ThreadOrder = { kind: 'end' }
  thread.postMessage(order)
  await gone
  clearTimeout(timer)
}

function report(
  member: Member,
  what: string,
  deadlineMs: number,
  matches: (report: ThreadReport) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (then: () => void): void => {
      clearTimeout(timer)
      member.waits = member.waits.filter((other) => other !== wait)
      then()
    }
    const wait: Wait = {
      matches,
      resolve: () => ended(resolve),
      reject: (error) => ended(() => reject(error)),
    }
    const seconds = deadlineMs / 1000
    const late = new Error(`shard ${member.shard} did not ${what} within ${seconds} s`)
    const timer = setTimeout(() => wait.reject(late), deadlineMs)
    member.waits.push(wait)
  })
}

function heard(member: Member, report: ThreadReport): void {
  for (const wait of [...member.waits]) if (wait.matches(report)) wait.resolve()
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/**
 * Background jobs and their threads: a piscina pool that exists only while there is work. It is
 * made at the first job, has one thread per core at most, and is given up after limits.jobsIdleMs
 * without any; at rest it costs nothing.
 *
 *   recoverLog         a partition that was not closed cleanly (jobs/recover-log.ts)
 *   beginCompaction    a pass of compaction, and its offset map (jobs/compact-log.ts) …
 *   compactGroup       … one group of segments of it, in the same thread: see `hold`
 *
 * A job that throws has a bug, or its thread could not start: its promise rejects.
 */
import { availableParallelism } from 'node:os'
import type { Piscina } from 'piscina'
import { limits } from '../engine/base/limits.ts'
import type {
  BeginCompactionInput,
  BegunCompaction,
  CompactedGroup,
  CompactGroupInput,
} from './jobs/compact-log.ts'
import type { RecoverLogInput, RecoverLogOutcome } from './jobs/recover-log.ts'
import { threadEntry } from './thread-entry.ts'

/** The jobs: file in jobs/, exported function, and what goes in and out. */
interface JobTypes {
  recoverLog: { input: RecoverLogInput; output: RecoverLogOutcome }
  beginCompaction: { input: BeginCompactionInput; output: BegunCompaction }
  compactGroup: { input: CompactGroupInput; output: CompactedGroup }
}

const JOBS: { readonly [K in keyof JobTypes]: { readonly file: string; readonly name: string } } = {
  recoverLog: { file: 'recover-log', name: 'recoverLogJob' },
  beginCompaction: { file: 'compact-log', name: 'beginCompactionJob' },
  compactGroup: { file: 'compact-log', name: 'compactGroupJob' },
}

export class Jobs {
  private readonly threads: number
  private readonly idleMs: number
  private readonly niceness: number
  private pool: Promise<Piscina> | null = null
  private running = 0
  private idleTimer: NodeJS.Timeout | null = null
  private closed = false

  /** `niceness`: how far its threads stand back behind the others, where the system knows of that. */
  constructor(
    threads: number = availableParallelism(),
    idleMs: number = limits.jobsIdleMs,
    niceness = 0,
  ) {
    this.threads = threads
    this.idleMs = idleMs
    this.niceness = niceness
  }

  /** True while threads may exist. */
  get active(): boolean {
    return this.pool !== null
  }

  recoverLog(input: RecoverLogInput): Promise<RecoverLogOutcome> {
    return this.run('recoverLog', input)
  }

  beginCompaction(input: BeginCompactionInput): Promise<BegunCompaction> {
    return this.run('beginCompaction', input)
  }

  compactGroup(input: CompactGroupInput): Promise<CompactedGroup> {
    return this.run('compactGroup', input)
  }

  /** A pool of one thread keeps it, and what its jobs left there, until `release`. */
  hold(): void {
    if (this.idleTimer !== null) clearTimeout(this.idleTimer)
    this.idleTimer = null
    this.running++
  }

  release(): void {
    this.running--
    if (this.running === 0 && !this.closed) this.rest()
  }

  /** Ends the threads; jobs still running are abandoned and reject. */
  async close(): Promise<void> {
    this.closed = true
    await this.giveUp()
  }

  private async run<K extends keyof JobTypes>(
    job: K,
    input: JobTypes[K]['input'],
  ): Promise<JobTypes[K]['output']> {
    if (this.closed) throw new Error(`the job ${job} comes after the stop of the job pool`)
    this.hold()
    try {
      const { file, name } = JOBS[job]
      this.pool ??= this.newPool()
      const pool = await this.pool
      const { url } = threadEntry(`./jobs/${file}`, import.meta.url)
      return await pool.run(input, { filename: url.href, name })
    } finally {
      this.release()
    }
  }

  private rest(): void {
    this.idleTimer = setTimeout(() => {
      this.idleTimer = null
      // Nothing runs, so nothing can fail that anybody waits for.
      void this.giveUp()
    }, this.idleMs)
    this.idleTimer.unref()
  }

  private async giveUp(): Promise<void> {
    if (this.idleTimer !== null) clearTimeout(this.idleTimer)
    this.idleTimer = null
    const pool = this.pool
    this.pool = null
    if (pool !== null) await (await pool).destroy()
  }

  /** Loaded when first needed: a broker that was closed cleanly never does. */
  private async newPool(): Promise<Piscina> {
    const { Piscina } = await import('piscina')
    const { execArgv } = threadEntry('./jobs', import.meta.url)
    return new Piscina({
      minThreads: 0,
      maxThreads: this.threads,
      // A thread goes with its pool: a job may rely on what the one before left in it.
      idleTimeout: Number.POSITIVE_INFINITY,
      niceIncrement: this.niceness,
      maxQueue: limits.jobsQueuedMax,
      execArgv: [...execArgv],
    })
  }
}

/**
 * Background jobs and their threads: a piscina pool that exists only while there is work. It is
 * made at the first job, has one thread per core at most, and is given up after limits.jobsIdleMs
 * without any; at rest it costs nothing.
 *
 *   recoverLog   a partition that was not closed cleanly (jobs/recover-log.ts)
 *
 * A job that throws has a bug, or its thread could not start: its promise rejects.
 */
import { availableParallelism } from 'node:os'
import type { Piscina } from 'piscina'
import { limits } from '../engine/base/limits.ts'
import type { RecoverLogInput, RecoverLogOutcome } from './jobs/recover-log.ts'
import { threadEntry } from './thread-entry.ts'

/** The jobs: file in jobs/, exported function, and what goes in and out. */
interface JobTypes {
  recoverLog: { input: RecoverLogInput; output: RecoverLogOutcome }
}

const JOBS: { readonly [K in keyof JobTypes]: { readonly file: string; readonly name: string } } = {
  recoverLog: { file: 'recover-log', name: 'recoverLogJob' },
}

export class Jobs {
  private readonly threads: number
  private readonly idleMs: number
  private pool: Promise<Piscina> | null = null
  private running = 0
  private idleTimer: NodeJS.Timeout | null = null
  private closed = false

  constructor(threads: number = availableParallelism(), idleMs: number = limits.jobsIdleMs) {
    this.threads = threads
    this.idleMs = idleMs
  }

  /** True while threads may exist. */
  get active(): boolean {
    return this.pool !== null
  }

  recoverLog(input: RecoverLogInput): Promise<RecoverLogOutcome> {
    return this.run('recoverLog', input)
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
    if (this.idleTimer !== null) clearTimeout(this.idleTimer)
    this.idleTimer = null
    this.running++
    try {
      const { file, name } = JOBS[job]
      this.pool ??= this.newPool()
      const pool = await this.pool
      const { url } = threadEntry(`./jobs/${file}`, import.meta.url)
      return await pool.run(input, { filename: url.href, name })
    } finally {
      this.running--
      if (this.running === 0 && !this.closed) this.rest()
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
      idleTimeout: this.idleMs,
      maxQueue: limits.jobsQueuedMax,
      execArgv: [...execArgv],
    })
  }
}

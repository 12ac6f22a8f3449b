/**
 * The measured window of a load, whatever its kind: warm-up, readings before and after, samples on the
 * way, an early end by a bound of bytes, by a person or by a failure. What was seen until then is kept.
 */
import { BrokerMeter } from './broker-meter.ts'
import { CommitTally } from './commit-tally.ts'
import { encodeHistogram, type Histogram, newHistogram, recordMs } from './histogram.ts'
import type { LoadFigures, LoadPlan, LoadProgress, LoadSample } from './load-plan.ts'
import { machineCpuSeconds } from './process-meter.ts'

const SAMPLES_MAX = 100_000
/** A window in which nothing was answered goes on for at most so long, until something is. */
const PROLONGED_MS_MAX = 10_000
const PROLONGED_BY_MS = 100

interface Reading {
  readonly seconds: number
  readonly answers: number
  readonly bytes: number
  readonly records: number
  readonly clientCpu: number
  readonly brokerCpu: number
  readonly machineCpu: number
  readonly written: number
}

export class LoadWindow {
  private readonly plan: LoadPlan
  private readonly meter: BrokerMeter
  answers = 0
  bytes = 0
  records = 0
  /** Latencies of the window, and of the sample at hand. */
  readonly latency: Histogram | null
  /** Null for loads without transactions. */
  private readonly commits: CommitTally | null
  private sampleCommits: CommitTally | null = null
  private before: Reading | null = null
  private bytesWanted = Number.POSITIVE_INFINITY
  private wake: (() => void) | null = null
  private problem: Error | null = null
  private rejectFailed: (error: Error) => void = () => {}
  /** Rejects at the first failure, also behind the window. */
  readonly failed: Promise<never>
  private stopped = false
  private readonly samples: LoadSample[] = []
  private sampled: Reading | null = null
  private sampleLatency: Histogram | null = null

  constructor(plan: LoadPlan, latencies: boolean) {
    this.plan = plan
    this.meter = new BrokerMeter(plan.brokerPid)
    this.latency = latencies ? newHistogram() : null
    const transactional = 'transactions' in plan && plan.transactions !== null
    this.commits = transactional ? new CommitTally() : null
    this.failed = new Promise((_resolve, reject) => {
      this.rejectFailed = reject
    })
    this.failed.catch(() => {
      // Who waits for it hears of it; a failure within the window is in its figures.
    })
  }

  count(answers: number, bytes: number, records: number): void {
    this.answers += answers
    this.bytes += bytes
    this.records += records
    if (this.bytes >= this.bytesWanted) this.wake?.()
  }

  /** Where latencies go; those of the warm-up are dropped when the window begins. */
  recordMs(latencyMs: number): void {
    if (this.latency !== null) recordMs(this.latency, latencyMs)
    if (this.sampleLatency !== null) recordMs(this.sampleLatency, latencyMs)
  }

  /** A transaction was committed: how long its end took, and how often something was asked again. */
  recordCommit(commitMs: number, retries: number): void {
    this.commits?.record(commitMs, retries)
    this.sampleCommits?.record(commitMs, retries)
  }

  /** The first failure ends the load. */
  fail(error: Error): void {
    this.problem ??= error
    this.rejectFailed(error)
    this.wake?.()
  }

  /** Ends the window now; its figures stand. */
  stop(): void {
    this.stopped = true
    this.wake?.()
  }

  progress(): LoadProgress {
    const since = this.before
    return {
      seconds: since === null ? 0 : performance.now() / 1000 - since.seconds,
      answers: since === null ? 0 : this.answers - since.answers,
      bytes: since === null ? 0 : this.bytes - since.bytes,
    }
  }

  /** Waits out warm-up and window. Rejects when it fails before anything was seen. */
  async run(): Promise<LoadFigures> {
    const { plan } = this
    if (plan.warmUpMs > 0) await this.until(plan.warmUpMs)
    this.meter.restartPeak()
    this.latency?.reset()
    this.commits?.reset()
    const before = this.reading()
    this.before = before
    if ('bytesMax' in plan) this.bytesWanted = before.bytes + plan.bytesMax
    const sampler = this.startSampling(before)
    await this.until(plan.measureMs)
    await this.prolong(before)
    clearInterval(sampler)
    const after = this.reading()
    if (after.answers === before.answers)
      throw this.problem ?? new Error('no answer within the measured window')
    return this.figures(before, after)
  }

  /** On a machine that is busy otherwise: the rate of a longer window instead of none. */
  private async prolong(before: Reading): Promise<void> {
    let leftMs = PROLONGED_MS_MAX
    while (this.answers === before.answers && leftMs > 0 && !this.ended()) {
      await this.until(PROLONGED_BY_MS)
      leftMs -= PROLONGED_BY_MS
    }
  }

  private ended(): boolean {
    return this.problem !== null || this.stopped
  }

  private figures(before: Reading, after: Reading): LoadFigures {
    return {
      seconds: after.seconds - before.seconds,
      answers: after.answers - before.answers,
      bytes: after.bytes - before.bytes,
      records: after.records - before.records,
      clientCpuSeconds: after.clientCpu - before.clientCpu,
      brokerCpuSeconds: after.brokerCpu - before.brokerCpu,
      machineCpuSeconds: after.machineCpu - before.machineCpu,
      peakBytes: this.meter.peakBytes(),
      writtenBytes: after.written - before.written,
      latency: this.latency === null ? null : encodeHistogram(this.latency),
      lateness: null,
      acknowledged: null,
      samples: this.samples,
      opening: null,
      transactions: this.commits?.figures() ?? null,
      problem: this.problem === null ? null : this.problem.message,
    }
  }

  private startSampling(first: Reading): NodeJS.Timeout | undefined {
    const { sampleMs } = this.plan
    if (sampleMs === 0) return undefined
    this.sampled = first
    this.sampleLatency = this.latency === null ? null : newHistogram()
    this.sampleCommits = this.commits === null ? null : new CommitTally()
    return setInterval(() => {
      if (this.samples.length < SAMPLES_MAX) this.sample(first.seconds)
    }, sampleMs)
  }

  private sample(startSeconds: number): void {
    const last = this.sampled ?? this.reading()
    const now = this.reading()
    this.sampled = now
    const latency = this.sampleLatency === null ? null : encodeHistogram(this.sampleLatency)
    this.sampleLatency?.reset()
    this.samples.push({
      seconds: now.seconds - startSeconds,
      answers: now.answers - last.answers,
      bytes: now.bytes - last.bytes,
      latency,
      brokerCores: (now.brokerCpu - last.brokerCpu) / (now.seconds - last.seconds),
      brokerBytes: this.meter.residentBytes(),
      transactions: this.sampleCommits?.figures() ?? null,
    })
    this.sampleCommits?.reset()
  }

  private reading(): Reading {
    const { user, system } = process.cpuUsage()
    return {
      seconds: performance.now() / 1000,
      answers: this.answers,
      bytes: this.bytes,
      records: this.records,
      clientCpu: (user + system) / 1e6,
      brokerCpu: this.meter.cpuSeconds(),
      machineCpu: machineCpuSeconds(),
      written: this.meter.writtenBytes(),
    }
  }

  /** Waits for `ms` or whatever ends the window before. */
  private async until(ms: number): Promise<void> {
    if (this.ended()) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.wake = resolve
      timer = setTimeout(resolve, ms)
    })
    clearTimeout(timer)
    this.wake = null
  }
}

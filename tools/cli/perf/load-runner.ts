/**
 * Runs what was asked for: repeats and rates one after the other, the loads of one run beside each
 * other, each in its own processes. Ends early, with what was seen, when a load fails, a person says so
 * or the broker no longer keeps up with the rates.
 */
import { cpus } from 'node:os'
import { batchesOf, filledBatch } from '../../../bench/load/exact-batch.ts'
import { decodeHistogram, percentileMs } from '../../../bench/load/histogram.ts'
import type { LoadFigures, LoadProgress } from '../../../bench/load/load-plan.ts'
import { LoadProcesses } from '../../../bench/load/load-process.ts'
import type { PerfLoad, PerfRun } from '../../../bench/load/perf-result.ts'
import { CLIENT_LIMIT } from '../../../bench/load/raw-client.ts'
import { parseAddresses } from '../../../net/client/address.ts'
import type { Client } from '../../../net/client/client.ts'
import { type LoadCommand, type LoadOptions, transactionsOf } from './load-options.ts'
import {
  connectPlan,
  endToEndPlan,
  fetchPlan,
  fillPlan,
  pacedPlan,
  producePlan,
  type RoleOfPlan,
} from './load-plans.ts'
import { checkVersions, deleteTopic, type LoadTopic, offsetsOf, openTopic } from './load-topic.ts'

/** Of the offered rate: below it the broker does not keep up; less is the machine's noise. */
const KEPT_SHARE = 0.8
/** Requests that leave later than this are late. */
const LATE_MS = 2
const LATE_SHARE = 0.5

export interface RunnerEvents {
  onPhase(what: string): void
  onProgress(progress: LoadProgress): void
  onRun(run: PerfRun): void
}

export class LoadRunner {
  private readonly client: Client
  private readonly brokers: string
  private readonly command: LoadCommand
  private readonly options: LoadOptions
  private readonly events: RunnerEvents
  private readonly processes: number
  /** One set per load that runs at the same time. */
  private readonly sets: LoadProcesses[] = []
  private readonly topics: LoadTopic[] = []
  private stopped: string | null = null

  constructor(
    client: Client,
    brokers: string,
    command: LoadCommand,
    options: LoadOptions,
    events: RunnerEvents,
  ) {
    this.client = client
    this.brokers = brokers
    this.command = command
    this.options = options
    this.events = events
    this.processes = options.processes || Math.max(1, Math.floor(cpus().length / 2))
  }

  /** Ends what runs now; `why` becomes the problem. */
  stop(why: string): void {
    this.stopped ??= why
    for (const set of this.sets) set.stop()
  }

  /** Resolves with the reason when it ended early, else null. */
  async run(): Promise<string | null> {
    const { options, command, events } = this
    await checkVersions(this.client, transactionsOf(options) !== null)
    const rates = command === 'connections' || options.rate.length === 0 ? [null] : options.rate
    for (const rate of rates)
      for (let repeat = 1; repeat <= options.repeats; repeat++) {
        const roles = await this.plans(rate)
        if (this.stopped !== null) return this.stopped
        const name = rate === null ? command : `${command} at ${rate} records/s`
        events.onPhase(`${name}, run ${repeat} of ${options.repeats}`)
        const loads = await this.runBeside(roles)
        events.onRun({ repeat, offered: rate, loads })
        const problem = loads.find(({ figures }) => figures.problem !== null)?.figures.problem
        if (problem != null || this.stopped !== null) return problem ?? this.stopped
        if (rates.length > 1 && rate !== null && broken(loads, rate)) return null
      }
    return null
  }

  async close(): Promise<void> {
    for (const set of this.sets) set.close()
    if (this.options.keepTopic) return
    for (const topic of this.topics) if (topic.made) await deleteTopic(this.client, topic.name)
  }

  private async runBeside(roles: readonly RoleOfPlan[]): Promise<PerfLoad[]> {
    const progress: LoadProgress[] = []
    return await Promise.all(
      roles.map(async ({ role, plan }, at) => {
        const figures = await this.set(at).run(plan, (seen) => {
          progress[at] = seen
          if (progress[0] !== undefined) this.events.onProgress(progress[0])
        })
        return { role, figures, limit: generatorLimit(figures, this.processes) }
      }),
    )
  }

  private set(at: number): LoadProcesses {
    this.sets[at] ??= new LoadProcesses(this.processes)
    return this.sets[at]
  }

  private async plans(rate: number | null): Promise<RoleOfPlan[]> {
    const { options, command } = this
    if (command === 'connections') {
      const plan = connectPlan(options, parseAddresses(this.brokers))
      return [{ role: 'connections', plan }]
    }
    if (command === 'fetch') return [await this.readers('fetch', options.topic, options)]
    const topic = await this.topic(options.topic, options.partitions || options.connections)
    if (rate === null) return [{ role: 'produce', plan: producePlan(options, topic) }]
    const plan = pacedPlan(options, topic, rate, recordsPerBatch(options))
    if (command === 'produce') return [{ role: 'produce', plan }]
    const offsets = await offsetsOf(this.client, topic, 'latest')
    const first = { role: 'end to end', plan: endToEndPlan(plan, offsets) }
    if (command === 'e2e' || options.laggingReaders === 0) return [first]
    const lagging = { ...options, connections: options.laggingReaders, inFlight: 1 }
    return [first, await this.readers('lagging readers', `${options.topic}-old`, lagging)]
  }

  /** Readers of a topic that is filled first, when it was not there. */
  private async readers(role: string, name: string, options: LoadOptions): Promise<RoleOfPlan> {
    const topic = await this.topic(name, options.partitions || options.connections)
    const fill = fillPlan(options, topic)
    let ends = await offsetsOf(this.client, topic, 'latest')
    if (topic.made && ends.every((end) => end === 0)) {
      this.events.onPhase(`writing ${options.fillMib} MiB to each partition of ${name}`)
      const { problem } = await this.set(0).run(fill, (seen) => this.events.onProgress(seen))
      if (problem !== null) throw new Error(`filling ${name}: ${problem}`)
      ends = await offsetsOf(this.client, topic, 'latest')
    }
    const starts = await offsetsOf(this.client, topic, 'earliest')
    const batch = filledBatch(fill.batchBytes, fill.recordBytes)
    const step = batch.records * Math.max(1, Math.floor(options.maxBytes / batch.bytes.length))
    const rounds = ends.map((end, at) => {
      const first = starts[at] ?? 0
      return { first, step, count: Math.max(1, Math.floor((end - first) / step)) }
    })
    return { role, plan: fetchPlan(options, topic, rounds) }
  }

  private async topic(name: string, partitions: number): Promise<LoadTopic> {
    const known = this.topics.find((topic) => topic.name === name)
    if (known !== undefined) return known
    const { replicationFactor } = this.options
    const topic = await openTopic(this.client, name, partitions, replicationFactor)
    this.topics.push(topic)
    return topic
  }
}

/** What a batch of the shape really holds. */
function recordsPerBatch(options: LoadOptions): number {
  const plan = producePlan(options, { name: 't', partitions: 1, leaders: [], made: false })
  return batchesOf(plan)[0]?.records ?? 1
}

/** Why the figures are the generator's and not the broker's; null when they are the broker's. */
export function generatorLimit(figures: LoadFigures, processes: number): string | null {
  const cores = figures.clientCpuSeconds / figures.seconds
  if (cores > CLIENT_LIMIT * processes)
    return `it used ${cores.toFixed(2)} cores in ${processes} processes: give it more --processes`
  const lateMs = percentileMs(decodeHistogram(figures.lateness), 99)
  const latencyMs = percentileMs(decodeHistogram(figures.latency), 99)
  if (lateMs > LATE_MS && lateMs > LATE_SHARE * latencyMs)
    return `requests left up to ${lateMs.toFixed(1)} ms late (99th percentile): the machine is too busy`
  return null
}

/** The broker no longer does what is offered. */
function broken(loads: readonly PerfLoad[], rate: number): boolean {
  return loads.some(({ role, figures }) => {
    if (role === 'lagging readers') return false
    return figures.records / figures.seconds < rate * KEPT_SHARE
  })
}

/**
 * Loads in processes of their own, so that their CPU is theirs alone and several can share a load that
 * is too much for one core. Connections are dealt out in contiguous blocks, rates with them.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { threadEntry } from '../../workers/thread-entry.ts'
import { sumOfTransactions } from './commit-tally.ts'
import { mergeHistograms } from './histogram.ts'
import type { LoadFigures, LoadPlan, LoadProgress, LoadSample } from './load-plan.ts'

export type LoadOrder =
  | { readonly kind: 'run'; readonly plan: LoadPlan }
  | { readonly kind: 'stop' }

export type LoadAnswer =
  | { readonly kind: 'figures'; readonly figures: LoadFigures }
  | { readonly kind: 'progress'; readonly progress: LoadProgress }
  | { readonly kind: 'failed'; readonly problem: string }

type OnProgress = (progress: LoadProgress) => void

export class LoadProcesses {
  readonly count: number
  private readonly children: ChildProcess[]

  constructor(count: number) {
    this.count = count
    const { url, execArgv } = threadEntry('./load-child', import.meta.url)
    // 'advanced': NaN and Infinity do not survive JSON.
    const options = { execArgv: [...execArgv], serialization: 'advanced' as const }
    this.children = Array.from({ length: count }, () => fork(url, options))
  }

  /**
   * Runs a plan over all processes that get a connection; sums what they saw. Rejects when one of them
   * could measure nothing; a load that ended early has its `problem` in the figures.
   */
  async run(plan: LoadPlan, onProgress: OnProgress = () => {}): Promise<LoadFigures> {
    const shares = this.shares(plan)
    const latest: LoadProgress[] = shares.map(() => ({ seconds: 0, answers: 0, bytes: 0 }))
    const figures = await Promise.all(
      shares.map((share, index) =>
        ask(this.children[index]!, share, (progress) => {
          latest[index] = progress
          onProgress(sumOfProgress(latest))
        }),
      ),
    )
    return sumOf(figures)
  }

  /** Ends what runs now; its figures come. */
  stop(): void {
    for (const child of this.children) if (child.connected) child.send({ kind: 'stop' })
  }

  close(): void {
    for (const child of this.children) if (child.connected) child.disconnect()
  }

  private shares(plan: LoadPlan): LoadPlan[] {
    const count = Math.min(this.children.length, plan.connections)
    return Array.from({ length: count }, (_, index) => {
      const first = Math.floor((plan.connections * index) / count)
      const connections = Math.floor((plan.connections * (index + 1)) / count) - first
      const share = { ...plan, connections, firstConnection: plan.firstConnection + first }
      const part = connections / plan.connections
      if (share.api === 'paced')
        return { ...share, requestsPerSecond: share.requestsPerSecond * part }
      return 'bytesMax' in share ? { ...share, bytesMax: share.bytesMax / count } : share
    })
  }
}

function ask(child: ChildProcess, plan: LoadPlan, onProgress: OnProgress): Promise<LoadFigures> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
    }
    const onMessage = (answer: LoadAnswer): void => {
      if (answer.kind === 'progress') {
        onProgress(answer.progress)
        return
      }
      settle()
      if (answer.kind === 'figures') resolve(answer.figures)
      else reject(new Error(answer.problem))
    }
    const onExit = (code: number | null): void => {
      settle()
      reject(new Error(`a load process ended with ${code}`))
    }
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.send({ kind: 'run', plan } satisfies LoadOrder)
  })
}

function sumOfProgress(parts: readonly LoadProgress[]): LoadProgress {
  return {
    seconds: Math.max(...parts.map((part) => part.seconds)),
    answers: parts.reduce((sum, part) => sum + part.answers, 0),
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
  }
}

/** Windows of several clients nearly coincide: rates add up, the broker is read once. */
function sumOf(figures: readonly LoadFigures[]): LoadFigures {
  const [first] = figures
  if (first === undefined) throw new RangeError('a load has at least one connection')
  if (figures.length === 1) return first
  const seconds = Math.max(...figures.map((part) => part.seconds))
  const scaled = (value: (part: LoadFigures) => number): number =>
    figures.reduce((sum, part) => sum + (value(part) * seconds) / part.seconds, 0)
  return {
    ...first,
    seconds,
    answers: scaled((part) => part.answers),
    bytes: scaled((part) => part.bytes),
    records: scaled((part) => part.records),
    clientCpuSeconds: scaled((part) => part.clientCpuSeconds),
    brokerCpuSeconds: (first.brokerCpuSeconds * seconds) / first.seconds,
    machineCpuSeconds: (first.machineCpuSeconds * seconds) / first.seconds,
    latency: mergeHistograms(figures.map((part) => part.latency)),
    lateness: mergeHistograms(figures.map((part) => part.lateness)),
    acknowledged: mergeHistograms(figures.map((part) => part.acknowledged)),
    samples: first.samples.map((sample, at) => sumOfSamples(sample, at, figures)),
    transactions: sumOfTransactions(
      figures.map((part) => ({ ...part, scale: seconds / part.seconds })),
    ),
    opening: sumOfOpenings(figures.map((part) => part.opening)),
    problem: figures.find((part) => part.problem !== null)?.problem ?? null,
  }
}

/** They open at the same time, and each sees the broker grow by all of them. */
function sumOfOpenings(openings: readonly LoadFigures['opening'][]): LoadFigures['opening'] {
  const given = openings.filter((opening) => opening !== null)
  if (given.length === 0) return null
  return {
    connections: given.reduce((sum, { connections }) => sum + connections, 0),
    ms: Math.max(...given.map(({ ms }) => ms)),
    growthBytes: Math.max(...given.map(({ growthBytes }) => growthBytes)),
  }
}

function sumOfSamples(first: LoadSample, at: number, figures: readonly LoadFigures[]): LoadSample {
  const samples = figures.flatMap((part) => part.samples[at] ?? [])
  return {
    ...first,
    answers: samples.reduce((sum, sample) => sum + sample.answers, 0),
    bytes: samples.reduce((sum, sample) => sum + sample.bytes, 0),
    latency: mergeHistograms(samples.map((sample) => sample.latency)),
    transactions: sumOfTransactions(samples.map((sample) => ({ ...sample, scale: 1 }))),
  }
}

/**
 * What every bench prints first, and how it reads a median: figures without their machine, and without
 * what else ran on it, are noise. Run alone, it prints the machine.
 */
import { cpus, freemem, loadavg, release, totalmem } from 'node:os'
import type { Task } from 'tinybench'

export interface MachineFacts {
  readonly processor: string
  readonly threads: number
  readonly memoryGib: number
  readonly freeGib: number
  readonly platform: string
  readonly node: string
  /** Processes that ran or waited to, over the last minute; a quiet machine has none. */
  readonly loadAverage: number
  readonly time: string
}

export function machineFacts(): MachineFacts {
  return {
    processor: cpus()[0]?.model ?? 'unknown processor',
    threads: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    freeGib: Math.round(freemem() / 2 ** 30),
    platform: `${process.platform} ${release()}`,
    node: process.version,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    time: new Date().toISOString(),
  }
}

export function machine(): string {
  const facts = machineFacts()
  return [
    facts.processor,
    `${facts.threads} threads`,
    `${facts.memoryGib} GiB (${facts.freeGib} free)`,
    facts.platform,
    `Node ${facts.node}`,
    `load ${facts.loadAverage}`,
  ].join(', ')
}

/** Median of one step in nanoseconds; NaN for a task that failed. */
export function medianNs(task: Task): number {
  const { result } = task
  return 'latency' in result ? result.latency.p50 * 1e6 : Number.NaN
}

if (process.argv[1] === import.meta.filename) console.log(machine())

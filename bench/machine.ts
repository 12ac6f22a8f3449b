/**
 * What every bench prints first, and how it reads a median: figures without their machine, and without
 * what else ran on it, are noise. Run alone, it prints the machine.
 */
import type { Task } from 'tinybench'
import { machineFacts } from './load/machine-facts.ts'

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

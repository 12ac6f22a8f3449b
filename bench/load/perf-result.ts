/** What `sluice perf` keeps of its runs as JSON, and what its report reads. */
import type { LoadFigures } from './load-plan.ts'
import type { MachineFacts } from './machine-facts.ts'

export const RESULT_FORMAT = 'sluice-perf-1'

/** One load of a run: a run of `mix` has several. */
export interface PerfLoad {
  /** 'produce', 'fetch', 'end to end', 'connections', 'lagging readers'. */
  readonly role: string
  readonly figures: LoadFigures
  /** Why the generator was the limit, null when it was not. */
  readonly limit: string | null
}

export interface PerfRun {
  /** From 1. */
  readonly repeat: number
  /** Records a second that were offered, null for a closed loop. */
  readonly offered: number | null
  readonly loads: readonly PerfLoad[]
}

export interface PerfResult {
  readonly format: typeof RESULT_FORMAT
  readonly command: string
  readonly title: string
  readonly options: Readonly<Record<string, unknown>>
  readonly brokers: string
  readonly version: string
  readonly machine: MachineFacts
  readonly runs: readonly PerfRun[]
  /** Why it ended before its time; what was seen until then is in the runs. */
  readonly problem: string | null
}

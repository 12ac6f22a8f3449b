/** The machine that figures come from, and what else ran on it: without both they are noise. */
import { cpus, freemem, loadavg, release, totalmem } from 'node:os'

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

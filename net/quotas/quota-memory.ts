/** The memory of quotas that all threads of a process share: made once, handed to each at its start. */
import type { BrokerConfig } from '../../engine/base/config.ts'
import { connectionCountsMemory } from './connection-counts.ts'
import { type RateWindow, rateTableMemory, rateWindow } from './rate-table.ts'

export interface QuotaMemory {
  readonly rates: SharedArrayBuffer
  readonly connections: SharedArrayBuffer
}

export function quotaMemoryFor(config: BrokerConfig): QuotaMemory {
  return { rates: rateTableMemory(quotaWindow(config)), connections: connectionCountsMemory() }
}

/** quota.window.num and quota.window.size.seconds; the same in every thread. */
export function quotaWindow(config: BrokerConfig): RateWindow {
  return rateWindow(config.quotaWindowNum, config.quotaWindowSizeSeconds)
}

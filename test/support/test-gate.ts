/** A gate for connections with its own counts and rates, open unless settings say otherwise. */
import { TimerWheel } from '../../engine/base/timer-wheel.ts'
import { ConnectionCounts, connectionCountsMemory } from '../../net/quotas/connection-counts.ts'
import { ConnectionGate, type ConnectionSettings } from '../../net/quotas/connection-gate.ts'
import { RateTable, rateTableMemory, rateWindow } from '../../net/quotas/rate-table.ts'
import { ManualClock, MemoryLogger } from './connection-rig.ts'

const UNLIMITED = 2 ** 31 - 1

export interface GateRig {
  readonly clock?: ManualClock
  readonly wheel?: TimerWheel
  readonly logger?: MemoryLogger
  readonly counts?: ConnectionCounts
}

export function testGate(settings: Partial<ConnectionSettings>, rig: GateRig = {}): ConnectionGate {
  const clock = rig.clock ?? new ManualClock()
  const window = rateWindow(11, 1)
  return new ConnectionGate({
    settings: () => ({
      maxConnections: UNLIMITED,
      maxConnectionsPerIp: UNLIMITED,
      maxConnectionsPerIpOverrides: '',
      maxConnectionCreationRate: UNLIMITED,
      ...settings,
    }),
    counts: rig.counts ?? new ConnectionCounts(connectionCountsMemory(256)),
    rates: new RateTable(rateTableMemory(window, 64), window),
    nowMs: () => clock.nowMs,
    wheel: rig.wheel ?? new TimerWheel(clock.nowMs, 5),
    wheelMs: () => clock.nowMs,
    logger: rig.logger ?? new MemoryLogger(),
  })
}

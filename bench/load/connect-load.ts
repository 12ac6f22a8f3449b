/**
 * Many connections: opened a few at a time, each asked for ApiVersions, all kept, then asked in turns
 * until the window ends. Latencies of the window are of those requests.
 */
import { ApiVersionsRequest, ApiVersionsResponse } from '../../engine/protocol/18-api-versions.ts'
import type { Address } from '../../net/client/address.ts'
import { ClientConnection } from '../../net/client/client-connection.ts'
import { BrokerMeter } from './broker-meter.ts'
import type { ConnectLoad, LoadFigures } from './load-plan.ts'
import type { LoadWindow } from './load-window.ts'

const OPENING_AT_ONCE = 32
const TIMEOUT_MS = 30_000
const OPTIONS = { clientId: 'sluice-perf', timeoutMs: TIMEOUT_MS }
/** Of the version every broker serves. */
const VERSION = 0

export async function runConnectLoad(plan: ConnectLoad, window: LoadWindow): Promise<LoadFigures> {
  const opened: ClientConnection[] = []
  try {
    const meter = new BrokerMeter(plan.brokerPid)
    const before = meter.residentBytes()
    const ms = await openAll(plan, opened)
    const growthBytes = meter.residentBytes() - before
    let running = true
    const asking = askInTurns(opened, window, () => running)
    const figures = await window.run()
    running = false
    await asking
    return { ...figures, opening: { connections: opened.length, ms, growthBytes } }
  } finally {
    for (const connection of opened) connection.close()
  }
}

async function openAll(plan: ConnectLoad, opened: ClientConnection[]): Promise<number> {
  const start = performance.now()
  const addresses = plan.leaders
  let next = 0
  const opener = async (): Promise<void> => {
    while (next < plan.connections) {
      const address = addresses[next++ % addresses.length] as Address
      opened.push(await ClientConnection.connect(address, OPTIONS))
    }
  }
  const openers = Array.from({ length: Math.min(OPENING_AT_ONCE, plan.connections) }, opener)
  await Promise.all(openers)
  return performance.now() - start
}

async function askInTurns(
  opened: readonly ClientConnection[],
  window: LoadWindow,
  running: () => boolean,
): Promise<void> {
  for (let at = 0; running(); at = (at + 1) % opened.length) {
    const before = performance.now()
    try {
      await opened[at]!.send(ApiVersionsRequest, ApiVersionsResponse, {}, { version: VERSION })
    } catch (error) {
      return window.fail(error as Error)
    }
    window.recordMs(performance.now() - before)
    window.count(1, 0, 0)
  }
}

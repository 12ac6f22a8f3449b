/** Whether each broker of a cluster answers at the address it advertises, and how fast. */
import { ClientConnection } from '../../net/client/client-connection.ts'
import { ConnectionFailed } from '../../net/client/client-errors.ts'
import { openClient } from './connect-options.ts'
import type { CheckResult } from './health-checks.ts'

const ANSWER_WARN_MS = 250

export async function checkBrokers(bootstrap: string, timeoutMs: number): Promise<CheckResult[]> {
  const client = openClient(bootstrap, timeoutMs)
  try {
    const { brokers } = await client.metadata([])
    const results: CheckResult[] = []
    for (const { nodeId, host, port } of brokers)
      results.push(await checkBroker(`broker ${nodeId}`, host, port, timeoutMs))
    return results
  } finally {
    await client.close()
  }
}

async function checkBroker(
  name: string,
  host: string,
  port: number,
  timeoutMs: number,
): Promise<CheckResult> {
  const check = `${name} at ${host}:${port}`
  const required = `answers within ${ANSWER_WARN_MS} ms`
  const startedMs = performance.now()
  try {
    const options = { clientId: 'sluice-check', timeoutMs }
    const connection = await ClientConnection.connect({ host, port }, options)
    const tookMs = performance.now() - startedMs
    connection.close()
    const slow = tookMs > ANSWER_WARN_MS
    return {
      check,
      required,
      current: `${tookMs.toFixed(1)} ms`,
      status: slow ? 'warn' : 'ok',
      advice: slow ? 'look for a slow name service, network or an overloaded broker' : null,
    }
  } catch (error) {
    if (!(error instanceof ConnectionFailed)) throw error
    return {
      check,
      required,
      current: error.message,
      status: 'fail',
      advice: 'set advertised.listeners of that broker to an address clients can reach',
    }
  }
}

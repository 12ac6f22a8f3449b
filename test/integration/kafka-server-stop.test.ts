/** kafka-server-stop against a running broker: told apart by its node id, and stopped cleanly. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { startBroker } from '../support/broker-process.ts'
import { runCli } from '../support/cli.ts'

/** No other broker on this machine has it. */
const NODE_ID = 700_000_000 + (process.pid % 1_000_000)

it('kafka-server-stop --node-id ends that broker in order, and then finds none', async () => {
  const broker = await startBroker({ overrides: { 'node.id': `${NODE_ID}` } })
  try {
    const stopped = await runCli(['kafka-server-stop', `--node-id=${NODE_ID}`])
    expect([stopped.code, stopped.stdout, stopped.stderr]).toEqual([0, '', ''])
    const marker = join(broker.dataFolder, '.kafka_cleanshutdown')
    await vi.waitFor(() => expect(existsSync(marker)).toBe(true), { timeout: 20_000 })
    await vi.waitFor(() => expect(() => process.kill(broker.pid, 0)).toThrow(), { timeout: 20_000 })
    const again = await runCli(['kafka-server-stop', `--node-id=${NODE_ID}`])
    expect([again.code, again.stdout]).toEqual([
      1,
      expect.stringMatching(/^No kafka server to stop/),
    ])
  } finally {
    await broker.discard()
  }
})

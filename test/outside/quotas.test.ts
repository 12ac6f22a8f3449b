/** Client quotas as Kafka's own kafka-configs sets them and its perf test feels them. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { runCli } from '../support/cli.ts'
import { describeWith, kafkaJars } from '../support/outside.ts'

const TOPIC = 'watched'

describeWith(await kafkaJars(), 'a quota of produced bytes', (jars) => {
  let broker: BrokerProcess
  beforeAll(async () => {
    broker = await startBroker({ overrides: { 'sluice.shards': '2' } })
    await runCli(['topic', 'create', TOPIC, '-p', '2', '-b', broker.address])
  })
  afterAll(async () => {
    await broker.discard()
  })

  it("Kafka's perf test is slowed by what Kafka's kafka-configs sets, also after a restart", async () => {
    const configs = async (...change: string[]): Promise<string> => {
      const args = ['--bootstrap-server', broker.address, ...change]
      const entity = ['--entity-type', 'clients', '--entity-name', 'perf']
      const result = await jars.run('kafka-configs', [...args, ...entity], { limitMs: 60_000 })
      expect(result.code, result.stderr).toBe(0)
      return result.stdout
    }
    // 4 MB; what Kafka's client counts of the time it was told to wait does not depend on its own speed.
    const longestThrottleMs = async (clientId: string): Promise<number> => {
      const load = ['--topic', TOPIC, '--num-records', '400', '--record-size', '10000']
      const client = [`bootstrap.servers=${broker.address}`, `client.id=${clientId}`]
      const result = await jars.run(
        'kafka-producer-perf-test',
        [...load, '--throughput', '-1', '--print-metrics', '--producer-props', ...client],
        { limitMs: 90_000 },
      )
      expect(result.code, result.stderr).toBe(0)
      return Number(
        /produce-throttle-time-max:\{client-id=\S+\}\s+: ([\d.]+)/.exec(result.stdout)?.[1],
      )
    }
    const set = await configs('--alter', '--add-config', 'producer_byte_rate=200000')
    expect(set).toContain('Completed updating config for client perf.')
    await broker.stop()
    await broker.start()
    expect(await configs('--describe')).toContain(
      "Quota configs for client-id 'perf' are producer_byte_rate=200000.0",
    )
    // At 0.2 MB a second: 2 MB of the first window, then ten seconds.
    expect(await longestThrottleMs('perf')).toBeGreaterThan(300)
    expect(await longestThrottleMs('swift')).toBe(0)
    await configs('--alter', '--delete-config', 'producer_byte_rate')
    expect(await longestThrottleMs('perf')).toBe(0)
  })
})

/**
 * Transactions of `sluice perf` on a real Kafka 4.2, in both forms of KIP-890, judged by Kafka's own
 * consumer: under read_committed it sees exactly what was committed.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Client } from '../../net/client/client.ts'
import { TransactionSession } from '../../net/client/client-transactions.ts'
import { runCli } from '../support/cli.ts'
import { goldenRuns } from '../support/golden-cli.ts'
import { startKafka } from '../support/kafka-process.ts'
import type { ManagedBroker } from '../support/managed-broker.ts'
import { describeWith, kafkaJars } from '../support/outside.ts'

const SHORT = ['--seconds', '1.5', '--warm-up', '0', '--repeats', '1', '--processes', '1']
const FORMS = ['2', '0'] as const

describeWith(await kafkaJars(), 'transactions of sluice perf on Kafka', (jars) => {
  let kafka: ManagedBroker
  beforeAll(async () => {
    kafka = await startKafka(jars)
  })
  afterAll(() => kafka.discard())

  async function tool(name: Parameters<typeof jars.run>[0], args: string[]): Promise<string> {
    const all = ['--bootstrap-server', kafka.address, ...args]
    const result = await jars.run(name, all, { limitMs: 90_000 })
    expect(result.code, result.stderr).toBe(0)
    return result.stdout
  }

  /** Records that Kafka's console consumer sees. */
  async function seen(topic: string, isolation: string): Promise<number> {
    const whole = ['--from-beginning', '--timeout-ms', '5000', '--isolation-level', isolation]
    const lines = await tool('kafka-console-consumer', ['--topic', topic, ...whole])
    return lines.split('\n').length - 1
  }

  function seenBoth(topic: string): Promise<number[]> {
    return Promise.all([seen(topic, 'read_committed'), seen(topic, 'read_uncommitted')])
  }

  async function perf(...words: string[]) {
    const { code, stdout, stderr } = await runCli(['perf', ...words, '-b', kafka.address, ...SHORT])
    expect(code, stderr).toBe(0)
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }

  // The second changes the cluster.
  for (const form of FORMS)
    it(`commits all it writes, under transaction.version ${form}`, async () => {
      const change = ['--feature', `transaction.version=${form}`]
      if (form !== '2') await tool('kafka-features', ['downgrade', ...change])
      expect(await isImplicit()).toBe(form === '2')
      const topic = `paid-${form}`
      await tool('kafka-topics', ['--create', '--topic', topic, '--partitions', '2'])
      const own = ['--topic', topic, '--connections', '2', '--payload', 'text', '--format', 'jsonl']
      const shape = ['--records-per-batch', '2', '--record-bytes', '20']
      const ids = ['--transactional-id', `pay-${form}`, '--transaction-duration-ms', '100']
      const [closed] = await perf('produce', ...own, ...shape, ...ids, '--in-flight', '2')
      expect(closed.transactionsCommitted).toBeGreaterThan(5)
      expect(closed.commitP50Ms).toBeGreaterThan(0)
      const before = await seen(topic, 'read_committed')
      expect(before).toBeGreaterThanOrEqual(Math.round(closed.recordsPerSecond * closed.seconds))

      const rate = ['--rate', '400', '--isolation', 'read_committed']
      const [open] = await perf('e2e', ...own, ...shape, ...ids, ...rate)
      expect(open.transactionsCommitted).toBeGreaterThan(5)
      // Until the commit, not until it is written.
      expect(open.p50Ms).toBeGreaterThan(15)
      const [after = 0, all] = await seenBoth(topic)
      expect(after - before).toBeGreaterThan(500)
      expect(after - before).toBeLessThan(800)
      expect(all).toBe(after)
    })

  it("is written by our kafka-producer-perf-test as by Kafka's, in the same words", async () => {
    const recorded = goldenRuns('kafka-producer-perf-test').find(({ args }) =>
      args.includes('--transaction-duration-ms'),
    )
    if (recorded === undefined) throw new Error('there is no recorded run with transactions')
    const { tool: name, args, exit, stdout: words } = recorded
    await tool('kafka-topics', ['--create', '--topic', 'cli-perf', '--partitions', '2'])
    const placed = args.map((arg) => arg.replace('localhost:9092', kafka.address))
    const { code, stdout } = await runCli([name, ...placed])
    expect(code).toBe(exit)
    expect(stdout.replace(/\d+\.\d+(?!th)/g, '<F>').replace(/\b\d+ ms/g, '<N> ms')).toBe(
      `${words}\n`,
    )
    expect(await seen('cli-perf', 'read_committed')).toBe(300)
  })

  it('shows no record of a transaction that was never committed', async () => {
    const topic = 'broken-off'
    await tool('kafka-topics', ['--create', '--topic', topic, '--partitions', '1'])
    const own = ['--topic', topic, '--connections', '1', '--records-per-batch', '1']
    const ids = ['--transactional-id', 'cut', '--transaction-duration-ms', '60000']
    const closed = ['--record-bytes', '20', '--payload', 'text', '--in-flight', '1']
    const args = ['perf', 'produce', ...own, ...ids, ...closed, '-b', kafka.address, ...SHORT]
    // Somebody with its id fences it in the midst of its first transaction.
    const running = runCli([...args, '--seconds', '60', '--format', 'jsonl'])
    while ((await endOffset(topic)) < 50) await new Promise((resolve) => setTimeout(resolve, 20))
    const client = new Client({ bootstrap: kafka.address })
    const fence = { transactionalId: 'cut-0', transactionTimeoutMs: 60_000, retryLimitMs: 30_000 }
    await TransactionSession.open(client, fence)
    await client.close()
    const { code, stderr, stdout } = await running
    expect(code).toBe(5)
    expect(stderr).toMatch(/why: {2}the broker answered (INVALID_PRODUCER_EPOCH|PRODUCER_FENCED)/)
    expect(JSON.parse(stdout).transactionsCommitted).toBe(0)
    const [committed, all] = await seenBoth(topic)
    expect(all).toBeGreaterThanOrEqual(50)
    expect(committed).toBe(0)
  })

  /** Which form producers use from now on. */
  async function isImplicit(): Promise<boolean> {
    const client = new Client({ bootstrap: kafka.address })
    const asked = { transactionalId: 'asked', transactionTimeoutMs: 9_000, retryLimitMs: 30_000 }
    const { implicit } = await TransactionSession.open(client, asked)
    await client.close()
    return implicit
  }

  async function endOffset(topic: string): Promise<number> {
    const { stdout } = await runCli([
      'kafka-get-offsets',
      '--bootstrap-server',
      kafka.address,
      '--topic',
      topic,
    ])
    return Number(/:0:(\d+)/.exec(stdout)?.[1] ?? -1)
  }
})

/** Transactions of kafka-producer-perf-test, against a broker in memory that judges each step. */
import { afterEach, expect, it } from 'vitest'
import { ErrorCode } from '../../../../engine/base/errors.ts'
import { runCli } from '../../../support/cli.ts'
import {
  FakeApi,
  type FakeTransactionOptions,
  FakeTransactions,
} from '../../../support/fake-transactions.ts'

let fake: FakeTransactions
afterEach(() => fake.close())

/** 60 records of 50 bytes, three to a batch, at 200 a second. */
async function run(options: FakeTransactionOptions, ...more: string[]) {
  fake = await FakeTransactions.start({ topic: 't', ...options })
  const load = ['--topic', 't', '--num-records', '60', '--record-size', '50', '--throughput', '200']
  const props = ['--command-property', 'batch.size=150', 'linger.ms=1', 'max.block.ms=2000']
  const at = ['--bootstrap-server', fake.address]
  return runCli(['kafka-producer-perf-test', ...at, ...load, ...props, ...more])
}

const SUMMARY = /^60 records sent, [\d.]+ records\/sec .* 99\.9th\.\n/

it.each([1, 2] as const)('commits on the duration, transaction.version %d', async (version) => {
  const duration = ['--transaction-duration-ms', '60']
  const { code, stdout, stderr } = await run({ version }, ...duration, '--print-metrics')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(SUMMARY)
  expect(stdout).toMatch(/txn-commit-time-ns-total:\{client-id=perf-producer-client\} +: [1-9]/)
  expect(fake.problems).toEqual([])
  expect(fake.committedRecords).toBe(60)
  expect(fake.committed.length).toBeGreaterThan(2)
  expect(fake.ids[0]).toMatch(/^performance-producer-[0-9a-f-]{36}$/)
  const produced = fake.asked.filter(({ apiKey }) => apiKey === FakeApi.produce)
  expect(produced.every(({ version: used }) => used >= 12 === (version === 2))).toBe(true)
})

it('takes the id from a flag over that of a property, and commits what is left at the end', async () => {
  const low = ['--command-property', 'transactional.id=low']
  const { code } = await run({ version: 2 }, ...low, '--transactional-id', 'high')
  expect(code).toBe(0)
  expect(fake.ids).toEqual(['high'])
  expect(fake.committed).toEqual([60])
})

it('writes batches that are refused, and those behind them, again in their order', async () => {
  const refuse = (api: number, count: number): number =>
    api === FakeApi.produce && [0, 5, 6, 11].includes(count) ? ErrorCode.CONCURRENT_TRANSACTIONS : 0
  const fast = ['--throughput', '-1', '--transactional-id', 'again']
  const { code, stdout } = await run({ version: 2, refuse }, ...fast)
  expect([code, fake.problems, fake.committed]).toEqual([0, [], [60]])
  expect(stdout).toMatch(SUMMARY)
})

it('aborts and says why when a batch cannot be written', async () => {
  const refuse = (api: number, count: number): number =>
    api === FakeApi.produce && count > 3 ? ErrorCode.MESSAGE_TOO_LARGE : 0
  const { code, stdout, stderr } = await run({ version: 1, refuse }, '--transactional-id', 'big')
  expect(code).not.toBe(0)
  expect(stdout + stderr).toContain('MESSAGE_TOO_LARGE')
  expect(fake.committed).toEqual([])
  expect(fake.aborted).toBe(1)
})

it('says what a coordinator refuses', async () => {
  const refuse = (api: number): number =>
    api === FakeApi.initProducerId ? ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED : 0
  const { code, stdout, stderr } = await run({ version: 1, refuse }, '--transactional-id', 'not')
  expect(code).not.toBe(0)
  expect(stdout + stderr).toContain('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
})

it.each([
  [
    ['--command-property', 'acks=1'],
    'Must set acks to all in order to use the idempotent producer',
  ],
  [['--command-property', 'max.in.flight.requests.per.connection=6'], 'to at most 5'],
  [['--transaction-duration-ms', '0'], '--transaction-duration-ms should be greater than zero.'],
])('refuses %s', async (flags, why) => {
  const { code, stderr } = await run({ version: 1 }, '--transactional-id', 'x', ...flags)
  expect(code).toBe(1)
  expect(stderr).toContain(why)
  expect(fake.asked).toEqual([])
})

/** Loads that write transactions, closed and open, against a broker in memory that judges each step. */
import { afterEach, expect, it } from 'vitest'
import { PLAIN_SHAPE } from '../../bench/load/exact-batch.ts'
import { decodeHistogram } from '../../bench/load/histogram.ts'
import type { LoadFigures, PacedLoad, ProduceLoad } from '../../bench/load/load-plan.ts'
import { LoadProcesses } from '../../bench/load/load-process.ts'
import { startLoad } from '../../bench/load/load-run.ts'
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  FakeApi,
  type FakeTransactionOptions,
  FakeTransactions,
} from '../support/fake-transactions.ts'

let fake: FakeTransactions
afterEach(() => fake.close())

async function start(options: FakeTransactionOptions): Promise<void> {
  fake = await FakeTransactions.start(options)
}

function target() {
  return {
    ...PLAIN_SHAPE,
    leaders: [{ host: '127.0.0.1', port: fake.port }],
    topic: 'load',
    partitions: 1,
    connections: 2,
    firstConnection: 5,
    warmUpMs: 20,
    measureMs: 300,
    brokerPid: null,
    sampleMs: 50,
    recordsPerBatch: 3,
    acks: -1,
    idempotent: false,
    transactions: { idPrefix: 'load', durationMs: 40, timeoutMs: 60_000 },
  } as const
}

const closed = (): ProduceLoad => ({
  ...target(),
  api: 'produce',
  depth: 4,
  bytesMax: Number.POSITIVE_INFINITY,
  latencies: true,
})
const paced = (): PacedLoad => ({
  ...target(),
  api: 'paced',
  isolation: 0,
  requestsPerSecond: 400,
  consumers: false,
  firstOffsets: [],
})

/** What every whole load leaves behind: nothing open, and nothing that no producer may do. */
function checkWhole(figures: LoadFigures): void {
  expect(figures.problem).toBeNull()
  expect(fake.problems).toEqual([])
  expect(fake.open).toEqual([])
  expect(fake.ids).toEqual(['load-5', 'load-6'])
  const { transactions } = figures
  expect(transactions?.committed).toBeGreaterThan(2)
  expect(transactions?.committed).toBeLessThanOrEqual(fake.committed.length)
  expect(decodeHistogram(transactions?.commit ?? null).totalCount).toBe(transactions?.committed)
  const sampled = figures.samples.reduce(
    (sum, each) => sum + (each.transactions?.committed ?? 0),
    0,
  )
  expect(sampled).toBeLessThanOrEqual(transactions?.committed ?? 0)
  expect(sampled).toBeGreaterThan(0)
}

for (const version of [1, 2] as const) {
  it(`a closed loop commits on its duration, under transaction.version ${version}`, async () => {
    await start({ version })
    const figures = await startLoad(closed()).figures
    checkWhole(figures)
    // All that was measured, and what came before and behind the window.
    expect(fake.committedRecords).toBeGreaterThanOrEqual(figures.records)
    expect(fake.committedRecords % 3).toBe(0)
    expect(fake.count(FakeApi.addPartitions) > 0).toBe(version === 1)
  })

  it(`an open loop does, and writes all that was due, under version ${version}`, async () => {
    await start({ version })
    const figures = await startLoad({ ...paced(), warmUpMs: 0 }).figures
    checkWhole(figures)
    // 400 requests of three records in each second.
    const requests = fake.committedRecords / 3
    expect(requests).toBeGreaterThan(100)
    expect(decodeHistogram(figures.latency).totalCount).toBe(requests)
    expect(figures.lateness).not.toBeNull()
  })
}

it.each(['closed', 'open'])(
  'a first batch that is refused for a while is sent again in its place: %s',
  async (kind) => {
    const codes = [ErrorCode.CONCURRENT_TRANSACTIONS, ErrorCode.NOT_ENOUGH_REPLICAS]
    // The first two batches of the load: both lanes begin alone.
    const refuse = (api: number, count: number): number =>
      api === FakeApi.produce && count < 2 ? (codes[count] ?? 0) : 0
    await start({ version: 2, refuse })
    const plan = kind === 'closed' ? closed() : paced()
    const figures = await startLoad({ ...plan, warmUpMs: 0 }).figures
    checkWhole(figures)
    expect(figures.transactions?.retries).toBe(2)
  },
)

it('gives up at once where the coordinator does, and aborts what is open elsewhere', async () => {
  const refuse = (api: number, count: number): number =>
    api === FakeApi.endTxn && count === 3 ? ErrorCode.PRODUCER_FENCED : 0
  await start({ version: 2, refuse })
  const { problem, answers, seconds } = await startLoad({ ...closed(), measureMs: 20_000 }).figures
  expect(problem).toMatch(/^the commit of 'load-[56]': PRODUCER_FENCED$/)
  expect(answers).toBeGreaterThan(0)
  expect(seconds).toBeLessThan(10)
  expect(fake.aborted).toBeLessThanOrEqual(1)
  expect(fake.problems).toEqual([])
})

it.each(['closed', 'open'])(
  'ends with what it saw when a later batch fails: %s',
  async (kind) => {
    const refuse = (api: number, count: number): number =>
      api === FakeApi.produce && count > 60 ? ErrorCode.KAFKA_STORAGE_ERROR : 0
    await start({ version: 2, refuse })
    const plan = kind === 'closed' ? closed() : paced()
    const { problem, answers } = await startLoad({ ...plan, warmUpMs: 0, measureMs: 20_000 })
      .figures
    expect(problem).toContain('KAFKA_STORAGE_ERROR')
    expect(answers).toBeGreaterThan(10)
  },
  20_000,
)

it.each(['closed', 'open'])('keeps its figures when the last commit fails: %s', async (kind) => {
  const refuse = (api: number): number => (api === FakeApi.endTxn ? ErrorCode.INVALID_TXN_STATE : 0)
  await start({ version: 2, refuse })
  const plan = kind === 'closed' ? closed() : paced()
  const transactions = { ...plan.transactions!, durationMs: 600_000 }
  const figures = await startLoad({ ...plan, transactions }).figures
  expect(figures.problem).toMatch(/^the commit of 'load-\d': INVALID_TXN_STATE$/)
  expect(figures.records).toBeGreaterThan(20)
  expect(figures.transactions?.committed).toBe(0)
})

it('refuses to load where there is no producer id', async () => {
  const refuse = (api: number): number =>
    api === FakeApi.initProducerId ? ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED : 0
  await start({ version: 1, refuse })
  await expect(startLoad(closed()).figures).rejects.toThrow(
    /^a producer id of 'load-\d': TRANSACTIONAL_ID_AUTHORIZATION_FAILED$/,
  )
})

it('gives the connections of all processes ids of their own, and sums their transactions', async () => {
  await start({ version: 2 })
  const processes = new LoadProcesses(2)
  try {
    const figures = await processes.run({ ...closed(), connections: 3 })
    expect(fake.ids).toEqual(['load-5', 'load-6', 'load-7'])
    expect(figures.transactions?.committed).toBeGreaterThan(3)
    expect(fake.problems).toEqual([])
  } finally {
    processes.close()
  }
})

/** The session of a transactional producer, against a coordinator in memory. */
import { afterEach, expect, it } from 'vitest'
import { ErrorCode } from '../../../engine/base/errors.ts'
import { ProduceRequest, ProduceResponse } from '../../../engine/protocol/00-produce.ts'
import { buildBatch } from '../../../engine/record/build.ts'
import { Client } from '../../../net/client/client.ts'
import { ClientConnection } from '../../../net/client/client-connection.ts'
import { TransactionSession } from '../../../net/client/client-transactions.ts'
import {
  FakeApi,
  type FakeTransactionOptions,
  FakeTransactions,
} from '../../support/fake-transactions.ts'

let fake: FakeTransactions
let client: Client
afterEach(async () => {
  await client.close()
  await fake.close()
})

async function open(options: FakeTransactionOptions, retryLimitMs = 5_000) {
  fake = await FakeTransactions.start(options)
  client = new Client({ bootstrap: fake.address, timeoutMs: 2_000 })
  return TransactionSession.open(client, {
    transactionalId: 'pay',
    transactionTimeoutMs: 60_000,
    retryLimitMs,
  })
}

/** Writes a record; resolves with the error code. */
async function write(session: TransactionSession, baseSequence: number): Promise<number> {
  const address = { host: '127.0.0.1', port: fake.port }
  const connection = await ClientConnection.connect(address, { clientId: 't', timeoutMs: 2_000 })
  const record = { key: null, value: Buffer.from('x'), timestamp: 1 }
  const batch = { records: [record], isTransactional: true, ...session.mark, baseSequence }
  const answer = await connection.send(
    ProduceRequest,
    ProduceResponse,
    {
      transactionalId: session.transactionalId,
      acks: -1,
      timeoutMs: 1_000,
      topicData: [{ name: 'load', partitionData: [{ index: 0, records: buildBatch(batch) }] }],
    },
    { version: session.implicit ? 12 : 11 },
  )
  connection.close()
  return answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
}

it.each([1, 2] as const)('commits and aborts under transaction.version %d', async (version) => {
  const session = await open({ version })
  expect(session.implicit).toBe(version === 2)
  const first = session.mark
  let sequence = 0
  for (const committed of [true, false, true]) {
    await session.add('load', [0])
    expect(await write(session, sequence)).toBe(0)
    await session.end(committed)
    // The explicit form keeps its epoch, and its numbers go on.
    if (version === 1) sequence++
  }
  expect(fake.committed).toEqual([1, 1])
  expect(fake.aborted).toBe(1)
  expect(fake.problems).toEqual([])
  expect(session.mark.producerEpoch - first.producerEpoch).toBe(version === 2 ? 3 : 0)
})

it('asks again where an answer may pass, and looks a coordinator that moved up anew', async () => {
  const passing = new Map<string, number>([
    [`${FakeApi.findCoordinator} 0`, ErrorCode.COORDINATOR_NOT_AVAILABLE],
    [`${FakeApi.initProducerId} 0`, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS],
    [`${FakeApi.initProducerId} 1`, ErrorCode.CONCURRENT_TRANSACTIONS],
    [`${FakeApi.addPartitions} 0`, ErrorCode.CONCURRENT_TRANSACTIONS],
    [`${FakeApi.endTxn} 0`, ErrorCode.NOT_COORDINATOR],
  ])
  const session = await open({
    version: 1,
    refuse: (apiKey, count) => passing.get(`${apiKey} ${count}`) ?? 0,
  })
  await session.add('load', [0])
  expect(await write(session, 0)).toBe(0)
  await session.end(true)
  expect(fake.committed).toEqual([1])
  expect(session.retries).toBe(4)
  expect(fake.count(FakeApi.findCoordinator)).toBe(3)
})

it('gives up on what does not pass, by its name, at once or at its limit', async () => {
  await expect(
    open({ version: 2, refuse: (api) => (api === FakeApi.initProducerId ? 50 : 0) }),
  ).rejects.toThrow("a producer id of 'pay': INVALID_TRANSACTION_TIMEOUT")
  expect(fake.count(FakeApi.initProducerId)).toBe(1)
  await client.close()
  await fake.close()
  const session = await open({ version: 2, refuse: (api) => (api === FakeApi.endTxn ? 51 : 0) }, 50)
  expect(await write(session, 0)).toBe(0)
  await expect(session.end(true)).rejects.toThrow("the commit of 'pay': CONCURRENT_TRANSACTIONS")
  expect(fake.count(FakeApi.endTxn)).toBeGreaterThan(1)
})

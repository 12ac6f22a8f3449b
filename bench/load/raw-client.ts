/**
 * The raw client: N connections with D requests each in flight against one topic, closed loop, over a
 * warm-up and a measured window. Made to cost little: no decoding, no record, no timer per request.
 * What it still costs is in the figures; above `CLIENT_LIMIT` of a core it is the client that was
 * measured, and the tables say so.
 *
 * Throughput first: a closed loop hides stalls, so latencies taken here flatter (open-loop.ts does not).
 */
import { batchesOf } from './exact-batch.ts'
import { fetchRequest, type PreparedRequest, produceRequest } from './frames.ts'
import type { ClosedPlan, LoadFigures, PacedLoad, ProduceLoad } from './load-plan.ts'
import { LoadTransactions } from './load-transactions.ts'
import type { LoadWindow } from './load-window.ts'
import { producerMark } from './producer-ids.ts'
import { RawConnection } from './raw-connection.ts'

/** Share of a core at which a single-threaded client no longer keeps up. */
export const CLIENT_LIMIT = 0.9
const FETCH_WAIT_MS = 500
const NO_PROGRESS_MS = 20_000

/** Runs one plan in this thread. Rejects when nothing could be measured. */
export async function runClosedLoop(plan: ClosedPlan, window: LoadWindow): Promise<LoadFigures> {
  const connections: RawConnection[] = []
  let transactions: LoadTransactions | null = null
  try {
    if (plan.api === 'produce') transactions = await LoadTransactions.open(plan, window)
    await openAll(plan, window, connections, transactions)
    if (transactions !== null) transactions.start()
    else for (const connection of connections) connection.open()
    const figures = await window.run()
    if (figures.problem !== null) return figures
    const ended = transactions?.finish() ?? Promise.all(connections.map((each) => each.hold()))
    const problem = await Promise.race([ended, silence(), window.failed]).then(
      () => null,
      (error: Error) => error.message,
    )
    return { ...figures, problem }
  } finally {
    await transactions?.abandon()
    for (const connection of connections) connection.close()
    await transactions?.close()
  }
}

async function openAll(
  plan: ClosedPlan,
  window: LoadWindow,
  connections: RawConnection[],
  transactions: LoadTransactions | null,
): Promise<void> {
  const requests = requestsOf(plan, transactions)
  for (let index = 0; index < plan.connections; index++) {
    const partition = partitionOf(plan, index)
    const address = plan.leaders[partition % plan.leaders.length]!
    const idempotent = plan.api === 'produce' && plan.idempotent && transactions === null
    const connection = await RawConnection.open({
      address,
      requests: requests(index),
      depth: plan.depth,
      round: plan.api === 'fetch' ? (plan.rounds[partition] ?? null) : null,
      producer: idempotent ? await producerMark(address) : null,
      onLatency: plan.latencies ? (ms) => window.recordMs(ms) : null,
      onAnswers: (answers, bytes, records) =>
        window.count(
          answers,
          bytes,
          plan.api === 'fetch' ? answers * plan.recordsPerAnswer : records,
        ),
      onFailure: (error) => window.fail(error),
    })
    connections.push(connection)
    transactions?.add(index, partition, connection)
  }
}

/** A broker that says nothing for so long will not. */
function silence(): Promise<never> {
  return new Promise((_resolve, reject) => {
    const error = new Error(`the broker did not answer for ${NO_PROGRESS_MS} ms`)
    setTimeout(() => reject(error), NO_PROGRESS_MS).unref()
  })
}

/** Variants of the request of a connection of this process, by its index. */
type RequestsOf = (connection: number) => readonly PreparedRequest[]

function requestsOf(plan: ClosedPlan, transactions: LoadTransactions | null): RequestsOf {
  if (plan.api === 'produce') return produceRequests(plan, transactions)
  const { topic, maxBytes, isolation } = plan
  return byPartition(plan, (partition) => [
    fetchRequest({ topic, partition, maxBytes, maxWaitMs: FETCH_WAIT_MS, isolation }),
  ])
}

export function produceRequests(
  plan: ProduceLoad | PacedLoad,
  transactions: LoadTransactions | null,
): RequestsOf {
  const { topic, acks, connections } = plan
  if (transactions === null) {
    const batches = batchesOf(plan, Math.min(connections, plan.partitions))
    return byPartition(plan, (partition) =>
      batches.map(({ bytes }) =>
        produceRequest({ topic, partition, batch: bytes, acks, transaction: null }),
      ),
    )
  }
  // Each connection has its transactional id in its requests.
  const batches = batchesOf(plan, connections, true)
  return (connection) => {
    const partition = partitionOf(plan, connection)
    const transaction = transactions.form(connection)
    return batches.map(({ bytes }) =>
      produceRequest({ topic, partition, batch: bytes, acks, transaction }),
    )
  }
}

/** Connections of the same partition share their requests. */
function byPartition(
  plan: ClosedPlan | PacedLoad,
  make: (partition: number) => readonly PreparedRequest[],
): RequestsOf {
  const made = new Map<number, readonly PreparedRequest[]>()
  return (connection) => {
    const partition = partitionOf(plan, connection)
    const known = made.get(partition) ?? make(partition)
    made.set(partition, known)
    return known
  }
}

export function partitionOf(plan: ClosedPlan | PacedLoad, connection: number): number {
  return (plan.firstConnection + connection) % plan.partitions
}

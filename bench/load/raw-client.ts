/**
 * The raw client: N connections with D requests each in flight against one topic, closed loop, over a
 * warm-up and a measured window. Made to cost little: no decoding, no record, no timer per request.
 * What it still costs is in the figures; above `CLIENT_LIMIT` of a core it is the client that was
 * measured, and the tables say so.
 *
 * Throughput first: a closed loop hides stalls, so latencies taken here flatter (open-loop.ts does not).
 */
import { initCodecs } from '../../engine/record/compression.ts'
import { batchesOf } from './exact-batch.ts'
import { fetchRequest, type PreparedRequest, produceRequest } from './frames.ts'
import type { ClosedPlan, LoadFigures, PacedLoad, ProduceLoad } from './load-plan.ts'
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
  try {
    await openAll(plan, window, connections)
    for (const connection of connections) connection.start()
    const figures = await window.run()
    if (figures.problem !== null) return figures
    const ended = Promise.all(connections.map((connection) => connection.finish()))
    await Promise.race([ended, silence(), window.failed])
    return figures
  } finally {
    for (const connection of connections) connection.close()
  }
}

async function openAll(
  plan: ClosedPlan,
  window: LoadWindow,
  connections: RawConnection[],
): Promise<void> {
  await initCodecs()
  const requests = requestsOf(plan)
  for (let index = 0; index < plan.connections; index++) {
    const partition = (plan.firstConnection + index) % plan.partitions
    const address = plan.leaders[partition % plan.leaders.length]!
    connections.push(
      await RawConnection.open({
        address,
        requests: requests.get(partition)!,
        depth: plan.depth,
        round: plan.api === 'fetch' ? (plan.rounds[partition] ?? null) : null,
        producer: plan.api === 'produce' && plan.idempotent ? await producerMark(address) : null,
        onLatency: plan.latencies ? (ms) => window.recordMs(ms) : null,
        onAnswers: (answers, bytes, records) =>
          window.count(
            answers,
            bytes,
            plan.api === 'fetch' ? answers * plan.recordsPerAnswer : records,
          ),
        onFailure: (error) => window.fail(error),
      }),
    )
  }
}

/** A broker that says nothing for so long will not. */
function silence(): Promise<never> {
  return new Promise((_resolve, reject) => {
    const error = new Error(`the broker did not answer for ${NO_PROGRESS_MS} ms`)
    setTimeout(() => reject(error), NO_PROGRESS_MS).unref()
  })
}

/** Variants by partition, for the partitions that connections of this process use. */
function requestsOf(plan: ClosedPlan): Map<number, PreparedRequest[]> {
  if (plan.api === 'produce') return produceRequests(plan)
  const { topic, maxBytes } = plan
  return new Map(
    usedPartitions(plan).map((partition) => [
      partition,
      [fetchRequest({ topic, partition, maxBytes, maxWaitMs: FETCH_WAIT_MS })],
    ]),
  )
}

export function produceRequests(plan: ProduceLoad | PacedLoad): Map<number, PreparedRequest[]> {
  const { topic, acks } = plan
  const used = usedPartitions(plan)
  const batches = batchesOf(plan, used.length)
  return new Map(
    used.map((partition) => [
      partition,
      batches.map(({ bytes }) => produceRequest({ topic, partition, batch: bytes, acks })),
    ]),
  )
}

function usedPartitions(plan: ClosedPlan | PacedLoad): number[] {
  const count = Math.min(plan.connections, plan.partitions)
  return Array.from({ length: count }, (_, at) => (plan.firstConnection + at) % plan.partitions)
}

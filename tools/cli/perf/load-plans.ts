/** From options to plans: what the loads of one run are. */
import { randomUUID } from 'node:crypto'
import type {
  BatchShape,
  ConnectLoad,
  FetchLoad,
  LoadPlan,
  PacedLoad,
  ProduceLoad,
  TransactionPlan,
} from '../../../bench/load/load-plan.ts'
import type { Address } from '../../../net/client/address.ts'
import { type LoadOptions, transactionsOf } from './load-options.ts'
import type { LoadTopic } from './load-topic.ts'

/** Of the time line in results. */
const SAMPLE_MS = 500
const SAMPLES_MAX = 1_200
const FILL_LIMIT_MS = 600_000
const FILL_BATCH_BYTES = 65_536
const FILL_DEPTH = 5
/** Kafka's transaction.timeout.ms; longer transactions get twice their time, as far as brokers allow. */
const TRANSACTION_TIMEOUT_MS = 60_000
const TRANSACTION_TIMEOUT_MS_MAX = 900_000
/** Of ids nobody gave, so that two loads do not fence each other; the same for all runs of one. */
const RANDOM_PREFIX = `sluice-perf-${randomUUID()}`

/** What every load has. */
function target(options: LoadOptions, topic: LoadTopic) {
  const measureMs = options.seconds * 1000
  return {
    leaders: topic.leaders,
    topic: topic.name,
    partitions: topic.partitions,
    connections: options.connections,
    firstConnection: 0,
    warmUpMs: options.warmUp * 1000,
    measureMs,
    brokerPid: options.pid === 0 ? null : options.pid,
    sampleMs: Math.max(SAMPLE_MS, Math.ceil(measureMs / SAMPLES_MAX)),
  }
}

/** The table has checked the words that these are. */
function shape(options: LoadOptions): BatchShape {
  return {
    batchBytes: options.batchBytes,
    recordsPerBatch: options.recordsPerBatch,
    recordBytes: options.recordBytes,
    keyBytes: options.keyBytes,
    codec: options.codec as BatchShape['codec'],
    payload: options.payload as BatchShape['payload'],
    payloadFile: options.payloadFile,
  }
}

function acks(options: LoadOptions): 1 | -1 {
  return options.acks === '1' ? 1 : -1
}

function isolation(options: LoadOptions): 0 | 1 {
  return options.isolation === 'read_committed' ? 1 : 0
}

function transactions(options: LoadOptions): TransactionPlan | null {
  const asked = transactionsOf(options)
  if (asked === null) return null
  const timeoutMs = Math.max(TRANSACTION_TIMEOUT_MS, 2 * asked.durationMs)
  return {
    idPrefix: asked.idPrefix || RANDOM_PREFIX,
    durationMs: asked.durationMs,
    timeoutMs: Math.min(timeoutMs, TRANSACTION_TIMEOUT_MS_MAX),
  }
}

export function producePlan(options: LoadOptions, topic: LoadTopic): ProduceLoad {
  return {
    ...target(options, topic),
    ...shape(options),
    api: 'produce',
    depth: options.inFlight,
    bytesMax: Number.POSITIVE_INFINITY,
    latencies: true,
    acks: acks(options),
    idempotent: options.idempotent,
    transactions: transactions(options),
  }
}

/** `recordsPerBatch` is what the batches really hold. */
export function pacedPlan(
  options: LoadOptions,
  topic: LoadTopic,
  recordsPerSecond: number,
  recordsPerBatch: number,
): PacedLoad {
  return {
    ...target(options, topic),
    ...shape(options),
    api: 'paced',
    acks: acks(options),
    idempotent: options.idempotent,
    transactions: transactions(options),
    isolation: isolation(options),
    requestsPerSecond: recordsPerSecond / recordsPerBatch,
    consumers: false,
    firstOffsets: [],
  }
}

/** Consumers need a partition per connection, so that each knows whose batches it gets. */
export function endToEndPlan(plan: PacedLoad, firstOffsets: readonly number[]): PacedLoad {
  return { ...plan, connections: plan.partitions, consumers: true, firstOffsets }
}

export function fetchPlan(
  options: LoadOptions,
  topic: LoadTopic,
  rounds: FetchLoad['rounds'],
): FetchLoad {
  return {
    ...target(options, topic),
    api: 'fetch',
    depth: options.inFlight,
    bytesMax: Number.POSITIVE_INFINITY,
    latencies: true,
    maxBytes: options.maxBytes,
    isolation: isolation(options),
    // Known of a topic that was filled here.
    recordsPerAnswer: topic.made ? (rounds[0]?.step ?? 0) : 0,
    rounds,
  }
}

/** Writes what is read later, full batches of plain records. */
export function fillPlan(options: LoadOptions, topic: LoadTopic): ProduceLoad {
  return {
    ...producePlan(options, topic),
    batchBytes: Math.max(FILL_BATCH_BYTES, 2 * options.recordBytes),
    recordsPerBatch: 0,
    keyBytes: 0,
    codec: 'none',
    payload: 'random',
    payloadFile: '',
    connections: topic.partitions,
    depth: FILL_DEPTH,
    warmUpMs: 0,
    measureMs: FILL_LIMIT_MS,
    bytesMax: options.fillMib * 2 ** 20 * topic.partitions,
    sampleMs: 0,
    latencies: false,
    idempotent: false,
    transactions: null,
  }
}

export function connectPlan(options: LoadOptions, addresses: readonly Address[]): ConnectLoad {
  const topic = { name: '', partitions: 1, leaders: addresses, made: false }
  return { ...target(options, topic), api: 'connect' }
}

export interface RoleOfPlan {
  readonly role: string
  readonly plan: LoadPlan
}

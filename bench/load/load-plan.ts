/**
 * What a load is told and what it tells: plain data, as it crosses between processes. One plan is one
 * load of one kind against one topic; `connections` are dealt out among processes, `firstConnection`
 * on. Connection i uses partition i modulo `partitions`, at that partition's leader.
 */
import type { Address } from '../../net/client/address.ts'
import type { Isolation } from './frames.ts'
import type { FetchRound } from './raw-connection.ts'

interface LoadTarget {
  /** Leader by partition; one address stands for all. */
  readonly leaders: readonly Address[]
  readonly topic: string
  readonly partitions: number
  readonly connections: number
  /** Index of the first connection, where several clients share the work. */
  readonly firstConnection: number
  /** Not measured. */
  readonly warmUpMs: number
  readonly measureMs: number
  /** Whose CPU and memory to record, its children included; null where it runs elsewhere. */
  readonly brokerPid: number | null
  /** Milliseconds between two samples of a time line; 0 = none. */
  readonly sampleMs: number
}

/** A closed loop: `depth` requests in flight per connection, the next one when one is answered. */
interface ClosedLoop extends LoadTarget {
  readonly depth: number
  /** Ends the window early, so that fast brokers do not fill the page cache. */
  readonly bytesMax: number
  /** Record latencies as well; they hide stalls, as every closed loop does. */
  readonly latencies: boolean
}

/** What is written: batches built before the load starts. */
export interface BatchShape {
  /** Bytes before compression; 0: by `recordsPerBatch`. */
  readonly batchBytes: number
  readonly recordsPerBatch: number
  /** Bytes of a value. */
  readonly recordBytes: number
  /** Bytes of a key, 0 = no key. */
  readonly keyBytes: number
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly payload: 'random' | 'text' | 'file'
  /** For payload `file`: lines are values, one after the other, over and over. */
  readonly payloadFile: string
}

/** Each connection is a producer with a transactional id of its own: prefix, dash, its index. */
export interface TransactionPlan {
  readonly idPrefix: string
  /** From a transaction's first acknowledged batch until it is committed, in milliseconds. */
  readonly durationMs: number
  /** After which the coordinator aborts one, in milliseconds. */
  readonly timeoutMs: number
}

export interface ProduceLoad extends ClosedLoop, BatchShape {
  readonly api: 'produce'
  readonly acks: 1 | -1
  /** A producer id per connection, and sequence numbers. */
  readonly idempotent: boolean
  /** Null: none. */
  readonly transactions: TransactionPlan | null
}

export interface FetchLoad extends ClosedLoop {
  readonly api: 'fetch'
  readonly isolation: Isolation
  readonly maxBytes: number
  /** Of a full answer, 0 where nobody knows. */
  readonly recordsPerAnswer: number
  /** By partition. */
  readonly rounds: readonly FetchRound[]
}

/**
 * An open loop: requests leave at times fixed before, whatever the broker does, and latencies count
 * from those times.
 */
export interface PacedLoad extends LoadTarget, BatchShape {
  readonly api: 'paced'
  readonly acks: 1 | -1
  readonly idempotent: boolean
  readonly transactions: TransactionPlan | null
  /** Of the consumers. */
  readonly isolation: Isolation
  /** Requests a second over all connections. */
  readonly requestsPerSecond: number
  /**
   * A consumer per partition that waits in Fetch; latencies are then until it has the batch. Needs
   * one connection per partition and a topic that nobody else writes.
   */
  readonly consumers: boolean
  /** End of each partition before the load; where consumers begin. */
  readonly firstOffsets: readonly number[]
}

/** Opens connections, asks each for ApiVersions over and over, and keeps them. */
export interface ConnectLoad extends LoadTarget {
  readonly api: 'connect'
}

export type LoadPlan = ProduceLoad | FetchLoad | PacedLoad | ConnectLoad
export type ClosedPlan = ProduceLoad | FetchLoad

/** Of the measured window, or of a piece of it. */
export interface TransactionFigures {
  readonly committed: number
  /** Answers of coordinators and leaders that had to be asked for again. */
  readonly retries: number
  /** Encoded histogram of times from EndTxn to its answer, tries again included; null without one. */
  readonly commit: string | null
}

/** One piece of the time line. */
export interface LoadSample {
  /** End of the piece, in seconds since the window began. */
  readonly seconds: number
  readonly answers: number
  readonly bytes: number
  /** Encoded histogram of the piece's latencies, null when none was taken. */
  readonly latency: string | null
  /** Cores the broker kept busy, NaN where it is out of sight. */
  readonly brokerCores: number
  readonly brokerBytes: number
  /** Null for loads without transactions. */
  readonly transactions: TransactionFigures | null
}

/** What it took to open the connections of a connect load. */
export interface Opening {
  readonly connections: number
  readonly ms: number
  /** By which the broker's resident memory grew meanwhile, NaN where it is out of sight. */
  readonly growthBytes: number
}

/** What happened within the measured window. */
export interface LoadFigures {
  readonly seconds: number
  readonly answers: number
  /** Bytes of record batches acknowledged or received. */
  readonly bytes: number
  readonly records: number
  readonly clientCpuSeconds: number
  readonly brokerCpuSeconds: number
  readonly machineCpuSeconds: number
  /** Highest resident memory of the broker within the window. */
  readonly peakBytes: number
  /** Bytes the broker had written to storage. */
  readonly writtenBytes: number
  /** Encoded histogram in microseconds, null when none was taken. */
  readonly latency: string | null
  /** Encoded histogram of how late requests of an open loop left, null for other loads. */
  readonly lateness: string | null
  /** Encoded histogram of times to the producer's acknowledgement where `latency` is a consumer's. */
  readonly acknowledged: string | null
  readonly samples: readonly LoadSample[]
  /** Of a connect load; null elsewhere. */
  readonly opening: Opening | null
  /** Null for loads without transactions. */
  readonly transactions: TransactionFigures | null
  /** Why the load ended before its time; the figures are of what was seen until then. */
  readonly problem: string | null
}

export type LoadProgress = Pick<LoadFigures, 'seconds' | 'answers' | 'bytes'>

/**
 * What one shard offers to whoever carries requests to it: net calls it in the same thread through
 * the router, workers call it for requests of other shards. Implemented by engine/shard.ts.
 *
 * Everything here runs on the shard's own thread. Callbacks are called exactly once, most of them
 * inside flush(), the end of a loop turn.
 */
import type { ErrorCode } from './base/errors.ts'
import type { DiskFile } from './log/disk.ts'
import type { FolderReport } from './shard-folders.ts'

/** A record of a refused batch (Produce v8+). */
export interface AppendRecordError {
  /** Index of the record in the batch. */
  readonly batchIndex: number
  readonly message: string
}

/**
 * The outcome of one append, called once the records are stored as the flush mode promises, or
 * refused. On an error the offsets are -1 and `message` may say more.
 */
export type AppendDone = (
  errorCode: ErrorCode,
  baseOffset: number,
  /** -1 unless the topic uses LogAppendTime. */
  logAppendTimeMs: number,
  logStartOffset: number,
  message: string | null,
  recordErrors?: readonly AppendRecordError[],
) => void

export interface AppendOptions {
  /** -1, 0 or 1; checked by the handler. */
  readonly acks: number
  /** Milliseconds the producer is willing to wait. */
  readonly timeoutMs: number
  /** Version of the Produce request: zstd needs 7, error codes differ below 10 and 11. */
  readonly produceVersion: number
  /** Only the admin client may write to internal topics. */
  readonly internalAllowed: boolean
}

export interface ReadPartition {
  /** partitionKey(ordinal, index) of engine/metadata/image.ts. */
  readonly key: number
  readonly fetchOffset: number
  readonly maxBytes: number
  /** -1 = not checked. */
  readonly currentLeaderEpoch: number
  /** -1 = no divergence check. */
  readonly lastFetchedEpoch: number
}

/** 0 = read uncommitted, 1 = read committed. */
export type Isolation = 0 | 1

export interface ReadRequest {
  readonly partitions: readonly ReadPartition[]
  readonly isolation: Isolation
  /** Over all partitions; the first non-empty one returns its first batch whole even so. */
  readonly maxBytes: number
  readonly minBytes: number
  /** Monotonic milliseconds by which the answer is due whatever it holds; 0 = at once. */
  readonly deadlineMs: number
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/** What readers need of a segment's file. */
export type LeasedFile = Pick<DiskFile, 'fd' | 'path' | 'readSync' | 'readCached' | 'read'>

/** Where the bytes of one partition's answer are. `release` must be called once they are sent. */
export interface ReadResult {
  readonly errorCode: ErrorCode
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** The leader's view where the reader's history parts from it; then there is no data. */
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | null
  /** For read committed: transactions to leave out; null for read uncommitted. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  /** Epoch of the leader, for hints beside errors 6 and 74. */
  readonly leaderEpoch: number
  /**
   * File, or null when length is 0. Its descriptor is valid in every thread until `release`; a file
   * of another shard is known by its descriptor alone.
   */
  readonly file: LeasedFile | null
  readonly position: number
  length: number
  /** Size of the first batch in the range; a reader that trims keeps at least this or nothing. */
  readonly firstBatchBytes: number
  /** The range is in the page cache for certain: it may be read synchronously. */
  readonly cached: boolean
  /** So many bytes behind the range are zeros in the file; 0 = unknown. */
  zerosBehind: number
  /** Gives back the lease that keeps the file. Harmless to call when length is 0. */
  release(): void
}

export interface ReadHandle {
  /** Answer now with what there is. */
  expire(): void
  /** Forget it: `done` will not be called. */
  cancel(): void
}

export interface ShardPort {
  /**
   * Appends one partition's records. `records` is patched in place and must stay valid until
   * flush() returns. Order of calls is order in the log.
   */
  append(key: number, records: Buffer, options: AppendOptions, done: AppendDone): void
  /** Answers at once (inside the call) when it can, else when data arrives or the deadline passes. */
  read(request: ReadRequest, done: (results: readonly ReadResult[]) => void): ReadHandle
  /** The cold calls, by name; workers/messages.ts gives each an opcode and a wire form. */
  readonly calls: ShardCalls
  /** End of a loop turn: writes what was appended, moves offsets, answers, releases parked reads. */
  flush(): void
}

/** A request that one shard runs for another: `body` is the undecoded request, then response, body. */
export interface ForwardedRequest {
  /** Partition of the coordinator's internal topic; 0 for control requests. */
  readonly partition: number
  readonly apiKey: number
  readonly apiVersion: number
  readonly clientId: string | null
  readonly clientHost: string
  readonly body: Buffer
}

export interface ForwardedResponse {
  readonly body: Buffer
}

/** Cold requests to the owner of a partition (or to shard 0). Answers keep the order of `partitions`. */
export interface ShardCalls {
  listOffsets(request: {
    readonly isolation: Isolation
    readonly partitions: readonly {
      readonly key: number
      readonly currentLeaderEpoch: number
      /** Milliseconds, or one of Kafka's special values -1 … -5. */
      readonly timestamp: number
    }[]
  }): Promise<{
    readonly partitions: readonly {
      readonly errorCode: number
      readonly timestamp: number
      readonly offset: number
      readonly leaderEpoch: number
    }[]
  }>

  endOffsetsForEpoch(request: {
    readonly partitions: readonly {
      readonly key: number
      readonly currentLeaderEpoch: number
      readonly leaderEpoch: number
    }[]
  }): Promise<{
    readonly partitions: readonly {
      readonly errorCode: number
      readonly leaderEpoch: number
      readonly endOffset: number
    }[]
  }>

  deleteRecords(request: {
    /** offset -1 = up to the high watermark. */
    readonly partitions: readonly { readonly key: number; readonly offset: number }[]
  }): Promise<{
    readonly partitions: readonly { readonly errorCode: number; readonly lowWatermark: number }[]
  }>

  /** A group request, run by the coordinator of `partition` of __consumer_offsets. */
  coordinate(request: ForwardedRequest): Promise<ForwardedResponse>

  /** A control request (topics, options, producer ids), run on shard 0. */
  control(request: ForwardedRequest): Promise<ForwardedResponse>

  /** A block of fresh producer ids, from shard 0. */
  allocateProducerIds(request: { readonly count: number }): Promise<{
    readonly firstProducerId: number
    readonly count: number
  }>

  /** What the checkpoint files say of this shard's partitions. */
  checkpoints(request: Record<string, never>): Promise<{
    readonly partitions: readonly {
      readonly key: number
      readonly recoveryPoint: number
      readonly logStartOffset: number
      readonly highWatermark: number
      /** First offset that was not compacted; -1: no pass yet. */
      readonly cleanedOffset: number
      /** Index in log.dirs of the data folder that holds it. */
      readonly folder: number
    }[]
  }>

  /** Every replica of this shard, and what is on its way to another data folder. */
  describeFolders(request: Record<string, never>): Promise<{
    readonly replicas: readonly {
      readonly key: number
      readonly folder: number
      readonly sizeBytes: number
      /** Offsets a future replica is behind. */
      readonly offsetLag: number
      readonly isFuture: boolean
    }[]
  }>

  /** Every data folder in the order of log.dirs, with the room on its file system. */
  describeVolumes(request: Record<string, never>): Promise<{
    readonly volumes: readonly {
      /** KAFKA_STORAGE_ERROR when the folder failed. */
      readonly errorCode: number
      readonly totalBytes: number
      readonly usableBytes: number
    }[]
  }>

  /** Begins moves to other data folders (an index in log.dirs). */
  moveReplicas(request: {
    readonly partitions: readonly { readonly key: number; readonly folder: number }[]
  }): Promise<{ readonly partitions: readonly { readonly errorCode: number }[] }>

  describeProducers(request: {
    readonly partitions: readonly { readonly key: number }[]
  }): Promise<{
    readonly partitions: readonly {
      readonly errorCode: number
      readonly producers: readonly {
        readonly producerId: number
        readonly producerEpoch: number
        readonly lastSequence: number
        readonly lastTimestamp: number
        readonly coordinatorEpoch: number
        /** -1 without an open transaction. */
        readonly transactionFirstOffset: number
      }[]
    }[]
  }>

  /** From shard 0: the data folder failed. Answers with the partitions that this took offline. */
  failFolder(request: {
    readonly folder: string
    readonly reason: string
  }): Promise<{ readonly offlineKeys: readonly number[] }>

  /** To shard 0; resolves when every shard has drawn the consequences. */
  reportFolder(request: FolderReport): Promise<Record<string, never>>
}

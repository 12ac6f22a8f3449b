/**
 * The contract between a coordinator's state machine and the runtime that runs it.
 *
 *   handle(request) → outcome: records to append, a response to release once they are committed
 *   replay(record)  → the state change of one committed record; loading is nothing but replay
 *   timers          → events that return an outcome like a request does
 *
 * A machine sees neither threads nor disk: time, chance and timers are handed in, so that hundreds
 * of cases run in plain memory. Source: Kafka's coordinator-common (CoordinatorRuntime,
 * CoordinatorShard). Kafka replays a record once it is appended and keeps snapshots to undo that;
 * here a record is replayed once it is committed, and a failed append has nothing to undo.
 */
import type { Clock } from '../base/clock.ts'
import { ErrorCode } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'

/** One record of an internal topic; a null value is a tombstone. */
export interface CoordinatorRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** What the batch around a loaded record says of it. */
export interface BatchOrigin {
  readonly producerId: number
  readonly producerEpoch: number
  readonly isTransactional: boolean
  readonly isControl: boolean
}

export interface TimerHandle {
  cancel(): void
}

/** The part of the metadata image that coordinators read; MetadataImage satisfies it. */
export interface TopicDirectory {
  readonly topics: ReadonlyMap<string, KnownTopic>
  readonly topicsById: ReadonlyMap<string, KnownTopic>
  /** Rises with each change; absent in tests. */
  readonly version?: number
  /** Options of single groups as text; absent in tests. */
  readonly groupConfigs?: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Stored levels of features; absent in tests. */
  readonly features?: ReadonlyMap<string, number>
}

export interface KnownTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly { readonly index: number }[]
}

/** Partitions stand at their index as a rule; others are searched for. */
export function hasPartition({ partitions }: KnownTopic, index: number): boolean {
  if (partitions[index]?.index === index) return true
  return partitions.some((partition) => partition.index === index)
}

/** What a coordinator needs of the shard it lives in. */
export interface CoordinatorHost {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  image(): TopicDirectory
  /**
   * Appends the records as one batch, whole or not at all, and calls `done` exactly once: with NONE
   * when the batch is committed (high watermark passed and synced as the topic demands), else with
   * the error. Successes of one partition come in the order of their appends.
   */
  append(
    partition: number,
    records: readonly CoordinatorRecord[],
    done: (errorCode: number) => void,
  ): void
  /** Hands over every committed record of the internal partition in offset order. */
  load(
    partition: number,
    onRecord: (
      key: Buffer | null,
      value: Buffer | null,
      offset: number,
      batch: BatchOrigin,
    ) => void,
  ): Promise<void>
  /** Runs once after `delayMs` (>= 0) unless cancelled; never within the call. */
  schedule(delayMs: number, run: () => void): TimerHandle
}

/** Takes the one answer of one request; may be kept while the request is parked. */
export type Reply<Response> = (response: Response) => void

/** What one event led to. */
export interface Outcome<Response> {
  /** Appended as one batch; empty: nothing to write. */
  readonly records: readonly CoordinatorRecord[]
  /** Replay the records once committed. False: the machine has changed its state already. */
  readonly replay: boolean
  /** Released once the records are committed. Null: parked, or answered by `settled`. */
  readonly response: Response | null
  /** Runs after commit and replay with NONE, or with the append's error in coordinator terms. */
  readonly settled: ((errorCode: number) => void) | null
}

/** What the runtime lends a machine. */
export interface MachineContext<Response> {
  readonly partition: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  image(): TopicDirectory
  /** Queues an event; it is dropped when the partition is unloaded before it is due. */
  schedule(delayMs: number, event: () => Outcome<Response> | null): TimerHandle
  /** Runs an event now, as a timer of no delay would. */
  run(outcome: Outcome<Response> | null): void
}

export interface StateMachine<Request, Response> {
  /** Decides one request. A machine that parks it keeps `reply` and calls it exactly once later. */
  handle(request: Request, reply: Reply<Response>): Outcome<Response>
  /** The response that tells this request's sender of `errorCode`. Pure. */
  refuse(request: Request, errorCode: number): Response
  /**
   * Applies one committed record. `position` rises with every record of the partition: the offset
   * while loading, a continued count afterwards. `producerId` is -1 outside transactions.
   */
  replay(record: CoordinatorRecord, position: number, producerId: number): void
  /** Ends a producer's transaction: its pending records take effect or vanish. */
  endTransaction(producerId: number, committed: boolean): void
  /** All is replayed; timers may start. */
  loaded(): void
  /** The partition goes away: answers everything parked with `errorCode`, cancels every timer. */
  unload(errorCode: number): void
}

const NOTHING: Outcome<never> = { records: [], replay: false, response: null, settled: null }

/** The request is parked, or the event changed nothing that is written down. */
export function nothing<Response>(): Outcome<Response> {
  return NOTHING
}

/** An answer without records. */
export function answer<Response>(response: Response): Outcome<Response> {
  return { records: [], replay: false, response, settled: null }
}

/**
 * Tells an append's error in the words a coordinator's client understands
 * (GroupMetadataManager.appendGroupMetadataErrorToResponseError): passing trouble of the partition
 * becomes "not available", lost leadership and bad storage become "not coordinator".
 */
export function coordinatorError(errorCode: number): number {
  switch (errorCode) {
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ErrorCode.REQUEST_TIMED_OUT:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.KAFKA_STORAGE_ERROR:
      return ErrorCode.NOT_COORDINATOR
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
    case ErrorCode.INVALID_FETCH_SIZE:
      return ErrorCode.UNKNOWN_SERVER_ERROR
    default:
      return errorCode
  }
}

/**
 * List no. 3: everything one thread says to another.
 *
 * (1) Messages in rings. A descriptor (ring.ts) with an opcode, the correlation of the request it
 *     belongs to, and a payload in the ring or in a slab. The hot ones use the descriptor's words:
 *
 *       opcode        lane     a              b             c          w            x        y
 *       append        request  acks, version  timeoutMs                key
 *       appended      reply    error code     1: payload               base offset  time ms  log start
 *       read          request  isolation      max bytes     min bytes  wait ms
 *       readDone      reply    1: results     lease or 0
 *       releaseRead   request  (correlation of a read: answer now with what there is)
 *       cancelRead    request  (correlation of a read: answer now without results)
 *       releaseLease  request  lease
 *       releaseSlab   request  slab of a reply whose bytes have been taken
 *       a call        request  (payload: the call's request)
 *       callDone      reply    opcode         (payload: the call's response)
 *       callFailed    reply    error code     failure kind (payload: CallFailure)
 *
 *     Payloads are bytes (append: one batch, patched in place by the owner) or one of the tables
 *     below, at version 0: both ends are the same program.
 *     Every request of opcode append, read or a call gets exactly one reply; releases get none.
 * (2) Orders and reports by message port, for what is rare: see ThreadOrder and ThreadReport.
 */
import { assert } from '../engine/base/assert.ts'
import { limits } from '../engine/base/limits.ts'
import type { MetadataImage } from '../engine/metadata/image.ts'
import { decoderFor, encoderFor } from '../engine/schema/codec.ts'
import {
  array,
  bool,
  bytes,
  type Infer,
  type InferInput,
  int8,
  int16,
  int32,
  int64,
  type Message,
  message,
  NO_API_KEY,
  string,
  structs,
} from '../engine/schema/fields.ts'
import type { Reader } from '../engine/schema/reader.ts'
import type { Writer } from '../engine/schema/writer.ts'
import type { ShardCalls } from '../engine/shard-port.ts'
import type { ShardWiring } from './wiring.ts'

export const opcodes = {
  append: 1,
  appended: 2,
  read: 3,
  readDone: 4,
  releaseRead: 5,
  cancelRead: 6,
  releaseLease: 7,
  releaseSlab: 8,
  callDone: 9,
  callFailed: 10,
} as const

const PLAIN = { versions: [0, 0], flexible: null } as const

/** Payload of `appended` when the answer says more than its code. */
export const AppendRefusal = message(NO_API_KEY, 'AppendRefusal', PLAIN, {
  message: string.nullable(),
  recordErrors: structs({ batchIndex: int32, message: string }),
})

/** Payload of `read`; see ReadPartition of engine/shard-port.ts. */
export const ReadPartitions = message(NO_API_KEY, 'ReadPartitions', PLAIN, {
  partitions: structs({
    key: int64,
    fetchOffset: int64,
    maxBytes: int32,
    currentLeaderEpoch: int32,
    lastFetchedEpoch: int32,
  }),
})

/** Payload of `readDone`, in the order of the request; see ReadResult of engine/shard-port.ts. */
export const ReadResults = message(NO_API_KEY, 'ReadResults', PLAIN, {
  results: structs({
    errorCode: int16,
    highWatermark: int64,
    lastStableOffset: int64,
    logStartOffset: int64,
    /** -1, -1: no divergence. */
    divergingEpoch: int32,
    divergingEndOffset: int64,
    leaderEpoch: int32,
    abortedTransactions: structs({ producerId: int64, firstOffset: int64 }).nullable(),
    /** Valid in every thread while the lease lasts; -1 without data. */
    fd: int32,
    position: int64,
    length: int32,
    firstBatchBytes: int32,
    cached: bool,
    zerosBehind: int8,
  }),
})

export const CallFailure = message(NO_API_KEY, 'CallFailure', PLAIN, { message: string })

/** Word b of callFailed: what to throw on the asking side. */
export const failureKinds = { apiError: 0, malformedRequest: 1 } as const

const ListOffsets = message(NO_API_KEY, 'ListOffsetsCall', PLAIN, {
  isolation: int8,
  partitions: structs({ key: int64, currentLeaderEpoch: int32, timestamp: int64 }),
})
const ListedOffsets = message(NO_API_KEY, 'ListedOffsets', PLAIN, {
  partitions: structs({ errorCode: int16, timestamp: int64, offset: int64, leaderEpoch: int32 }),
})

const EndOffsetsForEpoch = message(NO_API_KEY, 'EndOffsetsForEpoch', PLAIN, {
  partitions: structs({ key: int64, currentLeaderEpoch: int32, leaderEpoch: int32 }),
})
const EndOffsets = message(NO_API_KEY, 'EndOffsets', PLAIN, {
  partitions: structs({ errorCode: int16, leaderEpoch: int32, endOffset: int64 }),
})

const DeleteRecords = message(NO_API_KEY, 'DeleteRecordsCall', PLAIN, {
  partitions: structs({ key: int64, offset: int64 }),
})
const RecordsDeleted = message(NO_API_KEY, 'RecordsDeleted', PLAIN, {
  partitions: structs({ errorCode: int16, lowWatermark: int64 }),
})

const Forwarded = message(NO_API_KEY, 'ForwardedRequest', PLAIN, {
  partition: int32,
  apiKey: int16,
  apiVersion: int16,
  clientId: string.nullable(),
  clientHost: string,
  body: bytes,
})
const ForwardedDone = message(NO_API_KEY, 'ForwardedResponse', PLAIN, { body: bytes })

const AllocateProducerIds = message(NO_API_KEY, 'AllocateProducerIdsCall', PLAIN, { count: int32 })
const ProducerIdBlock = message(NO_API_KEY, 'ProducerIdBlock', PLAIN, {
  firstProducerId: int64,
  count: int32,
})

const Nothing = message(NO_API_KEY, 'Nothing', PLAIN, {})

const Checkpoints = message(NO_API_KEY, 'Checkpoints', PLAIN, {
  partitions: structs({
    key: int64,
    recoveryPoint: int64,
    logStartOffset: int64,
    highWatermark: int64,
    cleanedOffset: int64,
    folder: int32,
  }),
})

const DescribedFolders = message(NO_API_KEY, 'DescribedFolders', PLAIN, {
  replicas: structs({
    key: int64,
    folder: int32,
    sizeBytes: int64,
    offsetLag: int64,
    isFuture: bool,
  }),
})

const Volumes = message(NO_API_KEY, 'Volumes', PLAIN, {
  volumes: structs({ errorCode: int16, totalBytes: int64, usableBytes: int64 }),
})

const MoveReplicas = message(NO_API_KEY, 'MoveReplicasCall', PLAIN, {
  partitions: structs({ key: int64, folder: int32 }),
})
const ReplicasMoved = message(NO_API_KEY, 'ReplicasMoved', PLAIN, {
  partitions: structs({ errorCode: int16 }),
})

const DescribeProducers = message(NO_API_KEY, 'DescribeProducersCall', PLAIN, {
  partitions: structs({ key: int64 }),
})
const DescribedProducers = message(NO_API_KEY, 'DescribedProducers', PLAIN, {
  partitions: structs({
    errorCode: int16,
    producers: structs({
      producerId: int64,
      producerEpoch: int32,
      lastSequence: int32,
      lastTimestamp: int64,
      coordinatorEpoch: int32,
      transactionFirstOffset: int64,
    }),
  }),
})

const FailFolder = message(NO_API_KEY, 'FailFolderCall', PLAIN, {
  folder: string,
  reason: string,
})
const FolderFailed = message(NO_API_KEY, 'FolderFailed', PLAIN, { offlineKeys: array(int64) })
const ReportFolder = message(NO_API_KEY, 'ReportFolderCall', PLAIN, {
  folder: string,
  failed: bool,
  reason: string,
  offlineKeys: array(int64),
  moved: bool,
})

const Stats = message(NO_API_KEY, 'Stats', PLAIN, {
  appendsForwarded: int64,
  readsForwarded: int64,
  callsForwarded: int64,
  wakesSent: int64,
  turns: int64,
  backlog: int32,
  pending: int32,
  leases: int32,
  slabBytesInUse: int64,
  slabBytesIdle: int64,
})
/** What one shard's exchange with the others has done since its start, and holds now. */
export type ExchangeStats = Infer<typeof Stats>

const AdoptConnection = message(NO_API_KEY, 'AdoptConnectionCall', PLAIN, {
  listener: string,
  clientHost: string,
  fd: int32,
  received: bytes,
})
const ConnectionAdopted = message(NO_API_KEY, 'ConnectionAdopted', PLAIN, { adopted: bool })

/** Calls that are no business of the engine: of the exchange itself and of the net above it. */
export interface ExchangeCalls {
  stats(request: Record<string, never>): Promise<ExchangeStats>
  /** A connection goes on in this shard, net/connection-moves.ts; false: it takes none. */
  adoptConnection(request: {
    readonly listener: string
    readonly clientHost: string
    readonly fd: number
    readonly received: Buffer
  }): Promise<{ readonly adopted: boolean }>
}

export type AllCalls = ShardCalls & ExchangeCalls
type CallName = keyof AllCalls
type RequestOf<K extends CallName> = Parameters<AllCalls[K]>[0]
type ResponseOf<K extends CallName> = Awaited<ReturnType<AllCalls[K]>>

/** One of the cold calls: the shard runs `name` of its ShardCalls. */
export interface CallOp<Req, Res> {
  readonly opcode: number
  readonly name: CallName
  readonly deadlineMs: number
  run(calls: AllCalls, request: Req): Promise<Res>
  encodeRequest(writer: Writer, request: Req): void
  decodeRequest(reader: Reader): Req
  encodeResponse(writer: Writer, response: Res): void
  decodeResponse(reader: Reader): Res
}

/** What any encoder takes, as far as its type can be known here. */
type Anything = InferInput<Message>

/** The tables must be able to say what the call's types say; the types alone are checked here. */
function callOp<K extends CallName, Q extends Message, S extends Message>(
  opcode: number,
  name: K,
  request: RequestOf<K> extends InferInput<Q> ? Q : never,
  response: Infer<S> extends ResponseOf<K> ? S : never,
  deadlineMs: number = limits.callDeadlineMs,
): CallOp<RequestOf<K>, ResponseOf<K>> {
  return {
    opcode,
    name,
    deadlineMs,
    run: (all, value) =>
      (all[name] as (request: RequestOf<K>) => Promise<ResponseOf<K>>).call(all, value),
    encodeRequest: (writer, value) => encoderFor<Message>(request, 0)(writer, value as Anything),
    decodeRequest: (reader) => decoderFor<Message>(request, 0)(reader) as RequestOf<K>,
    encodeResponse: (writer, value) => encoderFor<Message>(response, 0)(writer, value as Anything),
    decodeResponse: (reader) => decoderFor<Message>(response, 0)(reader) as ResponseOf<K>,
  }
}

export const calls = {
  listOffsets: callOp(32, 'listOffsets', ListOffsets, ListedOffsets),
  endOffsetsForEpoch: callOp(33, 'endOffsetsForEpoch', EndOffsetsForEpoch, EndOffsets),
  deleteRecords: callOp(34, 'deleteRecords', DeleteRecords, RecordsDeleted),
  coordinate: callOp(35, 'coordinate', Forwarded, ForwardedDone, limits.coordinateDeadlineMs),
  control: callOp(36, 'control', Forwarded, ForwardedDone),
  allocateProducerIds: callOp(37, 'allocateProducerIds', AllocateProducerIds, ProducerIdBlock),
  checkpoints: callOp(38, 'checkpoints', Nothing, Checkpoints),
  describeFolders: callOp(40, 'describeFolders', Nothing, DescribedFolders),
  describeVolumes: callOp(45, 'describeVolumes', Nothing, Volumes),
  moveReplicas: callOp(
    41,
    'moveReplicas',
    MoveReplicas,
    ReplicasMoved,
    limits.coordinateDeadlineMs,
  ),
  describeProducers: callOp(42, 'describeProducers', DescribeProducers, DescribedProducers),
  failFolder: callOp(43, 'failFolder', FailFolder, FolderFailed),
  reportFolder: callOp(44, 'reportFolder', ReportFolder, Nothing),
  stats: callOp(39, 'stats', Nothing, Stats),
  adoptConnection: callOp(46, 'adoptConnection', AdoptConnection, ConnectionAdopted),
} as const

/** Stages of an ordered stop; every shard finishes one before any begins the next. */
export const stopStages = [
  /** No new connection and no new request is taken; requests in work go on. */
  'refuse',
  /** Whoever waits is answered now; connections are closed once their replies are out. */
  'drain',
  /** Logs are synced and closed. */
  'close',
  /** Every log is closed; shard 0 asks all for their checkpoints. */
  'end',
] as const
export type StopStage = (typeof stopStages)[number]

/** From the pool (shard 0's thread) to a shard's thread. */
export type ThreadOrder =
  /** The first: its place among the shards, and what it works with, plain data. */
  | { readonly kind: 'begin'; readonly wiring: ShardWiring; readonly data: unknown }
  | { readonly kind: 'image'; readonly image: MetadataImage }
  /** Every shard has the first image: take connections. */
  | { readonly kind: 'accept' }
  | { readonly kind: 'stop'; readonly stage: StopStage }
  /** The last, followed at once, whatever was ordered before: the thread ends. */
  | { readonly kind: 'end' }

/** And back. A thread that fails does not report: it dies, and takes the process with it. */
export type ThreadReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'applied'; readonly version: number }
  | { readonly kind: 'accepting' }
  | { readonly kind: 'stopped'; readonly stage: StopStage }

const known = [...Object.values(opcodes), ...Object.values(calls).map((call) => call.opcode)]
assert(new Set(known).size === known.length, `opcodes are unique: ${known.join(' ')}`)
assert(
  known.every((opcode) => opcode > 0 && opcode < 256),
  'opcodes are small and none is zero, which is what untouched memory holds',
)
for (const [name, call] of Object.entries(calls))
  assert(name === call.name, `call ${name} runs ${call.name}`)

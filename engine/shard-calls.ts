/**
 * The cold calls of a shard (ShardCalls): offsets by timestamp, epoch ends, DeleteRecords, checkpoint
 * contents, and the requests that other shards send here to be run by a coordinator or the controller.
 */
import { ApiError, ErrorCode } from './base/errors.ts'
import type { GroupCoordinator } from './coordinator/group/handle.ts'
import { isGroupApi } from './coordinator/group/requests.ts'
import type { Partition } from './partition/partition.ts'
import { apis } from './protocol/index.ts'
import { decoderFor, encoderFor } from './schema/codec.ts'
import { Reader } from './schema/reader.ts'
import { Writer } from './schema/writer.ts'
import type { Shard } from './shard.ts'
import { type FolderCallParts, folderCalls } from './shard-folder-calls.ts'
import type { FolderReport } from './shard-folders.ts'
import type { ForwardedRequest, ForwardedResponse, Isolation, ShardCalls } from './shard-port.ts'

/** What shard 0 offers beside its partitions; other shards refuse these calls. */
export interface ControlPort {
  /** Runs a control request; `body` and the result are undecoded. */
  handle(request: ForwardedRequest): Promise<Buffer>
  allocateProducerIds(count: number): Promise<{ firstProducerId: number; count: number }>
  reportFolder(report: FolderReport): Promise<void>
}

const OFFSET_LATEST = -1
const OFFSET_EARLIEST = -2
const OFFSET_MAX_TIMESTAMP = -3
const OFFSET_EARLIEST_LOCAL = -4
const OFFSET_LATEST_TIERED = -5

const NOT_FOUND = { errorCode: ErrorCode.NONE, timestamp: -1, offset: -1, leaderEpoch: -1 }

export function shardCalls(
  shard: Shard,
  groups: GroupCoordinator,
  control: ControlPort | null,
  parts: FolderCallParts,
): ShardCalls {
  return {
    listOffsets: async ({ isolation, partitions }) => ({
      partitions: await Promise.all(
        partitions.map((wanted) => listOffset(shard, wanted, isolation)),
      ),
    }),
    endOffsetsForEpoch: async ({ partitions }) => ({
      partitions: partitions.map((wanted) =>
        endOffsetForEpoch(shard.partition(wanted.key), wanted),
      ),
    }),
    deleteRecords: async ({ partitions }) => ({
      partitions: partitions.map(({ key, offset }) => deleteRecords(shard.partition(key), offset)),
    }),
    coordinate: (request) => coordinate(groups, request),
    control: async (request) => ({ body: await controlOf(control).handle(request) }),
    allocateProducerIds: ({ count }) => controlOf(control).allocateProducerIds(count),
    checkpoints: async () => ({
      partitions: [...shard.partitions.values()].map(({ identity, log, highWatermark }) => ({
        key: identity.key,
        recoveryPoint: log.recoveryPoint,
        logStartOffset: log.logStartOffset,
        highWatermark,
        cleanedOffset: log.compaction.cleanedEndOffset ?? -1,
        folder: parts.folders.folders.indexOf(log.dataFolder),
      })),
    }),
    ...folderCalls(parts),
    reportFolder: async (report) => {
      await controlOf(control).reportFolder(report)
      return {}
    },
  }
}

function controlOf(control: ControlPort | null): ControlPort {
  if (control === null) throw new ApiError(ErrorCode.NOT_CONTROLLER, 'control runs on shard 0')
  return control
}

type ListedOffset = Awaited<ReturnType<ShardCalls['listOffsets']>>['partitions'][number]

async function listOffset(
  shard: Shard,
  wanted: {
    readonly key: number
    readonly currentLeaderEpoch: number
    readonly timestamp: number
  },
  isolation: Isolation,
): Promise<ListedOffset> {
  const partition = shard.partition(wanted.key)
  if (partition === undefined) return { ...NOT_FOUND, errorCode: shard.absence(wanted.key) }
  const errorCode = partition.checkLeaderEpoch(wanted.currentLeaderEpoch)
  if (errorCode !== 0) return { ...NOT_FOUND, errorCode }
  const { log } = partition
  const visibleEnd = partition.visibleEnd(isolation)
  const plain = (offset: number): ListedOffset => ({
    ...NOT_FOUND,
    offset,
    leaderEpoch: epochOf(partition, offset),
  })
  switch (wanted.timestamp) {
    case OFFSET_LATEST:
      return { ...plain(visibleEnd), leaderEpoch: partition.leaderEpoch }
    case OFFSET_EARLIEST:
    case OFFSET_EARLIEST_LOCAL:
      return plain(log.logStartOffset)
    case OFFSET_LATEST_TIERED:
      return NOT_FOUND
    default: {
      const found =
        wanted.timestamp === OFFSET_MAX_TIMESTAMP
          ? await log.maxTimestampOffset(visibleEnd)
          : await log.offsetForTimestamp(wanted.timestamp, visibleEnd)
      if (found === null) return NOT_FOUND
      const { timestamp, offset } = found
      return { ...NOT_FOUND, timestamp, offset, leaderEpoch: epochOf(partition, offset) }
    }
  }
}

function epochOf(partition: Partition, offset: number): number {
  return partition.log.leaderEpochAt(offset) ?? partition.leaderEpoch
}

type EpochEnd = Awaited<ReturnType<ShardCalls['endOffsetsForEpoch']>>['partitions'][number]

function endOffsetForEpoch(
  partition: Partition | undefined,
  wanted: { readonly currentLeaderEpoch: number; readonly leaderEpoch: number },
): EpochEnd {
  const failed = (errorCode: number): EpochEnd => ({ errorCode, leaderEpoch: -1, endOffset: -1 })
  if (partition === undefined) return failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const errorCode = partition.checkLeaderEpoch(wanted.currentLeaderEpoch)
  if (errorCode !== 0) return failed(errorCode)
  const { epoch, endOffset } = partition.endOffsetForEpoch(wanted.leaderEpoch)
  return { errorCode: ErrorCode.NONE, leaderEpoch: epoch, endOffset }
}

type Deleted = Awaited<ReturnType<ShardCalls['deleteRecords']>>['partitions'][number]

/** kafka-map §2.15: -1 = high watermark; beyond it or below -1 is out of range. */
function deleteRecords(partition: Partition | undefined, offset: number): Deleted {
  const failed = (errorCode: number): Deleted => ({ errorCode, lowWatermark: -1 })
  if (partition === undefined) return failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  if (partition.offline !== null) return failed(ErrorCode.KAFKA_STORAGE_ERROR)
  if (partition.identity.internal) return failed(ErrorCode.INVALID_TOPIC_EXCEPTION)
  const { cleanupPolicy } = partition.log.options
  if (cleanupPolicy.compact && !cleanupPolicy.delete) return failed(ErrorCode.POLICY_VIOLATION)
  const target = offset === -1 ? partition.highWatermark : offset
  if (target < 0 || target > partition.highWatermark) return failed(ErrorCode.OFFSET_OUT_OF_RANGE)
  if (target > partition.log.logStartOffset) partition.log.deleteRecordsBefore(target)
  return { errorCode: ErrorCode.NONE, lowWatermark: partition.log.logStartOffset }
}

async function coordinate(
  groups: GroupCoordinator,
  request: ForwardedRequest,
): Promise<ForwardedResponse> {
  const { apiKey, apiVersion, partition, body, clientId, clientHost } = request
  const api = apis.get(apiKey)
  if (api === undefined || !isGroupApi(apiKey))
    throw new ApiError(ErrorCode.INVALID_REQUEST, `API key ${apiKey} is none of a coordinator's`)
  const decoded = decoderFor(api.request, apiVersion)(new Reader(body))
  const client = { clientId, host: clientHost }
  const response = await groups.handle(partition, apiKey, apiVersion, client, decoded as never)
  const writer = new Writer()
  encoderFor(api.response, apiVersion)(writer, response as never)
  return { body: writer.take() }
}

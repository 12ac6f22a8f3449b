/**
 * FetchResponse v4–v18 as bytes, written by hand: the only response whose record bytes are not in
 * memory when it is encoded (reply.ts). Same layout as the table in engine/protocol/01-fetch.ts,
 * which a test compares it with, version by version.
 *
 *   throttle_time int32 | error int16 (v7) | session_id int32 (v7) |
 *   responses: topic string (to v12) or uuid (v13) | partitions:
 *     index int32 | error int16 | high_watermark int64 | last_stable_offset int64 |
 *     log_start_offset int64 (v5) | aborted: (producer_id int64, first_offset int64)[] or null |
 *     preferred_read_replica int32 (v11) | records | tags 0 diverging_epoch, 1 current_leader (v12)
 *   tags 0 node_endpoints (v16)
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import type { Writer } from '../../engine/schema/writer.ts'
import type { ReadResult } from '../../engine/shard-port.ts'
import type { FetchPartition } from '../fetch-sessions.ts'
import type { ReplyOutput } from '../reply.ts'

const FLEXIBLE_VERSION = 12
const TOPIC_IDS_VERSION = 13
const LEADER_HINTS_VERSION = 16

export interface FetchAnswer {
  readonly partition: FetchPartition
  readonly result: Omit<ReadResult, 'release' | 'firstBatchBytes'>
}

export interface FetchResponseValue {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly sessionId: number
  /** Neighbours of one topic are sent under one heading. */
  readonly answers: readonly FetchAnswer[]
  /** This broker, for hints beside errors 6 and 74, and where it is found. */
  readonly nodeId: number
  readonly node: { readonly host: string; readonly port: number }
}

/** Encodes the response body; record bytes are asked for through `output.records`. */
export function encodeFetchResponse(
  output: ReplyOutput,
  version: number,
  value: FetchResponseValue,
): void {
  const { writer } = output
  const flexible = version >= FLEXIBLE_VERSION
  writer.int32(value.throttleTimeMs)
  if (version >= 7) {
    writer.int16(value.errorCode)
    writer.int32(value.sessionId)
  }
  const { answers } = value
  let topics = 0
  for (let at = 0; at < answers.length; at = topicEnd(answers, at)) topics++
  arrayLength(writer, topics, flexible)
  for (let at = 0; at < answers.length; ) {
    const end = topicEnd(answers, at)
    encodeTopic(output, version, value, at, end)
    at = end
  }
  if (!flexible) return
  const hinted = version >= LEADER_HINTS_VERSION && answers.some(isHinted)
  writer.unsignedVarint(hinted ? 1 : 0)
  if (hinted) encodeEndpoint(writer, value)
}

/** What quotas count: length field and body, records included, tags of rare errors left out. */
export function fetchResponseBytes(version: number, answers: readonly FetchAnswer[]): number {
  const flexible = version >= FLEXIBLE_VERSION
  const tags = flexible ? 1 : 0
  let topics = 0
  let bytes = LENGTH_BYTES + 4 + (version >= 7 ? 6 : 0) + tags
  for (let at = 0; at < answers.length; ) {
    const end = topicEnd(answers, at)
    const name = Buffer.byteLength(answers[at]?.partition.topic ?? '')
    const nameBytes = flexible ? sizeLength(name + 1, flexible) + name : 2 + name
    bytes += version >= TOPIC_IDS_VERSION ? 16 : nameBytes
    bytes += sizeLength(end - at + tags, flexible) + tags
    for (; at < end; at++) {
      const { length, abortedTransactions } = answers[at]?.result ?? NO_RESULT
      const aborted = abortedTransactions?.length ?? -1
      bytes += 22 + (version >= 5 ? 8 : 0) + (version >= 11 ? 4 : 0) + tags
      bytes += sizeLength(aborted + tags, flexible) + Math.max(0, aborted) * (16 + tags)
      bytes += sizeLength(length + tags, flexible) + length
    }
    topics++
  }
  return bytes + sizeLength(topics + tags, flexible)
}

const LENGTH_BYTES = 4
const NO_RESULT = { length: 0, abortedTransactions: null } as const

/** Bytes of a length field: four, or a varint's of the length plus one. */
function sizeLength(value: number, flexible: boolean): number {
  if (!flexible) return 4
  let bytes = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++
  return bytes
}

function encodeTopic(
  output: ReplyOutput,
  version: number,
  value: FetchResponseValue,
  start: number,
  end: number,
): void {
  const { writer } = output
  const flexible = version >= FLEXIBLE_VERSION
  const first = value.answers[start]
  if (first === undefined) return
  if (version >= TOPIC_IDS_VERSION) writer.uuid(first.partition.topicId)
  else if (flexible) writer.compactString(first.partition.topic)
  else writer.string(first.partition.topic)
  arrayLength(writer, end - start, flexible)
  for (let at = start; at < end; at++) {
    const answer = value.answers[at]
    if (answer !== undefined) encodePartition(output, version, value, answer)
  }
  if (flexible) writer.unsignedVarint(0)
}

function encodePartition(
  output: ReplyOutput,
  version: number,
  value: FetchResponseValue,
  answer: FetchAnswer,
): void {
  const { writer } = output
  const { result } = answer
  const flexible = version >= FLEXIBLE_VERSION
  writer.int32(answer.partition.partition)
  writer.int16(downConverted(result.errorCode, version))
  writer.int64(result.highWatermark)
  writer.int64(result.lastStableOffset)
  if (version >= 5) writer.int64(result.logStartOffset)
  encodeAborted(writer, result.abortedTransactions, flexible)
  if (version >= 11) writer.int32(-1)
  if (flexible) writer.unsignedVarint(result.length + 1)
  else writer.int32(result.length)
  output.records(result)
  if (!flexible) return
  const diverging = result.divergingEpoch
  const hinted = version >= LEADER_HINTS_VERSION && isHinted(answer)
  writer.unsignedVarint((diverging === null ? 0 : 1) + (hinted ? 1 : 0))
  if (diverging !== null) {
    const mark = writer.openTag(0)
    writer.int32(diverging.epoch)
    writer.int64(diverging.endOffset)
    writer.unsignedVarint(0)
    writer.closeTag(mark)
  }
  if (!hinted) return
  const mark = writer.openTag(1)
  writer.int32(value.nodeId)
  writer.int32(result.leaderEpoch)
  writer.unsignedVarint(0)
  writer.closeTag(mark)
}

function encodeAborted(
  writer: Writer,
  aborted: ReadResult['abortedTransactions'],
  flexible: boolean,
): void {
  if (aborted === null) {
    if (flexible) writer.unsignedVarint(0)
    else writer.int32(-1)
    return
  }
  arrayLength(writer, aborted.length, flexible)
  for (const { producerId, firstOffset } of aborted) {
    writer.int64(producerId)
    writer.int64(firstOffset)
    if (flexible) writer.unsignedVarint(0)
  }
}

function encodeEndpoint(writer: Writer, { nodeId, node }: FetchResponseValue): void {
  const mark = writer.openTag(0)
  writer.unsignedVarint(2)
  writer.int32(nodeId)
  writer.compactString(node.host)
  writer.int32(node.port)
  writer.unsignedVarint(0)
  writer.unsignedVarint(0)
  writer.closeTag(mark)
}

function isHinted(answer: FetchAnswer): boolean {
  const { errorCode } = answer.result
  return (
    errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH
  )
}

/** Consumers before v6 do not know KAFKA_STORAGE_ERROR and would give up on it. */
function downConverted(errorCode: number, version: number): number {
  return errorCode === ErrorCode.KAFKA_STORAGE_ERROR && version <= 5
    ? ErrorCode.NOT_LEADER_OR_FOLLOWER
    : errorCode
}

function arrayLength(writer: Writer, length: number, flexible: boolean): void {
  if (flexible) writer.unsignedVarint(length + 1)
  else writer.int32(length)
}

/** Index behind the last neighbour of the same topic. */
function topicEnd(answers: readonly FetchAnswer[], start: number): number {
  const first = answers[start]?.partition
  let end = start + 1
  while (end < answers.length) {
    const next = answers[end]?.partition
    if (next?.topic !== first?.topic || next?.topicId !== first?.topicId) break
    end++
  }
  return end
}

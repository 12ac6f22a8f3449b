/**
 * Requests that are in order and cost what they ask for: thousands of partitions, each a folder with files.
 * How a broker bears those is for other suites; here they would only use up the time and the descriptors.
 */
import { CreateTopicsRequest } from '../../engine/protocol/19-create-topics.ts'
import { CreatePartitionsRequest } from '../../engine/protocol/37-create-partitions.ts'
import { decodeRequestHeader } from '../../engine/protocol/header.ts'
import { decoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'

const PARTITIONS_MAX = 12

/** `taken`: what the bytes hold, as key * 1000 + version. Only whole frames are looked into. */
export function asksForTooMuch(bytes: Buffer, taken: readonly number[]): boolean {
  let at = 0
  for (const call of taken) {
    const end = at + 4 + bytes.readInt32BE(at)
    if (partitionsAsked(bytes, at + 4, end, Math.floor(call / 1_000)) > PARTITIONS_MAX) return true
    at = end
  }
  return false
}

function partitionsAsked(bytes: Buffer, start: number, end: number, apiKey: number): number {
  if (apiKey !== CreateTopicsRequest.apiKey && apiKey !== CreatePartitionsRequest.apiKey) return 0
  const { apiVersion, bodyStart } = decodeRequestHeader(bytes, start, end)
  const reader = new Reader(bytes, bodyStart, end)
  let partitions = 0
  if (apiKey === CreateTopicsRequest.apiKey) {
    const { topics } = decoderFor(CreateTopicsRequest, apiVersion)(reader)
    for (const { numPartitions, assignments } of topics)
      partitions += Math.max(1, numPartitions, assignments.length)
  } else {
    const { topics } = decoderFor(CreatePartitionsRequest, apiVersion)(reader)
    for (const { count } of topics) partitions += Math.max(0, count)
  }
  return partitions
}

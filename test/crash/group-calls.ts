/** Requests to the group coordinator of a simulated broker. */
import { OffsetFetchRequest, OffsetFetchResponse } from '../../engine/protocol/09-offset-fetch.ts'
import { decoderFor, encoderFor } from '../../engine/schema/codec.ts'
import { Reader } from '../../engine/schema/reader.ts'
import { Writer } from '../../engine/schema/writer.ts'
import type { Shard } from '../../engine/shard.ts'

const VERSION = 8

/** Positions by "group topicId topic partition", those that are committed. */
export async function committedOffsets(
  shard: Shard,
  keys: Iterable<string>,
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const wanted = [...keys].map((key) => ({ key, parts: key.split(' ') }))
  const groups = [...new Set(wanted.map(({ parts }) => parts[0] ?? ''))]
  const writer = new Writer()
  const request = { groups: groups.map((groupId) => ({ groupId, topics: null })) }
  encoderFor(OffsetFetchRequest, VERSION)(writer, { ...request, requireStable: false })
  const { body } = await shard.calls.coordinate({
    partition: 0,
    apiKey: 9,
    apiVersion: VERSION,
    clientId: 'c',
    clientHost: 'h',
    body: writer.take(),
  })
  const response = decoderFor(OffsetFetchResponse, VERSION)(new Reader(body))
  for (const { groupId, topics, errorCode } of response.groups) {
    if (errorCode !== 0) throw new Error(`positions of ${groupId}: error ${errorCode}`)
    for (const { name, partitions } of topics)
      for (const { partitionIndex, committedOffset } of partitions) {
        if (committedOffset < 0) continue
        for (const { key, parts } of wanted)
          if (parts[0] === groupId && parts[2] === name && parts[3] === String(partitionIndex))
            found.set(key, committedOffset)
      }
  }
  return found
}

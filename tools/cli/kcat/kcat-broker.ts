/** What kcat's modes share in talking to brokers: offsets by time, and librdkafka's words for errors. */
import { ErrorCode, errorName } from '../../../engine/base/errors.ts'
import {
  ListOffsetsRequest,
  ListOffsetsResponse,
} from '../../../engine/protocol/02-list-offsets.ts'
import type { Client } from '../../../net/client/client.ts'
import { RequestFailed } from '../../../net/client/client-errors.ts'

/** librdkafka's words for what brokers answer. */
const BROKER_ERRORS: ReadonlyMap<number, string> = new Map([
  [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'Unknown topic or partition'],
  [ErrorCode.LEADER_NOT_AVAILABLE, 'Leader not available'],
  [ErrorCode.INVALID_TOPIC_EXCEPTION, 'Invalid topic'],
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED, 'Topic authorization failed'],
])

export function brokerError(code: number): string {
  return `Broker: ${BROKER_ERRORS.get(code) ?? errorName(code)}`
}

/** The first offset at or behind a time, -1 for none; the end for -1, the beginning for -2. */
export async function offsetFor(
  client: Client,
  topic: string,
  partitionIndex: number,
  leader: number,
  timestamp: number,
): Promise<number> {
  const answer = await client.sendTo(leader, ListOffsetsRequest, ListOffsetsResponse, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: [{ partitionIndex, timestamp }] }],
  })
  const found = answer.topics[0]?.partitions[0]
  if (found === undefined || found.errorCode !== 0)
    throw new RequestFailed(found?.errorCode ?? -1, null)
  return found.offset
}

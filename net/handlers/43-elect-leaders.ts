/**
 * ElectLeaders, v0–v2. v1 unclean elections, v2 flexible. The only broker leads every partition it can
 * serve and is its preferred replica, so no election is needed; where its disk failed none is possible.
 * Asked for all partitions, only the latter are named, as Kafka does.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { type MetadataImage, partitionKey } from '../../engine/metadata/image.ts'
import {
  ElectLeadersRequest,
  ElectLeadersResponse,
} from '../../engine/protocol/43-elect-leaders.ts'
import type { Handler } from '../handler.ts'

const PREFERRED = 0
const UNCLEAN = 1

interface Result {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export const electLeadersHandler: Handler<ElectLeadersRequest, ElectLeadersResponse> = {
  apiKey: 43,
  versions: [0, 2],
  pipelined: false,
  request: ElectLeadersRequest,
  response: ElectLeadersResponse,
  handle(context, { electionType, topicPartitions }) {
    const image = context.router.image()
    if (electionType !== PREFERRED && electionType !== UNCLEAN) {
      const unknown = {
        errorCode: ErrorCode.INVALID_REQUEST as number,
        errorMessage: `Unknown election type ${electionType}`,
      }
      return answer(topicPartitions ?? [], () => unknown, unknown.errorCode)
    }
    return answer(topicPartitions ?? leaderless(image), (topic, partition) =>
      election(image, topic, partition, electionType),
    )
  },
  failed: (request, errorCode, errorMessage) =>
    answer(request.topicPartitions ?? [], () => ({ errorCode, errorMessage }), errorCode),
}

function answer(
  asked: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  resultOf: (topic: string, partition: number) => Result,
  errorCode: number = ErrorCode.NONE,
) {
  return {
    throttleTimeMs: 0,
    errorCode,
    replicaElectionResults: asked.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({
        partitionId,
        ...resultOf(topic, partitionId),
      })),
    })),
  }
}

/** Every topic with the partitions that an election could do something for. */
function leaderless(image: MetadataImage): { topic: string; partitions: number[] }[] {
  return [...image.topics.values()].map(({ name, ordinal, partitions }) => ({
    topic: name,
    partitions: partitions
      .map(({ index }) => index)
      .filter((index) => image.offlinePartitions.has(partitionKey(ordinal, index))),
  }))
}

function election(
  image: MetadataImage,
  name: string,
  partition: number,
  electionType: number,
): Result {
  const topic = image.topics.get(name)
  if (topic === undefined) return unknown(`No such topic as ${name}`)
  if (topic.partitions[partition] === undefined)
    return unknown(`No such partition as ${name}-${partition}`)
  if (image.offlinePartitions.has(partitionKey(topic.ordinal, partition)))
    return electionType === PREFERRED
      ? {
          errorCode: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
          errorMessage: 'The preferred leader was not available.',
        }
      : {
          errorCode: ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE,
          errorMessage: 'Eligible topic partition leaders are not available.',
        }
  return {
    errorCode: ErrorCode.ELECTION_NOT_NEEDED,
    errorMessage: 'Leader election not needed for topic partition.',
  }
}

function unknown(errorMessage: string): Result {
  return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage }
}

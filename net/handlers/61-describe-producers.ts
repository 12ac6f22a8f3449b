/**
 * DescribeProducers, v0 (KIP-664). What each partition's leader knows of producers with an id: their last
 * sequence and time, the epoch of the coordinator that ended their last transaction, the start of an open
 * one.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { topicNameProblem } from '../../engine/metadata/topic-name.ts'
import {
  DescribeProducersRequest,
  DescribeProducersResponse,
} from '../../engine/protocol/61-describe-producers.ts'
import { calls } from '../../workers/messages.ts'
import type { Handler } from '../handler.ts'
import { callOwners } from '../partition-calls.ts'

type Producer =
  DescribeProducersResponse['topics'][number]['partitions'][number]['activeProducers'][number]

interface PartitionAnswer {
  readonly partitionIndex: number
  errorCode: number
  readonly errorMessage: string | null
  activeProducers: Producer[]
}

export const describeProducersHandler: Handler<
  DescribeProducersRequest,
  DescribeProducersResponse
> = {
  apiKey: 61,
  versions: [0, 0],
  pipelined: false,
  request: DescribeProducersRequest,
  response: DescribeProducersResponse,

  async handle({ router }, request) {
    const image = router.image()
    const wanted: { key: number; answer: PartitionAnswer }[] = []
    const topics = request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => {
        const problem = topicNameProblem(name)
        if (problem !== null)
          return emptyAnswer(partitionIndex, ErrorCode.INVALID_TOPIC_EXCEPTION, problem)
        const topic = image.topics.get(name)
        const isKnown = topic?.partitions[partitionIndex] !== undefined
        const answer = emptyAnswer(
          partitionIndex,
          isKnown ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        )
        if (isKnown) wanted.push({ key: partitionKey(topic.ordinal, partitionIndex), answer })
        return answer
      }),
    }))
    const answers = await callOwners(router, wanted, async (shard, share) => {
      const keys = share.map(({ key }) => ({ key }))
      const { partitions } = await router.call(shard, calls.describeProducers, { partitions: keys })
      return partitions
    })
    for (const [at, { errorCode, producers }] of answers.entries()) {
      const answer = wanted[at]?.answer
      if (answer === undefined) continue
      answer.errorCode = errorCode
      answer.activeProducers = producers.map(({ transactionFirstOffset, ...producer }) => ({
        ...producer,
        currentTxnStartOffset: transactionFirstOffset,
      }))
    }
    return { topics }
  },

  failed: (request, errorCode, message) => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => emptyAnswer(index, errorCode, message)),
    })),
  }),
}

function emptyAnswer(
  partitionIndex: number,
  errorCode: number,
  errorMessage: string | null = null,
): PartitionAnswer {
  return { partitionIndex, errorCode, errorMessage, activeProducers: [] }
}

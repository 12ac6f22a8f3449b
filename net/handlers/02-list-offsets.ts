/**
 * ListOffsets, v1–v11. v2 isolation level, v4 leader epochs, v6 flexible, v7 timestamp -3 (largest
 * timestamp), v8 -4 (earliest local), v9 -5 (latest tiered), v10 timeout, v11 -6 (earliest not yet
 * uploaded). Without tiered storage -4 is the log start, -5 and -6 find nothing.
 *
 * A partition asked for twice gets INVALID_REQUEST, a special timestamp newer than the version
 * UNSUPPORTED_VERSION. No match is offset -1 without an error.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../engine/protocol/02-list-offsets.ts'
import { calls } from '../../workers/messages.ts'
import type { Handler } from '../handler.ts'
import { callOwners } from '../partition-calls.ts'

/** First version of each special timestamp. */
const SPECIAL_SINCE: ReadonlyMap<number, number> = new Map([
  [-1, 1],
  [-2, 1],
  [-3, 7],
  [-4, 8],
  [-5, 9],
  [-6, 11],
])
const EARLIEST_PENDING_UPLOAD = -6
const LEADER_EPOCHS_VERSION = 4

interface Listed {
  partitionIndex: number
  errorCode: number
  timestamp: number
  offset: number
  leaderEpoch: number
}

interface Wanted {
  readonly key: number
  readonly currentLeaderEpoch: number
  readonly timestamp: number
  readonly listed: Listed
}

export const listOffsetsHandler: Handler<ListOffsetsRequest, ListOffsetsResponse> = {
  apiKey: 2,
  versions: [1, 11],
  pipelined: false,
  request: ListOffsetsRequest,
  response: ListOffsetsResponse,

  async handle(context, request) {
    const { router, apiVersion } = context
    const image = router.image()
    const wanted: Wanted[] = []
    const duplicates = duplicatesOf(request)
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, currentLeaderEpoch, timestamp }) => {
        const listed = notFound(partitionIndex)
        const topic = image.topics.get(name)
        if (duplicates.has(`${name}/${partitionIndex}`))
          listed.errorCode = ErrorCode.INVALID_REQUEST
        else if (timestamp < 0 && apiVersion < (SPECIAL_SINCE.get(timestamp) ?? 999))
          listed.errorCode = ErrorCode.UNSUPPORTED_VERSION
        else if (topic?.partitions[partitionIndex] === undefined)
          listed.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        else if (timestamp !== EARLIEST_PENDING_UPLOAD) {
          const key = partitionKey(topic.ordinal, partitionIndex)
          wanted.push({ key, currentLeaderEpoch, timestamp, listed })
        }
        return listed
      }),
    }))
    const isolation = request.isolationLevel === 1 ? 1 : 0
    const answers = await callOwners(router, wanted, async (shard, share) => {
      const { partitions } = await router.call(shard, calls.listOffsets, {
        isolation,
        partitions: share,
      })
      return partitions
    })
    answers.forEach((answer, at) => {
      const listed = wanted[at]?.listed
      if (listed === undefined) return
      const { errorCode, timestamp, offset, leaderEpoch } = answer
      Object.assign(listed, { errorCode, timestamp, offset })
      if (apiVersion >= LEADER_EPOCHS_VERSION) listed.leaderEpoch = leaderEpoch
    })
    return { topics }
  },
}

function notFound(partitionIndex: number): Listed {
  return { partitionIndex, errorCode: 0, timestamp: -1, offset: -1, leaderEpoch: -1 }
}

function duplicatesOf(request: ListOffsetsRequest): Set<string> {
  const seen = new Set<string>()
  const duplicates = new Set<string>()
  for (const { name, partitions } of request.topics)
    for (const { partitionIndex } of partitions) {
      const id = `${name}/${partitionIndex}`
      if (seen.has(id)) duplicates.add(id)
      seen.add(id)
    }
  return duplicates
}

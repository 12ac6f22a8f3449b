/**
 * OffsetForLeaderEpoch, v2–v4. v3 replica id, v4 flexible. Where a leader epoch ended, so that
 * clients find out whether what they read was truncated (KIP-101, KIP-320). The owner answers from
 * its leader epoch file; an epoch it does not know gives -1, -1.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
} from '../../engine/protocol/23-offset-for-leader-epoch.ts'
import { calls } from '../../workers/messages.ts'
import type { Handler } from '../handler.ts'
import { callOwners } from '../partition-calls.ts'

interface EpochEnd {
  errorCode: number
  partition: number
  leaderEpoch: number
  endOffset: number
}

interface Wanted {
  readonly key: number
  readonly currentLeaderEpoch: number
  readonly leaderEpoch: number
  readonly found: EpochEnd
}

export const offsetForLeaderEpochHandler: Handler<
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse
> = {
  apiKey: 23,
  versions: [2, 4],
  pipelined: false,
  request: OffsetForLeaderEpochRequest,
  response: OffsetForLeaderEpochResponse,

  async handle({ router }, request) {
    const image = router.image()
    const wanted: Wanted[] = []
    const topics = request.topics.map(({ topic: name, partitions }) => ({
      topic: name,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
        const found: EpochEnd = { errorCode: 0, partition, leaderEpoch: -1, endOffset: -1 }
        const topic = image.topics.get(name)
        if (topic?.partitions[partition] === undefined)
          found.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        else {
          const key = partitionKey(topic.ordinal, partition)
          wanted.push({ key, currentLeaderEpoch, leaderEpoch, found })
        }
        return found
      }),
    }))
    const answers = await callOwners(router, wanted, async (shard, share) => {
      const { partitions } = await router.call(shard, calls.endOffsetsForEpoch, {
        partitions: share,
      })
      return partitions
    })
    answers.forEach((answer, at) => {
      const found = wanted[at]?.found
      if (found !== undefined) Object.assign(found, answer)
    })
    return { topics }
  },
}

/**
 * DeleteRecords, v0–v2. v2 flexible. Moves log start offsets up; offset -1 means the high
 * watermark. The owner judges (internal topic, policy without delete, offset out of range); the
 * answer is the log start offset afterwards, -1 beside an error. On one node nothing is waited for,
 * so the timeout never counts.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import {
  DeleteRecordsRequest,
  DeleteRecordsResponse,
} from '../../engine/protocol/21-delete-records.ts'
import { calls } from '../../workers/messages.ts'
import type { Handler } from '../handler.ts'
import { callOwners } from '../partition-calls.ts'

interface Deleted {
  partitionIndex: number
  lowWatermark: number
  errorCode: number
}

export const deleteRecordsHandler: Handler<DeleteRecordsRequest, DeleteRecordsResponse> = {
  apiKey: 21,
  versions: [0, 2],
  pipelined: false,
  request: DeleteRecordsRequest,
  response: DeleteRecordsResponse,

  async handle({ router }, request) {
    const image = router.image()
    const wanted: { key: number; offset: number; deleted: Deleted }[] = []
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => {
        const deleted: Deleted = { partitionIndex, lowWatermark: -1, errorCode: 0 }
        const topic = image.topics.get(name)
        if (topic?.partitions[partitionIndex] === undefined)
          deleted.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        else wanted.push({ key: partitionKey(topic.ordinal, partitionIndex), offset, deleted })
        return deleted
      }),
    }))
    const answers = await callOwners(router, wanted, async (shard, share) => {
      const { partitions } = await router.call(shard, calls.deleteRecords, { partitions: share })
      return partitions
    })
    answers.forEach((answer, at) => {
      const deleted = wanted[at]?.deleted
      if (deleted !== undefined) Object.assign(deleted, answer)
    })
    return { topics }
  },
}

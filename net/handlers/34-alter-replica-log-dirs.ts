/**
 * AlterReplicaLogDirs, v1–v2 (KIP-113). v2 flexible. Moves partitions to other folders of log.dirs, named by
 * their absolute path; answered once the copy has begun, whose progress DescribeLogDirs shows. The folder
 * that has the partition already: nothing to do, and a move under way to another folder is given up.
 *
 * differs from Kafka: a move that a restart cuts short begins anew after it, where Kafka goes on with what
 * was copied. A partition named twice in one request goes to the folder named last.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { partitionKey } from '../../engine/metadata/image.ts'
import {
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse,
} from '../../engine/protocol/34-alter-replica-log-dirs.ts'
import { calls } from '../../workers/messages.ts'
import type { Handler } from '../handler.ts'
import { callOwners } from '../partition-calls.ts'

type TopicAnswer = AlterReplicaLogDirsResponse['results'][number]

interface Answer {
  partitionIndex: number
  errorCode: number
}

export const alterReplicaLogDirsHandler: Handler<
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse
> = {
  apiKey: 34,
  versions: [1, 2],
  pipelined: false,
  request: AlterReplicaLogDirsRequest,
  response: AlterReplicaLogDirsResponse,

  async handle({ router, config }, request) {
    const image = router.image()
    const wanted: { key: number; folder: number; answer: Answer }[] = []
    const topics = new Map<string, Map<number, Answer>>()
    for (const { path, topics: named } of request.dirs) {
      const folder = config.dataFolders.indexOf(path)
      for (const { name, partitions } of named) {
        const answers = topics.get(name) ?? new Map<number, Answer>()
        topics.set(name, answers)
        for (const partitionIndex of partitions) {
          const answer: Answer = { partitionIndex, errorCode: ErrorCode.NONE }
          answers.set(partitionIndex, answer)
          const topic = image.topics.get(name)
          if (folder < 0) answer.errorCode = ErrorCode.LOG_DIR_NOT_FOUND
          else if (topic?.partitions[partitionIndex] === undefined)
            answer.errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
          else wanted.push({ key: partitionKey(topic.ordinal, partitionIndex), folder, answer })
        }
      }
    }
    const answers = await callOwners(router, wanted, async (shard, share) => {
      const { partitions } = await router.call(shard, calls.moveReplicas, { partitions: share })
      return partitions
    })
    for (const [at, { errorCode }] of answers.entries()) {
      const answer = wanted[at]?.answer
      if (answer !== undefined) answer.errorCode = errorCode
    }
    return { results: [...topics].map(([name, partitions]) => topicAnswer(name, partitions)) }
  },

  failed: (request, errorCode) => ({
    results: request.dirs.flatMap(({ topics }) =>
      topics.map(({ name, partitions }) => ({
        topicName: name,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex, errorCode })),
      })),
    ),
  }),
}

function topicAnswer(topicName: string, answers: ReadonlyMap<number, Answer>): TopicAnswer {
  return { topicName, partitions: [...answers.values()] }
}

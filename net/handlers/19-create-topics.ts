/**
 * CreateTopics, v2–v7. v4 defaults by -1, v5 options in the answer, v6 quota error, v7 topic ids.
 * Decided by the controller on shard 0; answered once every shard can serve the topic.
 *
 * differs from Kafka: replication factor -1 means 1 while there is one broker.
 */
import { ZERO_UUID } from '../../engine/base/random.ts'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../engine/protocol/19-create-topics.ts'
import type { Handler } from '../handler.ts'
import { forwardControl } from './forward-control.ts'

export const createTopics: Handler<CreateTopicsRequest, CreateTopicsResponse> = {
  apiKey: 19,
  versions: [2, 7],
  pipelined: false,
  request: CreateTopicsRequest,
  response: CreateTopicsResponse,
  handle: (context, request) =>
    forwardControl(context, CreateTopicsRequest, CreateTopicsResponse, request),
  failed: (request, errorCode, errorMessage) => ({
    throttleTimeMs: 0,
    topics: request.topics.map(({ name }) => ({
      name,
      topicId: ZERO_UUID,
      errorCode,
      errorMessage,
      topicConfigErrorCode: 0,
      numPartitions: -1,
      replicationFactor: -1,
      configs: [],
    })),
  }),
}

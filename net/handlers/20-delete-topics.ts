/**
 * DeleteTopics, v1–v6. v4 flexible, v5 error texts, v6 by topic id. Decided by the controller on shard
 * 0; answered once no shard serves the topic. Folders are renamed then and removed after
 * file.delete.delay.ms.
 */
import { ApiError, ErrorCode } from '../../engine/base/errors.ts'
import { ZERO_UUID } from '../../engine/base/random.ts'
import {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
} from '../../engine/protocol/20-delete-topics.ts'
import type { Handler } from '../handler.ts'
import { forwardControl } from './forward-control.ts'

/** First version that knows TOPIC_DELETION_DISABLED. */
const DISABLED_SINCE = 3

export const deleteTopics: Handler<DeleteTopicsRequest, DeleteTopicsResponse> = {
  apiKey: 20,
  versions: [1, 6],
  pipelined: false,
  request: DeleteTopicsRequest,
  response: DeleteTopicsResponse,
  handle(context, request) {
    if (!context.config.deleteTopicEnable)
      throw new ApiError(
        context.apiVersion < DISABLED_SINCE
          ? ErrorCode.INVALID_REQUEST
          : ErrorCode.TOPIC_DELETION_DISABLED,
        'Topic deletion is disabled.',
      )
    return forwardControl(context, DeleteTopicsRequest, DeleteTopicsResponse, request)
  },
  failed: (request, errorCode, errorMessage, apiVersion) => ({
    throttleTimeMs: 0,
    responses: (apiVersion >= 6
      ? request.topics
      : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
    ).map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage })),
  }),
}

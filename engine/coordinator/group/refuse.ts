/**
 * The response that carries one error for a whole request, in the place where each API and version
 * has it: needed while a partition loads, moves or fails, and by net when a shard cannot be asked.
 */
import { ErrorCode } from '../../base/errors.ts'
import { deleteGroupsError, describeError } from './administer.ts'
import {
  heartbeatAnswer,
  joinAnswerForVersion,
  joinError,
  leaveAnswer,
  syncError,
} from './answers.ts'
import { describeConsumerError } from './consumer-describe.ts'
import { heartbeatError } from './consumer-refusal.ts'
import { commitError } from './offset-commit.ts'
import { deleteError } from './offset-delete.ts'
import { fetchError } from './offset-fetch.ts'
import type { GroupRequest, GroupResponse } from './requests.ts'

export function refuseGroupRequest(request: GroupRequest, errorCode: number): GroupResponse {
  const { apiVersion } = request
  switch (request.apiKey) {
    case 8:
      return commitError(request.body, errorCode)
    case 9:
      return fetchError(request.body, apiVersion, errorCode)
    case 11:
      return joinAnswerForVersion(joinError(request.body.memberId, errorCode), apiVersion)
    case 12:
      // A heartbeat while loading is taken on trust: the session starts afresh after the load.
      return heartbeatAnswer(
        errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS ? ErrorCode.NONE : errorCode,
      )
    case 13:
      return leaveAnswer(errorCode, [], apiVersion)
    case 14:
      return syncError(errorCode)
    case 15:
      return describeError(request.body, errorCode)
    case 16:
      return { throttleTimeMs: 0, errorCode, groups: [] }
    case 42:
      return deleteGroupsError(request.body, errorCode)
    case 47:
      return deleteError(errorCode)
    case 68:
      return heartbeatError({ errorCode, message: null })
    case 69:
      return describeConsumerError(request.body, errorCode)
  }
}

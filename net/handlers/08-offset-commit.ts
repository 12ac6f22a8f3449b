/**
 * OffsetCommit, v2–v10. v3 throttle, v5 no retention time, v6 leader epochs, v7 group instance id,
 * v8 flexible, v9 member epoch of KIP-848 groups, v10 topic ids.
 * Decided by the group coordinator, see group-request.ts.
 */
import {
  OffsetCommitRequest,
  OffsetCommitResponse,
} from '../../engine/protocol/08-offset-commit.ts'
import { oneGroupHandler } from './group-request.ts'

export const offsetCommitHandler = oneGroupHandler({
  apiKey: 8,
  versions: [2, 10],
  request: OffsetCommitRequest,
  response: OffsetCommitResponse,
  groupIdOf: (request) => request.groupId,
})

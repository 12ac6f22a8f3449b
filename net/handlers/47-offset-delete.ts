/**
 * OffsetDelete, v0. Deletes committed offsets of topics no member subscribes to.
 * Decided by the group coordinator, see group-request.ts.
 */
import {
  OffsetDeleteRequest,
  OffsetDeleteResponse,
} from '../../engine/protocol/47-offset-delete.ts'
import { oneGroupHandler } from './group-request.ts'

export const offsetDeleteHandler = oneGroupHandler({
  apiKey: 47,
  versions: [0, 0],
  request: OffsetDeleteRequest,
  response: OffsetDeleteResponse,
  groupIdOf: (request) => request.groupId,
})

/**
 * SyncGroup, v0–v5. v3 group instance id, v4 flexible, v5 protocol type and name. Parks until the
 * leader has assigned. Decided by the group coordinator, see group-request.ts.
 */
import { SyncGroupRequest, SyncGroupResponse } from '../../engine/protocol/14-sync-group.ts'
import { oneGroupHandler } from './group-request.ts'

export const syncGroupHandler = oneGroupHandler({
  apiKey: 14,
  versions: [0, 5],
  request: SyncGroupRequest,
  response: SyncGroupResponse,
  groupIdOf: (request) => request.groupId,
})

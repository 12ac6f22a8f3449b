/**
 * LeaveGroup, v0–v5. v3 several members at once, v4 flexible, v5 reason.
 * Decided by the group coordinator, see group-request.ts.
 */
import { LeaveGroupRequest, LeaveGroupResponse } from '../../engine/protocol/13-leave-group.ts'
import { oneGroupHandler } from './group-request.ts'

export const leaveGroupHandler = oneGroupHandler({
  apiKey: 13,
  versions: [0, 5],
  request: LeaveGroupRequest,
  response: LeaveGroupResponse,
  groupIdOf: (request) => request.groupId,
})

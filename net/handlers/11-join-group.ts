/**
 * JoinGroup, v0–v9. v1 rebalance timeout, v4 two steps to a member id, v5 group instance id, v6
 * flexible, v7 protocol type, v8 reason, v9 skip assignment. Parks until the group has come
 * together. Decided by the group coordinator, see group-request.ts.
 */
import { JoinGroupRequest, JoinGroupResponse } from '../../engine/protocol/11-join-group.ts'
import { oneGroupHandler } from './group-request.ts'

export const joinGroupHandler = oneGroupHandler({
  apiKey: 11,
  versions: [0, 9],
  request: JoinGroupRequest,
  response: JoinGroupResponse,
  groupIdOf: (request) => request.groupId,
})

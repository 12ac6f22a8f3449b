/**
 * Heartbeat, v0–v4. v3 group instance id, v4 flexible.
 * Decided by the group coordinator, see group-request.ts.
 */
import { HeartbeatRequest, HeartbeatResponse } from '../../engine/protocol/12-heartbeat.ts'
import { oneGroupHandler } from './group-request.ts'

export const heartbeatHandler = oneGroupHandler({
  apiKey: 12,
  versions: [0, 4],
  request: HeartbeatRequest,
  response: HeartbeatResponse,
  groupIdOf: (request) => request.groupId,
})

/**
 * ConsumerGroupHeartbeat, v0–v1. v1 patterns and member ids made by the client. Decided by the group
 * coordinator (engine/coordinator/group/consumer-heartbeat.ts), see group-request.ts.
 */
import {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../engine/protocol/68-consumer-group-heartbeat.ts'
import { oneGroupHandler } from './group-request.ts'

export const consumerGroupHeartbeatHandler = oneGroupHandler({
  apiKey: 68,
  versions: [0, 1],
  request: ConsumerGroupHeartbeatRequest,
  response: ConsumerGroupHeartbeatResponse,
  groupIdOf: (request) => request.groupId,
})

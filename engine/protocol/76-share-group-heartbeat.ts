/**
 * ShareGroupHeartbeat, v1. Membership and assignment of a share group (KIP-932).
 */
import {
  array,
  type Infer,
  int16,
  int32,
  message,
  string,
  struct,
  structs,
  uuid,
} from '../schema/fields.ts'

export const ShareGroupHeartbeatRequest = message(
  76,
  'ShareGroupHeartbeatRequest',
  { versions: [1, 1], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    /** 0 joins, -1 leaves. */
    memberEpoch: int32,
    /** Where the client is; empty or null for unknown. */
    rackId: string.nullable(),
    /** Null when unchanged. */
    subscribedTopicNames: array(string).nullable(),
  },
)
export type ShareGroupHeartbeatRequest = Infer<typeof ShareGroupHeartbeatRequest>

export const ShareGroupHeartbeatResponse = message(
  76,
  'ShareGroupHeartbeatResponse',
  { versions: [1, 1], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    memberId: string.nullable(),
    memberEpoch: int32,
    /** Pause between heartbeats the coordinator asks for, in milliseconds. */
    heartbeatIntervalMs: int32,
    /** Null when unchanged. */
    assignment: struct({
      topicPartitions: structs({
        topicId: uuid,
        partitions: array(int32),
      }),
    }).nullable(),
  },
)
export type ShareGroupHeartbeatResponse = Infer<typeof ShareGroupHeartbeatResponse>

/**
 * ConsumerGroupHeartbeat, v0–1. Membership, subscription and assignment of the consumer protocol in
 * one call (KIP-848). v1 subscription by a pattern, and member ids made by the client (KIP-1082).
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

export const ConsumerGroupHeartbeatRequest = message(
  68,
  'ConsumerGroupHeartbeatRequest',
  { versions: [0, 1], flexible: 0 },
  {
    groupId: string,
    /** Made by the member from v1 on; empty on a first v0 call. */
    memberId: string,
    /** 0 joins, -1 leaves, -2 leaves for a while (static members). */
    memberEpoch: int32,
    /** Name of a static member, null for a dynamic one. */
    instanceId: string.nullable(),
    /** Where the client is; empty or null for unknown. */
    rackId: string.nullable(),
    /** -1 when unchanged, else milliseconds to give up partitions. */
    rebalanceTimeoutMs: int32.default(-1),
    /** Null when unchanged. */
    subscribedTopicNames: array(string).nullable(),
    /** RE2 pattern; null when unchanged. */
    subscribedTopicRegex: string.nullable().since(1),
    /** `uniform` or `range`; null when unchanged. */
    serverAssignor: string.nullable(),
    /** Partitions the member owns; null when unchanged. */
    topicPartitions: structs({
      topicId: uuid,
      partitions: array(int32),
    }).nullable(),
  },
)
export type ConsumerGroupHeartbeatRequest = Infer<typeof ConsumerGroupHeartbeatRequest>

export const ConsumerGroupHeartbeatResponse = message(
  68,
  'ConsumerGroupHeartbeatResponse',
  { versions: [0, 1], flexible: 0 },
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
export type ConsumerGroupHeartbeatResponse = Infer<typeof ConsumerGroupHeartbeatResponse>

/**
 * JoinGroup, v0–9. Enters a classic group; the answer waits until the generation is complete.
 * v1 rebalance timeout (KIP-62), v4 MEMBER_ID_REQUIRED for members without an id (KIP-394), v5
 * static members (KIP-345), v6 flexible, v7 protocol type out (KIP-559), v8 reason (KIP-800), v9
 * skipAssignment (KIP-814).
 */
import {
  bool,
  bytes,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const JoinGroupRequest = message(
  11,
  'JoinGroupRequest',
  { versions: [0, 9], flexible: 6 },
  {
    groupId: string,
    /** A member silent for longer is removed, in milliseconds. */
    sessionTimeoutMs: int32,
    /** Longest wait for this member to rejoin, in milliseconds; -1: the session timeout. */
    rebalanceTimeoutMs: int32.since(1).default(-1).ignorable(),
    /** Empty on a first join. */
    memberId: string,
    /** Name of a static member, null for a dynamic one. */
    groupInstanceId: string.nullable().since(5),
    /** `consumer`, `connect` or the like; one per group. */
    protocolType: string,
    /** Best first; the group takes one that all members have. */
    protocols: structs({
      name: string,
      metadata: bytes,
    }),
    reason: string.nullable().since(8).ignorable(),
  },
)
export type JoinGroupRequest = Infer<typeof JoinGroupRequest>

export const JoinGroupResponse = message(
  11,
  'JoinGroupResponse',
  { versions: [0, 9], flexible: 6 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(2).ignorable(),
    errorCode: int16,
    generationId: int32.default(-1),
    protocolType: string.nullable().since(7).ignorable(),
    protocolName: string.nullable(7),
    /** Member id of the leader. */
    leader: string,
    /** The leader is to monitor only, the assignment stands. */
    skipAssignment: bool.since(9),
    memberId: string,
    /** For the leader only; empty for others. */
    members: structs({
      memberId: string,
      /** Name of a static member, null for a dynamic one. */
      groupInstanceId: string.nullable().since(5).ignorable(),
      metadata: bytes,
    }),
  },
)
export type JoinGroupResponse = Infer<typeof JoinGroupResponse>

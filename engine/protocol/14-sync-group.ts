/**
 * SyncGroup, v0–5. Hands out the leader's assignment of one generation. v3 static members
 * (KIP-345), v4 flexible, v5 protocol type and name, checked against the group's (KIP-559).
 */
import { bytes, type Infer, int16, int32, message, string, structs } from '../schema/fields.ts'

export const SyncGroupRequest = message(
  14,
  'SyncGroupRequest',
  { versions: [0, 5], flexible: 4 },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    /** Name of a static member, null for a dynamic one. */
    groupInstanceId: string.nullable().since(3),
    protocolType: string.nullable().since(5).ignorable(),
    protocolName: string.nullable().since(5).ignorable(),
    /** From the leader; empty from others. */
    assignments: structs({
      memberId: string,
      assignment: bytes,
    }),
  },
)
export type SyncGroupRequest = Infer<typeof SyncGroupRequest>

export const SyncGroupResponse = message(
  14,
  'SyncGroupResponse',
  { versions: [0, 5], flexible: 4 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    protocolType: string.nullable().since(5).ignorable(),
    protocolName: string.nullable().since(5).ignorable(),
    /** Bytes of the leader's making, see consumer-protocol.ts. */
    assignment: bytes,
  },
)
export type SyncGroupResponse = Infer<typeof SyncGroupResponse>

/**
 * LeaveGroup, v0–5. Leaves a classic group. v3 several members at once, static ones too (KIP-345),
 * v4 flexible, v5 reason (KIP-800).
 */
import { type Infer, int16, int32, message, string, structs } from '../schema/fields.ts'

export const LeaveGroupRequest = message(
  13,
  'LeaveGroupRequest',
  { versions: [0, 5], flexible: 4 },
  {
    groupId: string,
    memberId: string.until(2),
    members: structs({
      memberId: string,
      /** Name of a static member, null for a dynamic one. */
      groupInstanceId: string.nullable(),
      reason: string.nullable().since(5).ignorable(),
    }).since(3),
  },
)
export type LeaveGroupRequest = Infer<typeof LeaveGroupRequest>

export const LeaveGroupResponse = message(
  13,
  'LeaveGroupResponse',
  { versions: [0, 5], flexible: 4 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    members: structs({
      memberId: string,
      /** Name of a static member, null for a dynamic one. */
      groupInstanceId: string.nullable(),
      errorCode: int16,
    }).since(3),
  },
)
export type LeaveGroupResponse = Infer<typeof LeaveGroupResponse>

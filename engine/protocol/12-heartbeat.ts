/**
 * Heartbeat, v0–4. Keeps a classic member's session alive and tells of rebalances. v3 static
 * members (KIP-345), v4 flexible.
 */
import { type Infer, int16, int32, message, string } from '../schema/fields.ts'

export const HeartbeatRequest = message(
  12,
  'HeartbeatRequest',
  { versions: [0, 4], flexible: 4 },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    /** Name of a static member, null for a dynamic one. */
    groupInstanceId: string.nullable().since(3),
  },
)
export type HeartbeatRequest = Infer<typeof HeartbeatRequest>

export const HeartbeatResponse = message(
  12,
  'HeartbeatResponse',
  { versions: [0, 4], flexible: 4 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
  },
)
export type HeartbeatResponse = Infer<typeof HeartbeatResponse>

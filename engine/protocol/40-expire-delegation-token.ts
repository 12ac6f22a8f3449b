/**
 * ExpireDelegationToken, v1–2. Ends a delegation token early (KIP-48). v2 flexible.
 */
import { bytes, type Infer, int16, int32, int64, message } from '../schema/fields.ts'

export const ExpireDelegationTokenRequest = message(
  40,
  'ExpireDelegationTokenRequest',
  { versions: [1, 2], flexible: 2 },
  {
    /** The token's secret, by which it is named. */
    hmac: bytes,
    /** -1: at once. */
    expiryTimePeriodMs: int64,
  },
)
export type ExpireDelegationTokenRequest = Infer<typeof ExpireDelegationTokenRequest>

export const ExpireDelegationTokenResponse = message(
  40,
  'ExpireDelegationTokenResponse',
  { versions: [1, 2], flexible: 2 },
  {
    errorCode: int16,
    expiryTimestampMs: int64,
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
  },
)
export type ExpireDelegationTokenResponse = Infer<typeof ExpireDelegationTokenResponse>

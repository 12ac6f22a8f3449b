/**
 * RenewDelegationToken, v1–2. Prolongs a delegation token (KIP-48). v2 flexible.
 */
import { bytes, type Infer, int16, int32, int64, message } from '../schema/fields.ts'

export const RenewDelegationTokenRequest = message(
  39,
  'RenewDelegationTokenRequest',
  { versions: [1, 2], flexible: 2 },
  {
    /** The token's secret, by which it is named. */
    hmac: bytes,
    /** -1: the broker's own. */
    renewPeriodMs: int64,
  },
)
export type RenewDelegationTokenRequest = Infer<typeof RenewDelegationTokenRequest>

export const RenewDelegationTokenResponse = message(
  39,
  'RenewDelegationTokenResponse',
  { versions: [1, 2], flexible: 2 },
  {
    errorCode: int16,
    expiryTimestampMs: int64,
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
  },
)
export type RenewDelegationTokenResponse = Infer<typeof RenewDelegationTokenResponse>

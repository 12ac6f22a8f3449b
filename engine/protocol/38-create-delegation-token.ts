/**
 * CreateDelegationToken, v1–3. Issues a delegation token (KIP-48). v2 flexible, v3 for another
 * owner (KIP-373).
 */
import {
  bytes,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const CreateDelegationTokenRequest = message(
  38,
  'CreateDelegationTokenRequest',
  { versions: [1, 3], flexible: 2 },
  {
    /** Null: the one who asks. */
    ownerPrincipalType: string.nullable().since(3),
    ownerPrincipalName: string.nullable().since(3),
    renewers: structs({
      principalType: string,
      principalName: string,
    }),
    /** -1: the broker's own limit. */
    maxLifetimeMs: int64,
  },
)
export type CreateDelegationTokenRequest = Infer<typeof CreateDelegationTokenRequest>

export const CreateDelegationTokenResponse = message(
  38,
  'CreateDelegationTokenResponse',
  { versions: [1, 3], flexible: 2 },
  {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: string.since(3),
    tokenRequesterPrincipalName: string.since(3),
    /** Milliseconds since 1970. */
    issueTimestampMs: int64,
    expiryTimestampMs: int64,
    maxTimestampMs: int64,
    tokenId: string,
    /** The token's secret, by which it is named. */
    hmac: bytes,
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
  },
)
export type CreateDelegationTokenResponse = Infer<typeof CreateDelegationTokenResponse>

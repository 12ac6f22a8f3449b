/**
 * DescribeDelegationToken, v1–3. Delegation tokens by owner (KIP-48). v2 flexible, v3 who asked for
 * them (KIP-373).
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

export const DescribeDelegationTokenRequest = message(
  41,
  'DescribeDelegationTokenRequest',
  { versions: [1, 3], flexible: 2 },
  {
    /** Null: all. */
    owners: structs({
      principalType: string,
      principalName: string,
    }).nullable(),
  },
)
export type DescribeDelegationTokenRequest = Infer<typeof DescribeDelegationTokenRequest>

export const DescribeDelegationTokenResponse = message(
  41,
  'DescribeDelegationTokenResponse',
  { versions: [1, 3], flexible: 2 },
  {
    errorCode: int16,
    tokens: structs({
      principalType: string,
      principalName: string,
      tokenRequesterPrincipalType: string.since(3),
      tokenRequesterPrincipalName: string.since(3),
      /** Milliseconds since 1970. */
      issueTimestamp: int64,
      expiryTimestamp: int64,
      maxTimestamp: int64,
      tokenId: string,
      /** The token's secret, by which it is named. */
      hmac: bytes,
      renewers: structs({
        principalType: string,
        principalName: string,
      }),
    }),
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
  },
)
export type DescribeDelegationTokenResponse = Infer<typeof DescribeDelegationTokenResponse>

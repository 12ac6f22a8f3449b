/**
 * SaslAuthenticate, v0–2. Carries SASL tokens (KIP-152). v1 session lifetime (KIP-368), v2
 * flexible.
 */
import { bytes, type Infer, int16, int64, message, string } from '../schema/fields.ts'

export const SaslAuthenticateRequest = message(
  36,
  'SaslAuthenticateRequest',
  { versions: [0, 2], flexible: 2 },
  {
    authBytes: bytes,
  },
)
export type SaslAuthenticateRequest = Infer<typeof SaslAuthenticateRequest>

export const SaslAuthenticateResponse = message(
  36,
  'SaslAuthenticateResponse',
  { versions: [0, 2], flexible: 2 },
  {
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    authBytes: bytes,
    /** After this long the client must authenticate again, 0: never. */
    sessionLifetimeMs: int64.since(1).ignorable(),
  },
)
export type SaslAuthenticateResponse = Infer<typeof SaslAuthenticateResponse>

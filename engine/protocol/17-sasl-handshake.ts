/**
 * SaslHandshake, v0–1. Chooses a SASL mechanism. v0: raw tokens follow without a Kafka header; v1:
 * they travel in SaslAuthenticate (KIP-152). Never flexible.
 */
import { array, type Infer, int16, message, string } from '../schema/fields.ts'

export const SaslHandshakeRequest = message(
  17,
  'SaslHandshakeRequest',
  { versions: [0, 1], flexible: null },
  {
    mechanism: string,
  },
)
export type SaslHandshakeRequest = Infer<typeof SaslHandshakeRequest>

export const SaslHandshakeResponse = message(
  17,
  'SaslHandshakeResponse',
  { versions: [0, 1], flexible: null },
  {
    errorCode: int16,
    mechanisms: array(string),
  },
)
export type SaslHandshakeResponse = Infer<typeof SaslHandshakeResponse>

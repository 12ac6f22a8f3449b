/**
 * UnregisterBroker, v0. Forgets a broker (KIP-500).
 */
import { type Infer, int16, int32, message, string } from '../schema/fields.ts'

export const UnregisterBrokerRequest = message(
  64,
  'UnregisterBrokerRequest',
  { versions: [0, 0], flexible: 0 },
  {
    brokerId: int32,
  },
)
export type UnregisterBrokerRequest = Infer<typeof UnregisterBrokerRequest>

export const UnregisterBrokerResponse = message(
  64,
  'UnregisterBrokerResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
  },
)
export type UnregisterBrokerResponse = Infer<typeof UnregisterBrokerResponse>

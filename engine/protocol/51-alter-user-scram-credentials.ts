/**
 * AlterUserScramCredentials, v0. Sets and removes SCRAM credentials (KIP-554).
 */
import {
  bytes,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const AlterUserScramCredentialsRequest = message(
  51,
  'AlterUserScramCredentialsRequest',
  { versions: [0, 0], flexible: 0 },
  {
    deletions: structs({
      name: string,
      /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512. */
      mechanism: int8,
    }),
    upsertions: structs({
      name: string,
      /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512. */
      mechanism: int8,
      iterations: int32,
      salt: bytes,
      /** Salted by the client; the password itself never travels. */
      saltedPassword: bytes,
    }),
  },
)
export type AlterUserScramCredentialsRequest = Infer<typeof AlterUserScramCredentialsRequest>

export const AlterUserScramCredentialsResponse = message(
  51,
  'AlterUserScramCredentialsResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    results: structs({
      user: string,
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
    }),
  },
)
export type AlterUserScramCredentialsResponse = Infer<typeof AlterUserScramCredentialsResponse>

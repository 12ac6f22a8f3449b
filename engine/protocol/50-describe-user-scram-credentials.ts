/**
 * DescribeUserScramCredentials, v0. SCRAM mechanisms and iterations of users (KIP-554).
 */
import { type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const DescribeUserScramCredentialsRequest = message(
  50,
  'DescribeUserScramCredentialsRequest',
  { versions: [0, 0], flexible: 0 },
  {
    /** Null or empty: all users. */
    users: structs({
      name: string,
    }).nullable(),
  },
)
export type DescribeUserScramCredentialsRequest = Infer<typeof DescribeUserScramCredentialsRequest>

export const DescribeUserScramCredentialsResponse = message(
  50,
  'DescribeUserScramCredentialsResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    results: structs({
      user: string,
      errorCode: int16,
      errorMessage: string.nullable(),
      credentialInfos: structs({
        /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512. */
        mechanism: int8,
        iterations: int32,
      }),
    }),
  },
)
export type DescribeUserScramCredentialsResponse = Infer<
  typeof DescribeUserScramCredentialsResponse
>

/**
 * DescribeUserScramCredentials, v0. No user has any here, and that is what is told: kafka-configs asks
 * for them whenever it shows a user's quotas.
 *
 * differs from Kafka: there are no SCRAM credentials, and none can be set.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../../engine/protocol/50-describe-user-scram-credentials.ts'
import type { Handler } from '../handler.ts'

export const describeUserScramCredentialsHandler: Handler<
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse
> = {
  apiKey: 50,
  versions: [0, 0],
  pipelined: false,
  request: DescribeUserScramCredentialsRequest,
  response: DescribeUserScramCredentialsResponse,
  handle(_context, { users }) {
    const names = (users ?? []).map(({ name }) => name)
    const results = [...new Set(names)].map((user) => {
      const again = names.indexOf(user) !== names.lastIndexOf(user)
      return {
        user,
        errorCode: again ? ErrorCode.DUPLICATE_RESOURCE : ErrorCode.RESOURCE_NOT_FOUND,
        errorMessage: again
          ? `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
          : `Attempt to describe a user credential that does not exist: ${user}`,
        credentialInfos: [],
      }
    })
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: '', results }
  },
}

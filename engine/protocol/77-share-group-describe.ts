/**
 * ShareGroupDescribe, v1. State and members of share groups (KIP-932).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  message,
  string,
  struct,
  structs,
  uuid,
} from '../schema/fields.ts'

export const ShareGroupDescribeRequest = message(
  77,
  'ShareGroupDescribeRequest',
  { versions: [1, 1], flexible: 0 },
  {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
  },
)
export type ShareGroupDescribeRequest = Infer<typeof ShareGroupDescribeRequest>

export const ShareGroupDescribeResponse = message(
  77,
  'ShareGroupDescribeResponse',
  { versions: [1, 1], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    groups: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: structs({
        memberId: string,
        /** Where the client is; empty or null for unknown. */
        rackId: string.nullable(),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        assignment: struct({
          topicPartitions: structs({
            topicId: uuid,
            topicName: string,
            partitions: array(int32),
          }),
        }),
      }),
      /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
      authorizedOperations: int32.default(-2147483648),
    }),
  },
)
export type ShareGroupDescribeResponse = Infer<typeof ShareGroupDescribeResponse>

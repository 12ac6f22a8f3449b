/**
 * ConsumerGroupDescribe, v0–1. State and members of consumer groups (KIP-848). v1 member type
 * (KIP-1099).
 */
import {
  array,
  bool,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  struct,
  structs,
  uuid,
} from '../schema/fields.ts'

export const ConsumerGroupDescribeRequest = message(
  69,
  'ConsumerGroupDescribeRequest',
  { versions: [0, 1], flexible: 0 },
  {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
  },
)
export type ConsumerGroupDescribeRequest = Infer<typeof ConsumerGroupDescribeRequest>

const assignment = {
  topicPartitions: structs({
    topicId: uuid,
    topicName: string,
    partitions: array(int32),
  }),
}

export const ConsumerGroupDescribeResponse = message(
  69,
  'ConsumerGroupDescribeResponse',
  { versions: [0, 1], flexible: 0 },
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
        /** Name of a static member, null for a dynamic one. */
        instanceId: string.nullable(),
        /** Where the client is; empty or null for unknown. */
        rackId: string.nullable(),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        subscribedTopicRegex: string.nullable(),
        assignment: struct(assignment),
        /** What the member is on its way to. */
        targetAssignment: struct(assignment),
        /** -1 unknown, 0 classic, 1 consumer. */
        memberType: int8.since(1).default(-1).ignorable(),
      }),
      /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
      authorizedOperations: int32.default(-2147483648),
    }),
  },
)
export type ConsumerGroupDescribeResponse = Infer<typeof ConsumerGroupDescribeResponse>

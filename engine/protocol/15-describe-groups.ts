/**
 * DescribeGroups, v0–6. State and members of classic groups. v3 authorized operations (KIP-430), v4
 * static members (KIP-345), v5 flexible, v6 GROUP_ID_NOT_FOUND instead of state Dead (KIP-1043).
 */
import {
  array,
  bool,
  bytes,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const DescribeGroupsRequest = message(
  15,
  'DescribeGroupsRequest',
  { versions: [0, 6], flexible: 5 },
  {
    groups: array(string),
    includeAuthorizedOperations: bool.since(3),
  },
)
export type DescribeGroupsRequest = Infer<typeof DescribeGroupsRequest>

export const DescribeGroupsResponse = message(
  15,
  'DescribeGroupsResponse',
  { versions: [0, 6], flexible: 5 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(1).ignorable(),
    groups: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable().since(6),
      groupId: string,
      /** PreparingRebalance, CompletingRebalance, Stable, Empty or Dead. */
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: structs({
        memberId: string,
        /** Name of a static member, null for a dynamic one. */
        groupInstanceId: string.nullable().since(4).ignorable(),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes,
      }),
      /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
      authorizedOperations: int32.since(3).default(-2147483648),
    }),
  },
)
export type DescribeGroupsResponse = Infer<typeof DescribeGroupsResponse>

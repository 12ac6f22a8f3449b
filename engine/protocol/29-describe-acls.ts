/**
 * DescribeAcls, v1–3. Lists access rules that match a filter (KIP-140). v1 pattern types (KIP-290),
 * v2 flexible, v3 the user resource type.
 */
import { type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const DescribeAclsRequest = message(
  29,
  'DescribeAclsRequest',
  { versions: [1, 3], flexible: 2 },
  {
    /** 1 any, 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user. */
    resourceTypeFilter: int8,
    /** Null: any. */
    resourceNameFilter: string.nullable(),
    /** 1 any, 2 match, 3 literal, 4 prefixed. */
    patternTypeFilter: int8.default(3),
    /** Null: any. */
    principalFilter: string.nullable(),
    /** Null: any. */
    hostFilter: string.nullable(),
    /**
     * 1 any, 2 all, 3 read, 4 write, 5 create, 6 delete, 7 alter, 8 describe, 9 cluster action, 10
     * describe configs, 11 alter configs, 12 idempotent write, 13 create tokens, 14 describe tokens,
     * 15 two-phase commit.
     */
    operation: int8,
    /** 1 any, 2 deny, 3 allow. */
    permissionType: int8,
  },
)
export type DescribeAclsRequest = Infer<typeof DescribeAclsRequest>

export const DescribeAclsResponse = message(
  29,
  'DescribeAclsResponse',
  { versions: [1, 3], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    resources: structs({
      resourceType: int8,
      resourceName: string,
      /** 3 literal, 4 prefixed. */
      patternType: int8.default(3),
      acls: structs({
        principal: string,
        host: string,
        operation: int8,
        /** 2 deny, 3 allow. */
        permissionType: int8,
      }),
    }),
  },
)
export type DescribeAclsResponse = Infer<typeof DescribeAclsResponse>

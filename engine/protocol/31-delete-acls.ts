/**
 * DeleteAcls, v1–3. Removes access rules that match filters (KIP-140). v1 pattern types (KIP-290),
 * v2 flexible, v3 the user resource type.
 */
import { type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const DeleteAclsRequest = message(
  31,
  'DeleteAclsRequest',
  { versions: [1, 3], flexible: 2 },
  {
    filters: structs({
      resourceTypeFilter: int8,
      resourceNameFilter: string.nullable(),
      /** 1 any, 2 match, 3 literal, 4 prefixed. */
      patternTypeFilter: int8.default(3),
      principalFilter: string.nullable(),
      hostFilter: string.nullable(),
      operation: int8,
      /** 1 any, 2 deny, 3 allow. */
      permissionType: int8,
    }),
  },
)
export type DeleteAclsRequest = Infer<typeof DeleteAclsRequest>

export const DeleteAclsResponse = message(
  31,
  'DeleteAclsResponse',
  { versions: [1, 3], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    filterResults: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
      matchingAcls: structs({
        errorCode: int16,
        errorMessage: string.nullable(),
        resourceType: int8,
        resourceName: string,
        /** 3 literal, 4 prefixed. */
        patternType: int8.default(3),
        principal: string,
        host: string,
        operation: int8,
        /** 2 deny, 3 allow. */
        permissionType: int8,
      }),
    }),
  },
)
export type DeleteAclsResponse = Infer<typeof DeleteAclsResponse>

/**
 * CreateAcls, v1–3. Adds access rules (KIP-140). v1 pattern types (KIP-290), v2 flexible, v3 the
 * user resource type.
 */
import { type Infer, int8, int16, int32, message, string, structs } from '../schema/fields.ts'

export const CreateAclsRequest = message(
  30,
  'CreateAclsRequest',
  { versions: [1, 3], flexible: 2 },
  {
    creations: structs({
      /** 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user. */
      resourceType: int8,
      resourceName: string,
      /** 3 literal, 4 prefixed. */
      resourcePatternType: int8.default(3),
      principal: string,
      host: string,
      operation: int8,
      /** 2 deny, 3 allow. */
      permissionType: int8,
    }),
  },
)
export type CreateAclsRequest = Infer<typeof CreateAclsRequest>

export const CreateAclsResponse = message(
  30,
  'CreateAclsResponse',
  { versions: [1, 3], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    results: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
    }),
  },
)
export type CreateAclsResponse = Infer<typeof CreateAclsResponse>

/**
 * DeleteGroups, v0–2. Deletes empty groups (KIP-229). v2 flexible.
 */
import { array, type Infer, int16, int32, message, string, structs } from '../schema/fields.ts'

export const DeleteGroupsRequest = message(
  42,
  'DeleteGroupsRequest',
  { versions: [0, 2], flexible: 2 },
  {
    groupsNames: array(string),
  },
)
export type DeleteGroupsRequest = Infer<typeof DeleteGroupsRequest>

export const DeleteGroupsResponse = message(
  42,
  'DeleteGroupsResponse',
  { versions: [0, 2], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    results: structs({
      groupId: string,
      errorCode: int16,
    }),
  },
)
export type DeleteGroupsResponse = Infer<typeof DeleteGroupsResponse>

/**
 * ListGroups, v0–5. Groups this broker coordinates. v3 flexible, v4 filter by state (KIP-518), v5
 * filter by type (KIP-848).
 */
import { array, type Infer, int16, int32, message, string, structs } from '../schema/fields.ts'

export const ListGroupsRequest = message(
  16,
  'ListGroupsRequest',
  { versions: [0, 5], flexible: 3 },
  {
    /** Empty: every state. */
    statesFilter: array(string).since(4),
    /** Empty: every type. */
    typesFilter: array(string).since(5),
  },
)
export type ListGroupsRequest = Infer<typeof ListGroupsRequest>

export const ListGroupsResponse = message(
  16,
  'ListGroupsResponse',
  { versions: [0, 5], flexible: 3 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    groups: structs({
      groupId: string,
      protocolType: string,
      groupState: string.since(4).ignorable(),
      groupType: string.since(5).ignorable(),
    }),
  },
)
export type ListGroupsResponse = Infer<typeof ListGroupsResponse>

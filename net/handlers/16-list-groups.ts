/**
 * ListGroups, v0–v5. v3 flexible, v4 filter by state, v5 filter by type. Asks every partition; no
 * topic, no groups. Decided by the group coordinators, see group-request.ts.
 */
import { mergeListGroups, splitListGroups } from '../../engine/coordinator/group/split.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../engine/protocol/16-list-groups.ts'
import { manyGroupsHandler } from './group-request.ts'

export const listGroupsHandler = manyGroupsHandler({
  apiKey: 16,
  versions: [0, 5],
  request: ListGroupsRequest,
  response: ListGroupsResponse,
  split: (request, _apiVersion, partitions) => splitListGroups(request, partitions),
  merge: (_request, _apiVersion, responses) => mergeListGroups(responses),
  whileMissing: () => mergeListGroups([]),
})

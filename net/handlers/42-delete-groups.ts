/**
 * DeleteGroups, v0–v2. v2 flexible.
 * Decided by the group coordinators, see group-request.ts.
 */
import { mergeDeleteGroups, splitDeleteGroups } from '../../engine/coordinator/group/split.ts'
import {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
} from '../../engine/protocol/42-delete-groups.ts'
import { manyGroupsHandler } from './group-request.ts'

export const deleteGroupsHandler = manyGroupsHandler({
  apiKey: 42,
  versions: [0, 2],
  request: DeleteGroupsRequest,
  response: DeleteGroupsResponse,
  split: (request, _apiVersion, partitions) => splitDeleteGroups(request, partitions),
  merge: (request, _apiVersion, responses) => mergeDeleteGroups(request, responses),
})

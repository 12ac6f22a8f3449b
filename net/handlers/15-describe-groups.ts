/**
 * DescribeGroups, v0–v6. v3 authorized operations, v4 group instance id, v5 flexible, v6
 * GROUP_ID_NOT_FOUND for unknown groups. Decided by the group coordinators, see group-request.ts.
 */
import { mergeDescribeGroups, splitDescribeGroups } from '../../engine/coordinator/group/split.ts'
import {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../engine/protocol/15-describe-groups.ts'
import { manyGroupsHandler } from './group-request.ts'

export const describeGroupsHandler = manyGroupsHandler({
  apiKey: 15,
  versions: [0, 6],
  request: DescribeGroupsRequest,
  response: DescribeGroupsResponse,
  split: (request, _apiVersion, partitions) => splitDescribeGroups(request, partitions),
  merge: (request, _apiVersion, responses) => mergeDescribeGroups(request, responses),
})

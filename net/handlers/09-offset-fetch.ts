/**
 * OffsetFetch, v1–v10. v2 null topics = all and an error on top, v5 leader epochs, v6 flexible, v7
 * stable offsets only, v8 several groups, v9 member epoch, v10 topic ids.
 * Decided by the group coordinators, see group-request.ts.
 */
import { mergeOffsetFetch, splitOffsetFetch } from '../../engine/coordinator/group/split.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../engine/protocol/09-offset-fetch.ts'
import { manyGroupsHandler } from './group-request.ts'

export const offsetFetchHandler = manyGroupsHandler({
  apiKey: 9,
  versions: [1, 10],
  request: OffsetFetchRequest,
  response: OffsetFetchResponse,
  split: splitOffsetFetch,
  merge: mergeOffsetFetch,
})

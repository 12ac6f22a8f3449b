/**
 * Requests that name several groups, or all: which internal partitions they go to, and how the
 * answers become one again. Pure; called by the handlers in net, which send each part to the shard
 * that owns the partition. A request of one group has one part, and needs no merge.
 *
 * Invariant: the merged answer has one entry per group asked for, in the order asked.
 */

import { assert } from '../../base/assert.ts'
import { ErrorCode } from '../../base/errors.ts'
import type { OffsetFetchRequest, OffsetFetchResponse } from '../../protocol/09-offset-fetch.ts'
import type {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../protocol/15-describe-groups.ts'
import type { ListGroupsRequest, ListGroupsResponse } from '../../protocol/16-list-groups.ts'
import type { DeleteGroupsRequest, DeleteGroupsResponse } from '../../protocol/42-delete-groups.ts'
import type {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../protocol/69-consumer-group-describe.ts'
import { askedGroups, FIRST_MULTI_GROUP_VERSION, fetchResponse } from './offset-fetch.ts'

/** A request, or a piece of one, for one partition of __consumer_offsets. */
export interface Part<Request> {
  readonly partition: number
  readonly request: Request
}

/**
 * The partition that holds a group: the absolute value of Java's String.hashCode (over UTF-16
 * units), modulo `partitions` (>= 1).
 */
export function groupPartition(groupId: string, partitions: number): number {
  let hash = 0
  for (let at = 0; at < groupId.length; at++)
    hash = (Math.imul(hash, 31) + groupId.charCodeAt(at)) | 0
  // The smallest integer has no absolute value in Java; Kafka takes 0 for it.
  return (hash === -2_147_483_648 ? 0 : Math.abs(hash)) % partitions
}

function byPartition<Item>(
  items: readonly Item[],
  groupIdOf: (item: Item) => string,
  partitions: number,
): Map<number, Item[]> {
  const parts = new Map<number, Item[]>()
  for (const item of items) {
    const partition = groupPartition(groupIdOf(item), partitions)
    const part = parts.get(partition)
    if (part === undefined) parts.set(partition, [item])
    else part.push(item)
  }
  return parts
}

/** Orders answered groups as they were asked for; an id asked for twice takes one answer each. */
function inOrder<Answer>(
  asked: readonly string[],
  answers: readonly Answer[],
  groupIdOf: (answer: Answer) => string,
): Answer[] {
  const byId = new Map<string, Answer[]>()
  for (const answer of answers) {
    const queue = byId.get(groupIdOf(answer))
    if (queue === undefined) byId.set(groupIdOf(answer), [answer])
    else queue.push(answer)
  }
  return asked.map((groupId) => {
    const answer = byId.get(groupId)?.shift()
    assert(answer !== undefined, `group ${groupId} has an answer`)
    return answer
  })
}

export function splitOffsetFetch(
  request: OffsetFetchRequest,
  apiVersion: number,
  partitions: number,
): Part<OffsetFetchRequest>[] {
  if (apiVersion < FIRST_MULTI_GROUP_VERSION)
    return [{ partition: groupPartition(request.groupId, partitions), request }]
  const parts = byPartition(request.groups, (group) => group.groupId, partitions)
  return [...parts].map(([partition, groups]) => ({ partition, request: { ...request, groups } }))
}

export function mergeOffsetFetch(
  request: OffsetFetchRequest,
  apiVersion: number,
  responses: readonly OffsetFetchResponse[],
): OffsetFetchResponse {
  const only = responses[0]
  if (apiVersion < FIRST_MULTI_GROUP_VERSION && only !== undefined) return only
  const asked = askedGroups(request, apiVersion).map((group) => group.groupId)
  const answers = responses.flatMap((response) => response.groups)
  return fetchResponse(
    inOrder(asked, answers, (group) => group.groupId),
    apiVersion,
  )
}

export function splitDescribeGroups(
  request: DescribeGroupsRequest,
  partitions: number,
): Part<DescribeGroupsRequest>[] {
  const parts = byPartition(request.groups, (groupId) => groupId, partitions)
  return [...parts].map(([partition, groups]) => ({ partition, request: { ...request, groups } }))
}

export function mergeDescribeGroups(
  request: DescribeGroupsRequest,
  responses: readonly DescribeGroupsResponse[],
): DescribeGroupsResponse {
  const answers = responses.flatMap((response) => response.groups)
  return {
    throttleTimeMs: 0,
    groups: inOrder(request.groups, answers, (group) => group.groupId),
  }
}

export function splitDeleteGroups(
  request: DeleteGroupsRequest,
  partitions: number,
): Part<DeleteGroupsRequest>[] {
  const parts = byPartition(request.groupsNames, (groupId) => groupId, partitions)
  return [...parts].map(([partition, groupsNames]) => ({
    partition,
    request: { ...request, groupsNames },
  }))
}

export function mergeDeleteGroups(
  request: DeleteGroupsRequest,
  responses: readonly DeleteGroupsResponse[],
): DeleteGroupsResponse {
  const answers = responses.flatMap((response) => response.results)
  return {
    throttleTimeMs: 0,
    results: inOrder(request.groupsNames, answers, (result) => result.groupId),
  }
}

export function splitConsumerDescribe(
  request: ConsumerGroupDescribeRequest,
  partitions: number,
): Part<ConsumerGroupDescribeRequest>[] {
  const parts = byPartition(request.groupIds, (groupId) => groupId, partitions)
  return [...parts].map(([partition, groupIds]) => ({
    partition,
    request: { ...request, groupIds },
  }))
}

export function mergeConsumerDescribe(
  request: ConsumerGroupDescribeRequest,
  responses: readonly ConsumerGroupDescribeResponse[],
): ConsumerGroupDescribeResponse {
  const answers = responses.flatMap((response) => response.groups)
  return {
    throttleTimeMs: 0,
    groups: inOrder(request.groupIds, answers, (group) => group.groupId),
  }
}

/** ListGroups goes to every partition as it is. */
export function splitListGroups(
  request: ListGroupsRequest,
  partitions: number,
): Part<ListGroupsRequest>[] {
  return Array.from({ length: partitions }, (_, partition) => ({ partition, request }))
}

/**
 * All groups, or the first error: a list that lacks groups would look complete. A partition that
 * another broker holds has none to list here.
 */
export function mergeListGroups(responses: readonly ListGroupsResponse[]): ListGroupsResponse {
  const failed = responses.find(
    ({ errorCode }) => errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.NOT_COORDINATOR,
  )
  if (failed !== undefined) return { throttleTimeMs: 0, errorCode: failed.errorCode, groups: [] }
  const groups = responses.flatMap((response) => response.groups)
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, groups }
}

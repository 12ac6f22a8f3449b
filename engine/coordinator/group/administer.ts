/**
 * DescribeGroups, ListGroups and DeleteGroups for the groups of one internal partition. Source:
 * Kafka's GroupMetadataManager and GroupCoordinatorShard.
 *
 * DescribeGroups: an unknown group is "Dead" without error up to v5, and GROUP_ID_NOT_FOUND with a
 * message from v6; the members' metadata is told in Stable only. ListGroups: filters by state (v4)
 * and type (v5), both without regard to case. DeleteGroups: non-empty 68, unknown 69.
 */
import { ErrorCode } from '../../base/errors.ts'
import type {
  DescribeGroupsRequest,
  DescribeGroupsResponse,
} from '../../protocol/15-describe-groups.ts'
import type { ListGroupsResponse } from '../../protocol/16-list-groups.ts'
import type { DeleteGroupsRequest, DeleteGroupsResponse } from '../../protocol/42-delete-groups.ts'
import { answer, type CoordinatorRecord } from '../state-machine.ts'
import type { ClassicGroup } from './classic-group.ts'
import { EMPTY_BYTES } from './classic-member.ts'
import { consumerTombstones } from './consumer-downgrade.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { allOffsetTombstones } from './offset-delete.ts'
import { NO_OPERATIONS, withOperations } from './operations.ts'
import { groupTombstone } from './records.ts'
import type { GroupRequestOf } from './requests.ts'

export type DescribedGroup = DescribeGroupsResponse['groups'][number]
type ListedGroup = ListGroupsResponse['groups'][number]

/** Group names of the wire and of filters. */
const CLASSIC_TYPE = 'classic'
const CONSUMER_TYPE = 'consumer'

export function describeGroups(env: GroupEnv, request: GroupRequestOf<15>): GroupOutcome {
  const { apiVersion, body } = request
  const groups = body.groups.map((groupId) => {
    const group = env.groups.get(groupId)
    if (group !== undefined) return describeGroup(group)
    if (apiVersion <= 5) return described(groupId, { groupState: 'Dead' })
    const isOther = env.consumers.has(groupId) || env.foreign.get(groupId) !== undefined
    const what = isOther ? 'is not a classic group' : 'not found'
    return described(groupId, {
      groupState: 'Dead',
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage: `Group ${groupId} ${what}.`,
    })
  })
  return answer({
    throttleTimeMs: 0,
    groups: withOperations(groups, body.includeAuthorizedOperations),
  })
}

function described(groupId: string, as: Partial<DescribedGroup>): DescribedGroup {
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    groupId,
    groupState: '',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: NO_OPERATIONS,
    ...as,
  }
}

function describeGroup(group: ClassicGroup): DescribedGroup {
  const protocolName = group.state === 'Stable' ? group.protocolName : null
  return described(group.groupId, {
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: protocolName ?? '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: protocolName === null ? EMPTY_BYTES : member.metadata(protocolName),
      memberAssignment: member.assignment,
    })),
  })
}

/** The same error for every group asked for. */
export function describeError(
  body: DescribeGroupsRequest,
  errorCode: number,
): DescribeGroupsResponse {
  const groups = body.groups.map((groupId) => described(groupId, { errorCode }))
  return { throttleTimeMs: 0, groups }
}

export function listGroups(env: GroupEnv, request: GroupRequestOf<16>): GroupOutcome {
  const states = new Set(request.body.statesFilter.map((state) => state.toLowerCase()))
  const types = new Set(request.body.typesFilter.map((type) => type.toLowerCase()))
  const groups: ListedGroup[] = []
  const list = (group: ListedGroup): void => {
    if (states.size > 0 && !states.has(group.groupState.toLowerCase())) return
    if (types.size === 0 || types.has(group.groupType)) groups.push(group)
  }
  for (const group of env.groups.values())
    list({
      groupId: group.groupId,
      protocolType: group.protocolType ?? '',
      groupState: group.state,
      groupType: CLASSIC_TYPE,
    })
  for (const group of env.consumers.values())
    list({
      groupId: group.groupId,
      protocolType: CONSUMER_TYPE,
      groupState: group.state,
      groupType: CONSUMER_TYPE,
    })
  for (const group of env.foreign.all())
    list({
      groupId: group.groupId,
      protocolType: group.type,
      groupState: group.isEmpty ? 'Empty' : 'Stable',
      groupType: group.type,
    })
  return answer({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, groups })
}

/** Deletes what can be deleted, all of it in one batch. */
export function deleteGroups(env: GroupEnv, request: GroupRequestOf<42>): GroupOutcome {
  const records: CoordinatorRecord[] = []
  const dying: ClassicGroup[] = []
  const dyingConsumers: ConsumerGroup[] = []
  const results = request.body.groupsNames.map((groupId) => {
    const group = env.groups.get(groupId)
    const foreign = env.foreign.get(groupId)
    const consumers = env.consumers.get(groupId)
    let errorCode: number = ErrorCode.NONE
    if (group !== undefined && group.state !== 'Dead') {
      if (group.state !== 'Empty') errorCode = ErrorCode.NON_EMPTY_GROUP
      else {
        records.push(...allOffsetTombstones(env, groupId), groupTombstone(groupId))
        dying.push(group)
        markDead(env, group)
      }
    } else if (consumers !== undefined) {
      // A write on its way may be that of a member that joins.
      if (!consumers.isEmpty || env.turns.isBusy(groupId)) errorCode = ErrorCode.NON_EMPTY_GROUP
      else {
        records.push(...allOffsetTombstones(env, groupId), ...consumerTombstones(consumers))
        dyingConsumers.push(consumers)
        consumers.isDying = true
        env.turns.hold(groupId)
      }
    } else if (foreign !== undefined) {
      if (!foreign.isEmpty) errorCode = ErrorCode.NON_EMPTY_GROUP
      else records.push(...allOffsetTombstones(env, groupId), ...foreign.tombstones())
    } else errorCode = ErrorCode.GROUP_ID_NOT_FOUND
    return { groupId, errorCode }
  })
  return {
    records,
    replay: true,
    response: { throttleTimeMs: 0, results },
    settled: (errorCode) => {
      if (errorCode !== ErrorCode.NONE) for (const group of dying) revive(env, group)
      for (const group of dyingConsumers) {
        group.isDying = false
        env.turns.release(group.groupId)
      }
    },
  }
}

/** From now until its tombstone is committed nobody gets into the group. */
export function markDead(env: GroupEnv, group: ClassicGroup): void {
  group.cancelTimers()
  const sinceMs = group.stateTimestampMs
  group.transitionTo('Dead', env.context.clock.wallMs())
  group.stateTimestampMs = sinceMs
}

/** The tombstone was not written: the group is empty as it was. */
export function revive(env: GroupEnv, group: ClassicGroup): void {
  if (group.state !== 'Dead' || env.groups.get(group.groupId) !== group) return
  group.transitionTo('Empty', group.stateTimestampMs)
}

/** The same error for every group named. */
export function deleteGroupsError(
  body: DeleteGroupsRequest,
  errorCode: number,
): DeleteGroupsResponse {
  const results = body.groupsNames.map((groupId) => ({ groupId, errorCode }))
  return { throttleTimeMs: 0, results }
}

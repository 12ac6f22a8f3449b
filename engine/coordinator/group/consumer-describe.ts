/**
 * ConsumerGroupDescribe for the groups of one internal partition. A group that is not there, or not
 * a consumer group, answers GROUP_ID_NOT_FOUND with a message. Source: Kafka's ConsumerGroup.
 * asDescribedGroup.
 */
import { ErrorCode } from '../../base/errors.ts'
import type {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../protocol/69-consumer-group-describe.ts'
import { answer, type TopicDirectory } from '../state-machine.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { notConsumerGroup } from './consumer-join.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { type Partitions, toList } from './consumer-partitions.ts'
import { preferredAssignor } from './consumer-target.ts'
import type { GroupEnv, GroupOutcome } from './env.ts'
import { NO_OPERATIONS, withOperations } from './operations.ts'
import type { GroupRequestOf } from './requests.ts'

type DescribedGroup = ConsumerGroupDescribeResponse['groups'][number]

const CLASSIC_MEMBER = 0
const CONSUMER_MEMBER = 1

export function describeConsumerGroups(env: GroupEnv, request: GroupRequestOf<69>): GroupOutcome {
  const { groupIds, includeAuthorizedOperations } = request.body
  const groups = groupIds.map((groupId): DescribedGroup => {
    const group = env.consumers.get(groupId)
    if (group !== undefined) return describe(env, group)
    if (groupId === '') return described(groupId, { errorCode: ErrorCode.INVALID_GROUP_ID })
    const isOther = env.groups.has(groupId) || env.foreign.get(groupId) !== undefined
    return described(groupId, {
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage: isOther ? notConsumerGroup(groupId).message : `Group ${groupId} not found.`,
    })
  })
  return answer({ throttleTimeMs: 0, groups: withOperations(groups, includeAuthorizedOperations) })
}

function described(groupId: string, as: Partial<DescribedGroup>): DescribedGroup {
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: NO_OPERATIONS,
    ...as,
  }
}

function describe(env: GroupEnv, group: ConsumerGroup): DescribedGroup {
  const image = env.context.image()
  return described(group.groupId, {
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.targetEpoch,
    assignorName: preferredAssignor(group.members.values(), env.config.consumer.assignors),
    members: [...group.members.values()].map((member) =>
      describeMember(member, group.target(member.memberId), image),
    ),
  })
}

function describeMember(
  member: ConsumerMember,
  target: Partitions,
  image: TopicDirectory,
): DescribedGroup['members'][number] {
  return {
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.memberEpoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...member.topicNames],
    subscribedTopicRegex: member.topicRegex,
    assignment: named(member.assigned, image),
    targetAssignment: named(target, image),
    memberType: member.classic === null ? CONSUMER_MEMBER : CLASSIC_MEMBER,
  }
}

/** Topics that are gone have no name to be told by. */
function named(partitions: Partitions, image: TopicDirectory) {
  const topicPartitions = toList(partitions).flatMap(({ topicId, partitions: list }) => {
    const topicName = image.topicsById.get(topicId)?.name
    return topicName === undefined ? [] : [{ topicId, topicName, partitions: list }]
  })
  return { topicPartitions }
}

/** The same error for every group asked for. */
export function describeConsumerError(
  body: ConsumerGroupDescribeRequest,
  errorCode: number,
): ConsumerGroupDescribeResponse {
  const groups = body.groupIds.map((groupId) => described(groupId, { errorCode }))
  return { throttleTimeMs: 0, groups }
}

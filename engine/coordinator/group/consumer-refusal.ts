/** A "no" to a consumer group's member: the code, and the words Kafka puts beside it. */
import { ErrorCode } from '../../base/errors.ts'
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from '../../protocol/68-consumer-group-heartbeat.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { JOINING_EPOCH } from './consumer-member.ts'
import { isSubset } from './consumer-partitions.ts'

export interface Refusal {
  readonly errorCode: number
  readonly message: string | null
}

export function refusal(errorCode: number, message: string | null): Refusal {
  return { errorCode, message }
}

export function isRefusal(value: object): value is Refusal {
  return 'errorCode' in value
}

export function heartbeatError({ errorCode, message }: Refusal): ConsumerGroupHeartbeatResponse {
  return {
    throttleTimeMs: 0,
    errorCode,
    errorMessage: message,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  }
}

export function unknownMember(groupId: string, memberId: string): Refusal {
  return refusal(
    ErrorCode.UNKNOWN_MEMBER_ID,
    `Member ${memberId} is not a member of group ${groupId}.`,
  )
}

export function unknownInstance(instanceId: string): Refusal {
  return refusal(ErrorCode.UNKNOWN_MEMBER_ID, `Instance id ${instanceId} is unknown.`)
}

export function fencedInstance(memberId: string, instanceId: string, by: string): Refusal {
  return refusal(
    ErrorCode.FENCED_INSTANCE_ID,
    `Static member ${memberId} with instance id ${instanceId} was fenced by member ${by}.`,
  )
}

export function unreleasedInstance(memberId: string, instanceId: string, by: string): Refusal {
  return refusal(
    ErrorCode.UNRELEASED_INSTANCE_ID,
    `Static member ${memberId} with instance id ${instanceId} cannot join the group because ` +
      `the instance id is owned by ${by} member.`,
  )
}

export function groupFull(maxSize: number): Refusal {
  return refusal(
    ErrorCode.GROUP_MAX_SIZE_REACHED,
    `The consumer group has reached its maximum capacity of ${maxSize} members.`,
  )
}

/**
 * The epoch a member comes with must be its own. The one before is taken when all it owns is still
 * its: then it was the answer that got lost. Epoch 0 joins (again).
 */
export function epochRefusal(
  member: ConsumerMember,
  epoch: number,
  owned: ConsumerGroupHeartbeatRequest['topicPartitions'],
): Refusal | null {
  if (epoch === JOINING_EPOCH || epoch === member.memberEpoch) return null
  const isGreater = epoch > member.memberEpoch
  if (!isGreater && epoch === member.previousMemberEpoch && owned !== null)
    if (isSubset(owned, member.assigned)) return null
  return refusal(
    ErrorCode.FENCED_MEMBER_EPOCH,
    `The consumer group member has a ${isGreater ? 'greater' : 'smaller'} member epoch ` +
      `(${epoch}) than the one known by the group coordinator (${member.memberEpoch}). ` +
      'The member must abandon all its partitions and rejoin.',
  )
}

/**
 * Writes and reads the records of consumer groups; record-schemas.ts has their layout. Source:
 * Kafka's GroupCoordinatorRecordHelpers.
 *
 *   3  group epoch and metadata hash      6  epoch of the target assignment
 *   5  member: who, and subscribed to what 7  target of one member
 *   8  member: epochs and partitions      16  topics a pattern resolved to
 *   4  topic metadata of Kafka before 4.1: read, and tombstoned when the group is written next
 */
import { MalformedRequest } from '../../base/errors.ts'
import type { Fields, InferInput, Message } from '../../schema/fields.ts'
import { Reader } from '../../schema/reader.ts'
import type { CoordinatorRecord } from '../state-machine.ts'
import { type ConsumerMember, MemberState } from './consumer-member.ts'
import { fromList, type Partitions, toList } from './consumer-partitions.ts'
import { groupRecordKey, groupRecordValue, readGroupRecordValue } from './record-bytes.ts'
import {
  ConsumerGroupCurrentMemberAssignmentValue,
  ConsumerGroupMemberMetadataValue,
  ConsumerGroupMetadataValue,
  ConsumerGroupRegularExpressionValue,
  ConsumerGroupTargetAssignmentMemberValue,
  ConsumerGroupTargetAssignmentMetadataValue,
} from './record-schemas.ts'

export const ConsumerRecord = {
  Epoch: 3,
  LegacyTopics: 4,
  Member: 5,
  TargetEpoch: 6,
  Target: 7,
  Current: 8,
  Regex: 16,
} as const

const CONSUMER_TYPES: ReadonlySet<number> = new Set(Object.values(ConsumerRecord))

export function isConsumerRecord(recordType: number): boolean {
  return CONSUMER_TYPES.has(recordType)
}

/** Topics that a pattern matched, when, and by which version of the metadata. */
export interface ResolvedRegex {
  readonly topics: ReadonlySet<string>
  readonly version: number
  readonly timestampMs: number
}

type MemberMetadata = Omit<
  ConsumerMember,
  'memberId' | 'memberEpoch' | 'previousMemberEpoch' | 'state' | 'assigned' | 'pendingRevocation'
>
type MemberAssignment = Pick<
  ConsumerMember,
  'memberEpoch' | 'previousMemberEpoch' | 'state' | 'assigned' | 'pendingRevocation'
>

/** One decoded record; `value` null is a tombstone. */
export type ConsumerGroupRecord = { readonly groupId: string } & (
  | { readonly type: 'epoch'; readonly value: { epoch: number; metadataHash: bigint } | null }
  | { readonly type: 'legacyTopics'; readonly value: object | null }
  | { readonly type: 'member'; readonly memberId: string; readonly value: MemberMetadata | null }
  | { readonly type: 'targetEpoch'; readonly value: number | null }
  | { readonly type: 'target'; readonly memberId: string; readonly value: Partitions | null }
  | { readonly type: 'current'; readonly memberId: string; readonly value: MemberAssignment | null }
  | { readonly type: 'regex'; readonly regex: string; readonly value: ResolvedRegex | null }
)

export function epochRecord(groupId: string, epoch: number, metadataHash: bigint) {
  return written(ConsumerRecord.Epoch, groupId, null, ConsumerGroupMetadataValue, {
    epoch,
    metadataHash,
  })
}

export function memberRecord(groupId: string, member: ConsumerMember): CoordinatorRecord {
  const { classic } = member
  return written(
    ConsumerRecord.Member,
    groupId,
    member.memberId,
    ConsumerGroupMemberMetadataValue,
    {
      instanceId: member.instanceId,
      rackId: member.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: [...member.topicNames],
      subscribedTopicRegex: member.topicRegex,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      serverAssignor: member.serverAssignor,
      classicMemberMetadata:
        classic === null
          ? null
          : {
              sessionTimeoutMs: classic.sessionTimeoutMs,
              supportedProtocols: classic.protocols.map(({ name, metadata }) => ({
                name,
                metadata,
              })),
            },
    },
  )
}

export function targetEpochRecord(groupId: string, assignmentEpoch: number): CoordinatorRecord {
  return written(
    ConsumerRecord.TargetEpoch,
    groupId,
    null,
    ConsumerGroupTargetAssignmentMetadataValue,
    { assignmentEpoch },
  )
}

export function targetRecord(
  groupId: string,
  memberId: string,
  target: Partitions,
): CoordinatorRecord {
  return written(
    ConsumerRecord.Target,
    groupId,
    memberId,
    ConsumerGroupTargetAssignmentMemberValue,
    { topicPartitions: toList(target) },
  )
}

export function currentRecord(groupId: string, member: ConsumerMember): CoordinatorRecord {
  return written(
    ConsumerRecord.Current,
    groupId,
    member.memberId,
    ConsumerGroupCurrentMemberAssignmentValue,
    {
      memberEpoch: member.memberEpoch,
      previousMemberEpoch: member.previousMemberEpoch,
      state: member.state,
      assignedPartitions: toList(member.assigned),
      partitionsPendingRevocation: toList(member.pendingRevocation),
    },
  )
}

export function regexRecord(
  groupId: string,
  regex: string,
  resolved: ResolvedRegex,
): CoordinatorRecord {
  return written(ConsumerRecord.Regex, groupId, regex, ConsumerGroupRegularExpressionValue, {
    topics: [...resolved.topics].sort(),
    version: resolved.version,
    timestamp: resolved.timestampMs,
  })
}

/** `second` is the member id or the pattern where the key has one. */
export function tombstone(recordType: number, groupId: string, second: string | null = null) {
  return { key: groupRecordKey(recordType, groupId, second), value: null }
}

/** What takes one member out of the log, in the order Kafka does. */
export function memberTombstones(groupId: string, memberId: string): CoordinatorRecord[] {
  return [
    tombstone(ConsumerRecord.Current, groupId, memberId),
    tombstone(ConsumerRecord.Target, groupId, memberId),
    tombstone(ConsumerRecord.Member, groupId, memberId),
  ]
}

/** Reads a record of one of the types above. */
export function decodeConsumerRecord(record: CoordinatorRecord): ConsumerGroupRecord {
  const reader = new Reader(record.key)
  const recordType = reader.int16()
  const groupId = reader.string()
  const { value } = record
  switch (recordType) {
    case ConsumerRecord.Epoch: {
      const read = value && readGroupRecordValue(ConsumerGroupMetadataValue, value)
      return { groupId, type: 'epoch', value: read }
    }
    case ConsumerRecord.LegacyTopics:
      return { groupId, type: 'legacyTopics', value }
    case ConsumerRecord.Member:
      return {
        groupId,
        type: 'member',
        memberId: reader.string(),
        value: value && readMember(value),
      }
    case ConsumerRecord.TargetEpoch: {
      const read = value && readGroupRecordValue(ConsumerGroupTargetAssignmentMetadataValue, value)
      return { groupId, type: 'targetEpoch', value: read?.assignmentEpoch ?? null }
    }
    case ConsumerRecord.Target: {
      const read = value && readGroupRecordValue(ConsumerGroupTargetAssignmentMemberValue, value)
      const target = read && fromList(read.topicPartitions)
      return { groupId, type: 'target', memberId: reader.string(), value: target }
    }
    case ConsumerRecord.Current:
      return {
        groupId,
        type: 'current',
        memberId: reader.string(),
        value: value && readAssignment(value),
      }
    case ConsumerRecord.Regex:
      return { groupId, type: 'regex', regex: reader.string(), value: value && readRegex(value) }
    default:
      throw new MalformedRequest(`record type ${recordType} is not of a consumer group`)
  }
}

function readMember(value: Buffer): MemberMetadata {
  const read = readGroupRecordValue(ConsumerGroupMemberMetadataValue, value)
  const classic = read.classicMemberMetadata
  return {
    instanceId: read.instanceId,
    rackId: read.rackId,
    clientId: read.clientId,
    clientHost: read.clientHost,
    topicNames: [...new Set(read.subscribedTopicNames)].sort(),
    topicRegex: read.subscribedTopicRegex ?? '',
    rebalanceTimeoutMs: read.rebalanceTimeoutMs,
    serverAssignor: read.serverAssignor,
    classic:
      classic === null
        ? null
        : {
            sessionTimeoutMs: classic.sessionTimeoutMs,
            protocols: classic.supportedProtocols.map(({ name, metadata }) => ({
              name,
              metadata: Buffer.from(metadata),
            })),
          },
  }
}

function readAssignment(value: Buffer): MemberAssignment {
  const read = readGroupRecordValue(ConsumerGroupCurrentMemberAssignmentValue, value)
  const known = Object.values(MemberState).find((state) => state === read.state)
  return {
    memberEpoch: read.memberEpoch,
    previousMemberEpoch: read.previousMemberEpoch,
    state: known ?? MemberState.Unknown,
    assigned: fromList(read.assignedPartitions),
    pendingRevocation: fromList(read.partitionsPendingRevocation),
  }
}

function readRegex(value: Buffer): ResolvedRegex {
  const read = readGroupRecordValue(ConsumerGroupRegularExpressionValue, value)
  return { topics: new Set(read.topics), version: read.version, timestampMs: read.timestamp }
}

function written<F extends Fields>(
  recordType: number,
  groupId: string,
  second: string | null,
  schema: Message<F>,
  value: InferInput<Message<F>>,
): CoordinatorRecord {
  return {
    key: groupRecordKey(recordType, groupId, second),
    value: groupRecordValue(schema, 0, value),
  }
}

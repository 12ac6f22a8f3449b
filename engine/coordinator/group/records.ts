/**
 * Writes and reads the records of classic groups and offsets; record-schemas.ts has their layout.
 * Written are the versions Kafka 4.2 writes: offsets v4 (v1 when a client set its own retention),
 * groups v3. Read are all.
 */
import { ZERO_UUID } from '../../base/random.ts'
import { decoderFor } from '../../schema/codec.ts'
import type { InferInput } from '../../schema/fields.ts'
import { Reader } from '../../schema/reader.ts'
import type { CoordinatorRecord } from '../state-machine.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { ClassicMember } from './classic-member.ts'
import {
  type ConsumerGroupRecord,
  decodeConsumerRecord,
  isConsumerRecord,
} from './consumer-records.ts'
import { isForeignRecord } from './foreign-groups.ts'
import type { CommittedOffset } from './offset-store.ts'
import { groupRecordValue, prefixedBytes, readGroupRecordValue } from './record-bytes.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  groupRecordSchemas,
  LegacyOffsetCommitKey,
  LegacyOffsetCommitValue,
  OffsetCommitKey,
  OffsetCommitValue,
} from './record-schemas.ts'

const KEY_VERSION = 0
const OFFSET_VERSION = 4
/** The last version that can say when an offset expires; it knows neither epoch nor topic id. */
const OFFSET_EXPIRY_VERSION = 1
const GROUP_VERSION = 3

export type OffsetValue = Omit<CommittedOffset, 'position'>
export type GroupMetadata = GroupMetadataValue

export type GroupRecord =
  | {
      readonly kind: 'offset'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly value: OffsetValue | null
    }
  | { readonly kind: 'group'; readonly groupId: string; readonly value: GroupMetadata | null }
  | { readonly kind: 'consumer'; readonly record: ConsumerGroupRecord }
  | { readonly kind: 'foreign'; readonly recordType: number; readonly groupId: string }
  | { readonly kind: 'unknown'; readonly recordType: number }

export function offsetCommitRecord(
  groupId: string,
  topic: string,
  partition: number,
  value: OffsetValue,
): CoordinatorRecord {
  const version = value.expireTimestampMs >= 0 ? OFFSET_EXPIRY_VERSION : OFFSET_VERSION
  return {
    key: offsetKey(groupId, topic, partition),
    value: groupRecordValue(OffsetCommitValue, version, {
      offset: value.offset,
      leaderEpoch: value.leaderEpoch,
      metadata: value.metadata,
      commitTimestamp: value.commitTimestampMs,
      expireTimestamp: value.expireTimestampMs,
      topicId: value.topicId,
    }),
  }
}

export function offsetTombstone(
  groupId: string,
  topic: string,
  partition: number,
): CoordinatorRecord {
  return { key: offsetKey(groupId, topic, partition), value: null }
}

/** The whole generation; `assignmentOf` because it may not have been handed to the members yet. */
export function groupMetadataRecord(
  group: ClassicGroup,
  assignmentOf: (member: ClassicMember) => Buffer,
): CoordinatorRecord {
  const members = [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeout: member.terms.rebalanceTimeoutMs,
    sessionTimeout: member.terms.sessionTimeoutMs,
    subscription: member.metadata(group.protocolName ?? ''),
    assignment: assignmentOf(member),
  }))
  return groupRecord(group.groupId, {
    protocolType: group.protocolType ?? '',
    generation: group.generationId,
    protocol: group.protocolName,
    leader: group.leaderId,
    currentStateTimestamp: group.stateTimestampMs,
    members,
  })
}

/** A group that has just come to be. */
export function emptyGroupRecord(group: ClassicGroup): CoordinatorRecord {
  return groupRecord(group.groupId, {
    protocolType: '',
    generation: 0,
    protocol: null,
    leader: null,
    currentStateTimestamp: group.stateTimestampMs,
    members: [],
  })
}

export function groupTombstone(groupId: string): CoordinatorRecord {
  return { key: groupKey(groupId), value: null }
}

/** Reads one record; throws MalformedRequest when its bytes do not fit its type. */
export function decodeGroupRecord({ key, value }: CoordinatorRecord): GroupRecord {
  const reader = new Reader(key)
  const recordType = reader.int16()
  switch (recordType) {
    case LegacyOffsetCommitKey.apiKey:
    case OffsetCommitKey.apiKey: {
      const { group, topic, partition } = decoderFor(OffsetCommitKey, KEY_VERSION)(reader)
      const read = value === null ? null : offsetOf(recordType, value)
      return { kind: 'offset', groupId: group, topic, partition, value: read }
    }
    case GroupMetadataKey.apiKey: {
      const { group } = decoderFor(GroupMetadataKey, KEY_VERSION)(reader)
      const read = value === null ? null : readGroupRecordValue(GroupMetadataValue, value)
      return { kind: 'group', groupId: group, value: read }
    }
    default:
      if (isConsumerRecord(recordType))
        return { kind: 'consumer', record: decodeConsumerRecord({ key, value }) }
      // Every other key begins with the group id.
      return isForeignRecord(recordType)
        ? { kind: 'foreign', recordType, groupId: reader.string() }
        : { kind: 'unknown', recordType }
  }
}

/** A record of any known type as plain data, for tools. */
export interface AnyRecord {
  readonly recordType: number
  readonly key: Readonly<Record<string, unknown>>
  /** Of the value; -1 for a tombstone. */
  readonly version: number
  readonly value: Readonly<Record<string, unknown>> | null
}

/** Null when the type is not in record-schemas.ts. */
export function decodeAnyRecord(record: CoordinatorRecord): AnyRecord | null {
  const reader = new Reader(record.key)
  const recordType = reader.int16()
  const schema = groupRecordSchemas.get(recordType)
  if (schema === undefined) return null
  const key = decoderFor(schema.key, KEY_VERSION)(reader)
  if (record.value === null) return { recordType, key, version: -1, value: null }
  const version = record.value.readInt16BE(0)
  return { recordType, key, version, value: readGroupRecordValue(schema.value, record.value) }
}

/** Writes what decodeAnyRecord() read. */
export function encodeAnyRecord(read: AnyRecord): CoordinatorRecord | null {
  const schema = groupRecordSchemas.get(read.recordType)
  if (schema === undefined) return null
  const key = prefixedBytes(read.recordType, schema.key, KEY_VERSION, read.key)
  if (read.value === null) return { key, value: null }
  return { key, value: groupRecordValue(schema.value, read.version, read.value) }
}

function offsetOf(recordType: number, value: Buffer): OffsetValue {
  if (recordType === LegacyOffsetCommitKey.apiKey) {
    const legacy = readGroupRecordValue(LegacyOffsetCommitValue, value)
    return {
      offset: legacy.offset,
      leaderEpoch: -1,
      metadata: legacy.metadata,
      commitTimestampMs: legacy.commitTimestamp,
      expireTimestampMs: -1,
      topicId: ZERO_UUID,
    }
  }
  const read = readGroupRecordValue(OffsetCommitValue, value)
  return {
    offset: read.offset,
    leaderEpoch: read.leaderEpoch,
    metadata: read.metadata,
    commitTimestampMs: read.commitTimestamp,
    expireTimestampMs: read.expireTimestamp,
    topicId: read.topicId,
  }
}

function offsetKey(group: string, topic: string, partition: number): Buffer {
  return prefixedBytes(OffsetCommitKey.apiKey, OffsetCommitKey, KEY_VERSION, {
    group,
    topic,
    partition,
  })
}

function groupKey(group: string): Buffer {
  return prefixedBytes(GroupMetadataKey.apiKey, GroupMetadataKey, KEY_VERSION, { group })
}

function groupRecord(
  groupId: string,
  value: InferInput<typeof GroupMetadataValue>,
): CoordinatorRecord {
  return {
    key: groupKey(groupId),
    value: groupRecordValue(GroupMetadataValue, GROUP_VERSION, value),
  }
}

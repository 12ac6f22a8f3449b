/**
 * Every record of __consumer_offsets as Kafka 4.2 lays it out (group-coordinator's record schemas;
 * checked against test/golden/messages/records/consumer-offsets.json).
 *
 *   key    int16 record type | key struct, always version 0 and not flexible
 *   value  int16 version | value struct at that version; a null value is a tombstone
 *
 * Types 9 and 18 are not in use. Types 0-2 belong to classic groups and offsets, 3-8 and 16 to
 * consumer groups (KIP-848), 10-15 to share groups (KIP-932), 17-23 to streams groups (KIP-1071).
 */
import {
  array,
  bigint64,
  bytes,
  type Fields,
  type Infer,
  int8,
  int16,
  int32,
  int64,
  type Message,
  message,
  string,
  struct,
  structs,
  uint16,
  uuid,
} from '../../schema/fields.ts'

const KEY = { versions: [0, 0], flexible: null } as const
const VALUE = { versions: [0, 0], flexible: 0 } as const

/**
 * Three tagged fields may be null and yet are empty by default, so that Kafka writes the null. A
 * field that was there before it could be null, says schema/fields.ts, does not default to null.
 */
const NULL_IS_WRITTEN = -1

const offsetKeyFields = { group: string, topic: string, partition: int32 }
const groupKeyFields = { groupId: string }
const memberKeyFields = { groupId: string, memberId: string }

export const LegacyOffsetCommitKey = message(0, 'LegacyOffsetCommitKey', KEY, offsetKeyFields)
export const LegacyOffsetCommitValue = message(
  0,
  'LegacyOffsetCommitValue',
  { versions: [0, 0], flexible: null },
  { offset: int64, metadata: string, commitTimestamp: int64 },
)

export const OffsetCommitKey = message(1, 'OffsetCommitKey', KEY, offsetKeyFields)
/** v1 carries the expiry of clients that set a retention, v3 the leader epoch, v4 the topic id. */
export const OffsetCommitValue = message(
  1,
  'OffsetCommitValue',
  { versions: [0, 4], flexible: 4 },
  {
    offset: int64,
    leaderEpoch: int32.since(3).default(-1).ignorable(),
    metadata: string,
    /** Wall clock in milliseconds. */
    commitTimestamp: int64,
    expireTimestamp: int64.since(1).until(1).default(-1).ignorable(),
    topicId: uuid.tag(0, 4).ignorable(),
  },
)

export const GroupMetadataKey = message(2, 'GroupMetadataKey', KEY, { group: string })
/** v1 rebalance timeout, v2 state timestamp, v3 static members; Kafka 4.2 writes v3. */
export const GroupMetadataValue = message(
  2,
  'GroupMetadataValue',
  { versions: [0, 4], flexible: 4 },
  {
    /** Empty: a simple group. */
    protocolType: string,
    generation: int32,
    protocol: string.nullable(),
    leader: string.nullable(),
    currentStateTimestamp: int64.since(2).default(-1).ignorable(),
    members: structs({
      memberId: string,
      groupInstanceId: string.nullable(3).since(3).default(null).ignorable(),
      clientId: string,
      /** Java's form of an address: a slash before it. */
      clientHost: string,
      rebalanceTimeout: int32.since(1).default(-1).ignorable(),
      sessionTimeout: int32,
      subscription: bytes,
      assignment: bytes,
    }),
  },
)
export type GroupMetadataValue = Infer<typeof GroupMetadataValue>

const topicIdPartitions = structs({ topicId: uuid, partitions: array(int32) })

export const ConsumerGroupMetadataValue = message(3, 'ConsumerGroupMetadataValue', VALUE, {
  epoch: int32,
  metadataHash: bigint64.tag(0),
})

const ConsumerGroupPartitionMetadataValue = message(
  4,
  'ConsumerGroupPartitionMetadataValue',
  VALUE,
  {
    topics: structs({
      topicId: uuid,
      topicName: string,
      numPartitions: int32,
      partitionMetadata: structs({ partition: int32, racks: array(string) }),
    }),
  },
)

export const ConsumerGroupMemberMetadataValue = message(
  5,
  'ConsumerGroupMemberMetadataValue',
  VALUE,
  {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
    subscribedTopicRegex: string.nullable(),
    rebalanceTimeoutMs: int32.default(-1),
    serverAssignor: string.nullable(),
    classicMemberMetadata: struct({
      sessionTimeoutMs: int32,
      supportedProtocols: structs({ name: string, metadata: bytes }),
    })
      .nullable()
      .tag(0, NULL_IS_WRITTEN),
  },
)

const assignmentEpochFields = { assignmentEpoch: int32 }
const targetAssignmentFields = { topicPartitions: topicIdPartitions }

export const ConsumerGroupTargetAssignmentMetadataValue = message(
  6,
  'ConsumerGroupTargetAssignmentMetadataValue',
  VALUE,
  assignmentEpochFields,
)

export const ConsumerGroupTargetAssignmentMemberValue = message(
  7,
  'ConsumerGroupTargetAssignmentMemberValue',
  VALUE,
  targetAssignmentFields,
)

export const ConsumerGroupCurrentMemberAssignmentValue = message(
  8,
  'ConsumerGroupCurrentMemberAssignmentValue',
  VALUE,
  {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: topicIdPartitions,
    partitionsPendingRevocation: topicIdPartitions,
  },
)

const ShareGroupMemberMetadataValue = message(10, 'ShareGroupMemberMetadataValue', VALUE, {
  rackId: string.nullable(),
  clientId: string,
  clientHost: string,
  subscribedTopicNames: array(string),
})

const ShareGroupMetadataValue = message(11, 'ShareGroupMetadataValue', VALUE, {
  epoch: int32,
  metadataHash: bigint64,
})

const ShareGroupCurrentMemberAssignmentValue = message(
  14,
  'ShareGroupCurrentMemberAssignmentValue',
  VALUE,
  {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: topicIdPartitions,
  },
)

const sharePartitions = structs({ topicId: uuid, topicName: string, partitions: array(int32) })
const ShareGroupStatePartitionMetadataValue = message(
  15,
  'ShareGroupStatePartitionMetadataValue',
  VALUE,
  {
    initializingTopics: sharePartitions,
    initializedTopics: sharePartitions,
    deletingTopics: structs({ topicId: uuid, topicName: string }),
  },
)

export const ConsumerGroupRegularExpressionValue = message(
  16,
  'ConsumerGroupRegularExpressionValue',
  VALUE,
  { topics: array(string), version: int64, timestamp: int64 },
)

const StreamsGroupMetadataValue = message(17, 'StreamsGroupMetadataValue', VALUE, {
  epoch: int32,
  metadataHash: bigint64,
  validatedTopologyEpoch: int32.tag(0).default(-1),
  lastAssignmentConfigs: structs({ key: string, value: string }).nullable().tag(1, NULL_IS_WRITTEN),
})

const StreamsGroupMemberMetadataValue = message(19, 'StreamsGroupMemberMetadataValue', VALUE, {
  instanceId: string.nullable(),
  rackId: string.nullable(),
  clientId: string,
  clientHost: string,
  rebalanceTimeoutMs: int32.default(-1),
  topologyEpoch: int32,
  processId: string,
  userEndpoint: struct({ host: string, port: uint16 }).nullable(),
  clientTags: structs({ key: string, value: string }),
})

const taskIds = structs({ subtopologyId: string, partitions: array(int32) })
const StreamsGroupTargetAssignmentMemberValue = message(
  21,
  'StreamsGroupTargetAssignmentMemberValue',
  VALUE,
  { activeTasks: taskIds, standbyTasks: taskIds, warmupTasks: taskIds },
)

const currentTaskIds = structs({
  subtopologyId: string,
  partitions: array(int32),
  assignmentEpochs: array(int32).nullable().tag(0, NULL_IS_WRITTEN),
})
const StreamsGroupCurrentMemberAssignmentValue = message(
  22,
  'StreamsGroupCurrentMemberAssignmentValue',
  VALUE,
  {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    activeTasks: currentTaskIds,
    standbyTasks: currentTaskIds,
    warmupTasks: currentTaskIds,
    activeTasksPendingRevocation: currentTaskIds,
    standbyTasksPendingRevocation: currentTaskIds,
    warmupTasksPendingRevocation: currentTaskIds,
  },
)

const streamsTopics = structs({
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: structs({ key: string, value: string }),
})
const StreamsGroupTopologyValue = message(23, 'StreamsGroupTopologyValue', VALUE, {
  epoch: int32,
  subtopologies: structs({
    subtopologyId: string,
    sourceTopics: array(string),
    sourceTopicRegex: array(string),
    stateChangelogTopics: streamsTopics,
    repartitionSinkTopics: array(string),
    repartitionSourceTopics: streamsTopics,
    copartitionGroups: structs({
      sourceTopics: array(int16),
      sourceTopicRegex: array(int16),
      repartitionSourceTopics: array(int16),
    }),
  }),
})

export interface RecordSchema {
  readonly key: Message<Fields>
  readonly value: Message<Fields>
}

const groupKey = (type: number, name: string) => message(type, name, KEY, groupKeyFields)
const memberKey = (type: number, name: string) => message(type, name, KEY, memberKeyFields)

/** All record types, by the number a key begins with. */
export const groupRecordSchemas: ReadonlyMap<number, RecordSchema> = new Map<number, RecordSchema>([
  [0, { key: LegacyOffsetCommitKey, value: LegacyOffsetCommitValue }],
  [1, { key: OffsetCommitKey, value: OffsetCommitValue }],
  [2, { key: GroupMetadataKey, value: GroupMetadataValue }],
  [3, { key: groupKey(3, 'ConsumerGroupMetadataKey'), value: ConsumerGroupMetadataValue }],
  [
    4,
    {
      key: groupKey(4, 'ConsumerGroupPartitionMetadataKey'),
      value: ConsumerGroupPartitionMetadataValue,
    },
  ],
  [
    5,
    {
      key: memberKey(5, 'ConsumerGroupMemberMetadataKey'),
      value: ConsumerGroupMemberMetadataValue,
    },
  ],
  [
    6,
    {
      key: groupKey(6, 'ConsumerGroupTargetAssignmentMetadataKey'),
      value: ConsumerGroupTargetAssignmentMetadataValue,
    },
  ],
  [
    7,
    {
      key: memberKey(7, 'ConsumerGroupTargetAssignmentMemberKey'),
      value: ConsumerGroupTargetAssignmentMemberValue,
    },
  ],
  [
    8,
    {
      key: memberKey(8, 'ConsumerGroupCurrentMemberAssignmentKey'),
      value: ConsumerGroupCurrentMemberAssignmentValue,
    },
  ],
  [10, { key: memberKey(10, 'ShareGroupMemberMetadataKey'), value: ShareGroupMemberMetadataValue }],
  [11, { key: groupKey(11, 'ShareGroupMetadataKey'), value: ShareGroupMetadataValue }],
  [
    12,
    {
      key: groupKey(12, 'ShareGroupTargetAssignmentMetadataKey'),
      value: message(12, 'ShareGroupTargetAssignmentMetadataValue', VALUE, assignmentEpochFields),
    },
  ],
  [
    13,
    {
      key: memberKey(13, 'ShareGroupTargetAssignmentMemberKey'),
      value: message(13, 'ShareGroupTargetAssignmentMemberValue', VALUE, targetAssignmentFields),
    },
  ],
  [
    14,
    {
      key: memberKey(14, 'ShareGroupCurrentMemberAssignmentKey'),
      value: ShareGroupCurrentMemberAssignmentValue,
    },
  ],
  [
    15,
    {
      key: groupKey(15, 'ShareGroupStatePartitionMetadataKey'),
      value: ShareGroupStatePartitionMetadataValue,
    },
  ],
  [
    16,
    {
      key: message(16, 'ConsumerGroupRegularExpressionKey', KEY, {
        groupId: string,
        regularExpression: string,
      }),
      value: ConsumerGroupRegularExpressionValue,
    },
  ],
  [17, { key: groupKey(17, 'StreamsGroupMetadataKey'), value: StreamsGroupMetadataValue }],
  [
    19,
    { key: memberKey(19, 'StreamsGroupMemberMetadataKey'), value: StreamsGroupMemberMetadataValue },
  ],
  [
    20,
    {
      key: groupKey(20, 'StreamsGroupTargetAssignmentMetadataKey'),
      value: message(20, 'StreamsGroupTargetAssignmentMetadataValue', VALUE, assignmentEpochFields),
    },
  ],
  [
    21,
    {
      key: memberKey(21, 'StreamsGroupTargetAssignmentMemberKey'),
      value: StreamsGroupTargetAssignmentMemberValue,
    },
  ],
  [
    22,
    {
      key: memberKey(22, 'StreamsGroupCurrentMemberAssignmentKey'),
      value: StreamsGroupCurrentMemberAssignmentValue,
    },
  ],
  [23, { key: groupKey(23, 'StreamsGroupTopologyKey'), value: StreamsGroupTopologyValue }],
])

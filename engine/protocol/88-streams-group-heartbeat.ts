/**
 * StreamsGroupHeartbeat, v0. Membership, topology and tasks of a streams group (KIP-1071).
 */
import {
  array,
  bool,
  type Infer,
  int8,
  int16,
  int32,
  int64,
  message,
  string,
  struct,
  structs,
  uint16,
} from '../schema/fields.ts'

const keyValue = {
  key: string,
  value: string,
}

const topicInfo = {
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: structs(keyValue),
}

const taskIds = {
  subtopologyId: string,
  partitions: array(int32),
}

const taskOffset = {
  subtopologyId: string,
  partition: int32,
  offset: int64,
}

export const StreamsGroupHeartbeatRequest = message(
  88,
  'StreamsGroupHeartbeatRequest',
  { versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    /** 0 joins, -1 leaves, -2 leaves for a while (static members). */
    memberEpoch: int32,
    /** Raised when partitionsByUserEndpoint changes. */
    endpointInformationEpoch: int32,
    /** Name of a static member, null for a dynamic one. */
    instanceId: string.nullable(),
    /** Where the client is; empty or null for unknown. */
    rackId: string.nullable(),
    /** -1 when unchanged, else milliseconds to give up tasks. */
    rebalanceTimeoutMs: int32.default(-1),
    /** With the first heartbeat only; null when unchanged. */
    topology: struct({
      epoch: int32,
      subtopologies: structs({
        subtopologyId: string,
        sourceTopics: array(string),
        sourceTopicRegex: array(string),
        stateChangelogTopics: structs(topicInfo),
        repartitionSinkTopics: array(string),
        repartitionSourceTopics: structs(topicInfo),
        copartitionGroups: structs({
          sourceTopics: array(int16),
          sourceTopicRegex: array(int16),
          repartitionSourceTopics: array(int16),
        }),
      }),
    }).nullable(),
    /** Tasks the member owns; null when unchanged. */
    activeTasks: structs(taskIds).nullable(),
    standbyTasks: structs(taskIds).nullable(),
    warmupTasks: structs(taskIds).nullable(),
    processId: string.nullable(),
    userEndpoint: struct({
      host: string,
      port: uint16,
    }).nullable(),
    clientTags: structs(keyValue).nullable(),
    taskOffsets: structs(taskOffset).nullable(),
    taskEndOffsets: structs(taskOffset).nullable(),
    shutdownApplication: bool.default(false),
  },
)
export type StreamsGroupHeartbeatRequest = Infer<typeof StreamsGroupHeartbeatRequest>

const topicPartition = {
  topic: string,
  partitions: array(int32),
}

export const StreamsGroupHeartbeatResponse = message(
  88,
  'StreamsGroupHeartbeatResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    memberId: string,
    memberEpoch: int32,
    /** Pause between heartbeats the coordinator asks for, in milliseconds. */
    heartbeatIntervalMs: int32,
    /** Offsets a standby may lag and still count as caught up. */
    acceptableRecoveryLag: int32,
    taskOffsetIntervalMs: int32,
    status: structs({
      statusCode: int8,
      statusDetail: string,
    }).nullable(),
    /** Null when unchanged. */
    activeTasks: structs(taskIds).nullable(),
    standbyTasks: structs(taskIds).nullable(),
    warmupTasks: structs(taskIds).nullable(),
    /** Raised when partitionsByUserEndpoint changes. */
    endpointInformationEpoch: int32,
    partitionsByUserEndpoint: structs({
      userEndpoint: struct({
        host: string,
        port: uint16,
      }),
      activePartitions: structs(topicPartition),
      standbyPartitions: structs(topicPartition),
    }).nullable(),
  },
)
export type StreamsGroupHeartbeatResponse = Infer<typeof StreamsGroupHeartbeatResponse>

/**
 * StreamsGroupDescribe, v0. State, topology and members of streams groups (KIP-1071).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  struct,
  structs,
  uint16,
} from '../schema/fields.ts'

export const StreamsGroupDescribeRequest = message(
  89,
  'StreamsGroupDescribeRequest',
  { versions: [0, 0], flexible: 0 },
  {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
  },
)
export type StreamsGroupDescribeRequest = Infer<typeof StreamsGroupDescribeRequest>

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

const taskOffset = {
  subtopologyId: string,
  partition: int32,
  offset: int64,
}

const taskIds = {
  subtopologyId: string,
  partitions: array(int32),
}

const assignment = {
  activeTasks: structs(taskIds),
  standbyTasks: structs(taskIds),
  warmupTasks: structs(taskIds),
}

export const StreamsGroupDescribeResponse = message(
  89,
  'StreamsGroupDescribeResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    groups: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      topology: struct({
        epoch: int32,
        subtopologies: structs({
          subtopologyId: string,
          sourceTopics: array(string),
          repartitionSinkTopics: array(string),
          stateChangelogTopics: structs(topicInfo),
          repartitionSourceTopics: structs(topicInfo),
        }).nullable(),
      }).nullable(),
      members: structs({
        memberId: string,
        memberEpoch: int32,
        /** Name of a static member, null for a dynamic one. */
        instanceId: string.nullable(),
        /** Where the client is; empty or null for unknown. */
        rackId: string.nullable(),
        clientId: string,
        clientHost: string,
        topologyEpoch: int32,
        processId: string,
        userEndpoint: struct({
          host: string,
          port: uint16,
        }).nullable(),
        clientTags: structs(keyValue),
        taskOffsets: structs(taskOffset),
        taskEndOffsets: structs(taskOffset),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
        isClassic: bool,
      }),
      /** Bit per ACL operation the client may do; lowest int32 when not asked for. */
      authorizedOperations: int32.default(-2147483648),
    }),
  },
)
export type StreamsGroupDescribeResponse = Infer<typeof StreamsGroupDescribeResponse>

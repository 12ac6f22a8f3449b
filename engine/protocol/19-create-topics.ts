/**
 * CreateTopics, v2–7. Creates topics. v4 -1 for the broker's default counts (KIP-464), v5 flexible,
 * and the resulting settings out (KIP-525), v6 THROTTLING_QUOTA_EXCEEDED (KIP-599), v7 topic id out
 * (KIP-516).
 */
import {
  array,
  bool,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const CreateTopicsRequest = message(
  19,
  'CreateTopicsRequest',
  { versions: [2, 7], flexible: 5 },
  {
    topics: structs({
      name: string,
      /** -1: the broker's default, or by the assignments. */
      numPartitions: int32,
      /** -1: the broker's default, or by the assignments. */
      replicationFactor: int16,
      /** Replicas per partition, chosen by hand; else empty. */
      assignments: structs({
        partitionIndex: int32,
        brokerIds: array(int32),
      }),
      configs: structs({
        name: string,
        value: string.nullable(),
      }),
    }),
    /** Longest wait for the topics to exist, in milliseconds. */
    timeoutMs: int32.default(60000),
    /** True: answer as if, change nothing. */
    validateOnly: bool.default(false),
  },
)
export type CreateTopicsRequest = Infer<typeof CreateTopicsRequest>

export const CreateTopicsResponse = message(
  19,
  'CreateTopicsResponse',
  { versions: [2, 7], flexible: 5 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    topics: structs({
      name: string,
      topicId: uuid.since(7).ignorable(),
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable().ignorable(),
      /** Set when the client may not see the settings. */
      topicConfigErrorCode: int16.tag(0, 5).ignorable(),
      /** -1 when unknown. */
      numPartitions: int32.since(5).default(-1).ignorable(),
      replicationFactor: int16.since(5).default(-1).ignorable(),
      /** Null when the client may not see them. */
      configs: structs({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        /** 1 topic, 2 dynamic broker, 3 dynamic default broker, 4 static broker, 5 default. */
        configSource: int8.default(-1).ignorable(),
        isSensitive: bool,
      })
        .nullable()
        .since(5)
        .ignorable(),
    }),
  },
)
export type CreateTopicsResponse = Infer<typeof CreateTopicsResponse>

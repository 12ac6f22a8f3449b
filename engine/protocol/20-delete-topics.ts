/**
 * DeleteTopics, v1–6. Deletes topics. v3 TOPIC_DELETION_DISABLED, v4 flexible, v5 error message and
 * THROTTLING_QUOTA_EXCEEDED (KIP-599), v6 by topic id (KIP-516).
 */
import {
  array,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const DeleteTopicsRequest = message(
  20,
  'DeleteTopicsRequest',
  { versions: [1, 6], flexible: 4 },
  {
    /** By name or by id: the name is null then. */
    topics: structs({
      name: string.nullable(),
      topicId: uuid,
    }).since(6),
    topicNames: array(string).until(5).ignorable(),
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32,
  },
)
export type DeleteTopicsRequest = Infer<typeof DeleteTopicsRequest>

export const DeleteTopicsResponse = message(
  20,
  'DeleteTopicsResponse',
  { versions: [1, 6], flexible: 4 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    responses: structs({
      name: string.nullable(6),
      topicId: uuid.since(6).ignorable(),
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable().since(5).ignorable(),
    }),
  },
)
export type DeleteTopicsResponse = Infer<typeof DeleteTopicsResponse>

/**
 * CreatePartitions, v0–3. Raises the partition count of topics (KIP-195). v2 flexible, v3
 * THROTTLING_QUOTA_EXCEEDED (KIP-599).
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const CreatePartitionsRequest = message(
  37,
  'CreatePartitionsRequest',
  { versions: [0, 3], flexible: 2 },
  {
    topics: structs({
      name: string,
      /** The new total. */
      count: int32,
      /** Replicas per new partition; null: the broker chooses. */
      assignments: structs({
        brokerIds: array(int32),
      }).nullable(),
    }),
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32,
    /** True: answer as if, change nothing. */
    validateOnly: bool,
  },
)
export type CreatePartitionsRequest = Infer<typeof CreatePartitionsRequest>

export const CreatePartitionsResponse = message(
  37,
  'CreatePartitionsResponse',
  { versions: [0, 3], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    results: structs({
      name: string,
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
    }),
  },
)
export type CreatePartitionsResponse = Infer<typeof CreatePartitionsResponse>

/**
 * AlterShareGroupOffsets, v0. Sets start offsets of an empty share group (KIP-932).
 */
import {
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
  uuid,
} from '../schema/fields.ts'

export const AlterShareGroupOffsetsRequest = message(
  91,
  'AlterShareGroupOffsetsRequest',
  { versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: structs({
      topicName: string,
      partitions: structs({
        partitionIndex: int32,
        startOffset: int64,
      }),
    }),
  },
)
export type AlterShareGroupOffsetsRequest = Infer<typeof AlterShareGroupOffsetsRequest>

export const AlterShareGroupOffsetsResponse = message(
  91,
  'AlterShareGroupOffsetsResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable(),
    responses: structs({
      topicName: string,
      topicId: uuid,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    }),
  },
)
export type AlterShareGroupOffsetsResponse = Infer<typeof AlterShareGroupOffsetsResponse>

/**
 * DeleteShareGroupOffsets, v0. Deletes start offsets of an empty share group (KIP-932).
 */
import { type Infer, int16, int32, message, string, structs, uuid } from '../schema/fields.ts'

export const DeleteShareGroupOffsetsRequest = message(
  92,
  'DeleteShareGroupOffsetsRequest',
  { versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: structs({
      topicName: string,
    }),
  },
)
export type DeleteShareGroupOffsetsRequest = Infer<typeof DeleteShareGroupOffsetsRequest>

export const DeleteShareGroupOffsetsResponse = message(
  92,
  'DeleteShareGroupOffsetsResponse',
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
      errorCode: int16,
      errorMessage: string.nullable(),
    }),
  },
)
export type DeleteShareGroupOffsetsResponse = Infer<typeof DeleteShareGroupOffsetsResponse>

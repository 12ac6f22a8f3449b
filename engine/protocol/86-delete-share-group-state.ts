/**
 * DeleteShareGroupState, v0. Deletes the persisted state of share partitions; between brokers
 * (KIP-932).
 */
import { type Infer, int16, int32, message, string, structs, uuid } from '../schema/fields.ts'

export const DeleteShareGroupStateRequest = message(
  86,
  'DeleteShareGroupStateRequest',
  { versions: [0, 0], flexible: 0 },
  {
    groupId: string,
    topics: structs({
      topicId: uuid,
      partitions: structs({
        partition: int32,
      }),
    }),
  },
)
export type DeleteShareGroupStateRequest = Infer<typeof DeleteShareGroupStateRequest>

export const DeleteShareGroupStateResponse = message(
  86,
  'DeleteShareGroupStateResponse',
  { versions: [0, 0], flexible: 0 },
  {
    results: structs({
      topicId: uuid,
      partitions: structs({
        partition: int32,
        errorCode: int16,
        /** Text for people; null without an error. */
        errorMessage: string.nullable(),
      }),
    }),
  },
)
export type DeleteShareGroupStateResponse = Infer<typeof DeleteShareGroupStateResponse>

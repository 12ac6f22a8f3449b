/**
 * OffsetDelete, v0. Deletes committed positions of a group (KIP-496). Never flexible.
 */
import { type Infer, int16, int32, message, string, structs } from '../schema/fields.ts'

export const OffsetDeleteRequest = message(
  47,
  'OffsetDeleteRequest',
  { versions: [0, 0], flexible: null },
  {
    groupId: string,
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
      }),
    }),
  },
)
export type OffsetDeleteRequest = Infer<typeof OffsetDeleteRequest>

export const OffsetDeleteResponse = message(
  47,
  'OffsetDeleteResponse',
  { versions: [0, 0], flexible: null },
  {
    errorCode: int16,
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
)
export type OffsetDeleteResponse = Infer<typeof OffsetDeleteResponse>

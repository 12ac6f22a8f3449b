/**
 * DeleteRecords, v0–2. Moves log start offsets up (KIP-107). v2 flexible.
 */
import { type Infer, int16, int32, int64, message, string, structs } from '../schema/fields.ts'

export const DeleteRecordsRequest = message(
  21,
  'DeleteRecordsRequest',
  { versions: [0, 2], flexible: 2 },
  {
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        /** New log start offset, -1: the high watermark. */
        offset: int64,
      }),
    }),
    /** Longest wait for the change to take effect, in milliseconds. */
    timeoutMs: int32,
  },
)
export type DeleteRecordsRequest = Infer<typeof DeleteRecordsRequest>

export const DeleteRecordsResponse = message(
  21,
  'DeleteRecordsResponse',
  { versions: [0, 2], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        /** The log start offset now. */
        lowWatermark: int64,
        errorCode: int16,
      }),
    }),
  },
)
export type DeleteRecordsResponse = Infer<typeof DeleteRecordsResponse>

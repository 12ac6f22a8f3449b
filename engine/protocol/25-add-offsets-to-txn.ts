/**
 * AddOffsetsToTxn, v0–4. Adds a group's offsets partition to a transaction (KIP-98). v2
 * PRODUCER_FENCED, v3 flexible, v4 TRANSACTION_ABORTABLE (KIP-890).
 */
import { type Infer, int16, int32, int64, message, string } from '../schema/fields.ts'

export const AddOffsetsToTxnRequest = message(
  25,
  'AddOffsetsToTxnRequest',
  { versions: [0, 4], flexible: 3 },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
)
export type AddOffsetsToTxnRequest = Infer<typeof AddOffsetsToTxnRequest>

export const AddOffsetsToTxnResponse = message(
  25,
  'AddOffsetsToTxnResponse',
  { versions: [0, 4], flexible: 3 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
  },
)
export type AddOffsetsToTxnResponse = Infer<typeof AddOffsetsToTxnResponse>

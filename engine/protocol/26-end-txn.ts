/**
 * EndTxn, v0–5. Commits or aborts a transaction (KIP-98). v2 PRODUCER_FENCED, v3 flexible, v4
 * TRANSACTION_ABORTABLE, v5 the next epoch comes back with the answer (transactions version 2,
 * KIP-890).
 */
import { bool, type Infer, int16, int32, int64, message, string } from '../schema/fields.ts'

export const EndTxnRequest = message(
  26,
  'EndTxnRequest',
  { versions: [0, 5], flexible: 3 },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    /** True commits, false aborts. */
    committed: bool,
  },
)
export type EndTxnRequest = Infer<typeof EndTxnRequest>

export const EndTxnResponse = message(
  26,
  'EndTxnResponse',
  { versions: [0, 5], flexible: 3 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** To go on with, -1 beside an error. */
    producerId: int64.since(5).default(-1).ignorable(),
    producerEpoch: int16.since(5).default(-1).ignorable(),
  },
)
export type EndTxnResponse = Infer<typeof EndTxnResponse>

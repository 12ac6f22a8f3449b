/**
 * InitProducerId, v0–5. Gives a producer its id and epoch (KIP-98). v2 flexible, v3 a producer may
 * keep its id and raise its epoch (KIP-360), v4 PRODUCER_FENCED (KIP-588), v5 TRANSACTION_ABORTABLE
 * (KIP-890). v6 (two-phase commit, KIP-939) is unstable in 4.2 and not spoken.
 */
import { type Infer, int16, int32, int64, message, string } from '../schema/fields.ts'

export const InitProducerIdRequest = message(
  22,
  'InitProducerIdRequest',
  { versions: [0, 5], flexible: 2 },
  {
    /** Null: idempotence only. */
    transactionalId: string.nullable(),
    /** A transaction open for longer is aborted, in milliseconds. */
    transactionTimeoutMs: int32,
    /** -1 unless the producer has one and wants the next epoch. */
    producerId: int64.since(3).default(-1),
    producerEpoch: int16.since(3).default(-1),
  },
)
export type InitProducerIdRequest = Infer<typeof InitProducerIdRequest>

export const InitProducerIdResponse = message(
  22,
  'InitProducerIdResponse',
  { versions: [0, 5], flexible: 2 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    errorCode: int16,
    /** -1 beside an error. */
    producerId: int64.default(-1),
    producerEpoch: int16,
  },
)
export type InitProducerIdResponse = Infer<typeof InitProducerIdResponse>

/**
 * DescribeTransactions, v0. State of transactions (KIP-664).
 */
import {
  array,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const DescribeTransactionsRequest = message(
  65,
  'DescribeTransactionsRequest',
  { versions: [0, 0], flexible: 0 },
  {
    transactionalIds: array(string),
  },
)
export type DescribeTransactionsRequest = Infer<typeof DescribeTransactionsRequest>

export const DescribeTransactionsResponse = message(
  65,
  'DescribeTransactionsResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    transactionStates: structs({
      errorCode: int16,
      transactionalId: string,
      transactionState: string,
      /** A transaction open for longer is aborted, in milliseconds. */
      transactionTimeoutMs: int32,
      /** Milliseconds since 1970, -1 before the first partition. */
      transactionStartTimeMs: int64,
      producerId: int64,
      producerEpoch: int16,
      topics: structs({
        topic: string,
        partitions: array(int32),
      }),
    }),
  },
)
export type DescribeTransactionsResponse = Infer<typeof DescribeTransactionsResponse>

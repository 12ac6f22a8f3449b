/**
 * ListTransactions, v0–2. Transactions this broker coordinates (KIP-664). v1 filter by duration
 * (KIP-994), v2 filter by a pattern of ids (KIP-1152).
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

export const ListTransactionsRequest = message(
  66,
  'ListTransactionsRequest',
  { versions: [0, 2], flexible: 0 },
  {
    /** Empty: every state. */
    stateFilters: array(string),
    /** Empty: every producer. */
    producerIdFilters: array(int64),
    /** Only transactions open for longer, in milliseconds; negative: all. */
    durationFilter: int64.since(1).default(-1),
    /** RE2 pattern; null or empty: all. */
    transactionalIdPattern: string.nullable().since(2),
  },
)
export type ListTransactionsRequest = Infer<typeof ListTransactionsRequest>

export const ListTransactionsResponse = message(
  66,
  'ListTransactionsResponse',
  { versions: [0, 2], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16,
    /** Filters of the request that name no state. */
    unknownStateFilters: array(string),
    transactionStates: structs({
      transactionalId: string,
      producerId: int64,
      transactionState: string,
    }),
  },
)
export type ListTransactionsResponse = Infer<typeof ListTransactionsResponse>

/**
 * AddPartitionsToTxn, v0–5. Adds partitions to a transaction (KIP-98). v2 PRODUCER_FENCED, v3
 * flexible, v4 many transactions and verifyOnly, between brokers only (KIP-890), v5
 * TRANSACTION_ABORTABLE.
 */
import {
  array,
  bool,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
} from '../schema/fields.ts'

const addPartitionsToTxnTopic = {
  name: string,
  partitions: array(int32),
}

export const AddPartitionsToTxnRequest = message(
  24,
  'AddPartitionsToTxnRequest',
  { versions: [0, 5], flexible: 3 },
  {
    transactions: structs({
      transactionalId: string,
      producerId: int64,
      producerEpoch: int16,
      /** True: only check that the partitions are in the transaction. */
      verifyOnly: bool.default(false),
      topics: structs(addPartitionsToTxnTopic),
    }).since(4),
    v3AndBelowTransactionalId: string.until(3),
    v3AndBelowProducerId: int64.until(3),
    v3AndBelowProducerEpoch: int16.until(3),
    v3AndBelowTopics: structs(addPartitionsToTxnTopic).until(3),
  },
)
export type AddPartitionsToTxnRequest = Infer<typeof AddPartitionsToTxnRequest>

const addPartitionsToTxnTopicResult = {
  name: string,
  resultsByPartition: structs({
    partitionIndex: int32,
    partitionErrorCode: int16,
  }),
}

export const AddPartitionsToTxnResponse = message(
  24,
  'AddPartitionsToTxnResponse',
  { versions: [0, 5], flexible: 3 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    errorCode: int16.since(4).ignorable(),
    resultsByTransaction: structs({
      transactionalId: string,
      topicResults: structs(addPartitionsToTxnTopicResult),
    }).since(4),
    resultsByTopicV3AndBelow: structs(addPartitionsToTxnTopicResult).until(3),
  },
)
export type AddPartitionsToTxnResponse = Infer<typeof AddPartitionsToTxnResponse>

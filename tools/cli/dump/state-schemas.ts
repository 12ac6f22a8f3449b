/**
 * Records of Kafka's two other coordinator topics, as kafka-dump-log reads them: __transaction_state
 * (transaction-coordinator's TransactionLogKey/Value) and __share_group_state (ShareSnapshot and
 * ShareUpdate). Checked against test/golden/messages/records. Types as in
 * engine/coordinator/group/record-schemas.ts: a key begins with an int16 record type, a value with
 * its int16 version.
 */
import type { RecordSchema } from '../../../engine/coordinator/group/record-schemas.ts'
import {
  array,
  int8,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
  uuid,
} from '../../../engine/schema/fields.ts'

const KEY = { versions: [0, 0], flexible: null } as const
const VALUE = { versions: [0, 0], flexible: 0 } as const

const TransactionLogKey = message(0, 'TransactionLogKey', KEY, { transactionalId: string })
const TransactionLogValue = message(
  0,
  'TransactionLogValue',
  { versions: [0, 1], flexible: 1 },
  {
    producerId: int64,
    previousProducerId: int64.tag(0, 1).default(-1).ignorable(),
    nextProducerId: int64.tag(1, 1).default(-1).ignorable(),
    producerEpoch: int16,
    nextProducerEpoch: int16.tag(3, 1).default(-1).ignorable(),
    transactionTimeoutMs: int32,
    transactionStatus: int8,
    transactionPartitions: structs({ topic: string, partitionIds: array(int32) }).nullable(),
    transactionLastUpdateTimestampMs: int64,
    transactionStartTimestampMs: int64,
    clientTransactionVersion: int16.tag(2, 1).ignorable(),
  },
)

const shareKey = { groupId: string, topicId: uuid, partition: int32 }
const stateBatches = structs({
  firstOffset: int64,
  lastOffset: int64,
  deliveryState: int8,
  deliveryCount: int16,
})

const ShareSnapshotValue = message(0, 'ShareSnapshotValue', VALUE, {
  snapshotEpoch: int32,
  stateEpoch: int32,
  leaderEpoch: int32,
  startOffset: int64,
  deliveryCompleteCount: int32.tag(0).default(-1),
  createTimestamp: int64,
  writeTimestamp: int64,
  stateBatches,
})

const ShareUpdateValue = message(1, 'ShareUpdateValue', VALUE, {
  snapshotEpoch: int32,
  leaderEpoch: int32,
  startOffset: int64,
  deliveryCompleteCount: int32.tag(0).default(-1),
  stateBatches,
})

export const transactionRecordSchemas: ReadonlyMap<number, RecordSchema> = new Map([
  [0, { key: TransactionLogKey, value: TransactionLogValue } as RecordSchema],
])

export const shareRecordSchemas: ReadonlyMap<number, RecordSchema> = new Map([
  [0, { key: message(0, 'ShareSnapshotKey', KEY, shareKey), value: ShareSnapshotValue }],
  [1, { key: message(1, 'ShareUpdateKey', KEY, shareKey), value: ShareUpdateValue }],
] as [number, RecordSchema][])

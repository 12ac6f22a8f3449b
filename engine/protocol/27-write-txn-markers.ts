/**
 * WriteTxnMarkers, v1–2. Writes the markers that end a transaction; between brokers, and from
 * kafka-transactions abort (KIP-98). v1 flexible, v2 transaction version (KIP-1228).
 */
import {
  array,
  bool,
  type Infer,
  int8,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const WriteTxnMarkersRequest = message(
  27,
  'WriteTxnMarkersRequest',
  { versions: [1, 2], flexible: 1 },
  {
    markers: structs({
      producerId: int64,
      producerEpoch: int16,
      /** True commits, false aborts. */
      transactionResult: bool,
      topics: structs({
        name: string,
        partitionIndexes: array(int32),
      }),
      /** Fences markers of an older coordinator. */
      coordinatorEpoch: int32,
      /** 0 and 1 write markers with the producer's epoch, 2 with a raised one. */
      transactionVersion: int8.since(2).ignorable(),
    }),
  },
)
export type WriteTxnMarkersRequest = Infer<typeof WriteTxnMarkersRequest>

export const WriteTxnMarkersResponse = message(
  27,
  'WriteTxnMarkersResponse',
  { versions: [1, 2], flexible: 1 },
  {
    markers: structs({
      producerId: int64,
      topics: structs({
        name: string,
        partitions: structs({
          partitionIndex: int32,
          errorCode: int16,
        }),
      }),
    }),
  },
)
export type WriteTxnMarkersResponse = Infer<typeof WriteTxnMarkersResponse>

/**
 * DescribeProducers, v0. Producers a partition leader knows (KIP-664).
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

export const DescribeProducersRequest = message(
  61,
  'DescribeProducersRequest',
  { versions: [0, 0], flexible: 0 },
  {
    topics: structs({
      name: string,
      partitionIndexes: array(int32),
    }),
  },
)
export type DescribeProducersRequest = Infer<typeof DescribeProducersRequest>

export const DescribeProducersResponse = message(
  61,
  'DescribeProducersResponse',
  { versions: [0, 0], flexible: 0 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    topics: structs({
      name: string,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        /** Text for people; null without an error. */
        errorMessage: string.nullable(),
        activeProducers: structs({
          producerId: int64,
          producerEpoch: int32,
          /** -1 for none. */
          lastSequence: int32.default(-1),
          /** Milliseconds since 1970, -1 for none. */
          lastTimestamp: int64.default(-1),
          /** Fences markers of an older coordinator. */
          coordinatorEpoch: int32,
          /** -1 without an open transaction. */
          currentTxnStartOffset: int64.default(-1),
        }),
      }),
    }),
  },
)
export type DescribeProducersResponse = Infer<typeof DescribeProducersResponse>

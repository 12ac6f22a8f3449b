/**
 * Produce, v3–13. Appends record batches, one or more partitions of one or more topics.
 * v3 record batches v2 and transactions (KIP-98), v4 KAFKA_STORAGE_ERROR, v5 log start offset out,
 * v7 zstd (KIP-110), v8 errors per record (KIP-467), v9 flexible, v10 leader hints (KIP-951), v11
 * TRANSACTION_ABORTABLE (KIP-890), v12 partitions join their transaction by producing (KIP-890),
 * v13 topic ids for names (KIP-516).
 */
import {
  type Infer,
  int16,
  int32,
  int64,
  message,
  records,
  string,
  struct,
  structs,
  uuid,
} from '../schema/fields.ts'

export const ProduceRequest = message(
  0,
  'ProduceRequest',
  { versions: [3, 13], flexible: 9 },
  {
    /** Null unless the producer is transactional. */
    transactionalId: string.nullable(),
    /** -1 all in-sync replicas, 1 leader, 0 no reply. */
    acks: int16,
    /** Longest wait for the acks, in milliseconds. */
    timeoutMs: int32,
    topicData: structs({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionData: structs({
        index: int32,
        /** One record batch, as it will stand in the log. */
        records: records.nullable(),
      }),
    }),
  },
)
export type ProduceRequest = Infer<typeof ProduceRequest>

export const ProduceResponse = message(
  0,
  'ProduceResponse',
  { versions: [3, 13], flexible: 9 },
  {
    responses: structs({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionResponses: structs({
        index: int32,
        errorCode: int16,
        /** Offset of the first record; -1 beside an error. */
        baseOffset: int64,
        /** When the broker appended, milliseconds; -1 unless the topic stamps so itself. */
        logAppendTimeMs: int64.default(-1).ignorable(),
        logStartOffset: int64.since(5).default(-1).ignorable(),
        /** Records that made the broker refuse the whole batch. */
        recordErrors: structs({
          /** Position in the batch, from 0. */
          batchIndex: int32,
          batchIndexErrorMessage: string.nullable(),
        })
          .since(8)
          .ignorable(),
        /** Text for people; null without an error. */
        errorMessage: string.nullable().since(8).ignorable(),
        /** Filled beside NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH. */
        currentLeader: struct({
          leaderId: int32.default(-1),
          leaderEpoch: int32.default(-1),
        }).tag(0, 10),
      }),
    }),
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0).ignorable(),
    /** Addresses of the leaders named above. */
    nodeEndpoints: structs({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable(),
    }).tag(0, 10),
  },
)
export type ProduceResponse = Infer<typeof ProduceResponse>

/**
 * DescribeQuorum, v0–2. State of the metadata quorum (KIP-595). v1 fetch times of replicas
 * (KIP-836), v2 directory ids, endpoints, error messages (KIP-853).
 */
import {
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
  uint16,
  uuid,
} from '../schema/fields.ts'

export const DescribeQuorumRequest = message(
  55,
  'DescribeQuorumRequest',
  { versions: [0, 2], flexible: 0 },
  {
    topics: structs({
      topicName: string,
      partitions: structs({
        partitionIndex: int32,
      }),
    }),
  },
)
export type DescribeQuorumRequest = Infer<typeof DescribeQuorumRequest>

const replicaState = {
  replicaId: int32,
  replicaDirectoryId: uuid.since(2),
  logEndOffset: int64,
  /** Milliseconds since 1970 on the leader's clock, -1 for unknown. */
  lastFetchTimestamp: int64.since(1).default(-1).ignorable(),
  /** Milliseconds since 1970 on the leader's clock, -1 for unknown. */
  lastCaughtUpTimestamp: int64.since(1).default(-1).ignorable(),
}

export const DescribeQuorumResponse = message(
  55,
  'DescribeQuorumResponse',
  { versions: [0, 2], flexible: 0 },
  {
    errorCode: int16,
    /** Text for people; null without an error. */
    errorMessage: string.nullable().since(2).ignorable(),
    topics: structs({
      topicName: string,
      partitions: structs({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable().since(2).ignorable(),
        leaderId: int32,
        leaderEpoch: int32,
        highWatermark: int64,
        currentVoters: structs(replicaState),
        observers: structs(replicaState),
      }),
    }),
    nodes: structs({
      nodeId: int32,
      listeners: structs({
        name: string,
        host: string,
        port: uint16,
      }),
    }).since(2),
  },
)
export type DescribeQuorumResponse = Infer<typeof DescribeQuorumResponse>

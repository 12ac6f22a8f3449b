/**
 * FindCoordinator, v0–6. Which broker coordinates a group, a transactional id or a share partition.
 * v1 key type (KIP-98), v3 flexible, v4 many keys in one request (KIP-699), v5
 * TRANSACTION_ABORTABLE (KIP-890), v6 share partitions (KIP-932).
 */
import {
  array,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const FindCoordinatorRequest = message(
  10,
  'FindCoordinatorRequest',
  { versions: [0, 6], flexible: 3 },
  {
    key: string.until(3),
    /** 0 group, 1 transactional id, 2 share partition (group:topicId:partition). */
    keyType: int8.since(1),
    coordinatorKeys: array(string).since(4),
  },
)
export type FindCoordinatorRequest = Infer<typeof FindCoordinatorRequest>

export const FindCoordinatorResponse = message(
  10,
  'FindCoordinatorResponse',
  { versions: [0, 6], flexible: 3 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16.until(3),
    /** Text for people; null without an error. */
    errorMessage: string.nullable().since(1).until(3).ignorable(),
    /** -1 beside an error. */
    nodeId: int32.until(3),
    host: string.until(3),
    port: int32.until(3),
    coordinators: structs({
      key: string,
      /** -1 beside an error. */
      nodeId: int32,
      host: string,
      port: int32,
      errorCode: int16,
      errorMessage: string.nullable().ignorable(),
    }).since(4),
  },
)
export type FindCoordinatorResponse = Infer<typeof FindCoordinatorResponse>

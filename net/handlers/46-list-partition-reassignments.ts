/**
 * ListPartitionReassignments, v0. Nothing moves between the brokers of a cluster of one, and topics that
 * are not known are left out as Kafka leaves them out: the answer is always the empty list.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from '../../engine/protocol/46-list-partition-reassignments.ts'
import type { Handler } from '../handler.ts'

export const listPartitionReassignmentsHandler: Handler<
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse
> = {
  apiKey: 46,
  versions: [0, 0],
  pipelined: false,
  request: ListPartitionReassignmentsRequest,
  response: ListPartitionReassignmentsResponse,
  handle: () => ({
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    topics: [],
  }),
}

/**
 * CreatePartitions, v0–v3. v2 flexible, v3 quota error. Topics only grow. Decided by the controller on
 * shard 0; answered once every shard can serve the new partitions.
 */
import {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
} from '../../engine/protocol/37-create-partitions.ts'
import type { Handler } from '../handler.ts'
import { forwardControl } from './forward-control.ts'

export const createPartitions: Handler<CreatePartitionsRequest, CreatePartitionsResponse> = {
  apiKey: 37,
  versions: [0, 3],
  pipelined: false,
  request: CreatePartitionsRequest,
  response: CreatePartitionsResponse,
  handle: (context, request) =>
    forwardControl(context, CreatePartitionsRequest, CreatePartitionsResponse, request),
  failed: (request, errorCode, errorMessage) => ({
    throttleTimeMs: 0,
    results: request.topics.map(({ name }) => ({ name, errorCode, errorMessage })),
  }),
}

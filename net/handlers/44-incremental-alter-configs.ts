/**
 * IncrementalAlterConfigs, v0–v1: sets, deletes, appends to and subtracts from single options of topics,
 * the broker, all brokers, groups and client metrics subscriptions (KIP-339). v1 flexible. Decided by
 * the controller on shard 0, see coordinator/controller/config-changes.ts; answered once the options
 * are in force on every shard.
 *
 * differs from Kafka: see config-changes.ts.
 */
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from '../../engine/protocol/44-incremental-alter-configs.ts'
import type { Handler } from '../handler.ts'
import { forwardControl } from './forward-control.ts'

export const incrementalAlterConfigsHandler: Handler<
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse
> = {
  apiKey: 44,
  versions: [0, 1],
  pipelined: false,
  request: IncrementalAlterConfigsRequest,
  response: IncrementalAlterConfigsResponse,
  handle: (context, request) =>
    forwardControl(
      context,
      IncrementalAlterConfigsRequest,
      IncrementalAlterConfigsResponse,
      request,
    ),
  failed: (request, errorCode, errorMessage) => ({
    throttleTimeMs: 0,
    responses: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage,
      resourceType,
      resourceName,
    })),
  }),
}

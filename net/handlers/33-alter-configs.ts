/**
 * AlterConfigs, v0–v2: replaces everything that was set for a resource at run time (deprecated since
 * KIP-339). v2 flexible. Decided by the controller on shard 0, see coordinator/controller/config-changes.ts;
 * answered once the options are in force on every shard.
 *
 * differs from Kafka: see config-changes.ts.
 */
import {
  AlterConfigsRequest,
  AlterConfigsResponse,
} from '../../engine/protocol/33-alter-configs.ts'
import type { Handler } from '../handler.ts'
import { forwardControl } from './forward-control.ts'

export const alterConfigsHandler: Handler<AlterConfigsRequest, AlterConfigsResponse> = {
  apiKey: 33,
  versions: [0, 2],
  pipelined: false,
  request: AlterConfigsRequest,
  response: AlterConfigsResponse,
  handle: (context, request) =>
    forwardControl(context, AlterConfigsRequest, AlterConfigsResponse, request),
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

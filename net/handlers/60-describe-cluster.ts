/**
 * DescribeCluster, v0–v2. v1 endpoint type, v2 fenced brokers. One broker, which is the controller. Asked
 * for controllers (endpoint type 2), it refuses as a Kafka broker does: there is no controller listener.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  DescribeClusterRequest,
  DescribeClusterResponse,
} from '../../engine/protocol/60-describe-cluster.ts'
import type { Handler } from '../handler.ts'
import { CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED } from './topic-answers.ts'

const ENDPOINT_BROKERS = 1
const ENDPOINT_CONTROLLERS = 2

export const describeCluster: Handler<DescribeClusterRequest, DescribeClusterResponse> = {
  apiKey: 60,
  versions: [0, 2],
  pipelined: false,
  request: DescribeClusterRequest,
  response: DescribeClusterResponse,
  handle(context, request) {
    const image = context.router.image()
    const { host, port } = context.connection.advertised
    const answer = {
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE as number,
      errorMessage: null as string | null,
      endpointType: request.endpointType,
      clusterId: image.clusterId,
      controllerId: image.brokerId,
      brokers: [
        {
          brokerId: image.brokerId,
          host,
          port,
          rack: context.config.brokerRack,
          isFenced: false,
        },
      ],
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
        ? CLUSTER_OPERATIONS
        : OPERATIONS_NOT_ASKED,
    }
    if (request.endpointType === ENDPOINT_BROKERS) return answer
    const controllers = request.endpointType === ENDPOINT_CONTROLLERS
    return {
      ...answer,
      errorCode: controllers
        ? ErrorCode.MISMATCHED_ENDPOINT_TYPE
        : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: controllers
        ? 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'
        : `Unsupported endpoint type ${request.endpointType}`,
      endpointType: ENDPOINT_BROKERS,
      clusterId: '',
      controllerId: -1,
      brokers: [],
      clusterAuthorizedOperations: OPERATIONS_NOT_ASKED,
    }
  },
}

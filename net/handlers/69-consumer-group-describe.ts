/**
 * ConsumerGroupDescribe, v0–v1. v1 the protocol a member speaks. Decided by the group coordinators
 * (engine/coordinator/group/consumer-describe.ts), see group-request.ts.
 */
import {
  mergeConsumerDescribe,
  splitConsumerDescribe,
} from '../../engine/coordinator/group/split.ts'
import {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
} from '../../engine/protocol/69-consumer-group-describe.ts'
import { manyGroupsHandler } from './group-request.ts'

export const consumerGroupDescribeHandler = manyGroupsHandler({
  apiKey: 69,
  versions: [0, 1],
  request: ConsumerGroupDescribeRequest,
  response: ConsumerGroupDescribeResponse,
  split: (request, _apiVersion, partitions) => splitConsumerDescribe(request, partitions),
  merge: (request, _apiVersion, responses) => mergeConsumerDescribe(request, responses),
})

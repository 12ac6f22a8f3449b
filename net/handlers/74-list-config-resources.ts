/**
 * ListConfigResources, v0–v1. v0 names client metrics subscriptions (KIP-714), v1 whatever options can
 * be set for (KIP-1142): topics and the broker always, groups and subscriptions once some are set. No
 * type asked for means all of them.
 *
 * differs from Kafka: a group whose options were all deleted is not named any longer (Kafka names it
 * until its next restart).
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { ConfigResourceType as Type } from '../../engine/metadata/config-resource.ts'
import type { MetadataImage } from '../../engine/metadata/image.ts'
import {
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
} from '../../engine/protocol/74-list-config-resources.ts'
import type { Handler } from '../handler.ts'

/** In Kafka's order. */
const LISTED: readonly number[] = [
  Type.group,
  Type.clientMetrics,
  Type.brokerLogger,
  Type.broker,
  Type.topic,
]

export const listConfigResourcesHandler: Handler<
  ListConfigResourcesRequest,
  ListConfigResourcesResponse
> = {
  apiKey: 74,
  versions: [0, 1],
  pipelined: false,
  request: ListConfigResourcesRequest,
  response: ListConfigResourcesResponse,
  handle(context, request) {
    const asked = context.apiVersion === 0 ? [Type.clientMetrics] : request.resourceTypes
    if (asked.some((type) => !LISTED.includes(type)))
      return { throttleTimeMs: 0, errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] }
    const image = context.router.image()
    return {
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE,
      configResources: LISTED.filter((type) => asked.length === 0 || asked.includes(type)).flatMap(
        (resourceType) =>
          namesOf(image, resourceType).map((resourceName) => ({ resourceName, resourceType })),
      ),
    }
  },
}

function namesOf(image: MetadataImage, resourceType: number): string[] {
  switch (resourceType) {
    case Type.group:
      return [...image.groupConfigs.keys()]
    case Type.clientMetrics:
      return [...image.clientMetrics.keys()]
    case Type.topic:
      return [...image.topics.keys()]
    default:
      return [String(image.brokerId)]
  }
}

/**
 * ApiVersions, v0–v4: what this broker serves, computed from the list of handlers, so that an
 * advertised version is always one with code behind it. v1 throttle time, v3 client software and
 * features, v4 features whose lowest version is 0 (left out below). A version we do not know is
 * answered by the dispatcher in version 0 with UNSUPPORTED_VERSION.
 *
 * Features say what may be relied on (engine/metadata/features.ts); one that is finalized at level 0
 * is off and not listed. transaction.version is not supported yet, so Java and franz-go stay on the
 * first transaction protocol (trap T6).
 *
 * differs from Kafka: features that are not served (share.version, streams.version, kraft.version
 * and so on) are not listed as supported.
 */
import { ErrorCode } from '../../engine/base/errors.ts'
import { featureLevel, supportedFeatures } from '../../engine/metadata/features.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../engine/protocol/18-api-versions.ts'
import type { AnyHandler, Handler } from '../handler.ts'

/** KIP-511: letters and digits, with dots and dashes inside. */
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export interface ApiRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** What is announced for these handlers, by API key. */
export function advertisedRanges(handlers: readonly AnyHandler[]): ApiRange[] {
  return handlers
    .map(({ apiKey, versions, advertised }) => {
      const [minVersion, maxVersion] = advertised ?? versions
      return { apiKey, minVersion, maxVersion }
    })
    .sort((a, b) => a.apiKey - b.apiKey)
}

/** `ranges` is read at each request: the list of handlers includes this one. */
export function apiVersionsHandler(
  ranges: () => readonly ApiRange[],
): Handler<ApiVersionsRequest, ApiVersionsResponse> {
  return {
    apiKey: 18,
    versions: [0, 4],
    pipelined: false,
    request: ApiVersionsRequest,
    response: ApiVersionsResponse,
    handle(context, request) {
      const { clientSoftwareName, clientSoftwareVersion } = request
      if (
        context.apiVersion >= 3 &&
        !(SOFTWARE_NAME.test(clientSoftwareName) && SOFTWARE_NAME.test(clientSoftwareVersion))
      )
        return { errorCode: ErrorCode.INVALID_REQUEST }
      const image = context.router.image()
      return {
        errorCode: ErrorCode.NONE,
        apiKeys: ranges(),
        supportedFeatures: supportedFeatures.filter(
          ({ minVersion }) => minVersion > 0 || context.apiVersion >= 4,
        ),
        finalizedFeaturesEpoch: image.version,
        finalizedFeatures: supportedFeatures
          .map(({ name }) => ({ name, level: featureLevel(image, name) }))
          .filter(({ level }) => level > 0)
          .map(({ name, level }) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
      }
    },
  }
}

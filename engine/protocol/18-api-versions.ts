/**
 * ApiVersions, v0–4. What a broker speaks; the first request of most clients, so the response
 * header is always version 0 and an unknown version is answered in version 0 with
 * UNSUPPORTED_VERSION.
 * v3 flexible, client software (KIP-511), features (KIP-584), v4 features whose lowest version is 0
 * (KIP-1022).
 */
import {
  bool,
  type Infer,
  int16,
  int32,
  int64,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const ApiVersionsRequest = message(
  18,
  'ApiVersionsRequest',
  { versions: [0, 4], flexible: 3 },
  {
    clientSoftwareName: string.since(3).ignorable(),
    clientSoftwareVersion: string.since(3).ignorable(),
  },
)
export type ApiVersionsRequest = Infer<typeof ApiVersionsRequest>

export const ApiVersionsResponse = message(
  18,
  'ApiVersionsResponse',
  { versions: [0, 4], flexible: 3 },
  {
    errorCode: int16,
    apiKeys: structs({
      apiKey: int16,
      minVersion: int16,
      maxVersion: int16,
    }),
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.since(1).ignorable(),
    supportedFeatures: structs({
      name: string,
      minVersion: int16,
      maxVersion: int16,
    })
      .tag(0, 3)
      .ignorable(),
    /** Rises with every change of a finalized feature; -1 for unknown. */
    finalizedFeaturesEpoch: int64.tag(1, 3).default(-1).ignorable(),
    finalizedFeatures: structs({
      name: string,
      maxVersionLevel: int16,
      minVersionLevel: int16,
    })
      .tag(2, 3)
      .ignorable(),
    /** Always false since 4.0. */
    zkMigrationReady: bool.tag(3, 3).ignorable(),
  },
)
export type ApiVersionsResponse = Infer<typeof ApiVersionsResponse>
